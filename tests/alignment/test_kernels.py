"""Kernels against their published formulas, torch's normal distribution and the law of the data.

Each claim has a broken variant, for which the same assertion must fail.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from wmenv.alignment.kernels import (
    KERNELS,
    Cps,
    DanceSde,
    Ddim,
    EulerAncestral,
    FlowSde,
    Ode,
    StochasticSampling,
    Windowed,
    check_policy,
    gaussian_moments,
    kernel_of,
)
from wmenv.core.errors import InvalidArgument, UnknownName
from wmenv.core.trajectory import NoiseLevel

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from alignment_toys import exploding_levels, fails, flow_levels, preserving_levels  # noqa: E402

from wmenv.core.gaussian import dimensions, kl, log_density, per_dimension, policy_at  # noqa: E402

DATA = (2.0, 0.5)
NOISY = [FlowSde(), DanceSde(), Ddim(), Ddim(0.4), EulerAncestral(), EulerAncestral(0.6), Cps(), StochasticSampling()]


# The law of what is sampled


TABLE = {
    "ode": (0.3697, 0.4716, 0.4927, 0.4985),
    "flow-sde,eta=0.7": (0.4188, 0.4836, 0.4966, 0.4997),
    "dance-sde,eta=0.3": (0.3774, 0.4744, 0.4935, 0.4987),
    "cps,eta=0.5": (0.3482, 0.4318, 0.4515, 0.4587),
    "cps,eta=0.8": (0.3146, 0.3759, 0.3936, 0.4009),
    "stochastic-sampling": (0.2830, 0.3277, 0.3432, 0.3500),
}
"""Standard deviations after 10, 50, 200 and 1000 steps on N(2, 0.5^2), shift 3, from the published formulas."""


@pytest.mark.parametrize("spec", TABLE)
def test_01_moments_of_the_samples_are_those_of_the_published_formulas(spec: str) -> None:
    for steps, std in zip((10, 50, 200, 1000), TABLE[spec], strict=True):
        found = gaussian_moments(kernel_of(spec), flow_levels(steps), *DATA)
        assert found == (pytest.approx(2.0, abs=1e-9), pytest.approx(std, abs=6e-5))


def test_02_flow_sde_also_keeps_the_marginals_of_other_parametrisations() -> None:
    """The same steps in another scaling are the same steps."""
    for steps in (10, 100):
        scaled = [NoiseLevel(a / math.hypot(a, s), s / math.hypot(a, s)) for a, s in flow_levels(steps)]
        for kernel in (FlowSde(), DanceSde(), Ddim(0.7), EulerAncestral(0.7)):
            ours, theirs = (gaussian_moments(kernel, levels, *DATA) for levels in (flow_levels(steps), scaled))
            assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("broken", [False, True])
def test_03_moments_are_those_of_sampled_chains(broken: bool) -> None:
    """The recursion against 200,000 chains, with another amount of noise in the broken variant."""
    levels, rng = flow_levels(12), torch.Generator().manual_seed(0)
    x = torch.randn(200_000, generator=rng, dtype=torch.float64)
    for k, (now, after) in enumerate(pairwise(levels)):
        gain = now.signal * 0.25 / ((now.signal * 0.5) ** 2 + now.noise**2)
        clean = 2.0 + gain * (x - now.signal * 2.0)
        mean, std = (policy_at(FlowSde(1.1 if broken else 0.7), k, 12) or Ode()).step(x, clean, now, after)
        x = mean + std * torch.randn(len(x), generator=rng, dtype=torch.float64)
    mean, std = gaussian_moments(FlowSde(), levels, *DATA)
    with fails(broken):
        assert float(x.mean()) == pytest.approx(mean, abs=5 * std / 200_000**0.5)
        assert float(x.std()) == pytest.approx(std, abs=5 * std / 400_000**0.5)


# Steps against their sources


@pytest.fixture
def point() -> tuple[Any, Any]:
    rng = torch.Generator().manual_seed(1)
    return tuple(torch.randn(3, 4, 5, generator=rng, dtype=torch.float64) for _ in range(2))  # type: ignore[return-value]


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("s", [1.0, 0.8, 0.3])
def test_04_flow_sde_is_flow_grpos_formula(point: Any, s: float, broken: bool) -> None:
    """Flow-GRPO: x (1 + g^2/2s dt) + v (1 + g^2 (1 - s)/2s) dt, std g sqrt(-dt), g = a sqrt(s / (1 - s))."""
    x, v = point
    after, first = 0.25, 0.9  # `first` is the second time of the schedule, which stands in for s = 1
    after = first if s == 1.0 else after
    dt = after - s
    g = 0.7 * math.sqrt(s / (1.0 - (first if s == 1.0 else s)))
    mean = x * (1 + g**2 / (2 * s) * dt) + v * (1 + g**2 * (1 - s) / (2 * s)) * dt
    kernel = FlowSde(0.71 if broken else 0.7)
    ours, std = kernel.step(x, x - s * v, NoiseLevel(1 - s, s), NoiseLevel(1 - after, after))
    with fails(broken):
        torch.testing.assert_close(ours, mean, rtol=1e-12, atol=1e-12)
        assert std == pytest.approx(g * math.sqrt(-dt), rel=1e-12)


@pytest.mark.parametrize("broken", [False, True])
def test_05_dance_sde_is_dance_grpos_formula(point: Any, broken: bool) -> None:
    """DanceGRPO: x + v dt - eta^2/2 score dt, score -(x - (1 - s) x0) / s^2, std eta sqrt(-dt)."""
    x, v = point
    s, after, eta = 0.8, 0.6, 0.3
    score = -(x - (1 - s) * (x - s * v)) / s**2
    mean = x + v * (after - s) - (1 if broken else 0.5) * eta**2 * score * (after - s)
    ours, std = DanceSde(eta).step(x, x - s * v, NoiseLevel(1 - s, s), NoiseLevel(1 - after, after))
    with fails(broken):
        torch.testing.assert_close(ours, mean, rtol=1e-12, atol=1e-12)
        assert std == pytest.approx(eta * math.sqrt(s - after), rel=1e-12)


@pytest.mark.parametrize(("eta", "broken"), [(0.0, False), (0.7, False), (1.0, False), (0.7, True)])
def test_06_ddim_is_the_step_of_diffusers(point: Any, eta: float, broken: bool) -> None:
    from diffusers import DDIMScheduler

    scheduler: Any = DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(10)
    x, noise = (one.float() for one in point)
    t, before = int(scheduler.timesteps[4]), int(scheduler.timesteps[5])
    now, after = (
        NoiseLevel(float(a) ** 0.5, (1 - float(a)) ** 0.5) for a in scheduler.alphas_cumprod[torch.tensor([t, before])]
    )
    clean = (x - now.noise * noise) / now.signal
    drawn = torch.zeros_like(x) + 1.0
    theirs = (
        scheduler.step(noise, t, x, eta=eta, variance_noise=drawn).prev_sample
        if eta
        else (scheduler.step(noise, t, x).prev_sample)
    )
    mean, std = Ddim(eta * 0.9 if broken else eta).step(x, clean, now, after)
    with fails(broken):
        torch.testing.assert_close(mean + std * drawn, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # numpy within diffusers
def test_07_euler_ancestral_is_the_step_of_diffusers(point: Any, broken: bool) -> None:
    from diffusers import EulerAncestralDiscreteScheduler

    scheduler: Any = EulerAncestralDiscreteScheduler()
    scheduler.set_timesteps(10)
    x, noise = (one.float() for one in point)
    scheduler.scale_model_input(x, scheduler.timesteps[0])
    sigma, following = (float(s) for s in scheduler.sigmas[:2])
    theirs = scheduler.step(noise, scheduler.timesteps[0], x, generator=torch.Generator().manual_seed(2)).prev_sample
    drawn = torch.randn(x.shape, generator=torch.Generator().manual_seed(3 if broken else 2))
    mean, std = EulerAncestral().step(x, x - sigma * noise, NoiseLevel(1.0, sigma), NoiseLevel(1.0, following))
    with fails(broken):
        torch.testing.assert_close(mean + std * drawn, theirs, rtol=1e-4, atol=1e-4)


def test_08_ddim_and_the_ancestral_step_are_one_kernel(point: Any) -> None:
    for levels in (flow_levels(6), preserving_levels(6), exploding_levels(6)):
        for now, after in pairwise(levels[:-1]):
            ours, theirs = (kernel.step(*point, now, after) for kernel in (Ddim(0.6), EulerAncestral(0.6)))
            torch.testing.assert_close(ours[0], theirs[0], rtol=1e-9, atol=1e-9)
            assert ours[1] == pytest.approx(theirs[1], rel=1e-9)


@pytest.mark.parametrize("kernel", [Ode(), *NOISY], ids=lambda k: k.name)
def test_09_steps_are_finite_at_both_ends_and_the_last_has_no_noise(kernel: Any, point: Any) -> None:
    for levels in (flow_levels(5), preserving_levels(5), exploding_levels(5)):
        for now, after in pairwise(levels):
            mean, std = kernel.step(*point, now, after)
            assert torch.isfinite(mean).all() and math.isfinite(std)
            assert (std > 0) == (after.noise > 0 and kernel.kind != "ode")


# Densities and divergences


def test_10_a_joint_density_of_two_million_dimensions_keeps_its_digits() -> None:
    """In single precision a log-density near -3e6 nats would be rounded to 0.25 nats."""
    rng = torch.Generator().manual_seed(0)
    mean = torch.randn(1, 2_096_640, generator=rng)
    x = mean + 0.5 * torch.randn(mean.shape, generator=rng)
    found = log_density(x, mean, 0.5)
    exact = torch.distributions.Normal(mean.double(), 0.5).log_prob(x.double()).sum()
    assert found.dtype == torch.float64 and abs(float(found - exact)) < 0.02
    assert float(per_dimension(found, x)) == pytest.approx(float(exact) / 2_096_640) and dimensions(x) == 2_096_640


def test_11_a_step_without_noise_has_no_density_and_no_divergence(point: Any) -> None:
    assert log_density(*point, 0.0).isnan().all()
    with pytest.raises(InvalidArgument, match="needs noise"):
        kl(point[0], 0.0, point[1])


# Names and refusals


@pytest.mark.parametrize("kernel", [Ode(), *NOISY, Windowed(FlowSde(0.5), (0, 2))], ids=lambda k: k.name)
def test_12_a_kernels_name_makes_it_again(kernel: Any) -> None:
    assert kernel_of(kernel.name) == kernel


def test_13_flagged_kernels_are_refused_or_warned_of() -> None:
    for kernel in (FlowSde(), DanceSde(), Ddim(), EulerAncestral(), Windowed(FlowSde(), (1,))):
        check_policy(kernel)
    for kernel, reason in ((Ode(), "deterministic"), (Ddim(0.0), "deterministic"), (Cps(), "surrogate")):
        with pytest.raises(InvalidArgument, match=reason):
            check_policy(kernel)
    with pytest.warns(UserWarning, match="does not keep the marginals"):
        check_policy(StochasticSampling())


def test_14_a_window_is_noisy_within_and_deterministic_outside() -> None:
    window = Windowed(FlowSde(), (1, 2, 5))
    assert [policy_at(window, k, 6) for k in range(6)] == [None, FlowSde(), FlowSde(), None, None, None]
    assert [policy_at(DanceSde(), k, 3) for k in range(3)] == [DanceSde(), DanceSde(), None]
    with pytest.raises(InvalidArgument, match="policy_at"):
        window.step(0.0, 0.0, *flow_levels(1))


def test_15_specifications_that_name_no_kernel() -> None:
    with pytest.raises(UnknownName, match=", ".join(KERNELS)):
        kernel_of("flow")
    for spec, reason in (
        ("flow-sde,eta=0", "must be positive"),
        ("flow-sde,beta=1", "beta"),
        ("ddim,eta=2", "0 to 1"),
        ("cps,eta=0", "0 excluded"),
        ("flow-sde:x", "takes no 'x'"),
        ("flow-sde,window=a", "window must read like"),
        ("flow-sde,window=-1", "indices of steps"),
    ):
        with pytest.raises(InvalidArgument, match=reason):
            kernel_of(spec)

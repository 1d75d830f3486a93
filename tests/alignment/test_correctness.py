"""What alignment rests on: fourteen claims, each held by an assertion that fails for broken variants."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

from alignment_kinds import ALL, KERNELS, QUIET, SVD, TEXT, asks, checkpoints, plainly, saved_bytes  # noqa: E402
from alignment_toys import (  # noqa: E402
    KINDS,
    RNG,
    SEEDS,
    Toy,
    exploding_levels,
    fails,
    flow_levels,
    gradient_of,
    method_of,
    preserving_levels,
    table,
    tiny_env,
    tiny_flow,
    toy_reward,
)
from torch import Tensor  # noqa: E402

from wmenv.agents.adapters import adapters_off, add_lora, network_facts  # noqa: E402
from wmenv.alignment.advantages import Scores, advantages  # noqa: E402
from wmenv.alignment.anchors import copied, reference_means  # noqa: E402
from wmenv.alignment.clipping import Clip as TrustRegion  # noqa: E402
from wmenv.alignment.clipping import clipped_losses  # noqa: E402
from wmenv.alignment.gradients import Draft, DraftLV, ReFL  # noqa: E402
from wmenv.alignment.kernels import (  # noqa: E402
    Cps,
    DanceSde,
    Ddim,
    EulerAncestral,
    FlowSde,
    Ode,
    StochasticSampling,
    Windowed,
    gaussian_moments,
)
from wmenv.alignment.learner import Method  # noqa: E402
from wmenv.alignment.replay import check_replay  # noqa: E402
from wmenv.alignment.reward_gradient import RewardGradient  # noqa: E402
from wmenv.core.gaussian import kl, log_density  # noqa: E402

pytestmark = QUIET
BROKEN = pytest.mark.parametrize("broken", [False, True])


# 1. The replayed log-density is the recorded one.


def dropout_on(generator: Any, taken: Any) -> Any:
    generator._own.text_encoder.train()
    return taken


def other_guidance(generator: Any, taken: Any) -> Any:
    generator.options["guidance_scale"] = 3.0
    return taken


def other_eta(generator: Any, taken: Any) -> Any:
    return replace(taken, policy=replace(taken.policy, eta=0.8 * taken.policy.eta))


HARMS = [(kind, harm) for kind in TEXT for harm in (dropout_on, other_guidance, other_eta)]


@pytest.mark.parametrize("kind", ALL)
def test_01a_replayed_log_densities_are_the_recorded_ones_exactly(made: Any, kind: str) -> None:
    """Also for SVD: the noise that it adds to its image is drawn from the same seeds."""
    generator = made(kind)
    taken = generator.sample(asks(kind), [1, 2], KERNELS[kind])
    assert_replayed(generator, taken)
    assert check_replay(generator, taken) == 0.0
    normal = torch.distributions.Normal(taken.means[1].double(), taken.stds[1])
    torch.testing.assert_close(taken.log_prob[1], normal.log_prob(taken.latents[2].double()).flatten(1).sum(1))


@pytest.mark.parametrize(("kind", "harm"), [*HARMS, ("flow", other_eta), ("wan-image", other_eta)])
def test_01b_under_other_conditions_they_are_not(made: Any, kind: str, harm: Any) -> None:
    generator = made(kind)
    taken = harm(generator, generator.sample(asks(kind), [1, 2], KERNELS[kind]))
    with fails(broken=True):
        assert_replayed(generator, taken)


def assert_replayed(generator: Any, taken: Any) -> None:
    replayed = generator.logprob(taken, [2, 0]).detach()
    torch.testing.assert_close(replayed, taken.log_prob[[2, 0]], rtol=0, atol=0)


# 2. The first gradient of the clipped loss is REINFORCE's.


@pytest.mark.parametrize("unit", ["joint", "per_dimension"])
@BROKEN
def test_02_first_gradient_of_the_clipped_loss_is_reinforce(unit: Any, broken: bool) -> None:
    """At a ratio of 1 the clip is idle: -A grad log p. With log-densities that lag behind it is not."""
    rng = torch.Generator().manual_seed(0)
    mean = torch.randn(6, 5, dtype=torch.float64, generator=rng).requires_grad_()
    x = mean.detach() + 0.3 * torch.randn(6, 5, dtype=torch.float64, generator=rng)
    weight = torch.tensor([2.0, -1.0, 0.5, -3.0, 0.0, 1.0], dtype=torch.float64)
    new = log_density(x, mean, 0.3)
    old = new.detach() + (0.4 if broken else 0.0)
    clipped = clipped_losses(new - old, weight, 5, TrustRegion(0.1, unit)).sum()
    (found,) = torch.autograd.grad(clipped, mean, retain_graph=True)
    (wanted,) = torch.autograd.grad(-(weight * new).sum() / (1 if unit == "joint" else 5), mean)
    with fails(broken):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=0)


# 3. DRaFT-K is the derivative by finite differences.


@pytest.mark.parametrize("k", [1, 2, 3])
@BROKEN
def test_03_draft_k_against_finite_differences_with_the_prefix_frozen(k: int, broken: bool) -> None:
    """Central differences of the last k steps, from the latent that the first ones made under the old weights.

    Broken: the first steps are taken anew; with all steps there is no prefix to freeze.
    """
    toy = Toy()
    clip, rows = Draft(k).clips(toy, [None] * 4, SEEDS, None, RNG(0))  # type: ignore[arg-type, list-item]
    found = gradient_of(toy, toy_reward(clip))
    with torch.no_grad():
        prefix = toy.sample([None] * 4, SEEDS).latents[toy.steps - k]
    times = toy.times()[toy.steps - k :]

    def value() -> float:
        x = toy.sample([None] * 4, SEEDS).latents[toy.steps - k] if broken else prefix
        with torch.no_grad():
            for now, after in pairwise(times):
                x = toy.euler(x, now, after)
        return float(toy_reward(toy.decode(x, None)))

    wanted = []
    for weight in toy.network.parameters():
        flat = weight.data.view(-1)
        for j in range(flat.numel()):
            kept, step = float(flat[j]), 1e-5
            flat[j] = kept + step
            up = value()
            flat[j] = kept - step
            wanted.append((up - value()) / (2 * step))
            flat[j] = kept
    error = float((found - torch.tensor(wanted, dtype=torch.float64)).norm() / found.norm())
    assert rows == [0, 1, 2, 3]
    with fails(broken and k < toy.steps):
        assert error < 1e-6


# 4. AlignProp with one cut-off is DRaFT-K.


@BROKEN
def test_04_alignprop_with_one_cut_off_is_draft_k(broken: bool) -> None:
    """Another cut-off is another estimator, and so is one drawn anew at every step."""
    toy = Toy(steps=4)
    draft = gradient_of(toy, toy_reward(toy.sample_with_grad([None] * 4, SEEDS, 2)))
    prop = gradient_of(toy, toy_reward(toy.alignprop(SEEDS, 3 if broken else 2)))
    with fails(broken):
        torch.testing.assert_close(draft, prop, rtol=1e-12, atol=1e-14)


# 5. The policy gradient is the reward gradient.


@BROKEN
def test_05_policy_gradient_is_the_reward_gradient_on_a_linear_gaussian_toy(broken: bool) -> None:
    """x ~ N(theta, s^2), r = c x: grad E r = c exactly. REINFORCE over the very loss that GRPO takes, 4 sigma."""
    rng = torch.Generator().manual_seed(0)
    theta = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    c, std, n = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64), 0.4, 200_000
    x = theta.detach() + std * torch.randn(n, 3, dtype=torch.float64, generator=rng)
    reward = x @ c
    new = log_density(x, theta.expand(n, 3), std * (1.5 if broken else 1.0))
    losses = clipped_losses(new - new.detach(), reward - reward.mean(), 3, TrustRegion(0.1, "joint"))
    (found,) = torch.autograd.grad(-losses.mean(), theta)
    each = (reward - reward.mean())[:, None] * (x - theta.detach()) / std**2
    error = each.std(dim=0) / math.sqrt(n)
    with fails(broken):
        assert ((found - c).abs() < 4 * error).all()


# 6. Moments tend to the data's just where a kernel claims it.

NOISY = [FlowSde(), DanceSde(), Ddim(), Ddim(0.4), EulerAncestral(), EulerAncestral(0.6), Cps(), StochasticSampling()]


@pytest.mark.parametrize("levels", [flow_levels, preserving_levels, exploding_levels])
@pytest.mark.parametrize("kernel", [Ode(), *NOISY], ids=lambda k: k.name)
def test_06_samples_tend_to_the_data_just_where_a_kernel_claims_it(kernel: Any, levels: Any) -> None:
    """The error of the spread falls as one over the steps, to nothing; that of flagged kernels does not."""
    errors = [abs(gaussian_moments(kernel, levels(n), 2.0, 0.5)[1] - 0.5) for n in (250, 1000, 4000)]
    with fails(broken=not kernel.keeps_marginals):
        assert errors[2] < 2e-3 and errors[2] < errors[0] / 3, f"{kernel.name}: {errors}"


# 7. The log-density of a step is torch's.


@BROKEN
@pytest.mark.parametrize("kernel", [FlowSde(), DanceSde(), Ddim(0.5), EulerAncestral()], ids=lambda k: k.name)
def test_07_the_log_density_of_a_step_is_that_of_torch(kernel: Any, broken: bool) -> None:
    rng = torch.Generator().manual_seed(1)
    x, clean = (torch.randn(3, 4, 5, generator=rng, dtype=torch.float64) for _ in range(2))
    now, after = flow_levels(6)[2:4]
    mean, std = kernel.step(x, clean, now, after)
    x = mean + std * torch.randn(mean.shape, generator=rng, dtype=torch.float64)
    normal = torch.distributions.Normal(mean, std * (1.001 if broken else 1.0)).log_prob(x).flatten(1).sum(1)
    with fails(broken):
        torch.testing.assert_close(log_density(x, mean, std), normal, rtol=1e-12, atol=1e-12)


# 8. The divergence in closed form is that of sampling.


@BROKEN
def test_08_the_divergence_in_closed_form_is_that_of_sampling(broken: bool) -> None:
    """E[log p - log q] under p; without the length of the step, as published, it is another number."""
    now, after = flow_levels(6)[2:4]
    rng = torch.Generator().manual_seed(0)
    x, clean, other = (torch.randn(1, 4, 3, generator=rng, dtype=torch.float64) for _ in range(3))
    (mean, std), (reference, _) = (FlowSde().step(x, c, now, after) for c in (clean, clean + 0.05 * other))
    drawn = mean + std * torch.randn(400_000, 4, 3, generator=rng, dtype=torch.float64)
    ratio = log_density(drawn, mean, std) - log_density(drawn, reference, std)
    closed = kl(mean, std, reference)[0] * ((now.noise - after.noise) if broken else 1.0)
    with fails(broken):
        assert float(ratio.mean()) == pytest.approx(float(closed), abs=4 * float(ratio.std()) / 400_000**0.5)


# 9. Memory does not grow with the steps.


@BROKEN
@pytest.mark.parametrize("kind", ["flow", *TEXT])
def test_09_saved_tensors_do_not_grow_with_the_steps(made: Any, kind: str, broken: bool) -> None:
    """But for the latents, with one checkpoint a call of the denoiser; without (broken) each step keeps its insides."""
    sizes = []
    for steps in (2, 8):
        generator = made(kind, steps=steps)
        add_lora(generator.networks(), rank=2)
        latents = generator.sample(asks(kind, 1), [1]).latents[-1].requires_grad_() * 1.0
        with checkpoints(plainly) if broken else nullcontext():
            decoding = saved_bytes(lambda g=generator, z=latents: g.decode(z, asks(kind, 1)))
            whole = saved_bytes(lambda g=generator, k=steps: g.sample_with_grad(asks(kind, 1), [1], k))
        sizes.append(whole - decoding)
    latent = latents.numel() * 4
    with fails(broken):
        assert sizes[1] - sizes[0] <= 6 * (2 * latent + 16), f"two latents a step (guidance doubles them), got {sizes}"


# 10. A checkpoint changes no gradient.


def forgetful(checkpoint: Any) -> Any:
    """Checkpoints that draw other random numbers on the way back."""
    return lambda *args, **options: checkpoint(*args, preserve_rng_state=False, **options)


@BROKEN
@pytest.mark.parametrize("kind", ["flow", *TEXT])
def test_10a_checkpoints_change_no_gradient(made: Any, kind: str, broken: bool) -> None:
    """Not even where adapters drop at random; checkpoints that drop other numbers on the way back (broken) do."""
    generator, requests = made(kind, steps=3), asks(kind, 1)
    weights = add_lora(generator.networks(), rank=2)
    (network,) = generator.networks().values()
    for layer in network.modules():
        if hasattr(layer, "lora_dropout"):
            layer.lora_dropout["default"] = torch.nn.Dropout(0.5)
    with torch.no_grad():
        for weight in weights:
            weight.normal_(std=0.1)

    def gradients() -> Any:
        torch.manual_seed(0)
        return torch.autograd.grad(generator.sample_with_grad(requests, [1], 2).square().sum(), weights)

    with checkpoints(forgetful) if broken else nullcontext():
        found = gradients()
    with checkpoints(plainly):
        wanted = gradients()
    with fails(broken):
        for ours, plain in zip(found, wanted, strict=True):
            torch.testing.assert_close(ours, plain, rtol=0, atol=0)


def test_10b_nor_do_those_of_the_one_step_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, suite = tiny_flow(), tiny_env().unwrapped
    requests = suite.observe(suite.draw(2, RNG(0)))  # type: ignore[attr-defined]
    weight = generator.denoiser.unet.conv_in.weight

    def gradients() -> list[Tensor]:
        clips = [
            generator.sample_with_grad(requests, [1, 2], 2),
            DraftLV(1).clips(generator, requests, [1, 2], None, RNG(0))[0],
            ReFL(1.0).clips(generator, requests, [1, 2], None, RNG(0))[0],
        ]
        return [torch.autograd.grad(clip.square().sum(), weight)[0] for clip in clips]

    on = gradients()
    monkeypatch.setattr("wmenv.alignment.gradients.checkpoint", plainly(None))
    with checkpoints(plainly):
        assert all(torch.equal(a, b) for a, b in zip(on, gradients(), strict=True))
    with (
        checkpoints(
            lambda _: lambda f, *a, use_reentrant: f(*a).detach() + 0 * a[0]
        ),  # broken: it lets nothing through
        pytest.raises(RuntimeError, match="does not require grad"),
    ):
        torch.autograd.grad(generator.sample_with_grad(requests, [1, 2], 1).sum(), weight)


# 11. Advantages of groups.


def added_first(scores: Scores) -> np.ndarray[Any, Any]:
    """Criteria added up before they are normalised."""
    total = (scores.values * scores.weights).sum(axis=2)
    centred = total - total.mean(axis=1, keepdims=True)
    return centred / centred.std()


def divided(scores: Scores) -> np.ndarray[Any, Any]:
    """A plain division by the spread of each group."""
    values = scores.values - scores.values.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((values / values.std(axis=1, keepdims=True)) * scores.weights).sum(axis=2)


OURS = {spread: lambda scores, spread=spread: advantages(scores, spread).values for spread in ("global", "group")}


@pytest.mark.parametrize("how", [*OURS.values(), added_first], ids=[*OURS, "added-first"])
def test_11a_advantages_do_not_see_shifts_and_scales(how: Callable[[Scores], Any]) -> None:
    """Neither of a criterion nor, for shifts, of a case: there are hard and easy ones."""
    rng = RNG(0)
    values, weights = rng.random((5, 8, 3)), np.array([1.0, 2.0, 0.5])
    found = how(table(values, weights=weights))
    shifted = values * np.array([7.0, 0.01, 3.0]) + np.array([5.0, -2.0, 0.3])
    cases = values + rng.random((5, 1, 3)) * 10
    assert np.allclose(found.mean(axis=1), 0.0, atol=1e-12)
    with fails(broken=how is added_first):
        for other in (shifted, cases):
            np.testing.assert_allclose(how(table(other, weights=weights)), found, atol=1e-9)


@pytest.mark.parametrize("how", [*OURS.values(), divided], ids=[*OURS, "divided"])
def test_11b_groups_without_spread_count_nothing_and_give_no_nan(how: Callable[[Scores], Any]) -> None:
    """One is flat to the last digit, another but for rounding."""
    values = np.array([[0.2, 0.4, 0.9], [0.7, 0.7, 0.7], [0.1, 0.1, 0.1 + 1e-13]])
    with fails(broken=how is divided):
        found = how(table(values))
        assert np.isfinite(found).all() and (found[1:] == 0).all()
        np.testing.assert_allclose(found[0], how(table(values[:1]))[0])


def test_11c_groups_without_spread_are_dropped() -> None:
    values = np.array([[0.2, 0.4, 0.9], [0.7, 0.7, 0.7], [0.1, 0.1, 0.1 + 1e-13]])
    for spread in ("global", "group"):
        found = advantages(table(values), spread)  # type: ignore[arg-type]
        assert found.flat_groups == 2 and found.kept.tolist() == [[True] * 3, [False] * 3, [False] * 3]
        assert advantages(table(RNG(0).random((5, 8))), spread).kept.all()  # type: ignore[arg-type]


# 12. No divergence at the start.


@BROKEN
@pytest.mark.parametrize("kind", ["flow", "wan", "ltx", "cogvideox", SVD])
def test_12a_a_fresh_adapter_is_no_step_away_from_the_base_model(made: Any, kind: str, broken: bool) -> None:
    """Broken: an adapter that has moved already. After an update the divergence is positive."""
    generator, requests = made(kind, steps=3), asks(kind)
    base = generator.sample(requests, [1, 2], KERNELS[kind])
    weights = add_lora(generator.networks(), rank=2)
    fresh = generator.sample(requests, [1, 2], KERNELS[kind])
    assert torch.equal(base.latents, fresh.latents)

    def divergence() -> float:
        means = generator.means(fresh, [0, 1]).detach()
        with adapters_off(generator.networks()):
            reference = generator.means(fresh, [0, 1]).detach()
        assert torch.equal(reference, base.means[:2]), "the base model unchanged, bit for bit"
        return float(sum(kl(means[k], fresh.stds[k], reference[k]).sum() for k in (0, 1)))

    def move() -> None:
        optimiser = torch.optim.SGD(weights, lr=1e-3)
        generator.logprob(fresh, [0]).sum().backward()
        optimiser.step()

    if broken:
        move()
    with fails(broken):
        assert divergence() == 0.0
    if not broken:
        move()
        assert divergence() > 0.0


@contextmanager
def cached() -> Iterator[None]:
    """Passes in bfloat16 whose rounded weights are kept, as autocast does unasked."""
    with torch.autocast("cpu", torch.bfloat16):
        yield


@pytest.mark.parametrize(
    ("precision", "harm"), [("float32", None), ("bfloat16", None), ("float32", "moved"), ("bfloat16", "cached")]
)
def test_12b_divergence_is_zero_at_the_start_and_grows(precision: str, harm: str | None) -> None:
    """Broken: weights that have moved; rounded weights that are kept, so that the reference is shown as they are."""
    method = method_of(RewardGradient, average=0.0, look_every=1, precision=precision)
    if harm == "cached":
        method.passes = cached  # type: ignore[method-assign]
    elif harm == "moved":
        with torch.no_grad():
            for name, weight in method.weights.items():
                weight += 1e-3
                method.average[name] += 1e-3
    looks = [record.look for record in method.learn() if record.look is not None]
    with fails(broken=harm is not None):
        assert looks[0].kl == 0.0 and looks[0].kl_per_dimension == 0.0
        assert looks[-1].kl > 1.0 and looks[1].kl_per_dimension == pytest.approx(looks[1].kl / (4 * 3 * 16 * 16))


# 13. Two updates and two are four.


def anchored(kind: type[Method]) -> Method:
    return method_of(kind, kl_weight=0.01, data_weight=0.1)


@pytest.fixture(scope="module", params=KINDS)
def four_and_two(request: pytest.FixtureRequest) -> tuple[Method, dict[str, Any]]:
    """A method after four updates, and the state of its like after two."""
    whole, first = anchored(request.param), anchored(request.param)
    whole.learn()
    first.learn(2)
    return whole, first.state_dict()


@BROKEN
def test_13_two_and_two_updates_are_four_bit_for_bit(four_and_two: Any, broken: bool) -> None:
    """Broken: the moments of AdamW are forgotten."""
    whole, half = four_and_two
    if broken:
        half = {k: torch.zeros_like(v) if k.startswith(("first", "second")) else v for k, v in half.items()}
    second = anchored(type(whole))
    second.load_state_dict(half)
    second.learn()
    a, b = whole.state_dict(), second.state_dict()
    assert set(a) == set(b) and second.update == 4
    with fails(broken):
        assert all(torch.equal(a[name], b[name]) for name in a if name.startswith("weights"))
    if not broken:
        assert all(torch.equal(a[name], b[name]) for name in a if name != "plain")
        histories = [[{k: v for k, v in r.items() if k != "cpu_seconds"} for r in m.history] for m in (whole, second)]
        assert histories[0] == histories[1]


# 14. The base model is unchanged with the adapter off.


@BROKEN
@pytest.mark.parametrize("kind", ["flow", *TEXT, SVD])
def test_14a_base_model_unchanged_with_the_adapter_off(made: Any, kind: str, broken: bool) -> None:
    """Bit for bit, whatever the adapter holds; broken: it is left on."""
    words = {} if kind in ("flow", "svd") else {"guidance": 1.0}
    generator, requests = made(kind, steps=2, **words), asks(kind, 1)
    base = generator.sample(requests, [1]).latents
    weights = add_lora(generator.networks(), rank=2)
    with torch.no_grad():
        for weight in weights:
            weight.normal_(std=0.2, generator=torch.Generator().manual_seed(len(weight)))
    with nullcontext() if broken else adapters_off(generator.networks()):
        with fails(broken):
            torch.testing.assert_close(generator.sample(requests, [1]).latents, base, rtol=0, atol=0)
        assert set(network_facts(generator.networks())["adapters"].values()) == {"on" if broken else "off"}
    assert all(weight.requires_grad for weight in weights), "on again, and trained as before"


@BROKEN
def test_14b_reference_of_an_adapter_is_the_adapter_off(broken: bool) -> None:
    """Broken: the present adapter as the reference."""
    method = method_of(RewardGradient, train="lora", rank=2, average=0.0)
    assert all("lora_" in name for name in method.weights)
    method.learn(2)
    suite = method.unwrapped
    requests = suite.observe(suite.draw(2, RNG(0)))  # type: ignore[attr-defined]
    taken = method.generator.sample(requests, [1, 2], Windowed(FlowSde(), (0,)))
    reference = copied(method.weights) if broken else method.reference
    found = reference_means(method.generator, method.weights, reference, taken, [0])
    with torch.no_grad(), adapters_off(method.generator.networks()):
        wanted = method.generator.means(taken, [0])
    with fails(broken):
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)

"""The updates of alignment: gradients, advantages, anchors, resume; each claim with a broken variant that fails."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest

import wmenv
from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument, JudgeFailed, ProtocolMismatch, RunFolderError
from wmenv.core.protocols import Generator
from wmenv.core.registries import METHODS
from wmenv.core.trajectory import NoiseLevel, Trajectory
from wmenv.core.verdict import Judgement, Verdict, judgement

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from safetensors.torch import load_file  # noqa: E402
from torch import Tensor  # noqa: E402

from wmenv.agents.flow.generator import FlowGenerator  # noqa: E402
from wmenv.agents.flow.network import Architecture, Denoiser  # noqa: E402
from wmenv.agents.flow.training import Recipe, Schedule, train  # noqa: E402
from wmenv.alignment.advantages import Scores, advantages, scores_of  # noqa: E402
from wmenv.alignment.anchors import copied, in_force, reference_means, trainable  # noqa: E402
from wmenv.alignment.best_of_n import BestOfN  # noqa: E402
from wmenv.alignment.clipping import Clip as TrustRegion  # noqa: E402
from wmenv.alignment.clipping import clipped_losses, ratio_figures  # noqa: E402
from wmenv.alignment.folder import MODEL, RESULTS, STATE, align  # noqa: E402
from wmenv.alignment.gradients import Draft, DraftLV, RandomK, ReFL, route_of  # noqa: E402
from wmenv.alignment.kernels import FlowSde, Windowed  # noqa: E402
from wmenv.alignment.learner import Method, Record  # noqa: E402
from wmenv.alignment.policy_gradient import Ddpo, PolicyGradient  # noqa: E402
from wmenv.alignment.reward_gradient import RewardGradient  # noqa: E402
from wmenv.alignment.rewards import frame_chooser, rewards  # noqa: E402
from wmenv.alignment.supervised import Supervised  # noqa: E402
from wmenv.core.gaussian import log_density  # noqa: E402

TINY = Architecture(size=16, frames=6, given=2, patch=1, widths=(8, 16))
FORM = {"size": 16, "frames": 6, "given": 2}
QUICK: dict[str, Any] = {
    "updates": 4,
    "cases": 3,
    "look_cases": 2,
    "look_every": 2,
    "warm_up": 0,
    "precision": "float32",
}


def tiny_env(**options: Any) -> gym.Env[Any, Any]:
    return wmenv.make("PhyWorld-uniform_motion-v0", **FORM, **options)  # type: ignore[no-any-return]


def tiny_flow(steps: int = 4) -> FlowGenerator:
    """Untrained, but the same at every call."""
    torch.manual_seed(0)
    card = {"weights": "untrained", "architecture": TINY.plain(), "prompt": "", "recipe": {}}
    return FlowGenerator(Denoiser(TINY).eval(), card, steps=steps)


class Redness:
    """A reward of every pixel: red minus the mean of green and blue, the same for each criterion."""

    name, accepts, reads_truth, exact = "redness", ("clip",), False, True
    card: ClassVar[dict[str, Any]] = {"identity": "redness-v0"}
    framewise = True

    def reward(self, cases: Any, frames: Tensor) -> tuple[Tensor, Tensor]:
        red = (frames[:, :, 0] - frames[:, :, 1:].mean(dim=2)).flatten(1).mean(dim=1)
        values = red[:, None].expand(-1, len(cases[0].criteria))
        return values, torch.ones_like(values, dtype=torch.bool)

    def judge(self, cases: Any, responses: Any) -> list[Judgement]:
        return [self._one(case, response) for case, response in zip(cases, responses, strict=True)]

    def _one(self, case: Case, response: Any) -> Judgement:
        frames = response.frames.astype(float) / 255.0
        red = float((frames[..., 0] - frames[..., 1:].mean(-1)).mean()) / 2.0 + 0.5
        return judgement(case, [Verdict.answered(c.id, min(max(red, 0.0), 1.0)) for c in case.criteria], "redness-v0")


class Flaky(Redness):
    """Redness that breaks on some rows of a batch: raises there, or answers NaN."""

    def __init__(self, rows: tuple[int, ...], way: str) -> None:
        self.rows, self.way, self.broken = rows, way, set[str]()

    def reward(self, cases: Any, frames: Tensor) -> tuple[Tensor, Tensor]:
        values, valid = super().reward(cases, frames)
        if len(cases) > 1:
            self.broken = {case.id for k, case in enumerate(cases) if k in self.rows}
        hit = torch.tensor([case.id in self.broken for case in cases])
        if self.way == "raise" and hit.any():
            raise RuntimeError("the judge fell over")
        if self.way == "invalid":
            return values, valid & ~hit[:, None]
        if self.way == "nan" and hit.any():  # a root of a negative number: its gradient reaches the other clips, too
            return torch.where(hit[:, None], (values - 10.0).sqrt(), values), valid
        return values, valid

    def judge(self, cases: Any, responses: Any) -> list[Judgement]:
        return [
            judgement(c, [Verdict.failed(v.criterion, "the judge fell over") for v in one.verdicts], "redness-v0")
            if k in self.rows
            else one
            for k, (c, one) in enumerate(zip(cases, super().judge(cases, responses), strict=True))
        ]


# A toy generator in double precision: latents of d numbers, an affine clean estimate, closed forms.


class Toy:
    """Clean estimate tanh(W [x, t, 1]) or W x + b: small enough for finite differences and for closed forms."""

    name, privileged = "toy", False
    card: ClassVar[dict[str, Any]] = {"identity": "toy"}

    def __init__(self, steps: int = 3, dimensions: int = 3, linear: bool = False) -> None:
        self.steps, self.dimensions, self.linear = steps, dimensions, linear
        self.network = torch.nn.Linear(dimensions + 1, dimensions, dtype=torch.float64)
        with torch.no_grad():
            rng = torch.Generator().manual_seed(3)
            self.network.weight.copy_(0.4 * torch.randn(self.network.weight.shape, generator=rng))
            self.network.bias.copy_(0.3 * torch.randn(self.network.bias.shape, generator=rng))
        self.detached: set[int] = set()
        self.calls = 0

    def networks(self) -> dict[str, torch.nn.Module]:
        return {"network": self.network}

    def times(self) -> list[float]:
        return [1.0 - k / self.steps for k in range(self.steps + 1)]

    def denoise(self, x_t: Tensor, t: Tensor, requests: Any) -> Tensor:
        self.calls += 1
        estimate: Tensor = self.network(torch.cat([x_t, t[:, None]], dim=1))
        return estimate if self.linear else torch.tanh(estimate)

    def start(self, seeds: Any) -> Tensor:
        rows = [
            torch.randn(self.dimensions, generator=torch.Generator().manual_seed(s), dtype=torch.float64) for s in seeds
        ]
        return torch.stack(rows)

    def euler(self, x: Tensor, now: float, after: float) -> Tensor:
        clean = self.denoise(x, torch.full((len(x),), now, dtype=x.dtype), None)
        return x + (after - now) / now * (x - clean)

    def sample_with_grad(self, requests: Any, seeds: Any, last_k: int = 1, frames: Any = None) -> Tensor:
        x = self.start(seeds)
        times = self.times()
        for k in range(self.steps):
            with torch.no_grad() if k < self.steps - last_k else nullcontext():
                x = self.euler(x, times[k], times[k + 1])
        return self.decode(x, requests)

    def alignprop(self, seeds: Any, last_k: int) -> Tensor:
        """AlignProp's way: the network's output is detached before the cut-off, the latent's linear path is not."""
        x, times = self.start(seeds), self.times()
        for k in range(self.steps):
            now, after = times[k], times[k + 1]
            clean = self.denoise(x, torch.full((len(x),), now, dtype=x.dtype), None)
            clean = clean.detach() if k < self.steps - last_k else clean
            x = x + (after - now) / now * (x - clean)
        return self.decode(x, None)

    def sample(self, requests: Any, seeds: Any, policy: Any = None, starts: Any = None) -> Trajectory:
        x, times, latents = self.start(seeds), self.times(), []
        latents.append(x)
        with torch.no_grad():
            for k in range(self.steps):
                x = self.euler(x, times[k], times[k + 1])
                latents.append(x)
        stacked = torch.stack(latents)
        levels = tuple(NoiseLevel(1.0 - t, t) for t in times)
        return Trajectory(
            tuple(requests),
            tuple(seeds),
            None,
            levels,
            stacked,
            stacked[1:],
            (0.0,) * self.steps,
            stacked[1:, :, 0],
            (),
        )

    def decode(self, latents: Tensor, requests: Any, frames: Any = None) -> Tensor:
        return latents[:, None, :, None, None].expand(-1, 1, -1, 1, 1)


def toy_reward(clip: Tensor) -> Tensor:
    return (clip.flatten(1).square() * torch.tensor([1.0, -0.5, 0.3], dtype=clip.dtype)).sum()


def gradient_of(toy: Toy, value: Tensor) -> Tensor:
    parts = torch.autograd.grad(value, list(toy.network.parameters()), allow_unused=True)
    return torch.cat([p.flatten() for p in parts if p is not None])


SEEDS = [1, 2, 3, 4]
RNG = np.random.default_rng


# 1. The clipped loss.


@pytest.mark.parametrize("unit", ["joint", "per_dimension"])
@pytest.mark.parametrize("broken", [False, True])
def test_01_first_gradient_of_the_clipped_loss_is_reinforce(unit: Any, broken: bool) -> None:
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
    assert torch.allclose(found, wanted, rtol=1e-12, atol=0) != broken


def test_02_clip_holds_in_the_direction_of_the_advantage_and_reports_both_units() -> None:
    ratio = torch.tensor([0.5, 0.5, -0.5, -0.5], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(clipped_losses(ratio, weight, 100, TrustRegion(0.1, "joint")).sum(), ratio)
    assert (gradient == 0).tolist() == [True, False, False, True]
    figures = ratio_figures(ratio, weight, 100, TrustRegion(0.1, "joint"))
    assert figures.joint == 0.5 and figures.per_dimension == 0.005 and figures.clipped == 0.5
    assert TrustRegion(1e-4).limits(16_384) == (1e-4, pytest.approx(1.6384))
    assert TrustRegion(2.0, "joint").limits(1000) == (0.002, 2.0)


# 2. Routes of the reward's gradient.


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("broken", [False, True])
def test_03_draft_k_against_finite_differences_with_the_prefix_frozen(k: int, broken: bool) -> None:
    """Central differences of the last k steps, from the latent that the first ones made under the old weights."""
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
    assert (error < 1e-6) != (broken and k < toy.steps), "with all steps there is no prefix to freeze"


@pytest.mark.parametrize("broken", [False, True])
def test_04_alignprop_with_one_cut_off_is_draft_k(broken: bool) -> None:
    """Another cut-off is another estimator, and so is one drawn anew at every step."""
    toy = Toy(steps=4)
    draft = gradient_of(toy, toy_reward(toy.sample_with_grad([None] * 4, SEEDS, 2)))
    prop = gradient_of(toy, toy_reward(toy.alignprop(SEEDS, 3 if broken else 2)))
    assert torch.allclose(draft, prop, rtol=1e-12, atol=1e-14) != broken


def test_05_random_k_draws_once_a_trajectory_and_keeps_rows_with_their_requests() -> None:
    toy = Toy(steps=4)
    many = list(range(40))
    clip, rows = RandomK().clips(toy, [None] * 40, many, None, RNG(1))  # type: ignore[arg-type, list-item]
    assert sorted(rows) == many
    whole = toy.sample_with_grad([None] * 40, many, 4)
    torch.testing.assert_close(clip, whole[rows])
    fixed, _ = RandomK(2, 2).clips(toy, [None] * 4, SEEDS, None, RNG(1))  # type: ignore[arg-type, list-item]
    drafted = toy.sample_with_grad([None] * 4, SEEDS, 2)
    assert torch.equal(gradient_of(toy, toy_reward(fixed)), gradient_of(toy, toy_reward(drafted)))
    assert not torch.equal(gradient_of(toy, toy_reward(clip)), gradient_of(toy, toy_reward(whole)))


def test_06_one_step_routes_end_in_the_clean_estimate() -> None:
    """ReFL at the last point of the chain is DRaFT-1; DRaFT-LV has less variance over noise than its single draws."""
    toy = Toy(steps=4)
    refl, _ = ReFL(late=0.25).clips(toy, [None] * 4, SEEDS, None, RNG(0))  # type: ignore[arg-type, list-item]
    one = toy.sample_with_grad([None] * 4, SEEDS, 1)
    torch.testing.assert_close(gradient_of(toy, toy_reward(refl)), gradient_of(toy, toy_reward(one)))

    def drawn(draws: int, seed: int) -> Tensor:
        clip, rows = DraftLV(draws).clips(toy, [None] * 4, SEEDS, None, RNG(seed))  # type: ignore[arg-type, list-item]
        assert rows == [0, 1, 2, 3] * draws
        return gradient_of(toy, toy_reward(clip)) / draws

    single, averaged = (torch.stack([drawn(n, s) for s in range(60)]).var(dim=0).sum() for n in (1, 4))
    assert 2.0 < float(single / averaged) < 8.0, "a quarter of the variance"


@pytest.mark.parametrize(
    "spec", ["draft,k=0", "draft,k=1.5", "random-k,least=3,most=2", "refl,late=0", "draft,depth=2", "draft:4,k=4"]
)
def test_07_routes_refuse_what_they_cannot_take(spec: str) -> None:
    with pytest.raises(InvalidArgument):
        route_of(spec)
    assert route_of("draft:4") == Draft(4) and route_of("refl:0.5") == ReFL(0.5) and route_of("random-k") == RandomK()


def test_08_checkpoint_on_or_off_gives_the_same_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, suite = tiny_flow(), tiny_env().unwrapped
    requests = suite.observe(suite.draw(2, RNG(0)))
    weight = generator.denoiser.unet.conv_in.weight

    def gradients() -> list[Tensor]:
        clips = [
            generator.sample_with_grad(requests, [1, 2], 2),
            DraftLV(1).clips(generator, requests, [1, 2], None, RNG(0))[0],
            ReFL(1.0).clips(generator, requests, [1, 2], None, RNG(0))[0],
        ]
        return [torch.autograd.grad(clip.square().sum(), weight)[0] for clip in clips]

    def plain(function: Any, *arguments: Any, use_reentrant: bool) -> Any:
        return function(*arguments)

    on = gradients()
    monkeypatch.setattr("wmenv.agents.flow.generator.checkpoint", plain)
    monkeypatch.setattr("wmenv.alignment.gradients.checkpoint", plain)
    assert all(torch.equal(a, b) for a, b in zip(on, gradients(), strict=True))
    monkeypatch.setattr(
        "wmenv.agents.flow.generator.checkpoint", lambda f, *a, use_reentrant: f(*a).detach() + 0 * a[0]
    )
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.grad(generator.sample_with_grad(requests, [1, 2], 1).sum(), weight)


# 3. Policy gradient equals reward gradient.


@pytest.mark.parametrize("broken", [False, True])
def test_09_policy_gradient_is_the_reward_gradient_on_a_linear_gaussian_toy(broken: bool) -> None:
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
    assert bool(((found - c).abs() < 4 * error).all()) != broken


# 4. Advantages.


def table(values: Any, masked: Any = None, weights: Any = (1.0,)) -> Scores:
    values = np.asarray(values, dtype=np.float64)
    values = values[..., None] if values.ndim == 2 else values
    hidden = np.zeros(values.shape[:2], dtype=bool) if masked is None else np.asarray(masked)
    return Scores(values, hidden, np.asarray(weights, dtype=np.float64))


@pytest.mark.parametrize("spread", ["global", "group"])
def test_10_advantages_do_not_see_shifts_and_scales(spread: Any) -> None:
    rng = RNG(0)
    values = rng.random((5, 8, 3))
    weights = np.array([1.0, 2.0, 0.5])
    found = advantages(table(values, weights=weights), spread)
    assert np.allclose(found.values.mean(axis=1), 0.0, atol=1e-12) and found.kept.all()
    shifted = values * np.array([7.0, 0.01, 3.0]) + np.array([5.0, -2.0, 0.3])
    np.testing.assert_allclose(advantages(table(shifted, weights=weights), spread).values, found.values, atol=1e-9)
    cases = values + rng.random((5, 1, 3)) * 10  # hard and easy cases
    np.testing.assert_allclose(advantages(table(cases, weights=weights), spread).values, found.values, atol=1e-9)
    mixed = values.mean(axis=2) - values.mean(axis=(1, 2))[:, None]  # broken: added up before they are normalised
    scaled = shifted.mean(axis=2) - shifted.mean(axis=(1, 2))[:, None]
    assert not np.allclose(mixed / mixed.std(), scaled / scaled.std(), atol=0.1)


@pytest.mark.parametrize("spread", ["global", "group"])
def test_11_groups_without_spread_are_dropped_without_nan(spread: Any) -> None:
    values = np.array([[0.2, 0.4, 0.9], [0.7, 0.7, 0.7], [0.1, 0.1, 0.1 + 1e-13]])
    found = advantages(table(values), spread)
    assert np.isfinite(found.values).all() and found.flat_groups == 2
    assert found.kept.tolist() == [[True] * 3, [False] * 3, [False] * 3] and (found.values[1:] == 0).all()
    alone = advantages(table(values[:1]), spread)
    np.testing.assert_allclose(found.values[0], alone.values[0])
    with np.errstate(invalid="ignore"):
        naive = (values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)
    assert not np.isfinite(naive).all() or np.abs(naive[2]).max() > 0.5, "what a plain division makes of it"


def test_12_a_failed_verdict_masks_one_sample_and_a_forfeited_one_counts_zero() -> None:
    criteria = (Criterion("a", "f", "?"), Criterion("b", "f", "?"), Criterion("c", "f", "?", weight=0.0))
    request = Request("x", "", np.zeros((0, 8, 8, 3), dtype=np.uint8), ClipSpec(4, 8, 8, Fraction(10)))
    case = Case(request, criteria, "weighted-mean-v0")

    def one(a: Verdict, b: float = 0.5) -> Judgement:
        return judgement(case, [a, Verdict.answered("b", b), Verdict.failed("c", "unweighted")], "j")

    verdicts = [Verdict.answered("a", 0.8), Verdict.failed("a", "time-out"), Verdict.forfeited("a", "gone"),
                Verdict.not_applicable("a", "no ball")]  # fmt: skip
    scores = scores_of([one(v, 0.1 * k) for k, v in enumerate(verdicts)], 4, np.array([1.0, 1.0, 0.0]))
    assert scores.masked.tolist() == [[False, True, False, False]], "a criterion of weight 0 masks nothing"
    assert scores.values[0, 2, 0] == 0.0 and np.isnan(scores.values[0, 3, 0]) and "time-out" in scores.reasons
    found = advantages(scores)
    assert found.kept.tolist() == [[True, False, True, True]] and found.values[0, 1] == 0.0
    without = advantages(table(scores.values[:, [0, 2, 3], :2], weights=(1.0, 1.0)))
    np.testing.assert_allclose(found.values[0, [0, 2, 3]], without.values[0])
    as_zero = np.nan_to_num(scores.values[..., :2])  # broken: a failed judge counted as the worst answer
    assert not np.allclose(advantages(table(as_zero, weights=(1.0, 1.0))).values[0, [0, 2, 3]], without.values[0])


# 5. Rewards.


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    suite = tiny_env().unwrapped
    return list(suite.draw(3, RNG(0)))


@pytest.mark.parametrize("way", ["nan", "raise", "invalid"])
def test_13_a_judge_at_fault_masks_its_clip_and_no_other(cases: list[Case], way: str) -> None:
    frames = torch.rand(3, 6, 3, 16, 16, requires_grad=True)
    weights = np.array([c.weight for c in cases[0].criteria])
    found = rewards(Flaky((1,), way), cases, frames, weights)
    whole = rewards(Redness(), cases, frames, weights)
    assert found.kept.tolist() == [True, False, True] and np.isnan(found.values[1]) and found.reasons
    assert found.gradient is not None and whole.gradient is not None
    assert torch.equal(found.gradient[[0, 2]], whole.gradient[[0, 2]]) and (found.gradient[1] == 0).all()
    if way == "nan":  # broken: a mask on the sum
        values, _ = Flaky((1,), way).reward(cases, frames)
        assert torch.autograd.grad((values[:, 0] * torch.tensor([1.0, 0.0, 1.0])).sum(), frames)[0].isnan().any()


def test_14_saturated_pixels_are_not_driven_further_out(cases: list[Case]) -> None:
    frames = torch.full((3, 6, 3, 16, 16), 0.5)
    frames[:, :, 0, 0, 0], frames[:, :, 0, 1, 1] = 1.2, -0.2
    found = rewards(Redness(), cases, frames, np.array([c.weight for c in cases[0].criteria]))
    assert found.gradient is not None
    red = found.gradient[:, :, 0]
    assert (red[..., 0, 0] == 0).all(), "already red beyond what a clip shows"
    assert (red[..., 1, 1] > 0).all() and (red[..., 2, 2] > 0).all(), "a clamp would have stopped the first of them"


def test_15_probability_gap_adds_over_criteria_and_saturates(cases: list[Case]) -> None:
    class Odds(Redness):
        card: ClassVar[dict[str, Any]] = {"identity": "odds", "units": {"velocity": "log-odds", "radius": "log-odds"}}

        def reward(self, cases: Any, frames: Tensor) -> tuple[Tensor, Tensor]:
            mean = frames.flatten(1).mean(dim=1)
            values = torch.stack([mean * 0 + 2.0, mean * 0 - 30.0, *[mean] * 6], dim=1)
            return values, torch.tensor([True, True, *[False] * 6]).expand(len(cases), -1)

    names = [c.id for c in cases[0].criteria]
    weights = np.array([1.0 if k < 2 else 0.0 for k in range(len(names))])
    judger = Odds()
    judger.card["units"] = {names[0]: "log-odds", names[1]: "log-odds"}
    frames = torch.rand(3, 6, 3, 16, 16)
    found = rewards(judger, cases, frames, weights, "probability-gap", gradient=False)
    yes = 1 / (1 + math.exp(-2.0))
    np.testing.assert_allclose(found.values, (2 * yes - 1) - 1.0, atol=1e-6)
    mean = rewards(judger, cases, frames, weights, "weighted-mean", gradient=False)
    np.testing.assert_allclose(mean.values, -14.0, atol=1e-6)


def test_16_random_frames_have_no_bias_and_first_frames_have(cases: list[Case]) -> None:
    """The mean gradient over draws is that of the whole clip for a reward that is a mean over frames."""
    judger, weights = Redness(), np.array([c.weight for c in cases[0].criteria])
    frames = torch.rand(3, 6, 3, 4, 4)

    def slope(spec: str, draws: int) -> Tensor:
        choose, rng, total = frame_chooser(spec, judger), RNG(0), torch.zeros_like(frames)
        for _ in range(draws):
            chosen = choose(6, rng) or list(range(6))
            found = rewards(judger, cases, frames[:, chosen], weights)
            assert found.gradient is not None
            total[:, chosen] += found.gradient / draws
        return total

    whole = slope("all", 1)
    assert float((slope("random:2", 600) - whole).norm() / whole.norm()) < 0.1
    assert float((slope("first:2", 1) - whole).norm() / whole.norm()) > 1.0
    judger.framewise = False
    with pytest.raises(InvalidArgument, match="whole clips"):
        frame_chooser("random:2", judger)


# 6. Methods on a tiny flow.


def method_of(kind: type[Method], **changes: Any) -> Method:
    options = {**QUICK, **changes}
    judger = options.pop("judger", Redness())
    if kind in (PolicyGradient, Ddpo):
        options.setdefault("group", 3)
    return kind(tiny_env(), options.pop("agent", tiny_flow()), judger, options.pop("held_out", None), **options)


KINDS = [RewardGradient, PolicyGradient, Ddpo, BestOfN, Supervised]


@pytest.mark.parametrize("kind", KINDS)
def test_17_a_method_is_an_environment_that_passes_through(kind: type[Method]) -> None:
    method, plain = method_of(kind), tiny_env()
    assert isinstance(method, gym.Wrapper) and isinstance(method.generator, Generator)
    first, info = method.reset(seed=4)
    again, other = plain.reset(seed=4)
    assert info["case_id"] == other["case_id"] and np.array_equal(first["frames"], again["frames"])
    (clip,) = method.generator.act([method.unwrapped.request], [1])  # type: ignore[attr-defined]
    assert method.step(clip.frames)[1:4] == plain.step(clip.frames)[1:4]


@pytest.mark.parametrize("kind", KINDS)
def test_18_two_and_two_updates_are_four_bit_for_bit(kind: type[Method]) -> None:
    whole = method_of(kind, kl_weight=0.01, data_weight=0.1)
    whole.learn()
    first = method_of(kind, kl_weight=0.01, data_weight=0.1)
    first.learn(2)
    second = method_of(kind, kl_weight=0.01, data_weight=0.1)
    second.load_state_dict(first.state_dict())
    second.learn()
    a, b = whole.state_dict(), second.state_dict()
    assert set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a if name != "plain")
    strip = [{k: v for k, v in record.items() if k != "cpu_seconds"} for record in whole.history]
    assert strip == [{k: v for k, v in record.items() if k != "cpu_seconds"} for record in second.history]
    forgot = method_of(kind, kl_weight=0.01, data_weight=0.1)  # broken: moments of AdamW are not restored
    state = first.state_dict()
    forgot.load_state_dict(
        {k: torch.zeros_like(v) if k.startswith(("first", "second")) else v for k, v in state.items()}
    )
    forgot.learn()
    c = forgot.state_dict()
    assert not all(torch.equal(a[name], c[name]) for name in a if name.startswith("weights"))


def test_18b_a_run_that_goes_on_keeps_the_precision_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wmenv.alignment.learner.faster_precision", lambda *a: "bfloat16")
    first = method_of(RewardGradient, precision="auto")
    first.learn(1)
    monkeypatch.setattr("wmenv.alignment.learner.faster_precision", lambda *a: "float32")
    second = method_of(RewardGradient, precision="auto")
    second.load_state_dict(first.state_dict())
    second.learn(1)
    assert first.precision == second.precision == "bfloat16"
    monkeypatch.undo()
    third = method_of(RewardGradient, precision="auto")
    third.learn(0)
    assert third.precision in ("float32", "bfloat16"), "the probe itself"


@pytest.mark.parametrize("kind", [RewardGradient, PolicyGradient, BestOfN])
def test_19_micro_batches_change_memory_not_the_gradient(kind: type[Method]) -> None:
    one, many = method_of(kind, updates=1, average=0.0), method_of(kind, updates=1, average=0.0, micro_batch=2)
    norms = [method.learn()[1].figures["gradient_norm"] for method in (one, many)]
    assert norms[0] > 0 and norms[1] == pytest.approx(norms[0], rel=1e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_20_divergence_is_zero_at_the_start_and_grows(precision: str) -> None:
    """Also in bfloat16, where a cache of rounded weights would show the reference as the present weights."""
    method = method_of(RewardGradient, average=0.0, look_every=1, precision=precision)
    records = method.learn()
    looks = [record.look for record in records if record.look is not None]
    assert looks[0].kl == 0.0 and looks[0].kl_per_dimension == 0.0
    assert looks[-1].kl > 1.0 and looks[1].kl_per_dimension == pytest.approx(looks[1].kl / (4 * 3 * 16 * 16))


@pytest.mark.parametrize("broken", [False, True])
def test_21_reference_of_an_adapter_is_the_adapter_off(broken: bool) -> None:
    pytest.importorskip("peft")
    from wmenv.agents.adapters import adapters_off

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
    assert torch.equal(found, wanted) != broken


def test_22_kl_anchor_holds_back() -> None:
    far, near = (method_of(RewardGradient, updates=6, average=0.0, kl_weight=w, unit="joint") for w in (0.0, 10.0))
    last = [method.learn()[-1].look for method in (far, near)]
    assert last[0] is not None and last[1] is not None and last[1].kl < 0.7 * last[0].kl


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny flow that has seen some clips: what an early step does shows in the clip."""
    folder = tmp_path_factory.mktemp("trained")
    recipe = Recipe("uniform_motion", 80, architecture=TINY, precision="float32")
    train(recipe, folder, schedule=Schedule(points=0, final_clips=0))
    return folder


@pytest.mark.parametrize("kind", [RewardGradient, PolicyGradient])
def test_23_learning_raises_a_toy_reward_and_a_shuffled_reward_does_not(kind: type[Method], trained: Path) -> None:
    """DRaFT-1 and GRPO make a tiny flow redder; from the rewards of other clips GRPO learns nothing."""
    options: dict[str, Any] = {"updates": 16, "cases": 4, "look_every": 0, "look_cases": 8, "learning_rate": 3e-3}
    options |= {"average": 0.0} | ({"group": 8} if kind is PolicyGradient else {})

    def gain(**more: Any) -> float:
        records = method_of(kind, agent=FlowGenerator.read(trained, steps=4), **options, **more).learn()
        start, end = records[0].look, records[-1].look
        assert start is not None and end is not None and start.reward is not None and end.reward is not None
        assert records[1].figures.get("first_ratio_joint", 0.0) == 0.0
        return end.reward - start.reward

    learnt = gain()
    assert learnt > (0.05 if kind is RewardGradient else 0.005), learnt
    if kind is PolicyGradient:
        assert abs(gain(shuffled=True)) < 0.5 * learnt


def test_24_second_pass_over_the_same_samples_moves_the_ratio_and_the_clip_reports_it() -> None:
    method = method_of(PolicyGradient, updates=1, passes_over=2, learning_rate=1e-3, clip=1e-7)
    figures = method.learn()[1].figures
    assert figures["first_ratio_joint"] == 0.0 and figures["ratio_joint"] > 0
    assert figures["ratio_joint"] == pytest.approx(figures["ratio_per_dimension"] * 4 * 3 * 16 * 16)
    assert figures["clipped"] > 0


def test_25_window_slides_and_stays_on_early_steps_by_default() -> None:
    method = method_of(PolicyGradient, window=1, slide_every=1)
    seen = []
    for update in range(4):
        method.update = update
        seen.append(method.policy().steps)  # type: ignore[attr-defined]
    assert seen == [(0,), (1,), (2,), (0,)], "three steps have noise, the fourth never"
    assert method_of(PolicyGradient).policy().steps == (0, 1)  # type: ignore[attr-defined]
    assert isinstance(method_of(Ddpo).policy(), type(method_of(Ddpo).kernel))


def test_26_groups_begin_from_the_same_noise() -> None:
    method = method_of(PolicyGradient)
    drawn = method.unwrapped.draw(2, RNG(0))  # type: ignore[attr-defined]
    asked = [case for case in drawn for _ in range(3)]
    (taken,), _ = method._rollouts(asked)  # type: ignore[attr-defined]
    begin = taken.latents[0]
    assert torch.equal(begin[0], begin[2]) and not torch.equal(begin[0], begin[3])
    assert not torch.equal(taken.latents[1, 0], taken.latents[1, 2]), "they part by the noise of their steps"
    (apart,), _ = method_of(PolicyGradient, same_start=False)._rollouts(asked)  # type: ignore[attr-defined]
    assert not torch.equal(apart.latents[0, 0], apart.latents[0, 2])


def test_27_mixture_draws_by_shares() -> None:
    method = method_of(RewardGradient, prompts="id:3,ood_high_v:1", cases=400)
    splits = [case.tags["split"] for case in method.mixture.draw(method.suite, 400, RNG(0))]
    assert 0.68 < splits.count("id") / 400 < 0.82 and set(splits) == {"id", "ood_high_v"}


def test_28_best_on_held_out_is_kept_and_a_callback_can_end_and_roll_back() -> None:
    class Worsening(Redness):
        """The held-out judger likes what the first looks show and nothing later."""

        seen = 0

        def judge(self, cases: Any, responses: Any) -> list[Judgement]:
            Worsening.seen += 1
            score = 0.9 if Worsening.seen <= 2 else 0.1
            return [judgement(c, [Verdict.answered(k.id, score) for k in c.criteria], "w") for c in cases]

    method = method_of(RewardGradient, held_out=Worsening(), look_every=1, average=0.0)
    states = {}

    def guard(method: Method, record: Record) -> bool:
        states[record.update] = method.state_dict()
        if record.update == 3:
            method.load_state_dict(states[1])
            return True
        return False

    method.learn(callbacks=[guard])
    assert method.update == 1 and method.best == (0, pytest.approx(0.9))
    with method.best_weights():
        assert all(torch.equal(w, method.reference[name]) for name, w in method.weights.items())
    assert any(not torch.equal(w, method.reference[name]) for name, w in method.weights.items())


# 7. Bad input.


def test_29_reward_gradient_refuses_a_judger_without_gradient() -> None:
    with pytest.raises(InvalidArgument, match=r"'physics' has no gradient.*policy-gradient"):
        RewardGradient(tiny_env(), tiny_flow(), **QUICK)


def test_30_agents_that_are_no_generators_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="no generator that can be aligned: it lacks"):
        PolicyGradient(tiny_env(), "law")
    family = PolicyGradient(wmenv.make("PhyWorld-uniform_motion-v0", size=32, frames=16), "flow,steps=2", window=1)
    again = PolicyGradient(wmenv.make("PhyWorld-uniform_motion-v0", size=32, frames=16), "flow,steps=2", window=1)
    assert family.generator is not again.generator, "what the family shares is not trained"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"upd": 3}, "did you mean updates"),
        ({"updates": 0}, "updates must be positive"),
        ({"learning_rate": "high"}, "must be of type float"),
        ({"average": 1.0}, "average must lie"),
        ({"prompts": "odd"}, "no split 'odd'"),
        ({"prompts": "id:0"}, "share of a split"),
        ({"criteria": "beauty:1"}, "no criterion 'beauty'"),
        ({"criteria": "velocity:-1"}, "must be positive"),
        ({"look_splits": "odd"}, "no split 'odd'"),
        ({"kernel": "nothing"}, "no kernel named"),
        ({"frames": "some"}, "frames must read"),
        ({"combine": "product"}, "combine must be"),
        ({"train": "half"}, "train is"),
    ],
)
def test_31_settings_are_checked(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(wmenv.WmenvError, match=told):
        method_of(RewardGradient, **changes)


@pytest.mark.parametrize("changes", [{"kernel": "ode"}, {"kernel": "cps"}, {"window": 4}, {"group": 1}, {"clip": 0.0}])
def test_32_policy_gradient_needs_densities_and_groups(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        method_of(PolicyGradient, **changes)


@pytest.mark.parametrize("way", ["nan", "raise"])
def test_33_a_broken_sample_is_masked_recorded_and_the_run_goes_on(way: str) -> None:
    records = method_of(RewardGradient, judger=Flaky((0,), way), updates=2, look_every=0).learn()
    assert [record.figures["masked"] for record in records[1:]] == [pytest.approx(1 / 3)] * 2
    assert all(record.reasons for record in records[1:]) and all(
        math.isfinite(r.figures["reward"]) for r in records[1:]
    )
    policy = method_of(PolicyGradient, judger=Flaky((0,), way), updates=1, look_every=0).learn()
    assert policy[1].figures["masked"] == pytest.approx(1 / 9) and "fell over" in policy[1].reasons[0]


@pytest.mark.parametrize("kind", [RewardGradient, PolicyGradient, BestOfN])
def test_34_if_nothing_can_be_judged_the_run_stops_and_says_why(kind: type[Method]) -> None:
    method = method_of(kind, judger=Flaky(tuple(range(99)), "raise"))
    method.held_out = None
    before = copied(method.weights)
    with pytest.raises(JudgeFailed, match=r"no clip of update 1 could be judged.*fell over"):
        method.learn()
    assert all(torch.equal(before[name], weight) for name, weight in method.weights.items())


def test_35_supervised_cannot_be_shuffled_and_needs_true_clips() -> None:
    with pytest.raises(InvalidArgument, match="no reward to shuffle"):
        method_of(Supervised, shuffled=True)


# 8. Folders and the command line.


def test_36_a_folder_holds_what_it_takes_to_go_on(tmp_path: Path) -> None:
    results = align(method_of(RewardGradient), tmp_path / "a")
    assert results["complete"] and {p.name for p in (tmp_path / "a").iterdir()} == {STATE, RESULTS, MODEL}
    assert json.loads((tmp_path / "a" / RESULTS).read_text()) == json.loads(json.dumps(results))
    model = FlowGenerator.read(tmp_path / "a" / MODEL, steps=4)
    assert model.card["model"]["alignment"]["method"] == "reward-gradient"
    with pytest.raises(RunFolderError, match="--resume"):
        align(method_of(RewardGradient), tmp_path / "a")
    with pytest.raises(ProtocolMismatch, match=r"settings\.learning_rate was 0\.0003, now 0\.1"):
        align(method_of(RewardGradient, learning_rate=0.1), tmp_path / "a", resume=True)
    with pytest.raises(ProtocolMismatch, match="method was reward-gradient, now supervised"):
        align(method_of(Supervised), tmp_path / "a", resume=True)


def test_37_stopped_runs_end_in_the_same_file(tmp_path: Path) -> None:
    align(method_of(RewardGradient), tmp_path / "whole")
    align(method_of(RewardGradient), tmp_path / "cut", updates=3)
    align(method_of(RewardGradient), tmp_path / "cut", resume=True)
    whole, cut = (load_file(tmp_path / name / STATE) for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    models = [(tmp_path / name / MODEL / "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert models[0] == models[1]


def test_38_a_kill_while_a_state_is_written_leaves_the_older_one(tmp_path: Path) -> None:
    align(method_of(RewardGradient), tmp_path / "a", updates=2)
    state = tmp_path / "a" / STATE
    (tmp_path / "a" / f".{STATE}.partial").write_bytes(state.read_bytes()[:1000])
    assert align(method_of(RewardGradient), tmp_path / "a", resume=True)["complete"]
    state.write_bytes(state.read_bytes()[:1000])  # broken: what a writer in place would leave
    with pytest.raises(RunFolderError, match="damaged"):
        align(method_of(RewardGradient), tmp_path / "a", resume=True)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_39_a_full_disk_is_told(full_disk: Path) -> None:
    with pytest.raises(RunFolderError, match="No space left"):
        align(method_of(RewardGradient), full_disk / "a")


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow")
    tiny_flow().export(folder, {})
    return folder


def wmenv_align(model: Path, out: Path, *more: str) -> list[str]:
    fixed = ["--agent", f"flow:{model},steps=4", "--size", "16", "--frames", "6", "--set", "given=2",
             "--updates", "12", "--cases", "4", "--look-every", "3", "--save-every", "1",
             "--option", "look_cases=4", "--option", "precision=bfloat16"]  # fmt: skip
    return [sys.executable, "-m", "wmenv", "align", "PhyWorld-uniform_motion", *fixed, "--out", str(out), *more]


def test_40_killed_and_resumed_through_the_command_line(tiny_model: Path, tmp_path: Path) -> None:
    """`kill -9` after the first looks, then --resume: state, model and history are those of the whole run."""
    done = subprocess.run(wmenv_align(tiny_model, tmp_path / "whole"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "physics-soft" in done.stdout and "held out: physics" in done.stdout and "--agent flow:" in done.stdout
    process = subprocess.Popen(
        wmenv_align(tiny_model, tmp_path / "cut"), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stderr is not None
    for _ in range(2):
        process.stderr.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / "cut" / STATE).exists() and not (tmp_path / "cut" / RESULTS).exists()
    refused = subprocess.run(wmenv_align(tiny_model, tmp_path / "cut"), capture_output=True, text=True)
    assert refused.returncode == 2 and "--resume" in refused.stderr
    done = subprocess.run(wmenv_align(tiny_model, tmp_path / "cut", "--resume"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole, cut = (load_file(tmp_path / name / STATE) for name in ("whole", "cut"))
    assert set(whole) == set(cut) and all(torch.equal(whole[name], cut[name]) for name in whole)
    moved = [name for name in whole if name.startswith("weights/")]
    assert any(not torch.equal(whole[name], whole[name.replace("weights/", "reference/")]) for name in moved)
    histories = [json.loads((tmp_path / name / RESULTS).read_text())["history"] for name in ("whole", "cut")]
    for history in histories:
        for record in history:
            record.pop("cpu_seconds")
    assert histories[0] == histories[1] and [r["update"] for r in histories[0]] == list(range(13))
    page = (tmp_path / "whole" / "report.html").read_text()
    assert "<svg" in page and "Divergence from the start" in page


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--method", "reward-gradent"], "did you mean reward-gradient"),
        (["--option", "route=drift"], "no gradient route named"),
        (["--judger", "physics"], "has no gradient"),
        (["--option", "upd=3"], "did you mean updates"),
    ],
)
def test_41_the_command_refuses_with_the_way_out(tiny_model: Path, tmp_path: Path, more: list[str], told: str) -> None:
    done = subprocess.run(wmenv_align(tiny_model, tmp_path / "a", *more), capture_output=True, text=True)
    assert done.returncode == 2 and told in done.stderr, done.stderr
    assert not (tmp_path / "a").exists()


def test_42_every_method_is_registered() -> None:
    assert {entry.name for entry in METHODS.entries()} >= {kind.method for kind in KINDS}
    for entry in METHODS.entries():
        kind = METHODS.load(entry.name)
        assert issubclass(kind, Method) and kind.method == entry.name  # type: ignore[arg-type]


def test_43_weights_under_average_come_back_even_after_an_error() -> None:
    generator = tiny_flow()
    weights = trainable(generator)
    before, zeros = copied(weights), {name: torch.zeros_like(w) for name, w in weights.items()}
    with pytest.raises(KeyError), in_force(weights, zeros):
        assert all((w == 0).all() for w in weights.values())
        raise KeyError
    assert all(torch.equal(before[name], w) for name, w in weights.items())
    with pytest.raises(InvalidArgument, match="float32"):
        generator.denoiser.bfloat16()
        trainable(generator)

"""What the tests of alignment share: judgers, a toy in closed form, methods on a tiny flow, schedules of noise."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor

import wmenv
from wmenv.agents.flow.generator import FlowGenerator
from wmenv.agents.flow.network import Architecture, Denoiser
from wmenv.alignment.advantages import Scores
from wmenv.alignment.best_of_n import BestOfN
from wmenv.alignment.learner import Method
from wmenv.alignment.policy_gradient import Ddpo, PolicyGradient
from wmenv.alignment.reward_gradient import RewardGradient
from wmenv.alignment.supervised import Supervised
from wmenv.core.case import Case
from wmenv.core.trajectory import NoiseLevel, Trajectory
from wmenv.core.verdict import Judgement, Verdict, judgement

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
SEEDS = [1, 2, 3, 4]
RNG = np.random.default_rng
KINDS = [RewardGradient, PolicyGradient, Ddpo, BestOfN, Supervised]


def fails(broken: bool) -> AbstractContextManager[Any]:
    """Around an assertion: it must fail in the broken variant."""
    return pytest.raises(AssertionError) if broken else nullcontext()


# Schedules of noise


def flow_levels(steps: int, shift: float = 3.0) -> list[NoiseLevel]:
    times = [1.0 - k / steps for k in range(steps + 1)]
    return [NoiseLevel(1.0 - s, s) for s in (shift * t / (1.0 + (shift - 1.0) * t) for t in times)]


def preserving_levels(steps: int) -> list[NoiseLevel]:
    """The cosine schedule, from almost nothing but noise."""
    angles = [math.pi / 2 * 0.999 * (1.0 - k / steps) for k in range(steps + 1)]
    return [NoiseLevel(math.cos(a), math.sin(a)) for a in angles]


def exploding_levels(steps: int, largest: float = 80.0) -> list[NoiseLevel]:
    """Karras et al. (arXiv 2206.00364), equation 5, rho = 7."""
    ramp = [
        (largest ** (1 / 7) * (1 - k / (steps - 1)) + 0.002 ** (1 / 7) * k / (steps - 1)) ** 7 for k in range(steps)
    ]
    return [NoiseLevel(1.0, s) for s in [*ramp, 0.0]]


# Judgers and scores


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


def table(values: Any, masked: Any = None, weights: Any = (1.0,)) -> Scores:
    values = np.asarray(values, dtype=np.float64)
    values = values[..., None] if values.ndim == 2 else values
    hidden = np.zeros(values.shape[:2], dtype=bool) if masked is None else np.asarray(masked)
    return Scores(values, hidden, np.asarray(weights, dtype=np.float64))


# Methods on a tiny flow


def tiny_env(**options: Any) -> gym.Env[Any, Any]:
    return wmenv.make("PhyWorld-uniform_motion-v0", **FORM, **options)  # type: ignore[no-any-return]


def tiny_flow(steps: int = 4) -> FlowGenerator:
    """Untrained, but the same at every call."""
    torch.manual_seed(0)
    card = {"weights": "untrained", "architecture": TINY.plain(), "prompt": "", "recipe": {}}
    return FlowGenerator(Denoiser(TINY).eval(), card, steps=steps)


def method_of(kind: type[Method], **changes: Any) -> Method:
    options = {**QUICK, **changes}
    judger = options.pop("judger", Redness())
    if kind in (PolicyGradient, Ddpo):
        options.setdefault("group", 3)
    return kind(tiny_env(), options.pop("agent", tiny_flow()), judger, options.pop("held_out", None), **options)


# A generator in double precision: latents of d numbers, an affine clean estimate, closed forms


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

"""A look at a generator on held-out cases: rewards, divergence from the start, and the canaries of video."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from wmenv.alignment.anchors import Weights, noisy_steps, path_dimensions, path_kl, reference_means
from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.protocols import Generator, Judger, Policy
from wmenv.core.statistics import slope

FloatArray = NDArray[np.float64]
LOOK_SEED = 0x100C
"""Cases and noise of every look: the same at each, whatever the seed of the run, so that looks are paired."""

KL_CASES = 8

FAINT = 0.1
"""Difference from the background below which a pixel does not stand out, share of full scale."""


@dataclass(frozen=True, slots=True)
class SplitLook:
    """What is seen on one split.

    Attributes:
        reward: Mean of the reward that is trained on; None where nothing could be judged.
        held_out: Mean reward of the held-out judger; None without one.
        native: Mean native value of each criterion, by the held-out judger where there is one.
        slope: Slope of generated on true values (`pairs` of the evidence), by name.
        forfeited: Share of clips that forfeit a weighted criterion.
        failed: Share of clips of which a weighted criterion could not be judged.
        motion: Mean |difference| of neighbouring predicted frames, share of full scale.
        diversity: Root mean square difference of two clips of the same case, share of full scale; None of one sample.
        mass: How much stands out from the background, relative to the true clip (to the given frames where the suite
            knows no true clip); None without either.
        by_case: Of each case the means over its samples of `reward`, `held_out`, `motion`, `diversity`, `mass` and
            `forfeited`, what applies of them; None where unknown. What `wmenv.core.alarm` compares.
        errors: By name of the pairs, mean |generated - true value|.
        constant: By name of the pairs, the same of the constant at the mean true value: a generator that has learnt
            this shortcut comes no nearer.
    """

    reward: float | None
    held_out: float | None
    native: dict[str, float] = field(default_factory=dict)
    slope: dict[str, float | None] = field(default_factory=dict)
    forfeited: float = 0.0
    failed: float = 0.0
    motion: float = 0.0
    diversity: float | None = None
    mass: float | None = None
    by_case: dict[str, list[float | None]] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    constant: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """One evaluation.

    Attributes:
        splits: By name.
        reward: Mean of the rewards of the prompted splits; what is looked at beside them chooses no weights.
        held_out: The same of the held-out judger's.
        kl: Divergence from the start along a noisy path, joint, nats.
        kl_per_dimension: The same a dimension.
    """

    splits: dict[str, SplitLook]
    reward: float | None
    held_out: float | None
    kl: float
    kl_per_dimension: float

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


Judge = Callable[[Sequence[Case], Sequence[Response]], FloatArray]
"""Rewards (B,) that are trained on, without gradient; NaN where the judge failed."""


def with_judger(suite: Any, judger: Judger) -> Any:
    """The same suite with another judger."""
    other = copy(suite)
    other.judger = judger
    return other


@dataclass(frozen=True, slots=True)
class Monitor:
    """Looks at a generator, always at the same cases with the same seeds.

    Attributes:
        suite: Knows the cases, the true clips, and scores by the judger that is trained on.
        held_out: The suite with the held-out judger, or None.
        judge: The reward that is trained on.
        splits: To look at.
        prompted: Those of them that prompts come from.
        cases: Of each split.
        samples: Clips a case.
        policy: The noisy path of the divergence.
        micro_batch: Clips at once.
    """

    suite: Any
    held_out: Any
    judge: Judge
    splits: tuple[str, ...]
    prompted: tuple[str, ...]
    cases: int
    samples: int
    policy: Policy
    micro_batch: int

    def look(self, generator: Generator, weights: Mapping[str, nn.Parameter], reference: Weights) -> Look:
        """Evaluate the present weights."""
        seen = {split: self._split(generator, split) for split in self.splits}
        kl, dimensions = self._divergence(generator, weights, reference)
        return Look(
            splits=seen,
            reward=_mean([seen[split].reward for split in self.prompted]),
            held_out=_mean([seen[split].held_out for split in self.prompted]),
            kl=kl,
            kl_per_dimension=kl / dimensions,
        )

    def _drawn(self, split: str, n: int) -> list[Case]:
        found: list[Case] = self.suite.cases(
            self.suite.case_ids(n, np.random.default_rng([LOOK_SEED, zlib.crc32(split.encode())]), split)
        )
        return found

    def _split(self, generator: Generator, split: str) -> SplitLook:
        unique = self._drawn(split, self.cases)
        cases = [case for case in unique for _ in range(self.samples)]
        responses: list[Response] = []
        for start in range(0, len(cases), self.micro_batch):
            rows = range(start, min(start + self.micro_batch, len(cases)))
            taken = generator.sample([cases[k].request for k in rows], [LOOK_SEED + k for k in rows])
            responses += taken.responses
        judged = (self.held_out or self.suite).score(cases, responses)
        counted = [k for k, c in enumerate(cases[0].criteria) if c.weight > 0]
        states = [[one.verdicts[k].state for k in counted] for one in judged]
        pairs = _pairs(judged)
        seen: dict[str, list[float | None]] = {
            "reward": list(self.judge(cases, responses)),
            "held_out": [one.reward for one in judged] if self.held_out is not None else [],
            "forfeited": [float("forfeited" in one) for one in states],
            **self._canaries(cases, responses),
        }
        return SplitLook(
            reward=_mean(seen["reward"]),
            held_out=_mean(seen["held_out"]),
            native=_natives(judged),
            slope={name: slope(true.tolist(), made.tolist()) for name, (true, made) in pairs.items()},
            forfeited=_mean(seen["forfeited"]) or 0.0,
            failed=float(np.mean(["failed" in one for one in states])),
            motion=_mean(seen.get("motion", [])) or 0.0,
            diversity=_mean(seen.get("diversity", [])),
            mass=_mean(seen.get("mass", [])),
            by_case={name: _by_case(values, len(unique)) for name, values in seen.items() if values},
            errors={name: float(np.abs(made - true).mean()) for name, (true, made) in pairs.items()},
            constant={name: float(np.abs(true - true.mean()).mean()) for name, (true, _) in pairs.items()},
        )

    def _canaries(self, cases: Sequence[Case], responses: Sequence[Response]) -> dict[str, list[float | None]]:
        """Motion and mass of each clip, diversity of each case; nothing where a response is no clip."""
        clips = [one.frames.astype(np.float32) / 255.0 for one in responses if isinstance(one, Clip)]
        if len(clips) < len(cases):
            return {}
        shown = [max(len(case.request.frames), 1) for case in cases]
        motion: list[float | None] = [
            float(np.abs(np.diff(clip[k - 1 :], axis=0)).mean()) for clip, k in zip(clips, shown, strict=True)
        ]
        apart: list[float | None] = [
            float(np.sqrt(np.square(clips[k][shown[k] :] - clips[k + 1][shown[k] :]).mean()))
            for k in range(0, len(clips) - 1, self.samples)
        ]
        masses = [self._mass(case, clip, k) for case, clip, k in zip(cases, clips, shown, strict=True)]
        return {"motion": motion, "diversity": apart if self.samples > 1 else [], "mass": masses}

    def _mass(self, case: Case, clip: NDArray[np.float32], shown: int) -> float | None:
        given = case.request.frames.astype(np.float32) / 255.0
        true = self.suite.true_clip(case) if hasattr(self.suite, "true_clip") else None
        if true is not None:
            other = true.frames[shown:].astype(np.float32) / 255.0
        elif len(given):
            other = given
        else:
            return None
        background = np.median((given if len(given) else other)[0].reshape(-1, 3), axis=0)
        weight = _ink(other, background)
        return _ink(clip[shown:], background) / weight if weight > 0 else None

    def _divergence(
        self, generator: Generator, weights: Mapping[str, nn.Parameter], reference: Weights
    ) -> tuple[float, int]:
        cases = self._drawn(self.splits[0], KL_CASES)
        taken = generator.sample([c.request for c in cases], range(LOOK_SEED, LOOK_SEED + KL_CASES), self.policy)
        steps = noisy_steps(taken)
        others = reference_means(generator, weights, reference, taken, steps)
        return float(path_kl(taken, steps, taken.means[steps], others).mean()), path_dimensions(taken)


def _ink(frames: NDArray[np.float32], background: NDArray[np.float32]) -> float:
    """How much stands out; what is as faint as noise does not."""
    return float(np.maximum(np.abs(frames - background) - FAINT, 0.0).mean())


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(known)) if known else None


def _natives(judged: Sequence[Any]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for one in judged:
        for verdict in one.verdicts:
            if verdict.native is not None and np.isfinite(verdict.native):
                found.setdefault(verdict.criterion, []).append(float(verdict.native))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _by_case(values: Sequence[float | None], cases: int) -> list[float | None]:
    """Means of the samples of each case."""
    each = len(values) // cases
    return [_mean(values[k : k + each]) for k in range(0, len(values), each)]


def _pairs(judged: Sequence[Any]) -> dict[str, tuple[FloatArray, FloatArray]]:
    """By name, what the judgements say of true and of generated values."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for one in judged:
        for verdict in one.verdicts:
            for name, (true, made) in verdict.evidence.get("pairs", {}).items():
                if made is not None:
                    pairs.setdefault(name, []).append((float(true), float(made)))
    return {name: (np.array(seen)[:, 0], np.array(seen)[:, 1]) for name, seen in pairs.items()}

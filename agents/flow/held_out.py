"""Errors of a model on cases it was not trained on, as the physics judger reads them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from wmenv.agents.flow.network import Architecture
from wmenv.core.protocols import Agent
from wmenv.core.registries import make_env
from wmenv.core.statistics import slope
from wmenv.worlds.discs.world import Law

FAST: dict[Law, str] = {"uniform_motion": "ood_high_v", "parabola": "ood_high_v", "collision": "ood_high_v1"}
"""The split that asks for extrapolation in speed: one official level of each law."""

CURVE_SEED, FINAL_SEED = 1, 2


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Velocity error on one split.

    Attributes:
        split: Name of the split.
        clips: Clips with a scored frame pair.
        error: Mean velocity error, units/s (collision: after the impact); lost balls are charged, not skipped.
        slope: Slope of generated on true speed; None where the speeds are all one.
        forfeited: Clips in which a ball was lost.
    """

    split: str
    clips: int
    error: float
    slope: float | None
    forfeited: int

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def held_out_errors(
    agent: Agent, law: Law, splits: Sequence[str], clips: int, architecture: Architecture, seed: int
) -> list[HeldOut]:
    """Evaluate on fresh cases of each split, drawn from `seed`."""
    a = architecture
    suite = make_env(f"PhyWorld-{law}", size=a.size, frames=a.frames, given=a.given).unwrapped
    return [_held_out(suite, agent, split, clips, seed) for split in splits]


def _held_out(suite: Any, agent: Agent, split: str, clips: int, seed: int) -> HeldOut:
    cases = suite.cases(suite.case_ids(clips, np.random.default_rng([seed, zlib.crc32(split.encode())]), split))
    responses = agent.act(suite.observe(cases), range(clips))
    verdicts = [judgement["velocity"] for judgement in suite.score(cases, responses)]
    scored = [v for v in verdicts if v.native is not None]
    speeds = [v.evidence["pairs"]["speed"] for v in scored]
    seen = [(float(true), float(made)) for true, made in speeds if made is not None]
    return HeldOut(
        split=split,
        clips=len(scored),
        error=float(np.mean([v.native for v in scored])),
        slope=slope(*zip(*seen, strict=True)) if seen else None,
        forfeited=sum(v.state == "forfeited" for v in verdicts),
    )

"""A suite, an agent and a judger that do next to nothing: what is left of a run is what wmenv costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.criterion import Criterion
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.envs.base import SuiteEnv, judger_identity

FRAMES, SIZE, FPS = 16, 64, Fraction(8)


class Nothing(SuiteEnv):
    """Cases without content; clips of 16 x 64 x 64."""

    case_set = "Nothing, cases v0"
    criteria = (Criterion("there", "nothing", "Is there a clip?", "binary", 1),)
    clip_spec = ClipSpec(FRAMES, SIZE, SIZE, FPS)
    given = 0
    default_split = "all"

    def __init__(self) -> None:
        super().__init__(Satisfied())
        self.frames = np.zeros((0, SIZE, SIZE, 3), np.uint8)

    def splits(self) -> tuple[str, ...]:
        return ("all",)

    def protocol(self) -> dict[str, Any]:
        criteria = [c.plain() for c in self.criteria]
        return {"case_set": self.case_set, "criteria": criteria, "judger": judger_identity(self.judger)}

    def case_ids(self, n: int, rng: np.random.Generator, split: str | None = None) -> list[str]:
        return [f"all-{k:08x}" for k in rng.choice(1_000_000, n, replace=False).tolist()]

    def cases(self, ids: Sequence[str]) -> list[Case]:
        return [
            Case(Request(one, "Anything.", self.frames, self.clip_spec), self.criteria, "weighted-mean-v0")
            for one in ids
        ]


class Idle:
    """Answers every request with the same frames, each time as a clip of its own."""

    name, privileged = "idle", False

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.card: dict[str, Any] = {"identity": "idle-v0"}
        self.frames = np.zeros((FRAMES, SIZE, SIZE, 3), np.uint8)

    def act(self, requests: Sequence[Request], seeds: Sequence[int]) -> list[Clip]:
        """Answer; `seconds` are slept for each request, as if a clip were made elsewhere."""
        if self.seconds:
            time.sleep(self.seconds * len(requests))
        return [Clip(self.frames, FPS) for _ in requests]


class Satisfied:
    """Is content with every clip, and says so in a value that varies from case to case."""

    name, accepts, reads_truth, exact = "satisfied", ("clip",), False, True
    card: dict[str, Any] = {"identity": "satisfied-v0"}  # noqa: RUF012

    def judge(self, cases: Sequence[Case], responses: Sequence[Any]) -> list[Judgement]:
        return [
            judgement(case, [Verdict.answered("there", int(case.id[-2:], 16) / 255)], "satisfied-v0") for case in cases
        ]

"""`scene-oracle`: answers from the simulation; the ceiling of every judger of scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidCase
from wmenv.core.verdict import Judgement, Verdict, forfeit_all, judgement
from wmenv.judgers.scenes.likeness import PIXELS, unlike
from wmenv.worlds.scenes.labels import Truth, labels

REACHED = (0.2, 0.4, 0.9)
"""Share of the way to the true end from which an unknown clip has levels 1, 2 and 3."""


class SceneOracle:
    """Knows what was simulated.

    The truth of a case is its scene; in exams of judgers it is a lawful alternative or a planted clip instead. A clip
    that shows the truth, every frame within `PIXELS` pixels of the true one, has the labels that simulation gave it.

    Of any other clip nothing is known but that it is another one. How far its last frames come to the true ones
    from the first frame grades the instruction; which law it breaks, if any, cannot be told by comparison, since a
    lawful clip differs from the true one too. Those criteria have failed, and the coverage says so.
    """

    name: str = "scene-oracle"
    accepts: tuple[str, ...] = ("clip",)
    reads_truth: bool = True
    exact: bool = True

    def __init__(self) -> None:
        self.card: Mapping[str, Any] = {"identity": "scene-oracle-v0"}

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge each clip against the truth of its case."""
        return [self._judged(case, response) for case, response in zip(cases, responses, strict=True)]

    def _judged(self, case: Case, response: Response) -> Judgement:
        truth, identity = case.truth, self.card["identity"]
        if not isinstance(truth, Truth):
            raise InvalidCase(f"{self.name} judges scenes; the truth of case {case.id} is {type(truth).__name__}")
        assert isinstance(response, Clip)
        true = truth.rendering.clip
        if response.frames.shape != true.frames.shape or response.fps != true.fps:
            return forfeit_all(case, f"expected a clip like {true.spec()}, got {response.spec()}", identity)
        known = response.digest == true.digest or bool((unlike(response.frames, true.frames) <= PIXELS).all())
        return judgement(case, _labelled(case, truth) if known else _compared(case, response, true), identity)


def _labelled(case: Case, truth: Truth) -> list[Verdict]:
    right = labels(truth)
    return [_verdict(criterion.id, criterion.maximum or 1.0, right[criterion.id]) for criterion in case.criteria]


def _verdict(name: str, maximum: float, right: int | None) -> Verdict:
    if right is None:
        return Verdict.not_applicable(name, "nothing in this case could break it")
    violated = {} if name == "instruction" else {"violated": right == 0}
    return Verdict.answered(name, right / maximum, float(right), **violated)


def _compared(case: Case, clip: Clip, true: Clip) -> list[Verdict]:
    last = slice(-max(3, len(true) // 10), None)
    way = float(unlike(true.frames[last], true.frames[:1]).mean())
    left = float(unlike(clip.frames[last], true.frames[last]).mean())
    share = 1 - left / way if way > 0 else 0.0
    grade = int(np.searchsorted(REACHED, share, side="right"))
    reason = "another clip than the simulated one: no label says whether it breaks this; scene-pixels can look"
    return [
        Verdict.answered(c.id, grade / 3, float(grade), reached=share)
        if c.id == "instruction"
        else Verdict.failed(c.id, reason)
        for c in case.criteria
    ]

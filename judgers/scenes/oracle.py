"""`scene-oracle`: answers from the simulation; the ceiling of every judger of scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidCase
from wmenv.core.verdict import Judgement, Verdict, forfeit_all, judgement
from wmenv.judgers.scenes.asked import UNASKED, unanswered, verdict
from wmenv.judgers.scenes.likeness import PIXELS, unlike
from wmenv.worlds.scenes.answers import LAWS
from wmenv.worlds.scenes.claims import Claim
from wmenv.worlds.scenes.events import when
from wmenv.worlds.scenes.facts import Facts
from wmenv.worlds.scenes.labels import Truth, labels
from wmenv.worlds.scenes.seen import Seen

UNLABELLED = "another clip than the simulated one: no label says whether it breaks this; scene-pixels can look"
REACHED = (0.2, 0.4, 0.9)
"""Share of the way to the true end from which an unknown clip has levels 1, 2 and 3."""


class SceneOracle:
    """Knows what was simulated.

    The truth of a case is its scene; in exams of judgers it is a lawful alternative or a planted clip instead. A clip
    that shows the truth, every frame within `PIXELS` pixels of the true one, has the labels that simulation gave it.

    Of any other clip nothing is known but that it is another one. How far its last frames come to the true ones
    from the first frame grades the instruction; which law it breaks, if any, cannot be told by comparison, since a
    lawful clip differs from the true one too. Those criteria have failed, and the coverage says so.

    Questions about events and claims are answered from the simulation too. Of another clip an event counts where the
    frames around its moment are the true ones, at that moment; claims have failed but for those about events.
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
        facts = case.facts
        if isinstance(facts, Facts) and facts.asked:
            found = _asked(case, facts, truth) if known else _glimpsed(case, facts, response, truth)
        else:
            found = _labelled(case, truth) if known else _compared(case, response, true)
        return judgement(case, found, identity)


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
    return [
        Verdict.answered(c.id, grade / 3, float(grade), reached=share)
        if c.id == "instruction"
        else Verdict.failed(c.id, UNLABELLED)
        for c in case.criteria
    ]


def _asked(case: Case, facts: Facts, truth: Truth) -> list[Verdict]:
    """Answers to questions about events and claims, from the rollout that the clip shows."""
    right = labels(truth)
    laws = {law: None if right[law] is None else float(right[law] or 0) for law in LAWS}
    seen = Seen.simulated(truth.rollout)
    return [
        verdict(c, facts, seen, laws) if c.id in facts.asked else unanswered(c, facts, SceneOracle.name)
        for c in case.criteria
    ]


def _glimpsed(case: Case, facts: Facts, clip: Clip, truth: Truth) -> list[Verdict]:
    """Answers about another clip than the simulated one: which of the true events it shows, when they truly happen."""
    seen = Seen.simulated(truth.rollout)
    same = unlike(clip.frames, truth.rendering.clip.frames) <= PIXELS
    found = []
    for criterion in case.criteria:
        asked = facts.asked.get(criterion.id, ())
        moments = [when(event, seen) for one in asked for event in (one.events if isinstance(one, Claim) else one)]
        if not criterion.questions:
            found.append(Verdict.not_applicable(criterion.id, UNASKED))
        elif not moments:
            found.append(Verdict.failed(criterion.id, UNLABELLED))
        else:
            shown = [m is not None and bool(same[max(0, int(m) - 1) : int(m) + 3].all()) for m in moments]
            score = sum(shown) / len(shown)
            found.append(Verdict.answered(criterion.id, score, score * (criterion.maximum or 1.0), shown=shown))
    return found

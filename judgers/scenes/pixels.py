"""`scene-pixels`: measures scenes in the picture, from what anybody may know of a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidCase
from wmenv.core.verdict import Judgement, Verdict, fail_all, forfeit_all, judgement
from wmenv.judgers.scenes.asked import unanswered, verdict
from wmenv.judgers.scenes.likeness import PIXELS, unlike
from wmenv.judgers.scenes.measure import Measured, measure
from wmenv.worlds.scenes.answers import LAWS
from wmenv.worlds.scenes.facts import Facts

THRESHOLDS: Mapping[str, Mapping[str, float]] = {
    "newton": {"spike": 1.6, "spikes": 2.5, "shove": 1.5, "gain": 0.85, "aside": 0.06},
    "mass": {"growth": 0.11, "loss": 0.14, "aspect": 0.16, "narrow": 0.16, "gone": 1.5},
    "fluid": {"less": 0.28, "more": 0.2, "stop": 2.4},
    "impenetrability": {"overlap": 0.1},
    "gravity": {"fall": 0.08, "lift": 1.5},
    "quality": {"noise": 3.0, "soft": 0.5},
    "temporal": {"flicker": 0.015, "turn": 4.0, "spikes": 2.5, "spike": 3.0, "blink": 1.5},
}
"""Statistics of `Motion`, `Matter`, `Flow` and `Look` by criterion, and the value at which the score is one half."""
STEEPNESS = 6
"""How fast scores fall: 1 / (1 + (statistic / threshold)^6), so that half a threshold costs 1.5 %."""
TOLERANCE = 0.8
"""Share by which thresholds rise for every pixel, at a width of 128, by which a clip is soft or was softened."""
SHARP = ("noise", "soft", "flicker")
"""Statistics that are read off the clip as it is."""
SHORTEST, SMALLEST = 8, 32


class ScenePixels:
    """Reads the clip and the case's public facts: first frame, camera, shapes and colours of the things, words.

    It reads no truth. Every thing is followed by the silhouette of its known shape; laws are tested where the
    picture can tell: free flight, motion with nothing near, sizes of what nothing hides. What it cannot see (no
    mover found, another world than the case's) is forfeited or, where the clip was not asked to show that world,
    failed; never passed.
    """

    name: str = "scene-pixels"
    accepts: tuple[str, ...] = ("clip",)
    reads_truth: bool = False
    exact: bool = True

    def __init__(self) -> None:
        self.card: Mapping[str, Any] = {"identity": "scene-pixels-v5"}

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge each clip by itself."""
        return [self._judged(case, response) for case, response in zip(cases, responses, strict=True)]

    def _judged(self, case: Case, response: Response) -> Judgement:
        facts, identity = case.facts, self.card["identity"]
        if not isinstance(facts, Facts):
            raise InvalidCase(f"{self.name} judges scenes; the facts of case {case.id} are {type(facts).__name__}")
        assert isinstance(response, Clip)
        length, height, width, _ = response.frames.shape
        if height != width or width < SMALLEST or length < SHORTEST:
            reason = f"expected at least {SHORTEST} square frames of {SMALLEST} pixels, got {response.spec()}"
            return forfeit_all(case, reason, identity)
        given = case.request.frames[0] if len(case.request.frames) else None
        if given is not None and given.shape != response.frames.shape[1:]:
            given = None
        first = facts.first_frame(width) if given is None else given
        start = float(unlike(response.frames[0], first))
        if start > PIXELS and not len(case.request.frames):
            reason = (
                "the clip shows another world than the case's, which its words alone do not fix; "
                "use condition='image', whose clips begin with the case's first frame"
            )
            return fail_all(case, reason, identity)
        if start > PIXELS and facts.asked:
            return judgement(case, [_elsewhere(criterion, facts, start) for criterion in case.criteria], identity)
        found = measure(facts, response, first)
        return judgement(case, [_answer(criterion, facts, found) for criterion in case.criteria], identity)


def _answer(criterion: Criterion, facts: Facts, found: Measured) -> Verdict:
    """The verdict on one of the eight criteria, or on questions about events and claims."""
    if criterion.id in THRESHOLDS or criterion.id == "instruction":
        return _verdict(criterion.id, facts, found)
    if criterion.id not in facts.asked:
        return unanswered(criterion, facts, "scene-pixels")
    return verdict(criterion, facts, found.shows, {law: _verdict(law, facts, found).score for law in LAWS})


def _elsewhere(criterion: Criterion, facts: Facts, start: float) -> Verdict:
    """The verdict on a clip that does not begin as it was asked to: nothing it shows happened to the case's things."""
    if criterion.id in facts.asked and criterion.questions:
        return Verdict.forfeited(criterion.id, f"{start:.0f} pixels of the first frame are not the case's", 0.0)
    return unanswered(criterion, facts, "scene-pixels")


def _verdict(name: str, facts: Facts, found: Measured) -> Verdict:
    if name not in facts.concerned:
        return Verdict.not_applicable(name, "nothing in this case could break it")
    anchored = found.start <= PIXELS
    if name == "instruction":
        level = found.level if anchored else 0
        return Verdict.answered(name, level / 3, float(level), start=found.start)
    if name == "temporal" and not anchored:
        return Verdict.forfeited(name, f"{found.start:.0f} pixels of the first frame are not the case's")
    liquid = facts.world.liquid
    seen = [one for one in found.witnesses if (liquid is not None and one == liquid.name) == (name == "fluid")]
    if name not in ("quality", "temporal") and not (seen or (name == "gravity" and found.witnesses)):
        return Verdict.forfeited(name, "nothing that could show it was found in the clip")
    if name == "mass" and not found.weighed:
        return Verdict.forfeited(name, "of nothing in the clip can it be told how much of it there is")
    softened = 1 + TOLERANCE * found.softness
    limits = {one: limit * (1.0 if one in SHARP else softened) for one, limit in THRESHOLDS[name].items()}
    shares = {statistic: found.statistics.get(statistic, 0.0) / limit for statistic, limit in limits.items()}
    worst = max(shares, key=lambda one: shares[one])
    score = float(1 / (1 + min(shares[worst], 1e3) ** STEEPNESS))
    values = {statistic: round(float(found.statistics.get(statistic, np.nan)), 5) for statistic in shares}
    known = {statistic: value for statistic, value in values.items() if np.isfinite(value)}
    return Verdict.answered(name, score, float(score >= 0.5), because=worst, **known)

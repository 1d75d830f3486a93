"""The ten dimensions of VideoVerse, in words of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from wmenv.core.criterion import Criterion
from wmenv.core.question import AnswerKind, Question
from wmenv.core.schemes import scheme, weighted_mean, weighted_sum
from wmenv.official.videoverse.cases import EVENTS, STATIC

SCHEMES = {"points": "videoverse-points-v0", "shares": "videoverse-shares-v0"}
"""points: one an event in order and one a check, as published. shares: the mean over dimensions of the share won."""

scheme(SCHEMES["points"])(weighted_sum)
scheme(SCHEMES["shares"])(weighted_mean)

DIMENSIONS = {
    EVENTS: "Which of the events happen, and in which order?",
    "camera_control": "Does the camera do what the prompt says?",
    "interaction": "Do things act on each other as they should?",
    "mechanics": "Does motion follow from forces as it should?",
    "material_properties": "Do materials behave as they should?",
    "natural_constraints": "Is what nature demands respected?",
    "common_sense": "Is what everybody knows respected?",
    "attribution_correctness": "Do things have the attributes that the prompt gives them?",
    "layout_2d": "Do things lie in the picture as the prompt says?",
    "depth_3d": "Do things lie in depth as the prompt says?",
}

Word = Callable[[str], str]


def criteria(
    events: Sequence[str] = (),
    checks: Sequence[tuple[str, str]] = (),
    event_prompt: str = "",
    check_prompt: Word = lambda _: "",
    opposites: Mapping[str, str] | None = None,
) -> tuple[Criterion, ...]:
    """The dimensions.

    Args:
        events: What should happen, in order; empty for the suite's own criteria.
        checks: (dimension, question) pairs; yes is right for all of them.
        event_prompt: The exact words on the order of events, where a copy's script has them.
        check_prompt: Makes the exact words of a check.
        opposites: Opposite wording of checks, by their question, where there is one.
    """
    found = []
    for name, text in DIMENSIONS.items():
        family = "static" if name in STATIC else "dynamic"
        asked = [
            Question(one, prompt=check_prompt(one), complement=(opposites or {}).get(one, ""))
            for kind, one in checks
            if kind == name
        ]
        if name == EVENTS and events:
            asked = [Question(text, "order", options=tuple(events), prompt=event_prompt)]
        kind: AnswerKind = "order" if name == EVENTS else "binary"
        points = float(sum(one.points for one in asked))
        found.append(Criterion(name, family, text, kind, 1, 1.0, "points", points or None, tuple(asked)))
    return tuple(found)


def by_points(found: Sequence[Criterion]) -> tuple[Criterion, ...]:
    """Criteria of a case weighted by the points that it has in each."""
    return tuple(replace(one, weight=one.maximum or 0.0) for one in found)

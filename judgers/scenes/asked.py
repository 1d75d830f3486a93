"""Verdicts on criteria whose questions are events in their order, or claims, from what a clip shows."""

from __future__ import annotations

from collections.abc import Mapping

from wmenv.core.criterion import Criterion
from wmenv.core.question import Question, score_of
from wmenv.core.verdict import Verdict
from wmenv.worlds.scenes.claims import Claim, holds
from wmenv.worlds.scenes.events import order, when
from wmenv.worlds.scenes.facts import Asked, Facts
from wmenv.worlds.scenes.seen import Seen

UNASKED = "the case asks nothing of this kind"
UNTOLD = "the clip shows nothing to answer it by"


def unanswered(criterion: Criterion, facts: Facts, name: str) -> Verdict:
    """The verdict on a criterion that is about neither events nor claims nor one of the eight criteria of scenes.

    Args:
        criterion: The criterion.
        facts: Public facts of the case.
        name: The judger's.
    """
    if facts.asked and not criterion.questions:
        return Verdict.not_applicable(criterion.id, UNASKED)
    return Verdict.failed(criterion.id, f"{name} cannot tell this: it is no question about events, places or laws")


def verdict(criterion: Criterion, facts: Facts, seen: Seen, laws: Mapping[str, float | None]) -> Verdict:
    """The verdict on one criterion.

    The score is the points won of the points there are. What the clip shows nothing about wins none; where that is
    so of everything that is asked, the criterion is forfeited.

    Args:
        criterion: The criterion, with one question for each thing that is asked.
        facts: Public facts of the case.
        seen: What the clip shows.
        laws: How well each law holds in it, 0 to 1; None where nothing shows.
    """
    asked = facts.asked[criterion.id]
    if len(asked) != len(criterion.questions):
        return Verdict.failed(criterion.id, f"{len(criterion.questions)} questions do not go with {len(asked)} claims")
    if not asked:
        return Verdict.not_applicable(criterion.id, UNASKED)
    shares = [_share(put, one, seen, laws) for put, one in zip(criterion.questions, asked, strict=True)]
    told = [_told(one, seen, share) for one, share in zip(asked, shares, strict=True)]
    if all(share is None for share in shares):
        return Verdict.forfeited(criterion.id, UNTOLD, 0.0, answers=told)
    points = [one.points for one in criterion.questions]
    won = sum(n * (share or 0.0) for n, share in zip(points, shares, strict=True))
    return Verdict.answered(criterion.id, won / sum(points), won, answers=told)


def _share(question: Question, asked: Asked, seen: Seen, laws: Mapping[str, float | None]) -> float | None:
    if not isinstance(asked, Claim):
        if not any(seen.known(name) for event in asked for name in event.names):
            return None
        return score_of(question, order(asked, seen))
    held = holds(asked, seen)
    if held is None:
        return None
    return laws[asked.names[0]] if asked.kind == "law" else float(held)


def _told(asked: Asked, seen: Seen, share: float | None) -> str:
    """What was found, in words, as evidence."""
    if isinstance(asked, Claim):
        return (
            "not to be told" if share is None else f"holds by {share:.2f}" if asked.kind == "law" else str(bool(share))
        )
    frames = [(frame, event.words) for event in asked if (frame := when(event, seen)) is not None]
    return "; ".join(f"{words} at frame {frame:.1f}" for frame, words in sorted(frames)) or "none of the events"

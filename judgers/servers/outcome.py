"""What replies amount to: an answer with its probability, and the verdict over a criterion's questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from wmenv.core.criterion import Criterion
from wmenv.core.question import Question, Value, score_of
from wmenv.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one question, or why there is none.

    Attributes:
        score: In [0, 1], 1 is good; None without an answer.
        native: Points or grade; None without an answer.
        probability: Of the good answer, where answers have one; None elsewhere.
        said: The answer in the words that a judge would use.
        reason: Why there is none.
        evidence: How it came about, as JSON values.
    """

    score: float | None
    native: float | None = None
    probability: float | None = None
    said: str = ""
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def unanswered(reason: str, **evidence: Any) -> Outcome:
    """No answer."""
    return Outcome(None, reason=reason, evidence=evidence)


def from_shares(question: Question, found: Mapping[str, float], decide: bool, evidence: Mapping[str, Any]) -> Outcome:
    """The answer that probabilities of labels, or shares of votes, amount to.

    Args:
        question: A question whose answer is a label.
        found: Probability or share by label; they need not add up to 1.
        decide: Whether the likeliest label is the answer, rather than their mean.
        evidence: How they came about.
    """
    whole = sum(found.values())
    share = {name: p / whole for name, p in found.items()}
    values = {name: _value(question, name) for name in share}
    ranked = sorted(share, key=lambda name: -share[name])
    best = ranked[0]
    if decide and len(ranked) > 1 and share[ranked[1]] == share[best]:
        return Outcome(None, reason=f"{best} and {ranked[1]} are equally likely", evidence=evidence)
    scores = {name: score_of(question, value) for name, value in values.items()}
    mean = min(1.0, max(0.0, sum(share[name] * scores[name] for name in share)))
    ordinal = question.answer == "ordinal"
    score = scores[best] if decide else mean
    native = (question.lowest + score * (question.highest - question.lowest)) if ordinal else score
    said = f"Score: {best}" if ordinal else best.capitalize()
    return Outcome(score, native, None if ordinal else mean, said, evidence=evidence)


def from_value(question: Question, value: Value, said: str, evidence: Mapping[str, Any]) -> Outcome:
    """The answer that was read in a reply."""
    score = score_of(question, value)
    native = (
        float(value) if question.answer == "ordinal" and isinstance(value, int | float) else question.points * score
    )
    return Outcome(score, native, None, said, evidence=evidence)


def counted(values: Sequence[Value], question: Question) -> dict[str, float]:
    """Share of votes by label."""
    votes = Counter(_label(question, value) for value in values)
    return {name: count / len(values) for name, count in votes.items()}


def verdict(criterion: Criterion, outcomes: Sequence[Outcome]) -> Verdict:
    """The verdict of a criterion's questions: the points won of the points there are.

    Args:
        criterion: The criterion.
        outcomes: One a question. Where one has no answer, the criterion has failed: a part of it is not the whole.
    """
    if not criterion.questions:
        return Verdict.not_applicable(criterion.id, "the case asks nothing of this kind")
    evidence = {"answers": [one.said for one in outcomes], "asked": [dict(one.evidence) for one in outcomes]}
    missing = [one.reason for one in outcomes if one.score is None]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        return Verdict(criterion.id, "failed", None, reason=missing[0] + more, evidence=evidence)
    points = sum(question.points for question in criterion.questions)
    won = sum(q.points * (one.score or 0.0) for q, one in zip(criterion.questions, outcomes, strict=True))
    single = outcomes[0] if len(outcomes) == 1 else None
    return Verdict(
        criterion.id,
        "answered",
        min(1.0, won / points),
        won if single is None else single.native,
        None if single is None else single.probability,
        evidence=evidence,
    )


def _value(question: Question, name: str) -> Value:
    match question.answer:
        case "ordinal":
            return float(int(name))
        case "choice":
            return ascii_uppercase.index(name)
    return name == "yes"


def _label(question: Question, value: Value) -> str:
    match question.answer:
        case "ordinal" if isinstance(value, int | float):
            return str(int(value))
        case "choice" if isinstance(value, int):
            return ascii_uppercase[value]
    return "yes" if value else "no"

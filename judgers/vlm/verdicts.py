"""From what a model says to verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from wmenv.core.criterion import Criterion
from wmenv.core.question import Question, Value
from wmenv.core.reading import verdict_of
from wmenv.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer to one question, as plain numbers.

    Attributes:
        told: In words, for people.
        value: The answer itself: the likeliest, or the expected grade.
        score: In [0, 1]; of a question that is not hard, the probability of the good answer or its expectation.
        log_odds: Of the good answer; None for grades and orders.
        mass: Probability of all answers that are told apart; the rest is for anything else.
        reason: Why there is none; empty where there is one.
    """

    told: str
    value: Value | None
    score: float | None
    log_odds: float | None = None
    mass: float | None = None
    reason: str = ""


def verdict(criterion: Criterion, questions: Sequence[Question], answers: Sequence[Answer], *, hard: bool) -> Verdict:
    """The verdict on a criterion.

    The score is the points won of the points there are, as `wmenv.core.reading.verdict_of` counts them; expected points
    unless `hard`. Any question without an answer is a verdict without a score.

    Args:
        criterion: The criterion.
        questions: What was asked.
        answers: One a question.
        hard: Whether only the likeliest answer counts.
    """
    asking = replace(criterion, questions=tuple(questions))
    reasons = {k: one.reason for k, one in enumerate(answers) if one.reason}
    values = [None if one.reason else one.value for one in answers]
    found = verdict_of(asking, values, [one.told for one in answers], reasons)
    evidence: dict[str, Any] = {
        **found.evidence,
        "log_odds": [one.log_odds for one in answers],
        "mass": [one.mass for one in answers],
    }
    if found.state != "answered":
        return replace(found, evidence=evidence)
    single = len(questions) == 1
    probability = answers[0].score if single and questions[0].answer in ("binary", "text", "choice") else None
    if hard:
        return replace(found, probability=probability, evidence=evidence)
    points = [one.points for one in questions]
    won = sum(p * one.score for p, one in zip(points, answers, strict=True) if one.score is not None)
    native = found.native if single and questions[0].answer == "ordinal" else won
    score = min(1.0, won / sum(points))
    return replace(found, score=score, native=native, probability=probability, evidence=evidence)


def likeliest(question: Question, probabilities: Sequence[float], order: Sequence[int]) -> Value:
    """The likeliest answer of those that a question tells apart, in the type that `score_of` takes."""
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    match question.answer:
        case "ordinal":
            return float(question.lowest + best)
        case "choice":
            return order[best]
    return best == 0

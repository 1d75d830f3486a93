"""Criteria: what is asked of a response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from wmenv.core.question import AnswerKind, Question

__all__ = ["AnswerKind", "Criterion"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that is asked of a response and scored.

    Attributes:
        id: Short name; `info["score/<id>"]` and the column of tables.
        family: Group of criteria that belong together.
        text: The question in words.
        answer: Kind of the native answer.
        polarity: +1 where a larger native value is better, -1 where a smaller one is (errors, violations).
        weight: Share in the scheme's total; 0 for a criterion that is reported beside it.
        unit: Unit of the native value, for tables.
        maximum: Largest native value of an ordinal or order answer; None elsewhere.
        questions: What a judger that puts questions to a clip asks in this case; most criteria of such suites have
            one, a dimension that a case examines several times has several.
    """

    id: str
    family: str
    text: str
    answer: AnswerKind = "continuous"
    polarity: Literal[1, -1] = -1
    weight: float = 1.0
    unit: str = ""
    maximum: float | None = None
    questions: tuple[Question, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON values, for protocols and results; without the questions, which belong to a case."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "questions"}

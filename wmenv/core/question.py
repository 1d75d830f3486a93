"""Questions: what is put to somebody who has seen a clip, and what an answer is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

AnswerKind = Literal["binary", "ordinal", "order", "choice", "text", "continuous"]
"""binary: yes or no. ordinal: one of a few whole grades. order: which events happened, in their order. choice: one
option. text: free words, which somebody compares with a reference. continuous: a measured number, never a question."""

Value = bool | float | tuple[int, ...]
"""An answer that was understood: yes (True) or no; a grade, whole unless it is a mean; indices of events in the order
seen; the index of an option; for free text whether a grader found it to agree with the reference."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question about a clip.

    Attributes:
        text: The question in words.
        answer: Kind of the answer.
        polarity: Of a binary question: +1 where yes is good, -1 where no is (the question asks for a violation).
        lowest: Least grade of an ordinal question.
        highest: Best grade of an ordinal question.
        options: Events of an order question as they should happen, or the options of a choice.
        reference: The right answer in words, of choice and text questions; an option's own words for a choice.
        rubric: What an answer in free text must hold to be right.
        topic: What groups questions in diagnostics, such as a phase; empty without any.
        difficulty: As the suite states it; empty without any.
        prompt: The exact words that a protocol puts to its judge, where it fixes them; empty elsewhere.
        complement: Of a binary question: the opposite wording, to which the other answer is good; empty without any.
        turned: Whether this is the opposite wording of what the suite asks; see `opposite`.
    """

    text: str
    answer: AnswerKind = "binary"
    polarity: Literal[1, -1] = 1
    lowest: int = 0
    highest: int = 1
    options: tuple[str, ...] = ()
    reference: str = ""
    rubric: str = ""
    topic: str = ""
    difficulty: str = ""
    prompt: str = ""
    complement: str = ""
    turned: bool = False

    def __post_init__(self) -> None:
        if self.answer == "ordinal" and self.lowest >= self.highest:
            raise ValueError(f"an ordinal question needs lowest < highest, got {self.lowest} and {self.highest}")
        if self.answer == "order" and not self.options:
            raise ValueError("an order question needs at least one event in `options`")
        if self.answer == "choice" and self.reference not in self.options:
            raise ValueError(f"the reference {self.reference!r} of a choice must be one of its options {self.options}")
        if self.complement and self.answer != "binary":
            raise ValueError(f"a question of kind {self.answer} has no opposite wording, got {self.complement!r}")

    def opposite(self) -> Question:
        """The question in its opposite wording; a prompt that a protocol fixes is left out, as it fixes one wording.

        Raises:
            ValueError: It has none.
        """
        if not self.complement:
            raise ValueError(f"this question has no opposite wording: {self.text!r}")
        turned: Literal[1, -1] = 1 if self.polarity < 0 else -1
        return replace(
            self, text=self.complement, complement=self.text, polarity=turned, prompt="", turned=not self.turned
        )

    @property
    def points(self) -> int:
        """What a full answer counts against other questions: one an event, else 1."""
        return len(self.options) if self.answer == "order" else 1


def score_of(question: Question, value: Value) -> float:
    """Score in [0, 1] of an answer, 1 for the best.

    Args:
        question: The question.
        value: The answer as its kind has it, see `Value`.

    Raises:
        ValueError: A grade, an event or an option that the question does not have.
    """
    match question.answer:
        case "binary":
            return float(bool(value) == (question.polarity > 0))
        case "text":
            return float(bool(value))
        case "ordinal" if isinstance(value, int | float) and question.lowest <= value <= question.highest:
            return (value - question.lowest) / (question.highest - question.lowest)
        case "choice" if isinstance(value, int) and 0 <= value < len(question.options):
            return float(question.options[value] == question.reference)
        case "order" if isinstance(value, tuple) and all(0 <= k < question.points for k in value):
            return common_order(range(question.points), value) / question.points
    raise ValueError(f"{value!r} does not answer a question of kind {question.answer}: {question.text!r}")


def common_order(first: Sequence[object], second: Sequence[object]) -> int:
    """Length of the longest common subsequence (Wagner and Fischer 1974): what two orders agree on.

    Examples:
        >>> common_order("ABCD", "ADBC")
        3
    """
    row = [0] * (len(second) + 1)
    for one in first:
        diagonal = 0
        for k, other in enumerate(second, start=1):
            diagonal, row[k] = row[k], diagonal + 1 if one == other else max(row[k], row[k - 1])
    return row[-1]

"""Questions in words that the first token of an answer can settle."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Literal

from wmenv.core.question import Question

Reply = Literal["yes-no", "grade", "letter", "letters"]
VERSION = "words-v0"
"""Bumped whenever words below change: they are part of a judger's identity."""

NONE = "None"
OUTPUT = "<output>"
"""What a protocol's own words want letters to follow."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is put to a model.

    Attributes:
        question: The question.
        words: What the model reads.
        reply: What its answer starts with.
        choices: Answers that are told apart: grades, or letters.
        order: For letters: index of the event or option behind each letter.
        lead: What the answer is made to begin with.
    """

    question: Question
    words: str
    reply: Reply
    choices: tuple[str, ...] = ()
    order: tuple[int, ...] = ()
    lead: str = ""


def asked(question: Question) -> Asked:
    """Put a question into words.

    A protocol's own words (`Question.prompt`) are used where it has them. Events to be put in order are listed in
    another order, which the question decides: whoever recites the alphabet would be right otherwise. Free text is not
    generated: the model is shown the reference and asked whether the clip agrees.

    Raises:
        ValueError: A question that no token answers: a measured number, free text without a reference, grades beyond
            0 to 9, over 26 letters.
    """
    text = question.text.strip()
    match question.answer:
        case "binary":
            return Asked(question, question.prompt or f"{text}\nAnswer yes or no.", "yes-no")
        case "text":
            if not question.reference:
                raise ValueError(f"free text has no reference to compare with: {text!r}")
            rubric = f"\n{question.rubric}" if question.rubric else ""
            told = f"Question: {text}\nExpected answer: {question.reference}{rubric}"
            return Asked(question, f"{told}\nDoes the clip agree with the expected answer? Answer yes or no.", "yes-no")
        case "ordinal":
            return _graded(question, text)
        case "choice" | "order":
            return _lettered(question, text)
    raise ValueError(f"a question of kind {question.answer} asks for a measured number, which no token is")


def _graded(question: Question, text: str) -> Asked:
    low, high = question.lowest, question.highest
    if low < 0 or high > 9:
        raise ValueError(f"grades must lie in 0 to 9 to be told apart by one token, got {low} to {high}: {text!r}")
    rubric = f"\n{question.rubric}" if question.rubric else ""
    words = question.prompt or f"{text}{rubric}\nAnswer with a whole number from {low} to {high}."
    return Asked(question, words, "grade", tuple(map(str, range(low, high + 1))))


def _lettered(question: Question, text: str) -> Asked:
    count = len(question.options)
    if count > len(ascii_uppercase):
        raise ValueError(f"{count} options are more than there are letters: {text!r}")
    letters = tuple(ascii_uppercase[:count])
    ordered = question.answer == "order"
    order = list(range(count))
    if ordered and not question.prompt:
        random.Random(hashlib.sha256(repr((text, question.options)).encode()).digest()).shuffle(order)
    listed = "\n".join(f"{letter}. {question.options[k]}" for letter, k in zip(letters, order, strict=True))
    if not ordered:
        words = question.prompt or f"{text}\n{listed}\nAnswer with the letter of one option."
        return Asked(question, words, "letter", letters, tuple(order))
    words = question.prompt or (
        f"{text}\n{listed}\nAnswer with the letters of those that happen, in the order in which they happen, separated "
        f"by commas, or with the word {NONE}."
    )
    lead = OUTPUT if OUTPUT in question.prompt else ""
    return Asked(question, words, "letters", letters, tuple(order), lead)

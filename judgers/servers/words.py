"""Questions in words, and which kind of reply they are put for."""

from __future__ import annotations

from string import ascii_uppercase
from typing import Literal

from wmenv.core.canonical import digest
from wmenv.core.question import Question

Kind = Literal["token", "words"]
"""token: one word, letter or figure, whose probability or votes are taken. words: a reply that is read."""

SYSTEM = (
    "You are shown a video as frames with their times. Answer from what the frames show and from nothing else, in the "
    "form that is asked for."
)
YES_NO = "{text}\nAnswer with one word, Yes or No."
GRADE = "{text}\n{rubric}Answer with one number from {lowest} to {highest} and nothing else."
CHOICE = "{text}\n{options}\nAnswer with one letter and nothing else."
ORDER = (
    "{text}\n{options}\nWrite the letters of the events that happen, in the order in which they happen, between "
    "<output> and </output> with commas between them. Leave out what does not happen; where nothing of it happens, "
    "write <output></output>."
)
OPEN = "{text}\nAnswer in one or two sentences."
GRADER = (
    "Somebody answered a question about a video.\nQuestion: {text}\nRight answer: {reference}\n{rubric}"
    "Given answer: {answer}\nDoes the given answer agree with the right answer? Answer with one word, Yes or No."
)
TEMPLATE = digest([SYSTEM, YES_NO, GRADE, CHOICE, ORDER, OPEN, GRADER])
"""Part of the judger's identity: other words, other answers."""
LONGEST = 2000
"""Characters of an answer in free text that a grader gets to see."""


def put(question: Question, own: bool) -> tuple[str, Kind]:
    """What is put to the server.

    Args:
        question: The question.
        own: Whether wmenv's words are put also where a protocol fixes others. A protocol's words ask for words, since
            its script reads words.
    """
    if question.prompt and not own:
        return question.prompt, "words"
    listed = "\n".join(f"{letter}. {one}" for letter, one in zip(ascii_uppercase, question.options, strict=False))
    rubric = f"{question.rubric}\n" if question.rubric else ""
    match question.answer:
        case "binary":
            return YES_NO.format(text=question.text), "token"
        case "ordinal":
            asked = GRADE.format(text=question.text, rubric=rubric, lowest=question.lowest, highest=question.highest)
            return asked, "token" if 0 <= question.lowest and question.highest <= 9 else "words"
        case "choice":
            return CHOICE.format(text=question.text, options=listed), "token"
        case "order":
            return ORDER.format(text=question.text, options=listed), "words"
    return OPEN.format(text=question.text), "words"


def graded(question: Question, answer: str) -> str:
    """What is put to the grader of an answer in free text."""
    rubric = f"What an answer must hold: {question.rubric}\n" if question.rubric else ""
    brief = answer if len(answer) <= LONGEST else f"{answer[:LONGEST]}..."
    return GRADER.format(text=question.text, reference=question.reference, rubric=rubric, answer=brief)


def label(question: Question, bare: str) -> str | None:
    """The answer that a bare token begins: `yes`, `no`, a grade or a letter; None for another token."""
    match question.answer:
        case "binary" | "text":
            word = bare.casefold()
            return word if word in ("yes", "no") else None
        case "ordinal":
            inside = bare.isdecimal() and question.lowest <= int(bare) <= question.highest
            return str(int(bare)) if inside else None
        case "choice":
            return bare if len(bare) == 1 and bare in ascii_uppercase[: len(question.options)] else None
    return None

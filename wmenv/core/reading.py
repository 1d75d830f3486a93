"""Reading answers given in words, strictly: an answer that could mean two things is no answer.

What cannot be read is missing (`failed`), never 0 and never a pass. The readings of official scripts, which take the
letters "no" inside "noticeable" for a pass, are in `wmenv.official`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from wmenv.core.criterion import Criterion
from wmenv.core.question import Question, Value, score_of
from wmenv.core.verdict import Verdict

_MARKS = " \t\r\n*_`#\"'“”‘’()[]{}<>"
_FIRST = re.compile(r"(yes|no)(?=\W*$|[.,;:!\n]|\s+[-–—]\s)", re.IGNORECASE)
_LAST = re.compile(r"(?<![\w'’-])(yes|no)$", re.IGNORECASE)
_VERDICTS = re.compile(r"\b(yes|no)\b")
_NEGATIONS = re.compile(r"\b(?:not|never|neither|nor|cannot|without)\b|n['’]t\b")
_STOPS = re.compile(r"[.!?;:\n]")
_NUMBER = r"(?<![\w.])(?P<sign>[-+]?)(?P<whole>\d+)(?P<rest>(?:\.\d+)?(?:\s*/\s*\d+)?)(?![\w%])"
_NO_RANGE = r"(?!\s*(?:[-–—~,]|to|or|and)\s*\d)"
_GRADED = re.compile(rf"\b(?:score|grade|rating)\b[\s*_:=\[\"'(]{{1,8}}{_NUMBER}{_NO_RANGE}", re.IGNORECASE)
_TAGGED = re.compile(r"<output>(.*?)</output>", re.DOTALL | re.IGNORECASE)


def read(question: Question, text: str) -> Value | None:
    """The answer that a text gives to a question.

    Args:
        question: A question of any kind but `continuous`.
        text: The reply, raw.

    Returns:
        The answer, or None where the text does not give exactly one. Free text has none: it needs a grader.
    """
    match question.answer:
        case "binary":
            return read_yes_no(text)
        case "ordinal":
            return read_grade(text, question.lowest, question.highest)
        case "order":
            return read_order(text, len(question.options))
        case "choice":
            return read_choice(text, len(question.options))
    return None


def read_yes_no(text: str) -> bool | None:
    """Yes or no, as the last word of a reply or else as its first, followed by a stop; None for anything else.

    A last sentence that holds both words, or a negation, is not understood.

    Examples:
        >>> read_yes_no("Yes, noticeable flicker"), read_yes_no("It is intact, so no."), read_yes_no("cannot tell")
        (True, False, None)
    """
    bare = text.strip(_MARKS)
    sentence = _STOPS.split(bare.rstrip(_MARKS + ".!"))[-1].lower()
    if last := _LAST.search(sentence):
        clear = len(set(_VERDICTS.findall(sentence))) == 1 and not _NEGATIONS.search(sentence)
        return last[1] == "yes" if clear else None
    first = _FIRST.match(bare)
    if first is None or (first[1].lower() == "no" and "yes" in _VERDICTS.findall(bare.lower())):
        return None
    return first[1].lower() == "yes"


def read_grade(text: str, lowest: int, highest: int) -> int | None:
    """A whole grade: the number after the last "score", or a reply that is nothing but a number.

    Args:
        text: The reply. A grade may be written as `2`, `2.0` or `2/3` (of the highest).
        lowest: Least grade.
        highest: Best grade.

    Returns:
        The grade, or None: no number, several, a fraction between grades, or one out of range.
    """
    graded = list(_GRADED.finditer(text))
    found = graded[-1] if graded else re.fullmatch(_NUMBER + r"\.?", text.strip(_MARKS))
    if found is None or found["rest"].replace(" ", "") not in ("", ".0", f"/{highest}", f".0/{highest}"):
        return None
    grade = int(found["sign"] + found["whole"])
    return grade if lowest <= grade <= highest else None


def read_order(text: str, events: int) -> tuple[int, ...] | None:
    """Events in the order seen, from letters inside `<output></output>`; none or an empty tag means that none happened.

    Args:
        text: The reply.
        events: Number of events, at most 26.

    Returns:
        Indices from 0, or None: no tag or several, something else than letters, a letter beyond the events, a repeat.
    """
    tags = _TAGGED.findall(text)
    if len(tags) != 1:
        return None
    inside = tags[0].strip().strip(".")
    if inside.lower() in ("", "none"):
        return ()
    letters = [one.strip() for one in re.split(r"[,>\s]+", inside)]
    if len(set(letters)) != len(letters) or any(one not in tuple(ascii_uppercase[:events]) for one in letters):
        return None
    return tuple(ascii_uppercase.index(one) for one in letters)


def read_choice(text: str, options: int) -> int | None:
    """An option by its letter: a reply that is the letter, or that ends in "answer: B"; None for anything else."""
    bare = text.strip().strip(_MARKS + ".:")
    found = re.fullmatch(r"[A-Z]", bare) or re.search(r"\b(?:answer|option)\b[\s*:(]*([A-Z])$", bare, re.IGNORECASE)
    if found is None:
        return None
    index = ascii_uppercase.find(found[0][-1])
    return index if 0 <= index < options else None


def verdict_of(
    criterion: Criterion,
    values: Sequence[Value | None],
    raw: Sequence[str] = (),
    reasons: Mapping[int, str] | None = None,
) -> Verdict:
    """The verdict that answers to a criterion's questions amount to.

    The score is the points won of the points there are, over all its questions; the native value is the grade of a
    single ordinal question, else the points won.

    Args:
        criterion: A criterion with questions.
        values: One a question; None where there is no answer that could be read: the verdict is then `failed`.
        raw: The replies, kept as evidence.
        reasons: Why there is no answer, by index of the question.
    """
    questions = criterion.questions
    if len(values) != len(questions):
        raise ValueError(f"{len(values)} answers do not go with the {len(questions)} questions of {criterion.id}")
    if not questions:
        return Verdict.not_applicable(criterion.id, "the case asks nothing of this kind")
    missing = [k for k, value in enumerate(values) if value is None]
    if missing:
        told = (reasons or {}).get(missing[0]) or _unread(raw[missing[0]] if raw else "")
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        return Verdict(criterion.id, "failed", None, reason=told + more, evidence={"answers": list(raw)})
    won = sum(q.points * score_of(q, v) for q, v in zip(questions, values, strict=True) if v is not None)
    single = values[0] if len(questions) == 1 and questions[0].answer == "ordinal" else None
    native = float(single) if isinstance(single, int | float) else won
    return Verdict.answered(criterion.id, won / sum(q.points for q in questions), native, answers=list(raw))


def _unread(text: str) -> str:
    brief = " ".join(text.split())
    return f"cannot read an answer in {brief[:80]!r}" if brief else "the answer is empty"

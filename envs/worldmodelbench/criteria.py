"""The eight criteria of WorldModelBench, in words of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wmenv.core.criterion import Criterion
from wmenv.core.question import Question
from wmenv.core.schemes import scheme, weighted_sum

SCHEME = "worldmodelbench-10-v0"
"""Points: instruction following 0 to 3, and one for each of seven violations that does not occur; at most 10."""

scheme(SCHEME)(weighted_sum)

INSTRUCTION = "instruction"
VIOLATIONS: dict[str, tuple[str, str, str]] = {
    "newton": (
        "physics",
        "Does something start, stop or turn although no force acts on it?",
        "Does everything that starts, stops or turns have a force that acts on it?",
    ),
    "mass": (
        "physics",
        "Does something solid change its shape or amount as it could not?",
        "Does everything solid keep its shape and amount as far as it could not change them?",
    ),
    "fluid": ("physics", "Does a liquid flow as no liquid does?", "Does every liquid flow as liquids do?"),
    "impenetrability": (
        "physics",
        "Do solid things pass through each other?",
        "Do solid things stay out of each other throughout?",
    ),
    "gravity": (
        "physics",
        "Does something fall, float or rise against gravity?",
        "Does everything fall, float or rise as gravity has it?",
    ),
    "quality": (
        "common_sense",
        "Are the pictures of poor quality or unpleasant to look at?",
        "Are the pictures of good quality and pleasant to look at?",
    ),
    "temporal": (
        "common_sense",
        "Does the clip flicker, jump or change from one moment to the next?",
        "Does the clip go on steadily, without a flicker, jump or sudden change?",
    ),
}
"""Criterion -> family, question (no is the good answer), and its opposite wording (yes is)."""


def criteria(instruction: str = "", prompts: Mapping[str, str] | None = None) -> tuple[Criterion, ...]:
    """The criteria.

    Args:
        instruction: What the clip should show; the questions are a case's where it is given, a suite's have none.
        prompts: The exact words put to a judge, by criterion, where a copy's script has them.
    """
    asked = f"How far does the clip carry out this instruction: {instruction}" if instruction else ""
    rubric = "0: not at all; 1: the right thing does something else, or another thing does it; 2: partly; 3: wholly"
    told = asked or "How far does the clip carry out the instruction?"
    follow = Criterion(INSTRUCTION, INSTRUCTION, told, "ordinal", 1, weight=3.0, maximum=3.0)
    found = [_asking(follow, Question(told, "ordinal", highest=3, rubric=rubric))]
    for name, (family, text, opposite) in VIOLATIONS.items():
        question = Question(text, polarity=-1, complement=opposite)
        found.append(_asking(Criterion(name, family, text, "binary", 1), question))
    if not instruction:
        return tuple(replace(one, questions=()) for one in found)
    return tuple(_worded(one, (prompts or {}).get(one.id, "")) for one in found)


def _asking(criterion: Criterion, question: Question) -> Criterion:
    return replace(criterion, questions=(question,))


def _worded(criterion: Criterion, prompt: str) -> Criterion:
    return replace(criterion, questions=tuple(replace(one, prompt=prompt) for one in criterion.questions))

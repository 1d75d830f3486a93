"""The phases and grades of WorldReasonBench, and its two schemes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wmenv.core.criterion import Criterion
from wmenv.core.question import Question
from wmenv.core.schemes import scheme, weighted_sum
from wmenv.official.worldreasonbench.process import DYNAMIC, QUALITY_WEIGHTS, score_pr

if TYPE_CHECKING:
    from wmenv.core.verdict import Verdict

SCHEMES = {"process": "worldreasonbench-pr-v0", "quality": "worldreasonbench-quality-v0"}
PHASES = {
    "state": "Are the things and states right?",
    "process": "Does it happen in the right order and way?",
    "fidelity": "Are the details right?",
    "mechanism": "Is the cause behind it right?",
}
GRADES = {
    "reasoning": "How right is what happens?",
    "consistency": "How well do the pictures hold together over time?",
    "aesthetics": "How good are the pictures to look at?",
}
LOWEST, HIGHEST = 1, 5

scheme(SCHEMES["quality"])(weighted_sum)


@scheme(SCHEMES["process"])
def process_aware(criteria: Sequence[Criterion], verdicts: Sequence[Verdict]) -> tuple[float | None, float]:
    """Score_PR of one clip: accuracy^0.8 * s_dyn^0.2 over the questions of the phases that count; maximum 1.

    A phase counts as many times as the case asks about it (its weight). s_dyn is the accuracy over process and
    mechanism (our reading, see `wmenv.official.worldreasonbench.process`); without a question on them, or where the
    judge failed both, it is the accuracy itself.
    """
    found = [(c, v.score) for c, v in zip(criteria, verdicts, strict=True) if v.score is not None and c.weight > 0]
    if not found:
        return None, 1.0
    accuracy = _mean([(c.weight, score) for c, score in found])
    dynamic = [(c.weight, score) for c, score in found if c.id in DYNAMIC]
    return score_pr(accuracy, _mean(dynamic) if dynamic else accuracy), 1.0


def _mean(pairs: Sequence[tuple[float, float]]) -> float:
    return min(1.0, sum(weight * score for weight, score in pairs) / sum(weight for weight, _ in pairs))


def phases(questions: Sequence[Question] = ()) -> tuple[Criterion, ...]:
    """The four phases, each with a case's questions on it (by topic) and as much weight; a suite's weigh 1."""
    found = []
    for name, text in PHASES.items():
        asked = tuple(one for one in questions if one.topic == name)
        weight = float(len(asked)) if questions else 1.0
        found.append(Criterion(name, "process", text, "binary", 1, weight, "right answers", weight or None, asked))
    return tuple(found)


def grades(asked: bool = True) -> tuple[Criterion, ...]:
    """Three grades from 1 to 5; S(v) is their weighted mean, and the total is (S - 1) / 4 where all three are given."""
    return tuple(
        Criterion(
            name,
            "quality",
            text,
            "ordinal",
            1,
            QUALITY_WEIGHTS[name],
            maximum=float(HIGHEST),
            questions=(Question(text, "ordinal", lowest=LOWEST, highest=HIGHEST),) if asked else (),
        )
        for name, text in GRADES.items()
    )

"""Process-aware scores of WorldReasonBench: what eval_qa.py computes from the answers about one video.

Constants and formulas are those of its `_compute_process_aware_metrics`; Score_PR and S(v) are the README's, which no
code of the repository computes. What `s_dyn` is, is nowhere said: `dynamic_accuracy` is our reading.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from wmenv.official.worldreasonbench.cases import PHASES

DIFFICULTY_WEIGHTS = {"easy": (0.8, 1.5), "medium": (1.0, 1.0), "hard": (1.5, 0.6)}
"""Difficulty -> weight of a right and of a wrong answer; any other difficulty counts as medium."""
DYNAMIC = ("process", "mechanism")
DECAY = 0.8
GAP = 0.3
BOTTLENECK_WEIGHTS = {"state": 0.2, "process": 0.3, "fidelity": 0.2, "mechanism": 0.3}
QUALITY_WEIGHTS = {"reasoning": 0.4, "consistency": 0.3, "aesthetics": 0.3}
TINY = 1e-9


class Answered(NamedTuple):
    """One answered question: its phase, its difficulty, and 1.0 for a right answer or 0.0."""

    phase: str
    difficulty: str
    score: float


Dynamic = Callable[[Sequence[Answered]], "float | None"]
"""What s_dyn is: the answers about one video -> a number in [0, 1], or None where there is nothing to go by."""


def score_pr(accuracy: float, dynamic: float) -> float:
    """Score_PR = Acc^0.8 * s_dyn^0.2 (README), both in [0, 1]."""
    return float(accuracy**0.8 * dynamic**0.2)


def quality(scores: Mapping[str, float]) -> float:
    """S(v) = 0.4 reasoning + 0.3 consistency + 0.3 aesthetics (README), in the unit of the scores (1 to 5)."""
    return math.fsum(weight * scores[name] for name, weight in QUALITY_WEIGHTS.items())


def accuracy(answers: Sequence[Answered]) -> float:
    """Share of right answers; 0 without answers, as in the script."""
    return sum(one.score for one in answers) / len(answers) if answers else 0.0


def dynamic_accuracy(answers: Sequence[Answered]) -> float | None:
    """Our reading of s_dyn: the accuracy over the questions about process and mechanism; None without any."""
    dynamic = [one for one in answers if one.phase in DYNAMIC]
    return accuracy(dynamic) if dynamic else None


def phase_scores(answers: Sequence[Answered]) -> dict[str, float]:
    """Accuracy by phase, of the phases that were asked about."""
    asked = {phase: [one for one in answers if one.phase == phase] for phase in PHASES.values()}
    return {phase: accuracy(found) for phase, found in asked.items() if found}


def weighted_score(answers: Sequence[Answered]) -> float:
    """Mean weighted by difficulty: right answers to hard questions and wrong ones to easy questions count more."""
    weights = [DIFFICULTY_WEIGHTS.get(one.difficulty, (1.0, 1.0))[one.score < 0.5] for one in answers]
    won = sum(weight * one.score for weight, one in zip(weights, answers, strict=True))
    return won / sum(weights) if answers else 0.0


def outcome_gap(phases: Mapping[str, float]) -> float | None:
    """Mean of state and fidelity minus mean of process and mechanism; None where one side was not asked about."""
    sides = [[phases[p] for p in side if p in phases] for side in (("state", "fidelity"), DYNAMIC)]
    if not all(sides):
        return None
    outcome, process = (sum(side) / len(side) for side in sides)
    return outcome - process


def gap_flag(gap: float | None) -> str:
    """What the script calls a gap."""
    if gap is None:
        return "insufficient_data"
    if gap > GAP:
        return "outcome_hacking"
    return "incomplete_transition" if gap < -GAP else "consistent"


def chain_score(answers: Sequence[Answered]) -> float:
    """Mean along state, process, fidelity, mechanism; each failed dynamic question takes a fifth off what follows."""
    order = list(PHASES.values())
    factor = 1.0
    scores: list[float] = []
    for one in sorted(answers, key=lambda answer: order.index(answer.phase)):
        scores.append(one.score * factor)
        if one.phase in DYNAMIC and one.score < 0.5:
            factor *= DECAY
    return sum(scores) / len(scores) if scores else 0.0


def bottleneck(phases: Mapping[str, float]) -> float:
    """Weighted geometric mean of the phases that were asked about."""
    if not phases:
        return 0.0
    total = sum(BOTTLENECK_WEIGHTS[phase] for phase in phases)
    logs = sum(BOTTLENECK_WEIGHTS[phase] * math.log(max(score, TINY)) for phase, score in phases.items())
    return math.exp(logs / total)


def radar_area(phases: Mapping[str, float]) -> float:
    """Geometric mean of all four phases, 0 for one that was not asked about; 0 where all are."""
    scores = [phases.get(phase, 0.0) for phase in PHASES.values()]
    if not any(score > 0 for score in scores):
        return 0.0
    return float(math.prod(max(score, TINY) for score in scores) ** (1.0 / len(scores)))


def diagnosis(phases: Mapping[str, float]) -> str:
    """The script's label of a video; phases that were not asked about count as 0."""
    state, process, mechanism = (phases.get(phase, 0.0) for phase in ("state", "process", "mechanism"))
    if min(state, process, mechanism) >= 0.6:
        return "genuine_understanding"
    if state >= 0.6 and min(process, mechanism) < 0.4:
        return "static_match_dynamic_failure"
    if max(state, process, mechanism) < 0.4:
        return "visual_hallucination"
    return "partial_understanding"

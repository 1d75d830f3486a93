"""The exam of the physics judger: planted faults must be flagged by their own criterion, clean clips must not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np

from wmenv.core.clip import Clip
from wmenv.core.verdict import Judgement
from wmenv.studies.blocks import markdown
from wmenv.worlds.discs.criteria import MEASURES
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.faults import FAULTS, Fault
from wmenv.worlds.discs.world import FPS, LAWS, Law, frame_times

CALIBRATION_SEEDS = range(0, 1000)
"""On these seeds the half-score errors of `wmenv.worlds.discs.criteria` were checked; `margins` shows them."""
EXAM_SEEDS = range(10_000, 12_000)
PLANTED, CLEAN = 100, 500
FLAG = 0.5


@dataclass(frozen=True, slots=True)
class Exam:
    """Flags raised on one kind of clip.

    Attributes:
        law: The law.
        fault: Name of the fault; `clean` for true clips.
        criterion: The criterion that has to flag it; empty for clean clips.
        clips: Number of clips.
        own: Clips flagged by that criterion (for clean clips: by any).
        flags: Clips flagged, by criterion.
    """

    law: Law
    fault: str
    criterion: str
    clips: int
    own: int
    flags: Counter[str]


def faults_table() -> str:
    """Share of clips flagged, by fault and criterion, on the exam seeds."""
    exams = [exam for law in LAWS for exam in examine(law)]
    order = list(MEASURES)
    rows = [
        [
            f"{e.law}: {e.fault}",
            e.criterion or "none",
            str(e.clips),
            f"{e.own}",
            *(f"{e.flags[c] / e.clips:.2f}" for c in order),
        ]
        for e in exams
    ]
    note = (
        f"\n\nDefault size, seeds from {EXAM_SEEDS.start}. A verdict flags when its score is under {FLAG}, that is, "
        "when the error passes the half-score error. For clean clips `flagged` counts clips with any flag.\n\n"
        f"Half-score errors between clean and planted clips, all laws, seeds {CALIBRATION_SEEDS.start} to "
        f"{CALIBRATION_SEEDS.stop - 1}; a criterion without a fault of its own has no planted error:\n\n"
    )
    margin_rows = [
        [name, f"{clean:.4f}", f"{MEASURES[name].half:g}", "-" if planted is None else f"{planted:.4f}"]
        for name, (clean, planted) in margins().items()
    ]
    header = ["criterion", "largest clean error", "half-score error", "smallest error of its own fault"]
    table = markdown(["clips", "own criterion", "n", "flagged", *order], rows)
    return table + note + markdown(header, margin_rows)


@lru_cache(maxsize=1)
def margins() -> dict[str, tuple[float, float | None]]:
    """Largest error of clean clips and smallest of a criterion's own faults, on the calibration seeds.

    500 clean clips a law and 100 planted ones a fault and law, as many as in the exam.
    """
    clean: dict[str, float] = dict.fromkeys(MEASURES, 0.0)
    planted: dict[str, float] = {}
    for law in LAWS:
        env: Any = gym.make(f"PhyWorld-{law}-v0").unwrapped
        for judgement in _judge_clean(env, CALIBRATION_SEEDS):
            for verdict in judgement.verdicts:
                clean[verdict.criterion] = max(clean[verdict.criterion], verdict.native or 0.0)
        for fault in FAULTS.values():
            for judgement in _judge_planted(env, fault, CALIBRATION_SEEDS) if law in fault.laws else ():
                error = judgement[fault.criterion].native
                planted[fault.criterion] = min(planted.get(fault.criterion, np.inf), np.inf if error is None else error)
    return {name: (clean[name], planted.get(name)) for name in MEASURES}


@lru_cache(maxsize=8)
def examine(law: Law) -> tuple[Exam, ...]:
    """Judge clean and planted clips of a law on the exam seeds, at the default size; the clean ones come first."""
    env: Any = gym.make(f"PhyWorld-{law}-v0").unwrapped
    exams = [_exam(law, "clean", "", _judge_clean(env, EXAM_SEEDS))]
    for fault in FAULTS.values():
        if law in fault.laws:
            label = f"{fault.name}, {fault.magnitude}"
            exams.append(_exam(law, label, fault.criterion, _judge_planted(env, fault, EXAM_SEEDS)))
    return tuple(exams)


def _exam(law: Law, fault: str, criterion: str, judgements: Iterable[Judgement]) -> Exam:
    raised = [{v.criterion for v in j.verdicts if v.score is not None and v.score < FLAG} for j in judgements]
    own = sum(criterion in flags if criterion else bool(flags) for flags in raised)
    return Exam(law, fault, criterion, len(raised), own, Counter(name for flags in raised for name in flags))


def _judge_clean(env: Any, seeds: Sequence[int]) -> Iterator[Judgement]:
    """Judgements of the first 500 true clips."""
    for case in env.cases([f"id-{seed:012x}" for seed in seeds[:CLEAN]]):
        yield from env.score([case], [env.true_clip(case)])


def _judge_planted(env: Any, fault: Fault, seeds: Sequence[int]) -> Iterator[Judgement]:
    """Judgements of the first 100 clips that have room for the fault."""
    times = frame_times(env.clip_spec.frames)
    planted = 0
    for seed in seeds:
        (case,) = env.cases([f"id-{seed:012x}"])
        discs = fault.plant(case.truth, times, np.random.default_rng(seed))
        if discs is not None:
            yield from env.score([case], [Clip(draw(discs, env.size, env.edge), FPS)])
            planted += 1
        if planted == PLANTED:
            return

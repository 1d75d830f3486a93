"""The exam of the physics judger: planted faults must be flagged by their own criterion, clean clips must not."""

from __future__ import annotations

from collections import Counter
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
"""The half-score errors of `wmenv.worlds.discs.criteria` were chosen on these seeds."""
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
        f"\n\nDefault size; thresholds chosen on seeds {CALIBRATION_SEEDS.start} to {CALIBRATION_SEEDS.stop - 1}, "
        f"reported on seeds from {EXAM_SEEDS.start}. A verdict flags when its score is under {FLAG}. For clean clips "
        "`flagged` counts clips with any flag."
    )
    return markdown(["clips", "own criterion", "n", "flagged", *order], rows) + note


@lru_cache(maxsize=8)
def examine(law: Law) -> tuple[Exam, ...]:
    """Judge clean and planted clips of a law on the exam seeds, at the default size; the clean ones come first."""
    env: Any = gym.make(f"PhyWorld-{law}-v0").unwrapped
    cases = env.cases([f"id-{seed:012x}" for seed in EXAM_SEEDS[:CLEAN]])
    flags: Counter[str] = Counter()
    caught = 0
    for case in cases:
        raised = _flags(env.score([case], [env.true_clip(case)])[0])
        flags.update(raised)
        caught += bool(raised)
    clean = Exam(law, "clean", "", len(cases), caught, flags)
    planted = (_examine_fault(env, law, fault) for fault in FAULTS.values() if law in fault.laws)
    return (clean, *planted)


def _examine_fault(env: Any, law: Law, fault: Fault) -> Exam:
    times = frame_times(env.clip_spec.frames)
    flags: Counter[str] = Counter()
    planted = own = 0
    for seed in EXAM_SEEDS:
        (case,) = env.cases([f"id-{seed:012x}"])
        discs = fault.plant(case.truth, times, np.random.default_rng(seed))
        if discs is None:
            continue
        (judgement,) = env.score([case], [Clip(draw(discs, env.size, env.edge), FPS)])
        raised = _flags(judgement)
        flags.update(raised)
        own += fault.criterion in raised
        planted += 1
        if planted == PLANTED:
            break
    return Exam(law, f"{fault.name}, {fault.magnitude}", fault.criterion, planted, own, flags)


def _flags(judgement: Judgement) -> set[str]:
    return {v.criterion for v in judgement.verdicts if v.score is not None and v.score < FLAG}

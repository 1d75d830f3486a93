"""What a critic finds and lets pass, by criterion and by what was planted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.core.classification import auroc
from wmenv.judgers.critics.lessons import Lessons


@dataclass(frozen=True, slots=True)
class Told:
    """One criterion.

    Attributes:
        broken: Clips that break it.
        met: Clips that meet it.
        found: Share of the broken ones that are told to be; None of none.
        passed: Share of the met ones that are told to be; None of none.
        balanced: Their mean: the balanced accuracy.
        auroc: Chance that of a broken and a met one the right one gets the higher log-odds.
    """

    broken: int
    met: int
    found: float | None
    passed: float | None
    balanced: float | None
    auroc: float | None


@dataclass(frozen=True, slots=True)
class Exam:
    """Exam on some clips.

    Attributes:
        clips: How many.
        criteria: By criterion.
        kinds: Balanced accuracy by what was planted, such as `mass/vanish`: the mean of the share of such clips that
            are found and of the share of those that meet the criterion that pass.
    """

    clips: int
    criteria: Mapping[str, Told]
    kinds: Mapping[str, float]


def examine(lessons: Lessons, said: NDArray[np.float32]) -> Exam:
    """Hold log-odds (N, C) against targets; targets of exactly one half say nothing here."""
    criteria, kinds = {}, {}
    for c, name in enumerate(lessons.criteria):
        broken, met = lessons.targets[:, c] < 0.5, lessons.targets[:, c] > 0.5
        found, passed = _share(said[broken, c] < 0), _share(said[met, c] >= 0)
        both = None if found is None or passed is None else round((found + passed) / 2, 4)
        sure = broken | met
        rank = auroc(met[sure], said[sure, c].astype(np.float64)) if both is not None else None
        criteria[name] = Told(
            int(broken.sum()), int(met.sum()), found, passed, both, None if rank is None else round(rank, 4)
        )
        for kind in sorted(set(lessons.kinds)):
            share = _share(said[np.array(lessons.kinds) == kind, c] < 0)
            if kind.partition("/")[0] == name and share is not None and passed is not None:
                kinds[kind] = round((share + passed) / 2, 4)
    return Exam(len(lessons), criteria, kinds)


def _share(said: NDArray[np.bool_]) -> float | None:
    return round(float(said.mean()), 4) if len(said) else None

"""How well a score tells two kinds apart, and how well answers hit several: threshold-free, and class by class."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from wmenv.core.correlation import mean_ranks


def auroc(truth: Sequence[bool] | NDArray[np.bool_], scores: Sequence[float] | NDArray[np.float64]) -> float | None:
    """Area under the ROC curve: how often a positive scores above a negative, a tie counting one half.

    The statistic of Mann and Whitney (1947) over the number of pairs. It needs no threshold and does not move with
    the share of positives.

    Args:
        truth: N, True for positives.
        scores: N finite numbers, larger for positives.

    Returns:
        In [0, 1], 0.5 is luck; None where there are no positives or no negatives.
    """
    positive, values = np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)
    if positive.shape != values.shape:
        raise ValueError(f"{len(positive)} labels do not go with {len(values)} scores")
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite; leave out what is missing and report the coverage instead")
    hits = int(positive.sum())
    misses = len(positive) - hits
    if not hits or not misses:
        return None
    return float((mean_ranks(values)[positive].sum() - hits * (hits + 1) / 2) / hits / misses)


def balanced_accuracy(truth: Sequence[Hashable], answers: Sequence[Hashable]) -> float | None:
    """Mean over the classes of the truth of how many of a class are answered right.

    A judge that always says the same gets one over the number of classes, however rare the others are.

    Args:
        truth: N classes.
        answers: N classes.

    Returns:
        In [0, 1]; None of nothing.
    """
    if len(truth) != len(answers):
        raise ValueError(f"{len(truth)} labels do not go with {len(answers)} answers")
    right: dict[Hashable, list[bool]] = {}
    for true, answer in zip(truth, answers, strict=True):
        right.setdefault(true, []).append(true == answer)
    return sum(sum(one) / len(one) for one in right.values()) / len(right) if right else None

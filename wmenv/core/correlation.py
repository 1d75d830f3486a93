"""How far two numbers go together: Pearson, Spearman, Kendall. All lie in [-1, 1]; NaN where one side does not vary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def pearson(x: Sequence[float] | FloatArray, y: Sequence[float] | FloatArray) -> float:
    """Correlation of the values themselves: 1 where y is a rising line of x.

    Args:
        x: N finite numbers.
        y: N finite numbers, pair by pair.

    Raises:
        ValueError: Lengths differ.
    """
    a, b = (_standard(values) for values in _paired(x, y))
    norm = np.sqrt((a @ a) * (b @ b))
    return float(np.clip(a @ b / norm, -1.0, 1.0)) if norm > 0 else float("nan")


def spearman(x: Sequence[float] | FloatArray, y: Sequence[float] | FloatArray) -> float:
    """Rank correlation with mean ranks for ties: 1 where y rises whenever x does.

    Args:
        x: N finite numbers.
        y: N finite numbers, pair by pair.
    """
    a, b = _paired(x, y)
    return pearson(mean_ranks(a), mean_ranks(b))


def kendall(x: Sequence[float] | FloatArray, y: Sequence[float] | FloatArray) -> float:
    """Kendall's tau-b: pairs in the same order less pairs in the other, of those that are no ties.

    Knight, A Computer Method for Calculating Kendall's Tau with Ungrouped Data (1966): the pairs in the other order are
    the exchanges that sort y where x is sorted.

    Args:
        x: N finite numbers.
        y: N finite numbers, pair by pair.
    """
    a, b = (np.unique(values, return_inverse=True)[1].astype(np.int64) for values in _paired(x, y))
    order = np.lexsort((b, a))
    total, tied_a, tied_b = len(a) * (len(a) - 1) // 2, _tied(a), _tied(b)
    tied_both = _tied(a * (len(b) + 1) + b)
    difference = total - tied_a - tied_b + tied_both - 2 * _exchanges(b[order])
    norm = float(total - tied_a) * float(total - tied_b)
    return float(np.clip(difference / np.sqrt(norm), -1.0, 1.0)) if norm > 0 else float("nan")


def mean_ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1 on; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    return (upper - (counts - 1) / 2)[inverse]


def _paired(x: Sequence[float] | FloatArray, y: Sequence[float] | FloatArray) -> tuple[FloatArray, FloatArray]:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"expected two rows of as many numbers, got shapes {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("values must be finite; leave out what is missing and report the coverage instead")
    return a, b


def _standard(values: FloatArray) -> FloatArray:
    """Values about their mean, in units of their largest deviation: no square of it over- or underflows."""
    if not len(values) or (values == values[0]).all():
        return np.zeros_like(values)
    largest = float(np.abs(values).max())
    centred = values / largest - (values / largest).mean()
    return np.asarray(centred / np.abs(centred).max()) if centred.any() else centred


def _tied(values: IntArray) -> int:
    """Pairs of equal values."""
    counts = np.unique(values, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def _exchanges(ranks: IntArray) -> int:
    """Pairs that stand in the wrong order, by merging sorted halves, all blocks of one width at once."""
    if len(ranks) < 2:
        return 0
    top = int(ranks.max()) + 1
    padding = np.full((1 << (len(ranks) - 1).bit_length()) - len(ranks), top, dtype=np.int64)
    blocks = np.concatenate([ranks, padding])[:, None]
    found = 0
    while len(blocks) > 1:
        width = blocks.shape[1]
        halves = blocks.reshape(-1, 2, width)
        apart = np.arange(len(halves))[:, None] * (top + 1)  # lifts each block above the one before
        left, right = (halves[:, 0] + apart).ravel(), (halves[:, 1] + apart).ravel()
        below = np.searchsorted(left, right, side="right")
        found += int(((np.arange(len(halves)) + 1) * width).repeat(width).sum() - below.sum())
        blocks = np.sort(halves.reshape(-1, 2 * width), axis=1)
    return found

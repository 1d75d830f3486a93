"""Seeded statistics whose unit is the case: samples of one case belong together.

Percentile bootstrap over clusters (Efron and Tibshirani 1993, chapter 13), in numpy, independent of the order
in which rows arrived. The interval of few clusters is too short; decisions take the expanded one (Hesterberg 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from wmenv.core.student import t_quantile

FloatArray = NDArray[np.float64]
REPLICATES = 2000
BOOTSTRAP_SEED = 20241105
PIECE = 1 << 16
"""Numbers drawn at a time; few enough to stay in a processor's cache."""
IN_A_TAIL, MOST_REPLICATES = 20, 200_000
"""Resamples wanted beyond each end of an expanded interval, and where that ends."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval.

    Attributes:
        mean: Mean over all values (not over cluster means), or another statistic of them.
        low: Lower end of the interval; equal to the mean where there is one cluster.
        high: Upper end.
        n: Number of values.
        clusters: Number of clusters.
    """

    mean: float
    low: float
    high: float
    n: int
    clusters: int


def bootstrap_mean(
    values: Sequence[float] | FloatArray,
    clusters: Sequence[str],
    *,
    level: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = BOOTSTRAP_SEED,
    expanded: bool = False,
) -> Estimate | None:
    """Mean and percentile interval by resampling whole clusters.

    Args:
        values: N finite numbers.
        clusters: N cluster names; a case id, say.
        level: Coverage of the interval, in (0, 1).
        replicates: Number of resamples.
        seed: Of the resampling.
        expanded: Whether to widen the interval of few clusters, see `expanded_level`, and to resample as often as its
            ends need.

    Returns:
        The estimate, or None of no values.

    Raises:
        ValueError: Lengths differ or a value is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) != len(clusters):
        raise ValueError(f"{len(values)} values do not go with {len(clusters)} cluster names")
    if not len(values):
        return None
    if not np.isfinite(values).all():
        raise ValueError("values must be finite; leave failed rows out and report the coverage instead")
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    # Rows are put in a fixed order first, so that float sums do not depend on the order of arrival.
    order = np.lexsort((values, index))
    sums = np.bincount(index[order], weights=values[order], minlength=len(names)).astype(np.float64)
    counts = np.bincount(index, minlength=len(names)).astype(np.float64)
    mean = float(sums.sum() / counts.sum())
    if len(names) == 1:
        return Estimate(mean, mean, mean, len(values), 1)
    if expanded:
        level = expanded_level(level, len(names))
        replicates = max(replicates, min(int(2 * IN_A_TAIL / max(1 - level, 1e-9)), MOST_REPLICATES))
    low, high = np.quantile(_resampled_means(sums, counts, replicates, seed), [(1 - level) / 2, (1 + level) / 2])
    return Estimate(mean, float(low), float(high), len(values), len(names))


def _resampled_means(sums: FloatArray, counts: FloatArray, replicates: int, seed: int) -> FloatArray:
    """The mean of each resample; made piece by piece, so that memory does not grow with the number of clusters."""
    rng, clusters = np.random.default_rng(seed), len(sums)
    rows = max(1, PIECE // clusters)
    means = np.empty(replicates)
    for start in range(0, replicates, rows):
        drawn = rng.integers(clusters, size=(min(rows, replicates - start), clusters))
        means[start : start + rows] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return means


def expanded_level(level: float, clusters: int) -> float:
    """Level of the percentile interval that covers as often as `level` says.

    A bootstrap draws from n clusters with the spread of n rather than n - 1, and knows no t quantiles. The expanded
    percentile interval (Hesterberg 2015, What Teachers Should Know About the Bootstrap) takes the percentiles at
    `Phi(-sqrt(n / (n - 1)) * t(1 - tail, n - 1))` instead of at `tail`.

    Args:
        level: Coverage that is wanted, in (0, 1).
        clusters: n, at least 2.
    """
    reach = t_quantile((1 + level) / 2, clusters - 1) * np.sqrt(clusters / (clusters - 1))
    return 1 - 2 * NormalDist().cdf(-float(reach))


def paired_difference(
    first: Sequence[float],
    second: Sequence[float],
    clusters: Sequence[str],
    *,
    level: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = BOOTSTRAP_SEED,
    expanded: bool = False,
) -> Estimate | None:
    """Mean of `second - first` over pairs with a clustered interval.

    Args:
        first: N values of the first system.
        second: N values of the second, pair by pair.
        clusters: N cluster names.
        level: Coverage of the interval.
        replicates: Number of resamples.
        seed: Of the resampling.
        expanded: Whether to widen the interval of few clusters.
    """
    difference = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    return bootstrap_mean(difference, clusters, level=level, replicates=replicates, seed=seed, expanded=expanded)


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float | None],
    clusters: Sequence[str],
    *,
    level: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = BOOTSTRAP_SEED,
) -> Estimate | None:
    """A statistic of N rows and its percentile interval by resampling whole clusters.

    For statistics that are no mean, such as a rank correlation; `bootstrap_mean` is the fast way for means.

    Args:
        statistic: Indices of rows, repeated where a cluster was drawn twice -> its value; None or NaN where it has
            none, as of rows that do not vary. Such resamples are left out.
        clusters: N cluster names.
        level: Coverage of the interval, in (0, 1).
        replicates: Number of resamples.
        seed: Of the resampling.

    Returns:
        The value over all rows with its interval, or None where it has none. The interval is the value itself where
        there is one cluster.
    """
    value = statistic(np.arange(len(clusters))) if len(clusters) else None
    if value is None or np.isnan(value):
        return None
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    if len(names) == 1:
        return Estimate(float(value), float(value), float(value), len(clusters), 1)
    rows = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    drawn = np.random.default_rng(seed).integers(len(names), size=(replicates, len(names)))
    found = [statistic(np.concatenate([rows[k] for k in one])) for one in drawn]
    values = np.array([one for one in found if one is not None and not np.isnan(one)])
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2]) if len(values) else (value, value)
    return Estimate(float(value), float(low), float(high), len(clusters), len(names))


def slope(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Least-squares slope of y on x; None where x does not vary.

    1 says that y follows x, 0 that y ignores it: a mean error alone cannot tell a generator that learned the law
    from one that always moves at the mean speed.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(a) < 2:
        return None
    centred = a - a.mean()
    spread = float(centred @ centred)
    if spread <= 1e-12 * len(a):
        return None
    return float(centred @ (b - b.mean()) / spread)


def wilson(hits: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Interval of a share by Wilson's score (1927): it stays within [0, 1] and says something of no hits, too.

    Args:
        hits: Of n.
        n: At least 1.
        z: Normal quantile; of 95 % by default.

    Returns:
        Lower and upper end.
    """
    share, extra = hits / n, z * z / n
    half = z * float(np.sqrt(share * (1 - share) / n + extra / (4 * n)))
    centre = share + extra / 2
    return max((centre - half) / (1 + extra), 0.0), min((centre + half) / (1 + extra), 1.0)

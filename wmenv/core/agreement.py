"""Agreement between people, or between judges: how much of it, and how much could be luck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

Level = Literal["nominal", "ordinal", "interval"]
"""nominal: values are equal or not. ordinal: ranks count. interval: differences count."""


class Share(NamedTuple):
    """A share of some number of comparisons; None of none."""

    value: float | None
    n: int


def krippendorff_alpha(units: Sequence[Sequence[float]], level: Level) -> float | None:
    """Krippendorff's alpha: 1 - observed over expected disagreement; any number of raters, values may be missing.

    Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section on any number of observers.

    Args:
        units: The values that each unit got, one a rater; a unit with fewer than two enters nothing.
        level: How values differ.

    Returns:
        Alpha, at most 1; 0 is luck. None where no unit has two values, or all values are equal.
    """
    pairable = [tuple(unit) for unit in units if len(unit) > 1]
    counts = Counter(value for unit in pairable for value in unit)
    n = sum(counts.values())
    if len(counts) < 2:
        return None
    distance = _distances(counts, level)
    observed = sum(
        sum(distance[a, b] for a, b in combinations(sorted(unit), 2)) * 2 / (len(unit) - 1) for unit in pairable
    )
    expected = sum(2 * counts[a] * counts[b] * distance[a, b] for a, b in combinations(sorted(counts), 2))
    return 1 - (n - 1) * observed / expected


def _distances(counts: Mapping[float, int], level: Level) -> dict[tuple[float, float], float]:
    """Squared difference of each pair a <= b of values."""
    values = sorted(counts)
    found: dict[tuple[float, float], float] = {}
    for i, a in enumerate(values):
        for j, b in enumerate(values[i:], start=i):
            if a == b:
                found[a, b] = 0.0
            elif level == "nominal":
                found[a, b] = 1.0
            elif level == "interval":
                found[a, b] = (b - a) ** 2
            else:
                between = sum(counts[value] for value in values[i : j + 1])
                found[a, b] = (between - (counts[a] + counts[b]) / 2) ** 2
    return found


def cohen_kappa(
    first: Sequence[float],
    second: Sequence[float],
    weights: Literal["linear", "quadratic"] | None = None,
) -> float | None:
    """Cohen's kappa of two raters: 1 - observed over expected disagreement, each rater keeping their own frequencies.

    Cohen, A Coefficient of Agreement for Nominal Scales (1960); weighted: Psychological Bulletin 70 (1968). Weights are
    by the distance of values, so that a grade that nobody gave still lies between its neighbours.

    Args:
        first: N values of one rater.
        second: N values of the other, item by item.
        weights: None counts any difference alike, `linear` by its size, `quadratic` by its square.

    Returns:
        At most 1; 0 is luck. None of nothing, and where both always say the same one thing: luck would do as well.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} values do not go with {len(second)}")

    def cost(a: float, b: float) -> float:
        return float(a != b) if weights is None else abs(a - b) ** (1 if weights == "linear" else 2)

    observed = sum(cost(a, b) for a, b in zip(first, second, strict=True))
    left, right = Counter(first), Counter(second)
    expected = sum(left[a] * right[b] * cost(a, b) for a in left for b in right)
    return 1.0 - len(first) * observed / expected if expected else None


def equal_share(units: Sequence[Sequence[float]]) -> Share:
    """Share of pairs of raters of one unit that say the same."""
    return within(units, 0.0)


def within(units: Sequence[Sequence[float]], tolerance: float) -> Share:
    """Share of pairs of raters of one unit whose values differ by at most `tolerance`."""
    pairs = [abs(a - b) <= tolerance for unit in units for a, b in combinations(unit, 2)]
    return Share(sum(pairs) / len(pairs) if pairs else None, len(pairs))


def pairwise_agreement(scores: Mapping[str, Mapping[str, float]], groups: Mapping[str, str] | None = None) -> Share:
    """Share of comparisons of two clips on whose winner two raters agree.

    Two raters and two clips that both rated are one comparison; it counts where each of the two prefers one clip.

    Args:
        scores: Rater -> clip -> score.
        groups: Clip -> group; only clips of one group are compared. All are one group by default.
    """
    agreed = []
    for first, second in combinations(scores.values(), 2):
        for a, b in combinations(sorted(first.keys() & second.keys()), 2):
            if groups is not None and groups.get(a) != groups.get(b):
                continue
            one, other = first[a] - first[b], second[a] - second[b]
            if one and other:
                agreed.append((one > 0) == (other > 0))
    return Share(sum(agreed) / len(agreed) if agreed else None, len(agreed))


def majority_baseline(values: Sequence[float]) -> Share:
    """What a judge gets right that always says what is said most often: the accuracy to beat."""
    counts = Counter(values)
    return Share(max(counts.values()) / len(values) if values else None, len(values))

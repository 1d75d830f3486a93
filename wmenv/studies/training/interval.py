"""Student's t interval over training seeds: few of them, so the quantile matters (4.30 for three seeds, not 1.96)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class SeedInterval:
    """Mean over training seeds with a two-sided interval.

    Attributes:
        mean: Mean over seeds.
        low: Lower end; equal to the mean where there is one seed, which tells nothing about the spread.
        high: Upper end.
        seeds: Number of seeds.
    """

    mean: float
    low: float
    high: float
    seeds: int

    def plain(self) -> dict[str, Any]:
        """As JSON values, six decimals: beyond them processors differ."""
        return {
            "mean": round(self.mean, 6),
            "low": round(self.low, 6),
            "high": round(self.high, 6),
            "seeds": self.seeds,
        }


def seed_interval(values: Sequence[float], level: float = LEVEL) -> SeedInterval | None:
    """Mean and interval mean +- t s / sqrt(n), t of n - 1 degrees of freedom (Student 1908).

    Args:
        values: One number a training seed; their spread is taken as normal, which three seeds cannot check.
        level: Coverage, in (0, 1).

    Returns:
        The interval, or None of no values.

    Raises:
        ValueError: A value is not finite.
    """
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"values must be finite, got {list(values)}")
    n = len(values)
    if not n:
        return None
    mean = math.fsum(values) / n
    if n == 1:
        return SeedInterval(mean, mean, mean, 1)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile((1.0 + level) / 2.0, n - 1) * spread / math.sqrt(n)
    return SeedInterval(mean, mean - half, mean + half, n)


def t_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t distribution, by bisection of `t_cdf`.

    Args:
        probability: In (0, 1).
        freedom: Degrees of freedom, at least 1.

    Raises:
        ValueError: An argument is out of range.
    """
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability must lie between 0 and 1, got {probability}")
    if probability < 0.5:
        return -t_quantile(1.0 - probability, freedom)
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < probability:
        high *= 2.0
    for _ in range(200):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        low, high = (middle, high) if t_cdf(middle, freedom) < probability else (low, middle)
    return (low + high) / 2.0


def t_cdf(t: float, freedom: int) -> float:
    """Distribution function of Student's t: the finite series for whole degrees of freedom.

    Abramowitz and Stegun 1964, 26.7.3 (odd) and 26.7.4 (even): both are polynomials in cos(theta) where
    theta = atan(t / sqrt(freedom)).

    Raises:
        ValueError: Less than one degree of freedom.
    """
    if freedom < 1:
        raise ValueError(f"freedom must be at least 1, got {freedom}")
    theta = math.atan2(t, math.sqrt(freedom))
    cosine, sine = math.cos(theta), math.sin(theta)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range((freedom - odd) // 2):
        total += term
        term *= cosine**2 * ((2 * k + 2) / (2 * k + 3) if odd else (2 * k + 1) / (2 * k + 2))
    inside = 2.0 / math.pi * (theta + sine * total) if odd else sine * total
    return 0.5 + inside / 2.0

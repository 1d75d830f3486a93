"""Student's t interval over training seeds: few of them, so the quantile matters (4.30 for three seeds, not 1.96)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wmenv.core.student import t_quantile

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

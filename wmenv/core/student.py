"""Student's t distribution, without scipy."""

from __future__ import annotations

import math


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

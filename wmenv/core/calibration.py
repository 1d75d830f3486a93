"""Whether probabilities mean what they say, and the temperature that makes them.

A probability is calibrated where, of all answers given with it, as large a share comes true. Guo et al., On Calibration
of Modern Neural Networks (2017): expected calibration error by bins, and temperature scaling, which divides log-odds by
one number and so changes no decision and no rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Floats = Sequence[float] | FloatArray

CERTAIN = 1e-6
"""Probabilities are held this far from 0 and 1 before their log-odds are taken."""
LEAST, MOST = 0.05, 20.0
"""Temperatures that a fit may find. Where labels always follow the sign of the log-odds, or always contradict it, the
likelihood has no minimum between them."""
BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram.

    Attributes:
        n: Probabilities in it.
        said: Their mean.
        found: Share of them that came true.
    """

    n: int
    said: float
    found: float


def reliability(truth: Floats, probabilities: Floats, bins: int = BINS) -> list[Bin]:
    """Bins of equal width in which there are probabilities, the lowest first; a bin holds its upper edge.

    Args:
        truth: N labels, 0 or 1 or between.
        probabilities: N in [0, 1], of the label 1.
        bins: Number of bins.
    """
    labels, said = _checked(truth, probabilities)
    index = np.searchsorted(np.linspace(0.0, 1.0, bins + 1)[1:-1], said)
    chosen = [index == k for k in range(bins)]
    return [Bin(int(one.sum()), float(said[one].mean()), float(labels[one].mean())) for one in chosen if one.any()]


def expected_calibration_error(truth: Floats, probabilities: Floats, bins: int = BINS) -> float | None:
    """Mean distance of what was said from what was found, over bins weighted by their number; None of nothing."""
    found = reliability(truth, probabilities, bins)
    total = sum(one.n for one in found)
    return sum(one.n * abs(one.said - one.found) for one in found) / total if total else None


def brier(truth: Floats, probabilities: Floats) -> float | None:
    """Mean squared distance of probabilities from labels (Brier 1950), in [0, 1]; None of nothing."""
    labels, said = _checked(truth, probabilities)
    return float(((said - labels) ** 2).mean()) if len(said) else None


def log_loss(truth: Floats, probabilities: Floats) -> float | None:
    """Mean negative log-likelihood, nats; probabilities are held `CERTAIN` from 0 and 1. None of nothing."""
    labels, said = _checked(truth, probabilities)
    return float(_loss(labels, log_odds(said)).mean()) if len(said) else None


def log_odds(probabilities: Floats) -> FloatArray:
    """log(p / (1 - p)), of probabilities held `CERTAIN` from 0 and 1."""
    held = np.clip(np.asarray(probabilities, dtype=np.float64), CERTAIN, 1.0 - CERTAIN)
    return np.asarray(np.log(held) - np.log1p(-held))


def probability(odds: Floats) -> FloatArray:
    """1 / (1 + exp(-odds)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(np.asarray(odds, dtype=np.float64) / 2.0)))


def scaled(probabilities: Floats, temperature: float) -> FloatArray:
    """Probabilities whose log-odds are divided by a temperature: above 1 nearer to one half, below 1 farther."""
    return probability(log_odds(probabilities) / temperature)


def fit_temperature(truth: Floats, probabilities: Floats) -> float | None:
    """The temperature in [0.05, 20] at which the labels are likeliest.

    The loss is convex in the inverse temperature, so that its slope has one root, which is halved in on.

    Args:
        truth: N labels, 0 or 1 or between.
        probabilities: N in [0, 1], of the label 1.

    Returns:
        The temperature; None of nothing, or where every probability is one half: no temperature changes those.
    """
    labels, said = _checked(truth, probabilities)
    odds = log_odds(said)
    if not odds.any():
        return None

    def slope(inverse: float) -> float:
        return float(((probability(inverse * odds) - labels) * odds).sum())

    low, high = 1.0 / MOST, 1.0 / LEAST
    if slope(low) >= 0.0:
        return MOST
    if slope(high) <= 0.0:
        return LEAST
    while high - low > 1e-12 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) < 0.0 else (low, middle)
    return 2.0 / (low + high)


def _loss(labels: FloatArray, odds: FloatArray) -> FloatArray:
    """-y log p - (1 - y) log(1 - p) of log-odds."""
    return np.asarray(np.logaddexp(0.0, odds) - labels * odds)


def _checked(truth: Floats, probabilities: Floats) -> tuple[FloatArray, FloatArray]:
    labels, said = np.asarray(truth, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    if labels.shape != said.shape or labels.ndim != 1:
        raise ValueError(f"expected as many labels as probabilities, got shapes {labels.shape} and {said.shape}")
    for name, values in (("labels", labels), ("probabilities", said)):
        if not ((values >= 0.0) & (values <= 1.0)).all():
            raise ValueError(f"{name} must lie in [0, 1]")
    return labels, said

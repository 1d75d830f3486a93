"""Preferences: which of two clips is better, as people said and as a judge says, with ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

Preference = Literal["first", "second", "tie"]
SWAPPED: Mapping[Preference, Preference] = {"first": "second", "second": "first", "tie": "tie"}


def induced(first: float, second: float, threshold: float) -> Preference:
    """The preference that two scores amount to: a tie where they differ by at most the threshold."""
    if abs(first - second) <= threshold:
        return "tie"
    return "first" if first > second else "second"


def fitted_threshold(differences: Sequence[float], gold: Sequence[Preference]) -> float:
    """The tie threshold at which most preferences induced by scores are those of people.

    Deutsch et al., Ties Matter (2023, arXiv 2305.14324): a metric's scores hardly ever tie, so that its ties must be
    given a width; it is chosen on other pairs than it is reported on.

    Args:
        differences: Score of the first less score of the second, N finite numbers, N at least 1.
        gold: N preferences of people.

    Returns:
        0 or the size of a difference, the least of those that do best.
    """
    sizes = np.abs(np.asarray(differences, dtype=np.float64))
    order = np.argsort(sizes, kind="stable")
    # Widening the tie over a pair loses it where its sign was right, and wins it where people see a tie.
    right = [induced(d, 0.0, 0.0) == g for d, g in zip(differences, gold, strict=True)]
    gained = np.array([float(g == "tie") for g in gold]) - np.array(right, dtype=float)
    gained[sizes == 0.0] = 0.0
    reached = np.concatenate([[0.0], np.cumsum(gained[order])])
    edges = np.concatenate([[0.0], sizes[order]])
    last = np.append(edges[1:] > edges[:-1], True)  # equal differences tie together
    reached[~last] = -np.inf
    return float(edges[int(np.argmax(reached))])

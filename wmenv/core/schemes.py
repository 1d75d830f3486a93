"""Schemes: named, versioned functions from verdicts to a total.

A scheme's name is part of every result. Changing what a scheme computes means a new name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wmenv.core.criterion import Criterion
from wmenv.core.errors import UnknownName

if TYPE_CHECKING:
    from wmenv.core.verdict import Verdict

Scheme = Callable[[Sequence[Criterion], Sequence["Verdict"]], tuple[float | None, float]]
_SCHEMES: dict[str, Scheme] = {}


def scheme(name: str) -> Callable[[Scheme], Scheme]:
    """Register a function `(criteria, verdicts) -> (total or None, maximum)` under a name."""

    def register(function: Scheme) -> Scheme:
        if name in _SCHEMES:
            raise ValueError(f"scheme {name!r} is registered already")
        _SCHEMES[name] = function
        return function

    return register


def total_of(
    name: str, criteria: Sequence[Criterion], verdicts: Sequence[Verdict]
) -> tuple[float | None, float, float]:
    """Total, maximum and coverage of verdicts under a scheme.

    Returns:
        The total (None where no weighted criterion is answered or forfeited), the maximum those criteria could
        have reached, and the share of concerned criteria (all but `not_applicable`) that did not fail.

    Raises:
        UnknownName: No such scheme.
    """
    if name not in _SCHEMES:
        raise UnknownName(f"no scheme named {name!r}; known: {', '.join(sorted(_SCHEMES))}")
    concerned = [v for v in verdicts if v.state != "not_applicable"]
    failed = sum(v.state == "failed" for v in concerned)
    coverage = 1.0 - failed / len(concerned) if concerned else 0.0
    return (*_SCHEMES[name](criteria, verdicts), coverage)


@scheme("weighted-mean-v0")
def weighted_mean(criteria: Sequence[Criterion], verdicts: Sequence[Verdict]) -> tuple[float | None, float]:
    """Weighted mean of the scores of answered and forfeited verdicts; maximum 1.

    Criteria of weight 0 are reported and do not enter. Failed and not applicable ones leave numerator and
    denominator alike.
    """
    weights = [(c.weight, v.score) for c, v in zip(criteria, verdicts, strict=True) if v.score is not None]
    weight = sum(w for w, _ in weights)
    if weight == 0:
        return None, 1.0
    return sum(w * s for w, s in weights) / weight, 1.0


@scheme("weighted-sum-v0")
def weighted_sum(criteria: Sequence[Criterion], verdicts: Sequence[Verdict]) -> tuple[float | None, float]:
    """Weighted sum of the scores of answered and forfeited verdicts; its maximum is the sum of their weights."""
    weights = [(c.weight, v.score) for c, v in zip(criteria, verdicts, strict=True) if v.score is not None]
    maximum = sum(w for w, _ in weights)
    if maximum == 0:
        return None, 1.0
    return sum(w * s for w, s in weights), maximum

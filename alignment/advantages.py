"""Advantages: how much better a sample is than the other samples of its case, criterion by criterion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.verdict import Judgement

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Spread = Literal["global", "group"]
Shape = Literal["score", "native"]
SHAPES: tuple[Shape, ...] = ("score", "native")

LIMIT = 5.0
"""Advantages are cut to +-5, as in DDPO and DanceGRPO."""

FLAT = 1e-9
"""A group whose scores spread by less than this share of their size has no spread but rounding."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of G samples of each of P cases.

    Attributes:
        values: (P, G, C), more is better; NaN where a criterion does not apply or the judge failed.
        masked: (P, G) samples that no weight may learn from: a weighted criterion failed, or none is left.
        weights: (C,) of the criteria.
        reasons: Why samples are masked; each reason once.
    """

    values: FloatArray
    masked: BoolArray
    weights: FloatArray
    reasons: tuple[str, ...] = ()


def scores_of(
    judgements: Sequence[Judgement],
    group: int,
    weights: FloatArray,
    shape: Shape = "score",
    criteria: Sequence[Criterion] = (),
) -> Scores:
    """Scores of judgements that stand case by case, `group` samples each.

    Args:
        judgements: P * G of them.
        group: Samples a case, G.
        weights: (C,) of the criteria; one of weight 0 neither counts nor masks.
        shape: `score`: scores in [0, 1], a forfeited criterion as 0. `native`: native values times polarity, a
            forfeited criterion as the worst value among all samples. A score that falls with the square of an error
            hardly tells large errors apart; the error itself does.
        criteria: C criteria, whose polarity `native` needs.

    Raises:
        InvalidArgument: `native` is asked for, and a criterion that counts was answered without a native value.
    """
    values = _natives(judgements, criteria, weights) if shape == "native" else _scores(judgements)
    failed = np.array([[v.state == "failed" for v in one.verdicts] for one in judgements])
    counted = weights > 0
    masked = failed[:, counted].any(axis=1) | np.isnan(values[:, counted]).all(axis=1)
    reasons = dict.fromkeys(v.reason for one in judgements for v in one.verdicts if v.state == "failed")
    form = (len(judgements) // group, group)
    return Scores(values.reshape(*form, -1), masked.reshape(form), weights, tuple(reasons))


def _scores(judgements: Sequence[Judgement]) -> FloatArray:
    rows = [[np.nan if v.score is None else v.score for v in one.verdicts] for one in judgements]
    return np.array(rows, dtype=np.float64)


def _natives(judgements: Sequence[Judgement], criteria: Sequence[Criterion], weights: FloatArray) -> FloatArray:
    values = np.full((len(judgements), len(criteria)), np.nan)
    forfeited = np.zeros(values.shape, dtype=np.bool_)
    for row, one in enumerate(judgements):
        for column, (verdict, criterion) in enumerate(zip(one.verdicts, criteria, strict=True)):
            forfeited[row, column] = verdict.state == "forfeited"
            if verdict.native is not None and verdict.state in ("answered", "forfeited"):
                values[row, column] = criterion.polarity * verdict.native
            elif verdict.state == "answered" and weights[column] > 0:
                raise InvalidArgument(f"criterion {criterion.id!r} was answered without a native value: values=score")
    worst = np.min(values, axis=0, initial=np.inf, where=~np.isnan(values))
    return np.where(forfeited, np.where(np.isfinite(worst), worst, 0.0), values)


@dataclass(frozen=True, slots=True)
class Advantages:
    """What the samples are weighted by.

    Attributes:
        values: (P, G); 0 where not kept.
        kept: (P, G) samples that count; the loss is a mean over them.
        flat_groups: Groups without any spread, left out: they teach nothing and would shrink the mean.
    """

    values: FloatArray
    kept: BoolArray
    flat_groups: int


def advantages(scores: Scores, spread: Spread = "global", limit: float = LIMIT) -> Advantages:
    """Normalise each criterion over the samples of a case, then add the criteria up by their weights.

    A_c = (r_c - mean of its group) / spread, A = sum of w_c A_c / sum of w_c. Normalising before adding keeps a
    criterion with a wide range from drowning the others (MixGRPO's advantage aggregation). Neither a constant added
    to a criterion nor a positive factor changes anything; no small number is added to the spread for that reason.

    Args:
        scores: Of all samples; masked ones enter no mean and no spread.
        spread: `group`: standard deviation within each group (GRPO, arXiv 2402.03300). `global`: the same, pooled
            over the groups: where the samples of a case hardly differ their noise is not blown up. Flow-GRPO pools
            too, but around the mean of all cases, so that there the difficulty of cases changes the step.
        limit: Advantages are cut to +- this.
    """
    usable = ~scores.masked[..., None] & ~np.isnan(scores.values)
    values = np.where(usable, scores.values, 0.0)
    count = usable.sum(axis=1, keepdims=True)
    mean = values.sum(axis=1, keepdims=True) / np.maximum(count, 1)
    residual = np.where(usable, values - mean, 0.0)
    variance = (residual**2).sum(axis=1, keepdims=True) / np.maximum(count, 1)
    alive = np.sqrt(variance) > FLAT * np.abs(values).max(axis=1, keepdims=True)  # (P, 1, C)
    if spread == "global":
        within = alive & usable
        pooled = (residual**2 * within).sum(axis=(0, 1)) / np.maximum(within.sum(axis=(0, 1)), 1)
        variance = np.broadcast_to(pooled, variance.shape)
    alive = alive & (variance > 0)
    each = np.where(alive, residual / np.sqrt(np.where(alive, variance, 1.0)), 0.0)
    total = each @ scores.weights / scores.weights.sum()
    flat = ~(alive & (scores.weights > 0)).any(axis=(1, 2))
    kept = ~scores.masked & ~flat[:, None]
    return Advantages(np.where(kept, np.clip(total, -limit, limit), 0.0), kept, int(flat.sum()))

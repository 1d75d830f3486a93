"""Advantages: how much better a sample is than the other samples of its case, criterion by criterion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wmenv.core.verdict import Judgement

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Spread = Literal["global", "group"]

LIMIT = 5.0
"""Advantages are cut to +-5, as in DDPO and DanceGRPO."""

FLAT = 1e-9
"""A group whose scores spread by less than this share of their size has no spread but rounding."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of G samples of each of P cases.

    Attributes:
        values: (P, G, C) in [0, 1], a forfeited criterion as 0; NaN where it does not apply or the judge failed.
        masked: (P, G) samples that no weight may learn from: a weighted criterion failed, or none is left.
        weights: (C,) of the criteria.
        reasons: Why samples are masked; each reason once.
    """

    values: FloatArray
    masked: BoolArray
    weights: FloatArray
    reasons: tuple[str, ...] = ()


def scores_of(judgements: Sequence[Judgement], group: int, weights: FloatArray) -> Scores:
    """Scores of judgements that stand case by case, `group` samples each.

    Args:
        judgements: P * G of them.
        group: Samples a case, G.
        weights: (C,) of the criteria; one of weight 0 neither counts nor masks.
    """
    shape = (len(judgements) // group, group)
    rows = [[np.nan if v.score is None else v.score for v in one.verdicts] for one in judgements]
    failed = [[v.state == "failed" for v in one.verdicts] for one in judgements]
    values = np.array(rows, dtype=np.float64)
    counted = weights > 0
    masked = np.array(failed)[:, counted].any(axis=1) | np.isnan(values[:, counted]).all(axis=1)
    reasons = dict.fromkeys(v.reason for one in judgements for v in one.verdicts if v.state == "failed")
    return Scores(values.reshape(*shape, -1), masked.reshape(shape), weights, tuple(reasons))


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

"""How well a judge agrees with people's preferences: the table of `wmenv judge pairs`.

Intervals are bootstrapped over tasks: pairs of one task share their clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from wmenv.core.correlation import pearson, spearman
from wmenv.core.errors import InvalidArgument
from wmenv.core.preferences import SWAPPED, Preference, fitted_threshold, induced
from wmenv.core.statistics import Estimate, bootstrap, bootstrap_mean
from wmenv.official.worldreasonbench.pairs import ClipName, Pair, human_scores
from wmenv.studies.pair_predictions import Predictions

FOLDS = 5
REPLICATES = 1000
Tie = float | Literal["fitted"]


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """A judge against people's preferences.

    Attributes:
        name: The judge.
        tie: Threshold of ties; None of a pairwise judge, which says itself what ties. Least and greatest of the folds
            where it was fitted.
        pairs: Number of pairs in the file.
        ties: Accuracy over all pairs about which the judge says something; ties must be called ties.
        no_ties: Accuracy over those that are no tie for people; a tie is wrong there.
        says_tie: Share of pairs that the judge calls a tie.
        says_first: Share of the others in which it prefers the clip that is shown first.
    """

    name: str
    tie: tuple[float, float] | None
    pairs: int
    ties: Estimate | None
    no_ties: Estimate | None
    says_tie: Estimate | None
    says_first: Estimate | None


@dataclass(frozen=True, slots=True)
class PointAgreement:
    """Scores of clips against people's scores: rank correlation, correlation, and of a judge's dimensions with another.

    Attributes:
        name: The judge.
        clips: Number of clips in the file.
        scored: Number of those that it scores.
        spearman: Over the clips that it scores.
        pearson: Likewise.
        halo: Pearson correlation of each two of its dimensions: near 1, it tells them not apart.
    """

    name: str
    clips: int
    scored: int
    spearman: Estimate | None
    pearson: Estimate | None
    halo: dict[tuple[str, str], Estimate | None]


@dataclass(frozen=True, slots=True)
class SwapAgreement:
    """A pairwise judge asked in both orders.

    Attributes:
        name: The judge.
        swapped: Share of pairs judged in both orders on which it says something else (another winner, a tie in place of
            one) when the clips change places.
        first: Share of its preferences, over both orders, for the clip that is shown first; one half has no bias.
    """

    name: str
    swapped: Estimate | None
    first: Estimate | None


def against_pairs(predictions: Predictions, pairs: Sequence[Pair], tie: Tie) -> PairAgreement:
    """Accuracy with and without ties.

    Args:
        predictions: What the judge says. Pairs about which it says nothing are left out and show in the numbers.
        pairs: The pairs.
        tie: Difference of scores up to which a pointwise judge says tie, in its own unit; `fitted` chooses it by the
            pairs of the other tasks, in five folds.

    Raises:
        InvalidArgument: `fitted`, and the judge scores the pairs of a single task.
    """
    if predictions.pointwise:
        answers, used = _induced(predictions, pairs, tie)
    else:
        answers, used = [predictions.verdict(pair) for pair in pairs], None
    said = [(pair, answer) for pair, answer in zip(pairs, answers, strict=True) if answer is not None]
    decided = [(pair, answer) for pair, answer in said if pair.gold != "tie"]
    chosen = [(pair, answer) for pair, answer in said if answer != "tie"]
    return PairAgreement(
        predictions.name,
        used,
        len(pairs),
        _share([(pair, answer == pair.gold) for pair, answer in said]),
        _share([(pair, answer == pair.gold) for pair, answer in decided]),
        _share([(pair, answer == "tie") for pair, answer in said]),
        _share([(pair, answer == "first") for pair, answer in chosen]),
    )


def against_scores(predictions: Predictions, pairs: Sequence[Pair]) -> PointAgreement:
    """Correlations over single clips, of a pointwise judge."""
    human = human_scores(pairs)
    clips = [clip for clip in human if clip in predictions.scores]
    x = np.array([predictions.scores[clip] for clip in clips])
    y = np.array([human[clip] for clip in clips])
    tasks = [clip.task for clip in clips]
    names = sorted(predictions.dimensions)
    return PointAgreement(
        predictions.name,
        len(human),
        len(clips),
        bootstrap(lambda rows: spearman(x[rows], y[rows]), tasks, replicates=REPLICATES),
        bootstrap(lambda rows: pearson(x[rows], y[rows]), tasks, replicates=REPLICATES),
        {(a, b): _halo(predictions, a, b) for a, b in combinations(names, 2)},
    )


def against_itself(predictions: Predictions) -> SwapAgreement | None:
    """What changing places changes; None of a judge that was asked in one order alone."""
    both: list[tuple[ClipName, Preference, Preference]] = []
    for (first, second), verdict in predictions.verdicts.items():
        other = predictions.verdicts.get((second, first))
        if other is not None and first < second:
            both.append((first, verdict, other))
    if not both:
        return None
    firsts = [(clip, one == "first") for clip, a, b in both for one in (a, b) if one != "tie"]
    return SwapAgreement(
        predictions.name,
        bootstrap_mean([float(a != SWAPPED[b]) for _, a, b in both], [clip.task for clip, _, _ in both]),
        bootstrap_mean([float(one) for _, one in firsts], [clip.task for clip, _ in firsts]),
    )


def _induced(
    predictions: Predictions, pairs: Sequence[Pair], tie: Tie
) -> tuple[list[Preference | None], tuple[float, float]]:
    differences = [predictions.difference(pair) for pair in pairs]
    if tie != "fitted":
        return [None if d is None else induced(d, 0.0, tie) for d in differences], (tie, tie)
    tasks = sorted({pair.first.task for pair, d in zip(pairs, differences, strict=True) if d is not None})
    if len(tasks) < 2:
        raise InvalidArgument(f"tie=fitted chooses on other tasks; {predictions.name} scores the pairs of {len(tasks)}")
    fold = {task: k % FOLDS for k, task in enumerate(tasks)}
    known = [(d, pair.gold, fold[pair.first.task]) for d, pair in zip(differences, pairs, strict=True) if d is not None]
    thresholds = {}
    for k in sorted(set(fold.values())):
        others = [(d, g) for d, g, at in known if at != k]
        thresholds[k] = fitted_threshold([d for d, _ in others], [g for _, g in others])
    answers: list[Preference | None] = [
        None if d is None else induced(d, 0.0, thresholds[fold[pair.first.task]])
        for d, pair in zip(differences, pairs, strict=True)
    ]
    return answers, (min(thresholds.values()), max(thresholds.values()))


def _share(rows: Sequence[tuple[Pair, bool]]) -> Estimate | None:
    return bootstrap_mean([float(right) for _, right in rows], [pair.first.task for pair, _ in rows])


def _halo(predictions: Predictions, a: str, b: str) -> Estimate | None:
    one, other = predictions.dimensions[a], predictions.dimensions[b]
    clips = sorted(one.keys() & other.keys())
    x, y = np.array([one[clip] for clip in clips]), np.array([other[clip] for clip in clips])
    return bootstrap(lambda rows: pearson(x[rows], y[rows]), [clip.task for clip in clips], replicates=REPLICATES)

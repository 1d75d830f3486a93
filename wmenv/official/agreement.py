"""How much the people of a table of labels agree: the statistics of the WorldModelBench paper (arXiv 2502.20694)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from wmenv.core import agreement
from wmenv.core.agreement import Level, Share
from wmenv.official.labels import WORLDMODELBENCH, Label, replies

TOLERANCE = 2.0
"""Points of the total (of 10) within which the paper counts two votes as agreeing."""


@dataclass(frozen=True, slots=True)
class CriterionAgreement:
    """Agreement on one criterion.

    Attributes:
        criterion: Its name.
        clips: Clips with at least one label.
        labels: Number of labels.
        equal: Pairs of annotators of one clip that say the same.
        alpha: Krippendorff's alpha, ordinal for grades and nominal else; None where nothing varies.
        baseline: Accuracy of always saying what most clips got.
    """

    criterion: str
    clips: int
    labels: int
    equal: Share
    alpha: float | None
    baseline: Share


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of a table.

    Attributes:
        criteria: By criterion, in order of first appearance.
        close: Pairs of votes on one clip whose totals differ by at most 2 points.
        pairwise: Comparisons of two clips on whose winner two annotators agree, by the totals.
        votes: Complete votes (an annotator's labels on all criteria of a clip); only these have totals.
    """

    criteria: tuple[CriterionAgreement, ...]
    close: Share
    pairwise: Share
    votes: int


def agreement_of(labels: Sequence[Label]) -> Agreement:
    """The statistics of a table."""
    names = list(dict.fromkeys(one.criterion for one in labels))
    votes: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for one in labels:
        votes[one.annotator, one.clip][one.criterion] = one.value
    totals: dict[str, dict[str, float]] = defaultdict(dict)
    for (annotator, clip), vote in votes.items():
        if len(vote) == len(names):
            totals[annotator][clip] = sum(vote.values())
    by_clip: dict[str, list[float]] = defaultdict(list)
    for scores in totals.values():
        for clip, total in scores.items():
            by_clip[clip].append(total)
    return Agreement(
        tuple(_criterion(name, [one for one in labels if one.criterion == name]) for name in names),
        agreement.within(list(by_clip.values()), TOLERANCE),
        agreement.pairwise_agreement(totals, {one.clip: one.group for one in labels}),
        sum(map(len, totals.values())),
    )


def _criterion(name: str, labels: Sequence[Label]) -> CriterionAgreement:
    units: dict[str, list[float]] = defaultdict(list)
    for one in labels:
        units[one.clip].append(one.value)
    graded = WORLDMODELBENCH.get(name, (0.0, 1.0))[1] > 1 or any(one.value not in (0, 1) for one in labels)
    level: Level = "ordinal" if graded else "nominal"
    together = [by[name][0].label for by in replies(labels).values()]
    return CriterionAgreement(
        name,
        len(units),
        len(labels),
        agreement.equal_share(list(units.values())),
        agreement.krippendorff_alpha(list(units.values()), level),
        agreement.majority_baseline([round(label) for label in together if label is not None]),
    )

"""How well a judge agrees with labels, criterion by criterion: the tables of `wmenv judge agree`.

A forfeited criterion counts as what it is, a score of 0; where the judge failed there is nothing to compare, and the
number of such clips is printed. Intervals are bootstrapped over cases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.core.agreement import cohen_kappa, krippendorff_alpha, majority_baseline
from wmenv.core.calibration import brier, expected_calibration_error
from wmenv.core.classification import auroc, balanced_accuracy
from wmenv.core.correlation import kendall, spearman
from wmenv.core.statistics import Estimate, bootstrap, bootstrap_mean
from wmenv.studies.labelled import LabelledCriterion

REPLICATES = 400


@dataclass(frozen=True, slots=True)
class Agreement:
    """A judge against labels on one criterion.

    Of scores the answer is whether they exceed one half, of grades the nearest whole grade; a label of exactly one half
    says neither and is left out.

    Attributes:
        name: The criterion.
        compared: Labelled clips on which it did not.
        missing: Labelled clips on which the judge failed.
        flips: Share of clips on which two polarities of the question got different answers; None where not asked.
        majority: Accuracy of always giving the most frequent answer.
        accuracy: Share of equal answers.
        balanced: Mean of that over the answers that labels have.
        kappa: Cohen's; of grades weighted by squares.
        alpha: Krippendorff's, of judge and labels; ordinal of grades.
        auroc: Of scores, for labels of 0 or 1.
        spearman: Of scores or grades with labels.
        kendall: Likewise, tau-b.
        brier: Of probabilities; None of grades.
        calibration: Expected calibration error of probabilities.
    """

    name: str
    compared: int
    missing: int
    flips: Estimate | None
    majority: float | None
    accuracy: Estimate | None
    balanced: Estimate | None
    kappa: Estimate | None
    alpha: float | None
    auroc: Estimate | None
    spearman: Estimate | None
    kendall: float
    brier: float | None
    calibration: float | None


def agreement(criterion: LabelledCriterion) -> Agreement:
    """The statistics of a criterion."""
    told = [(row, row.said) for row in criterion.rows if row.said is not None]
    said, labels = [value for _, value in told], [row.label for row, _ in told]
    flips = [(row, row.flipped) for row in criterion.rows if row.flipped is not None]
    clear = [(row, value) for row, value in told if criterion.graded or row.label != 0.5]
    answers = [_answer(value, criterion.graded) for _, value in clear]
    truth = [_answer(row.label, criterion.graded) for row, _ in clear]
    cases = [row.clip.case_id for row, _ in clear]
    sure = [(row.label, row.probability) for row in criterion.rows if row.probability is not None]
    probabilities = [value for _, value in sure]

    def clustered(statistic: Callable[[NDArray[np.int64]], float | None]) -> Estimate | None:
        return bootstrap(statistic, cases, replicates=REPLICATES)

    decided, positive, scores = np.array(answers), np.array(truth), np.array([value for _, value in clear])
    return Agreement(
        criterion.name,
        len(told),
        sum(row.said is None for row in criterion.rows),
        bootstrap_mean([float(one) for _, one in flips], [row.clip.case_id for row, _ in flips]),
        majority_baseline(truth).value,
        bootstrap_mean([float(a == b) for a, b in zip(answers, truth, strict=True)], cases),
        clustered(lambda rows: balanced_accuracy(positive[rows].tolist(), decided[rows].tolist())),
        clustered(
            lambda rows: cohen_kappa(
                decided[rows].tolist(), positive[rows].tolist(), "quadratic" if criterion.graded else None
            )
        ),
        krippendorff_alpha(list(zip(answers, truth, strict=True)), "ordinal" if criterion.graded else "nominal"),
        None if criterion.graded else clustered(lambda rows: auroc(positive[rows] > 0.5, scores[rows])),
        bootstrap(_ranked(said, labels), [row.clip.case_id for row, _ in told], replicates=REPLICATES),
        kendall(said, labels),
        brier([label for label, _ in sure], probabilities),
        expected_calibration_error([label for label, _ in sure], probabilities),
    )


def _ranked(said: Sequence[float], labels: Sequence[float]) -> Callable[[NDArray[np.int64]], float]:
    x, y = np.array(said), np.array(labels)
    return lambda rows: spearman(x[rows], y[rows])


def _answer(value: float, graded: bool) -> float:
    return float(round(value)) if graded else float(value > 0.5)

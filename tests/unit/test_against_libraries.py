"""Statistics of agreement equal those of scikit-learn, scipy and krippendorff on random tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import krippendorff
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import sklearn.calibration
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from wmenv.core.agreement import Level, cohen_kappa, krippendorff_alpha
from wmenv.core.calibration import (
    LEAST,
    MOST,
    brier,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    probability,
    reliability,
    scaled,
)
from wmenv.core.classification import auroc, balanced_accuracy
from wmenv.core.correlation import kendall, pearson, spearman
from wmenv.core.statistics import bootstrap, bootstrap_mean

GRADES = (0, 1, 2, 3)
TABLE = st.lists(st.tuples(st.sampled_from(GRADES), st.sampled_from(GRADES)), min_size=1, max_size=40)
"""Grades of two raters; small numbers, so that there are many ties."""
PAIRS = st.lists(
    st.tuples(st.sampled_from([-3.5, 0.0, 0.1, 2.0, 1e6]) | st.floats(-9, 9), st.integers(-4, 4)),
    min_size=2,
    max_size=40,
)
LABELLED = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.2, 0.5, 1.0]) | st.floats(0, 1)), min_size=1)


def columns(rows: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    first, second = zip(*rows, strict=True)
    return list(first), list(second)


@given(TABLE, st.sampled_from([None, "linear", "quadratic"]))
def test_kappa(rows: list[tuple[int, int]], weights: Literal["linear", "quadratic"] | None) -> None:
    first, second = columns(rows)
    found = cohen_kappa(first, second, weights)
    if len(set(first) | set(second)) == 1:
        assert found is None
        return
    expected = sklearn.metrics.cohen_kappa_score(first, second, labels=list(GRADES), weights=weights)
    assert found == pytest.approx(expected, abs=1e-12)
    assert found == pytest.approx(cohen_kappa(second, first, weights), abs=1e-12)


def test_kappa_of_nothing_and_of_a_grade_that_nobody_gave() -> None:
    assert cohen_kappa([], []) is None
    with pytest.raises(ValueError, match="1 values do not go with 2"):
        cohen_kappa([1], [1, 2])
    # 1 and 3 are two apart, also where nobody says 2: scikit-learn needs to be told of the 2.
    first, second = [0, 1, 3, 3], [0, 3, 3, 1]
    told = sklearn.metrics.cohen_kappa_score(first, second, labels=list(GRADES), weights="quadratic")
    untold = sklearn.metrics.cohen_kappa_score(first, second, weights="quadratic")
    assert cohen_kappa(first, second, "quadratic") == pytest.approx(told) != pytest.approx(untold)


@given(
    st.integers(2, 5).flatmap(
        lambda raters: st.lists(
            st.lists(st.sampled_from([*GRADES, None]), min_size=raters, max_size=raters), min_size=1, max_size=15
        )
    ),
    st.sampled_from(["nominal", "ordinal", "interval"]),
)
def test_alpha(units: list[list[int | None]], level: Level) -> None:
    given_values = [[float(value) for value in unit if value is not None] for unit in units]
    found = krippendorff_alpha(given_values, level)
    if len({value for unit in given_values if len(unit) > 1 for value in unit}) < 2:
        assert found is None
        return
    table = np.array([[math.nan if value is None else value for value in unit] for unit in units], dtype=float).T
    assert found == pytest.approx(krippendorff.alpha(table, level_of_measurement=level), abs=1e-9)


@given(PAIRS)
def test_correlations(rows: list[tuple[float, int]]) -> None:
    x, y = columns(rows)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert all(math.isnan(measure(x, y)) for measure in (pearson, spearman, kendall))
        return
    assert spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
    assert kendall(x, y) == pytest.approx(scipy.stats.kendalltau(x, y).statistic, abs=1e-12)
    if np.std(x) > 1e-9 * np.abs(x).max():  # of less spread scipy itself says that its result may be inaccurate
        assert pearson(x, y) == pytest.approx(scipy.stats.pearsonr(x, y).statistic, abs=1e-7)


def test_correlations_of_long_tables() -> None:
    rng = np.random.default_rng(4)
    for n in (2, 3, 511, 512, 513, 3000):
        x = rng.normal(0, 1, n)
        for y in (x + rng.normal(0, 1, n), np.round(x + rng.normal(0, 1, n))):
            assert pearson(x, y) == pytest.approx(scipy.stats.pearsonr(x, y).statistic, abs=1e-12)
            assert spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
            assert kendall(np.round(x), y) == pytest.approx(
                scipy.stats.kendalltau(np.round(x), y).statistic, abs=1e-12, nan_ok=True
            )


@pytest.mark.parametrize("measure", [pearson, spearman, kendall])
def test_bad_columns(measure) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="two rows of as many numbers"):
        measure([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        measure([1.0, math.nan], [1.0, 2.0])
    assert math.isnan(measure([], [])) and math.isnan(measure([1.0], [2.0]))


@given(LABELLED)
def test_auroc(rows: list[tuple[bool, float]]) -> None:
    truth, scores = columns(rows)
    found = auroc(truth, scores)
    if len(set(truth)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(sklearn.metrics.roc_auc_score(truth, scores), abs=1e-12)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_balanced_accuracy(rows: list[tuple[str, str]]) -> None:
    truth, answers = zip(*rows, strict=True)
    answers = tuple(one if one in truth else truth[0] for one in answers)  # scikit-learn warns of other classes
    if len(set(truth)) == 1:  # and of a single one
        assert balanced_accuracy(truth, answers) == 1
        return
    expected = sklearn.metrics.balanced_accuracy_score(truth, answers)
    assert balanced_accuracy(truth, answers) == pytest.approx(expected, abs=1e-12)


@given(LABELLED, st.integers(1, 20))
def test_probabilities(rows: list[tuple[bool, float]], bins: int) -> None:
    truth, said = columns(rows)
    labels = [float(one) for one in truth]
    assert brier(labels, said) == pytest.approx(np.mean((np.array(said) - labels) ** 2), abs=1e-12)
    if len(set(truth)) == 2:
        assert brier(labels, said) == pytest.approx(sklearn.metrics.brier_score_loss(truth, said), abs=1e-12)
        clipped = np.clip(said, 1e-6, 1 - 1e-6)
        assert log_loss(labels, said) == pytest.approx(sklearn.metrics.log_loss(truth, clipped), rel=1e-9)
        found, mean = sklearn.calibration.calibration_curve(truth, said, n_bins=bins)
        own = reliability(labels, said, bins)
        assert [one.found for one in own] == pytest.approx(list(found), abs=1e-12)
        assert [one.said for one in own] == pytest.approx(list(mean), abs=1e-12)
        share = [one.n / len(said) for one in own]
        expected = sum(w * abs(a - b) for w, a, b in zip(share, found, mean, strict=True))
        assert expected_calibration_error(labels, said, bins) == pytest.approx(expected, abs=1e-12)


@given(LABELLED, st.floats(0.5, 5))
def test_a_temperature_changes_no_rank_and_can_be_taken_back(rows: list[tuple[bool, float]], by: float) -> None:
    truth, said = columns(rows)
    inside = np.clip(said, 0.01, 0.99)
    other = scaled(inside, by)
    assert ((other > 0.5) == (inside > 0.5)).all()
    assert scaled(other, 1 / by) == pytest.approx(inside, abs=1e-9)
    fitted = fit_temperature([float(one) for one in truth], inside)
    assert (fitted is None) == bool((inside == 0.5).all())


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 0.99)), min_size=2, max_size=40))
def test_the_temperature_is_the_minimum_of_the_likelihood(rows: list[tuple[bool, float]]) -> None:
    truth, said = columns(rows)
    labels, said = [float(one) for one in truth], np.array(said)
    found = fit_temperature(labels, said)
    if found is None:
        return

    def loss(inverse: float) -> float:
        odds = np.log(said / (1 - said)) * inverse
        return float(np.mean(np.log1p(np.exp(-odds)) + (1 - np.array(labels)) * odds))

    best = scipy.optimize.minimize_scalar(
        loss, bounds=(1 / MOST, 1 / LEAST), method="bounded", options={"xatol": 1e-10}
    )
    grid = min(loss(inverse) for inverse in np.geomspace(1 / MOST, 1 / LEAST, 200))
    assert LEAST <= found <= MOST
    assert loss(1 / found) <= min(best.fun, grid) + 1e-9
    assert loss(1 / found) == pytest.approx(best.fun, abs=1e-6)


def test_an_overconfident_judge_is_mended() -> None:
    """Log-odds three times as large as they should be: the fit finds the three."""
    rng = np.random.default_rng(2)
    odds = rng.normal(0, 1.5, 6000)
    truth = (rng.uniform(size=6000) < probability(odds)).astype(float)
    loud = probability(3 * odds)
    fitted = fit_temperature(truth[:3000], loud[:3000])
    assert fitted == pytest.approx(3, rel=0.1)
    before = expected_calibration_error(truth[3000:], loud[3000:])
    after = expected_calibration_error(truth[3000:], scaled(loud[3000:], fitted))
    assert before is not None and after is not None and before > 0.1 and after < 0.03
    assert fit_temperature([1.0, 0.0], [0.9, 0.1]) == LEAST and fit_temperature([0.0, 1.0], [0.9, 0.1]) == MOST
    assert fit_temperature([], []) is None and fit_temperature([1.0], [0.5]) is None
    with pytest.raises(ValueError, match=r"probabilities must lie in \[0, 1\]"):
        fit_temperature([1.0], [1.5])


def test_intervals_of_any_statistic() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(2, 3, 300)
    names = [str(k // 3) for k in range(300)]
    mean = bootstrap_mean(values, names, replicates=400)
    same = bootstrap(lambda rows: float(values[rows].mean()), names, replicates=400)
    assert mean is not None and same is not None
    assert (same.mean, same.low, same.high) == pytest.approx((mean.mean, mean.low, mean.high), abs=1e-9)
    assert (same.n, same.clusters) == (300, 100)
    x = rng.normal(0, 1, 300)
    found = bootstrap(lambda rows: spearman(x[rows], values[rows]), names, replicates=200)
    assert found is not None and found.low < found.mean < found.high and found.low < 0 < found.high
    assert bootstrap(lambda rows: spearman(np.ones(300)[rows], values[rows]), names, replicates=20) is None
    assert bootstrap(lambda rows: 1.0, [], replicates=20) is None
    assert bootstrap(lambda rows: 1.0, ["a", "a"], replicates=20) == (alone := bootstrap(lambda rows: 1.0, ["a"] * 2))
    assert alone is not None and alone.low == alone.high == 1.0

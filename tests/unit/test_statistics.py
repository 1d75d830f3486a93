"""Statistics against closed forms and simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.core.correlation import spearman
from wmenv.core.statistics import bootstrap_mean, paired_difference, slope

NUMBERS = st.floats(-100, 100)
LISTS = st.lists(st.tuples(NUMBERS, st.sampled_from("abcdefg")), min_size=1, max_size=30)


@given(LISTS, st.randoms(use_true_random=False))
def test_bootstrap_depends_on_the_set_of_rows_alone(rows: list[tuple[float, str]], random: object) -> None:
    first = bootstrap_mean([v for v, _ in rows], [c for _, c in rows], replicates=50)
    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert bootstrap_mean([v for v, _ in mixed], [c for _, c in mixed], replicates=50) == first


@given(LISTS)
def test_bootstrap_is_the_plain_mean_inside_its_interval(rows: list[tuple[float, str]]) -> None:
    values = [v for v, _ in rows]
    found = bootstrap_mean(values, [c for _, c in rows], replicates=100)
    assert found is not None and found.n == len(rows) and found.clusters == len({c for _, c in rows})
    assert found.mean == pytest.approx(math.fsum(values) / len(values), abs=1e-9)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    if found.clusters == 1:
        assert found.low == found.mean == found.high


def test_bootstrap_of_nothing_and_of_bad_values() -> None:
    assert bootstrap_mean([], []) is None
    with pytest.raises(ValueError, match="2 values do not go with 1"):
        bootstrap_mean([1.0, 2.0], ["a"])
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            bootstrap_mean([1.0, bad], ["a", "b"])


def test_bootstrap_covers_clustered_data_and_a_naive_interval_does_not() -> None:
    """40 cases of 5 samples that share their case's effect: 95 % over cases, far less over single values."""
    rng = np.random.default_rng(8)
    trials, cases, samples = 400, 40, 5
    names = [f"{k}" for k in range(cases) for _ in range(samples)]
    single = [f"{k}" for k in range(cases * samples)]
    clustered = naive = 0
    for _ in range(trials):
        effects = rng.normal(0, 1, cases)
        values = np.repeat(effects, samples) + rng.normal(0, 0.5, cases * samples)
        for clusters, is_clustered in ((names, True), (single, False)):
            found = bootstrap_mean(values, clusters, replicates=300)
            assert found is not None
            hit = found.low <= 0.0 <= found.high
            clustered += hit and is_clustered
            naive += hit and not is_clustered
    # 95 % +- 3.3 standard errors of the simulation, less the known slight undercoverage of percentiles at n = 40.
    assert 0.90 <= clustered / trials <= 0.985
    assert naive / trials < 0.75


def test_interval_of_the_mean_of_many_is_normal() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(2, 3, 4000)
    found = bootstrap_mean(values, [str(k) for k in range(4000)], replicates=4000)
    assert found is not None
    error = values.std() / math.sqrt(4000)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.06)
    wider = bootstrap_mean(values, [str(k) for k in range(4000)], level=0.99, replicates=4000)
    assert wider is not None and wider.low < found.low and wider.high > found.high


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.sampled_from("abcde")), min_size=1, max_size=20))
def test_paired_difference(rows: list[tuple[float, float, str]]) -> None:
    first, second, cases = (list(column) for column in zip(*rows, strict=True))
    found = paired_difference(first, second, cases, replicates=50)
    back = paired_difference(second, first, cases, replicates=50)
    assert found is not None and back is not None
    assert found.mean == pytest.approx(np.mean(second) - np.mean(first), abs=1e-9)
    assert back.mean == pytest.approx(-found.mean, abs=1e-9)
    assert back.low == pytest.approx(-found.high, abs=1e-6) and back.high == pytest.approx(-found.low, abs=1e-6)


def test_pairing_takes_out_what_both_share() -> None:
    rng = np.random.default_rng(5)
    hardness = rng.normal(0, 10, 200)
    names = [str(k) for k in range(200)]
    found = paired_difference(hardness, hardness + 0.5 + rng.normal(0, 0.1, 200), names)
    assert found is not None and 0.45 < found.low < found.mean < found.high < 0.55
    assert paired_difference([], [], []) is None


@given(
    st.floats(-5, 5),
    st.floats(-5, 5),
    st.lists(st.integers(-1000, 1000), min_size=2, max_size=30, unique=True),
)
def test_slope_of_a_line(b: float, a: float, x: list[int]) -> None:
    assert slope(x, [a + b * one for one in x]) == pytest.approx(b, abs=1e-6)


def test_slope_against_least_squares_and_without_spread() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(3, 2, 50), rng.normal(0, 1, 50)
    assert slope(x, 0.3 * x + y) == pytest.approx(np.polyfit(x, 0.3 * x + y, 1)[0], abs=1e-9)
    assert slope([1.0], [2.0]) is None and slope([], []) is None
    assert slope([2.0, 2.0, 2.0], [1.0, 5.0, 3.0]) is None


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=30, unique_by=(lambda p: p[0], lambda p: p[1])))
def test_spearman_without_ties_is_the_textbook_formula(pairs: list[tuple[float, float]]) -> None:
    x, y = (np.array(side) for side in zip(*pairs, strict=True))
    n = len(x)
    d = x.argsort().argsort() - y.argsort().argsort()
    assert spearman(x, y) == pytest.approx(1 - 6 * float(d @ d) / (n * (n * n - 1)), abs=1e-9)


def test_spearman_with_ties_and_without_spread() -> None:
    # Mean ranks 1.5 1.5 3 against 1 2 3: Pearson of the ranks, by hand 1.5 / sqrt(1.5 * 2).
    assert spearman([1, 1, 2], [1, 2, 3]) == pytest.approx(1.5 / math.sqrt(3.0))
    assert spearman([1, 2, 3], [30, 20, 10]) == pytest.approx(-1.0)
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3]))


def test_expanded_intervals_cover_where_percentile_ones_do_not() -> None:
    """Normal values of few clusters: the plain interval is too short, the expanded one is Student's."""
    from wmenv.core.statistics import expanded_level
    from wmenv.core.student import t_quantile

    rng = np.random.default_rng(1)
    names = [str(k) for k in range(8)]
    hits = {True: 0, False: 0}
    for _ in range(400):
        values = rng.normal(size=8)
        for expanded in hits:
            estimate = bootstrap_mean(values, names, level=0.95, expanded=expanded)
            assert estimate is not None
            hits[expanded] += estimate.low <= 0 <= estimate.high
    assert hits[False] < 0.92 * 400 and 0.925 * 400 < hits[True] < 0.98 * 400
    values = rng.normal(size=2000)
    wide = bootstrap_mean(values, [str(k) for k in range(2000)], level=0.99, expanded=True)
    assert wide is not None
    assert wide.high - wide.mean == pytest.approx(t_quantile(0.995, 1999) * values.std() / 2000**0.5, rel=0.06)
    assert expanded_level(0.95, 5) > 0.99 and expanded_level(0.95, 100_000) == pytest.approx(0.95, abs=1e-4)

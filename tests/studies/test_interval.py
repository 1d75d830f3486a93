"""Student's t over training seeds: against published quantiles, closed forms and its own coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.core.student import t_cdf, t_quantile
from wmenv.studies.training.interval import seed_interval


@pytest.mark.parametrize(
    ("probability", "freedom", "published"),
    [
        (0.975, 1, 12.7062), (0.975, 2, 4.3027), (0.975, 3, 3.1824), (0.975, 4, 2.7764), (0.975, 5, 2.5706),
        (0.975, 9, 2.2622), (0.975, 30, 2.0423), (0.975, 100, 1.9840), (0.95, 2, 2.9200), (0.995, 7, 3.4995),
    ],
)  # fmt: skip
def test_published_quantiles(probability: float, freedom: int, published: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(published, abs=6e-5)


@given(st.floats(0.001, 0.999))
def test_closed_forms_of_one_and_two_degrees(p: float) -> None:
    assert t_quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)), rel=1e-9, abs=1e-12)
    assert t_quantile(p, 2) == pytest.approx((2 * p - 1) / math.sqrt(2 * p * (1 - p)), rel=1e-9, abs=1e-12)


@given(st.floats(0.01, 0.99), st.integers(1, 40))
def test_quantile_inverts_the_distribution_and_is_symmetric(p: float, freedom: int) -> None:
    assert t_cdf(t_quantile(p, freedom), freedom) == pytest.approx(p, abs=1e-12)
    assert t_quantile(1 - p, freedom) == pytest.approx(-t_quantile(p, freedom), abs=1e-9)


def test_many_degrees_are_nearly_normal() -> None:
    assert t_quantile(0.975, 100_000) == pytest.approx(1.959964, abs=1e-4)


def test_interval_by_hand() -> None:
    found = seed_interval([1.0, 2.0, 3.0])
    assert found is not None
    half = 4.302653 / math.sqrt(3)  # the standard deviation is 1
    assert (found.mean, found.seeds) == (2.0, 3)
    assert found.low == pytest.approx(2 - half, abs=1e-6) and found.high == pytest.approx(2 + half, abs=1e-6)


def test_one_seed_and_none() -> None:
    one = seed_interval([0.5])
    assert one is not None and (one.low, one.mean, one.high, one.seeds) == (0.5, 0.5, 0.5, 1)
    assert seed_interval([]) is None


def test_three_normal_seeds_are_covered_as_promised() -> None:
    """The share of intervals that hold the true mean; with 1.96 in place of 4.30 it would be about 0.81."""
    drawn = np.random.default_rng(0).normal(5.0, 2.0, size=(4000, 3))
    intervals = [seed_interval(list(map(float, row))) for row in drawn]
    covered = np.mean([one is not None and one.low <= 5.0 <= one.high for one in intervals])
    assert 0.94 <= covered <= 0.96


@pytest.mark.parametrize("values", [[math.nan], [1.0, math.inf]])
def test_values_must_be_finite(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        seed_interval(values)


@pytest.mark.parametrize(("probability", "freedom"), [(0.0, 2), (1.0, 2), (0.9, 0)])
def test_arguments_out_of_range(probability: float, freedom: int) -> None:
    with pytest.raises(ValueError):
        t_quantile(probability, freedom)

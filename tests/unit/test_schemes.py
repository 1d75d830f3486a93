"""Schemes: what enters a total, what leaves it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.core.criterion import Criterion
from wmenv.core.errors import UnknownName
from wmenv.core.schemes import scheme, total_of
from wmenv.core.verdict import Verdict

SCHEMES = ("weighted-mean-v0", "weighted-sum-v0")
SCORES = st.floats(0, 1)
STATES = st.sampled_from(["answered", "forfeited", "not_applicable", "failed"])
WEIGHTS = st.sampled_from([0.0, 0.25, 1.0, 3.0])
ROWS = st.lists(st.tuples(STATES, SCORES, WEIGHTS), min_size=1, max_size=8)
Rows = list[tuple[str, float, float]]


def verdict(name: str, state: str, score: float) -> Verdict:
    if state == "answered":
        return Verdict.answered(name, score)
    makers = {"forfeited": Verdict.forfeited, "not_applicable": Verdict.not_applicable, "failed": Verdict.failed}
    return makers[state](name, "why")


def made(rows: Rows) -> tuple[list[Criterion], list[Verdict]]:
    criteria = [Criterion(f"c{k}", "f", "?", weight=weight) for k, (_, _, weight) in enumerate(rows)]
    return criteria, [verdict(f"c{k}", state, score) for k, (state, score, _) in enumerate(rows)]


@pytest.mark.parametrize("name", SCHEMES)
@given(rows=ROWS)
def test_total_lies_between_zero_and_its_maximum(name: str, rows: Rows) -> None:
    total, maximum, coverage = total_of(name, *made(rows))
    assert maximum > 0 and 0 <= coverage <= 1
    counted = [weight for state, _, weight in rows if state in ("answered", "forfeited")]
    assert (total is None) == (sum(counted) == 0)
    if total is not None:
        assert -1e-12 <= total <= maximum * (1 + 1e-12)
        assert maximum == (1.0 if name == "weighted-mean-v0" else sum(counted))


@pytest.mark.parametrize("name", SCHEMES)
@given(rows=ROWS, scores=st.tuples(SCORES, SCORES), weight=WEIGHTS)
def test_a_better_score_never_lowers_the_total(
    name: str, rows: Rows, scores: tuple[float, float], weight: float
) -> None:
    low, high = sorted(scores)
    before, *_ = total_of(name, *made([*rows, ("answered", low, weight)]))
    after, *_ = total_of(name, *made([*rows, ("answered", high, weight)]))
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after >= before - 1e-12
        assert after > before or not weight or high - low < 1e-6


@pytest.mark.parametrize("name", SCHEMES)
@given(rows=ROWS)
def test_failed_and_not_applicable_leave_numerator_and_maximum(name: str, rows: Rows) -> None:
    kept = [row for row in rows if row[0] in ("answered", "forfeited")]
    whole = total_of(name, *made(rows))
    assert whole[:2] == (total_of(name, *made(kept))[:2] if kept else (None, 1.0))


@pytest.mark.parametrize("name", SCHEMES)
@given(rows=ROWS, extra=st.tuples(STATES, SCORES))
def test_weight_zero_is_reported_beside_the_total(name: str, rows: Rows, extra: tuple[str, float]) -> None:
    assert total_of(name, *made([*rows, (*extra, 0.0)]))[:2] == total_of(name, *made(rows))[:2]


@pytest.mark.parametrize("name", SCHEMES)
@given(rows=ROWS)
def test_a_forfeit_counts_as_zero(name: str, rows: Rows) -> None:
    zeros = [
        ("answered", 0.0, weight) if state == "forfeited" else (state, score, weight) for state, score, weight in rows
    ]
    assert total_of(name, *made(rows)) == total_of(name, *made(zeros))


@given(rows=ROWS)
def test_coverage_is_the_share_that_did_not_fail(rows: Rows) -> None:
    states = [state for state, _, _ in rows]
    concerned = len(states) - states.count("not_applicable")
    wanted = 1 - states.count("failed") / concerned if concerned else 0.0
    assert total_of(SCHEMES[0], *made(rows))[2] == pytest.approx(wanted)


def test_a_worked_example() -> None:
    rows: Rows = [("answered", 0.5, 2.0), ("forfeited", 0.9, 1.0), ("failed", 0.9, 5.0), ("not_applicable", 0.9, 7.0)]
    assert total_of("weighted-mean-v0", *made(rows)) == (pytest.approx(1 / 3), 1.0, pytest.approx(2 / 3))
    assert total_of("weighted-sum-v0", *made(rows)) == (1.0, 3.0, pytest.approx(2 / 3))


def test_names_of_schemes() -> None:
    with pytest.raises(UnknownName, match=r"no scheme named 'mean'; known: .*weighted-mean-v0"):
        total_of("mean", *made([("answered", 1.0, 1.0)]))
    with pytest.raises(ValueError, match="registered already"):
        scheme("weighted-mean-v0")(lambda criteria, verdicts: (None, 1.0))


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan"), float("inf")])
def test_scores_outside_the_range_are_no_verdicts(score: float) -> None:
    with pytest.raises(ValueError, match=r"score must lie in \[0, 1\]"):
        Verdict.answered("c", score)


def test_states_and_scores_go_together() -> None:
    with pytest.raises(ValueError, match="does not go with"):
        Verdict("c", "failed", 0.0)
    with pytest.raises(ValueError, match="does not go with"):
        replace(Verdict.answered("c", 1.0), score=None)

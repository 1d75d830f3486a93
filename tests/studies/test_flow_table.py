"""The table of the shipped models: its ratio and its curves. `make docs-numbers` and tests/docs compute the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wmenv.studies.flow import MOST_POINTS, _curve_rows, ratio_of_means


def test_ratio_of_means() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        found = ratio_of_means(rng.exponential(6.0, 300).tolist(), rng.exponential(2.0, 200).tolist())
        assert found.low < found.value < found.high
        covered += found.low <= 3.0 <= found.high
    assert covered >= 52  # 95 % of 60 are 57
    exact = ratio_of_means([3.0] * 5, [1.5] * 4)
    assert (exact.value, exact.low, exact.high) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("points", [1, 3, 6, 7, 12, 25])
def test_few_points_of_a_curve_the_last_among_them(points: int) -> None:
    held: dict[str, Any] = {"error": 0.5, "slope": 0.25}
    curve = [{"step": 10 * (k + 1), "cpu_seconds": k, "held_out": [held, held]} for k in range(points)]
    rows = _curve_rows("parabola", curve)
    assert 1 <= len(rows) <= MOST_POINTS and len(rows) >= min(points, MOST_POINTS // 2)
    steps = [int(row[0].removeprefix("parabola, ")) for row in rows]
    assert steps == sorted(steps) and steps[-1] == 10 * points
    assert rows[0][2:] == ["0.500", "0.500", "0.25"]

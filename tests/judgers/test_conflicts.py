"""From a run of `attribute-conflict` to the table of which attribute wins."""

from __future__ import annotations

from pathlib import Path

import pytest

import wmenv
from wmenv.studies.conflicts import UNREAD, pair_rows, pairs_table, stored_outcomes


def test_a_run_becomes_a_table(tmp_path: Path) -> None:
    results = wmenv.evaluate(
        "PhyWorld-uniform_motion-v0",
        ["oracle", "nearest-neighbour,split=conflict_colour_size_train,size=0.01", "copy-last"],
        splits=["conflict_colour_size_test", "conflict_velocity_shape_test", "id"],
        episodes=30, out=tmp_path / "run", size=32, frames=16, scheme="attributes", judger="attribute-conflict",
    )  # fmt: skip
    oracle, near, still = (agent.name for agent in results.agents)
    kept = results.row(oracle, "conflict_colour_size_test").criteria
    assert kept["size_kept"].native is not None and abs(kept["size_kept"].native.mean) < 0.02
    assert kept["size_kept"].slopes["size"] == pytest.approx(1.0, abs=0.05)
    assert kept["velocity_kept"].states == {"not_applicable": 30}
    assert results.row(oracle, "id").reward is None and not results.row(oracle, "id").failed

    rows = {(row.agent, row.conflict): row for row in pair_rows(stored_outcomes(tmp_path / "run"))}
    assert set(rows) == {(agent, pair) for agent in (oracle, near, still) for pair in ("colour_size", "velocity_shape")}
    assert rows[oracle, "colour_size"].shares["both"].mean == 1.0
    won = rows[near, "colour_size"]
    assert won.pair == ("colour", "size") and won.shares["colour"].low > 0.5 and won.shares["size"].mean == 0.0
    assert won.margin is not None and won.margin.low > 0.3
    assert won.shifts[0] is not None and won.shifts[1] is not None
    assert abs(won.shifts[0].mean) < 0.02 and won.shifts[1].mean > 0.5
    assert rows[still, "velocity_shape"].shares["shape"].mean == 1.0
    for row in rows.values():
        assert sum(share.mean for share in row.shares.values()) == pytest.approx(1.0)
        assert row.clips == 30 and row.shares[UNREAD].mean == 0.0
    table = pairs_table(list(rows.values()))
    assert f"| {oracle}: colour / size | 30 | 0 | 0 | 100 | 0 | 0 |" in table

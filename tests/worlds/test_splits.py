"""Splits: ranges, independence of cases, room for scoring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.worlds.counter_rng import uniforms
from wmenv.worlds.discs.laws import inside_view, positions
from wmenv.worlds.discs.splits import (
    CROWDED_LEVELS,
    analysis_splits,
    draw_starts,
    level_sides,
    parameter_ranges,
    split_levels,
    split_names,
)
from wmenv.worlds.discs.world import LAWS, Law, frame_times


@pytest.mark.parametrize("ranges", ["code", "paper"])
@pytest.mark.parametrize("law", LAWS)
def test_parameters_lie_in_the_ranges_of_their_level(law: Law, ranges: str) -> None:
    for split in set(split_names(law)) - set(analysis_splits(law)):
        starts, levels = draw_starts(law, split, np.arange(100), ranges=ranges)  # type: ignore[arg-type]
        bounds = parameter_ranges(law, ranges)  # type: ignore[arg-type]
        values = np.concatenate([starts.radii, np.abs(starts.velocity[..., 0])], axis=1)
        assert set(levels) <= set(split_levels(law, split) or ())
        for row, level in zip(values, levels, strict=True):
            names = ["r", "v"] if law != "collision" else ["r", "r", "v", "v"]
            for value, name, side in zip(row, names, level_sides(law, level), strict=True):
                low, high = bounds[name][side]
                assert low - 1e-12 <= value <= high + 1e-12, (split, level, name, value)


@pytest.mark.parametrize("law", LAWS)
def test_every_case_begins_wholly_in_view_and_apart(law: Law) -> None:
    for split in ("id", "ood_low", "ood_high", "ood_cross"):
        starts, _ = draw_starts(law, split, np.arange(300))
        path = positions(starts, frame_times(3))
        assert inside_view(path, starts.radii)[:, 0].all()
        if law == "collision":
            assert (path[:, 2, 1, 0] - path[:, 2, 0, 0] > starts.radii.sum(axis=1)).all(), "contact is to be predicted"


def test_a_case_depends_on_its_own_seed_alone() -> None:
    alone, _ = draw_starts("collision", "ood_cross", [77])
    among, levels = draw_starts("collision", "ood_cross", [5, 77, 123456])
    np.testing.assert_array_equal(alone.position[0], among.position[1])
    np.testing.assert_array_equal(alone.velocity[0], among.velocity[1])
    assert len(levels) == 3


def test_levels_of_a_union_are_equally_likely() -> None:
    _, levels = draw_starts("collision", "ood_low", np.arange(3000))
    counts = [levels.count(level) for level in split_levels("collision", "ood_low") or ()]
    assert len(counts) == 6 and min(counts) > 400  # 500 expected, standard deviation 20


def test_official_levels_are_all_there_or_named_as_crowded() -> None:
    every = {f"ood_{side}_{level}" for side in ("low", "high") for level in
             ("r1", "v1", "r1_r2", "v1_v2", "r1_v1", "r1_r2_v1_v2")}  # fmt: skip
    assert every == {name for name in every if name in split_names("collision") or name in CROWDED_LEVELS}
    assert {"ood_cross_r1_r2", "ood_cross_v1_v2", "ood_cross_r2_r1_v1_v2"} <= set(split_names("collision"))


def test_unknown_split_says_which_there_are() -> None:
    with pytest.raises(ValueError, match="splits are id, ood_low"):
        draw_starts("parabola", "ood_medium", [0])


@given(seed=st.integers(0, 2**48 - 1), stream=st.integers(0, 2000))
def test_uniforms_are_a_function_of_seed_and_stream(seed: int, stream: int) -> None:
    one = uniforms(np.array([seed], dtype=np.uint64), stream, 8)
    assert ((one >= 0) & (one < 1)).all()
    np.testing.assert_array_equal(one[:, :3], uniforms(np.array([seed, seed], dtype=np.uint64), stream, 3)[:1])


def test_uniforms_look_uniform_and_independent() -> None:
    drawn = uniforms(np.arange(20_000, dtype=np.uint64), 1, 4)
    np.testing.assert_allclose(drawn.mean(axis=0), 0.5, atol=0.01)
    np.testing.assert_allclose(drawn.var(axis=0), 1 / 12, atol=0.003)
    assert np.abs(np.corrcoef(np.hstack([drawn[:-1], drawn[1:]]).T) - np.eye(8)).max() < 0.03

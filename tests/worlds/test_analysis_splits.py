"""Splits of the analysis experiments: what they hold, by the official figures, and that they stand apart."""

from __future__ import annotations

import re

import gymnasium as gym
import numpy as np
import pytest

import wmenv  # noqa: F401 - registers the ids
from wmenv.worlds.discs.attributes import ATTRIBUTES, CONFLICTS, HALVES, conflict_of
from wmenv.worlds.discs.laws import inside_view, positions
from wmenv.worlds.discs.splits import analysis_splits, draw_starts, level_sides, regions_of, split_levels, split_names
from wmenv.worlds.discs.truth import split_mean_speed
from wmenv.worlds.discs.world import COLOURS, FRAMES, LAWS, RING, SHAPES, SQUARE, frame_times

NAMES = analysis_splits("uniform_motion")

OFFICIAL_TRAINING = {
    "colour_size": ("red_small", "blue_large"),
    "colour_velocity": ("red_slow", "blue_fast"),
    "size_velocity": ("small_slow", "large_fast"),
    "velocity_shape": ("slow_disc", "fast_square"),
    "size_shape": ("small_disc", "large_square"),
    "colour_shape": ("red_disc", "blue_square"),
}
"""phyworld/phyworld ee0e473, `in_dist_generate` of the scripts; colour and shape by the paper's text."""


def test_they_come_last_and_belong_to_uniform_motion_alone() -> None:
    every = split_names("uniform_motion")
    assert every[:4] == ("id", "ood_low", "ood_high", "ood_cross") and every[-len(NAMES) :] == NAMES
    assert not any(analysis_splits(law) for law in LAWS if law != "uniform_motion")
    assert all(regions_of("uniform_motion", split) is None for split in every if split not in NAMES)
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in NAMES)
    assert len(set(every)) == len(every)


def test_official_combinations_are_trained_on_and_the_others_tested() -> None:
    assert {
        c.name: split_levels("uniform_motion", f"conflict_{c.name}_train") for c in CONFLICTS[:6]
    } == OFFICIAL_TRAINING
    assert {frozenset(c.pair) for c in CONFLICTS} == {
        frozenset((a, b)) for k, a in enumerate(ATTRIBUTES) for b in ATTRIBUTES[k + 1 :]
    }
    for conflict in CONFLICTS:
        train, test, every = (
            split_levels("uniform_motion", f"conflict_{conflict.name}_{part}") or ()
            for part in ("train", "test", "all")
        )
        assert not set(train) & set(test) and set(train) | set(test) == set(every) and len(every) == 4
        assert not any(conflict.conflicts(level) for level in train) and all(map(conflict.conflicts, test))
        for part in ("train", "test", "all"):
            assert conflict_of(f"conflict_{conflict.name}_{part}") is conflict
    assert conflict_of("id") is None and conflict_of("gap_large_train") is None


@pytest.mark.parametrize("conflict", CONFLICTS, ids=lambda c: c.name)
def test_cases_are_what_their_level_says(conflict) -> None:  # type: ignore[no-untyped-def]
    starts, levels = draw_starts("uniform_motion", f"conflict_{conflict.name}_all", np.arange(400))
    seen = set()
    for k, level in enumerate(levels):
        values = {"colour": 0, "shape": 0, **conflict.values(level)}
        seen.add(level)
        np.testing.assert_array_equal(starts.colours[k, 0], COLOURS[values["colour"]])
        assert SHAPES[starts.shapes[k, 0]] == conflict.words("shape")[values["shape"]]
        for attribute, value in (("size", starts.radii[k, 0]), ("velocity", starts.velocity[k, 0, 0])):
            whole = (HALVES[attribute][0].low, HALVES[attribute][1].high)
            low, high = HALVES[attribute][values[attribute]] if attribute in values else whole
            assert low <= value <= high
    assert len(seen) == 4
    for attribute, drawn in (("size", starts.radii[:, 0]), ("velocity", starts.velocity[:, 0, 0])):
        ends = np.quantile(drawn, [0.02, 0.98])  # together they fill the training range
        low, high = HALVES[attribute][0].low, HALVES[attribute][1].high
        assert ends == pytest.approx((low, high), abs=0.05 * (high - low))


def test_looks_are_stated_only_where_they_differ_from_red_discs() -> None:
    for split in NAMES:
        starts, _ = draw_starts("uniform_motion", split, np.arange(40))
        assert (starts.shape is not None) == ("shape" in split or "ring" in split), split
        assert (starts.colour is not None) == ("colour" in split), split
    ring, _ = draw_starts("uniform_motion", "conflict_size_ring_train", np.arange(40))
    assert set(ring.shapes.ravel()) == {0, RING}
    square, _ = draw_starts("uniform_motion", "conflict_size_shape_train", np.arange(40))
    assert set(square.shapes.ravel()) == {0, SQUARE}
    assert square[3:5].shape is not None and len(square[3:5].shape) == 2


@pytest.mark.parametrize(
    ("split", "holds"),
    [
        ("gap_large_train", [(1, 1.25), (3.75, 4)]),
        ("gap_medium_train", [(1, 1.5), (3.5, 4)]),
        ("gap_small_train", [(1, 1.75), (3.25, 4)]),
        ("gap_large_test", [(1.25, 3.75)]),
        ("gap_medium_test", [(1.5, 3.5)]),
        ("gap_small_test", [(1.75, 3.25)]),
        ("islands_3_train", [(1, 1.25), (2.375, 2.625), (3.75, 4)]),
        ("islands_3_test", [(1.25, 2.375), (2.625, 3.75)]),
        ("islands_4_train", [(1, 1.25), (1.875, 2.125), (2.875, 3.125), (3.75, 4)]),
        ("islands_4_test", [(1.25, 1.875), (2.125, 2.875), (3.125, 3.75)]),
        ("beyond_test", [(0, 1), (4, 6)]),
        ("memory_right_train", [(2.5, 4)]),
        ("memory_flipped_train", [(2.5, 4)]),
        ("memory_right_test", [(1, 2.5)]),
        ("memory_left_test", [(1, 2.5)]),
        ("wide_v", [(1, 6)]),
        ("faster_v", [(6.5, 8)]),
    ],
)
def test_speeds_fill_their_ranges_evenly(split: str, holds: list[tuple[float, float]]) -> None:
    starts, levels = draw_starts("uniform_motion", split, np.arange(4000))
    speed = np.abs(starts.velocity[:, 0, 0])
    within = [(low <= speed) & (speed <= high) for low, high in holds]
    assert np.logical_or.reduce(within).all()
    length = sum(high - low for low, high in holds)
    for (low, high), those in zip(holds, within, strict=True):
        assert those.mean() == pytest.approx((high - low) / length, abs=0.03)
        assert speed[those].mean() == pytest.approx((low + high) / 2, abs=0.05 * (high - low) + 1e-9)
    assert len(set(levels)) == (2 if split == "memory_flipped_train" else len(holds))
    assert starts.radii.min() >= 0.7 and starts.radii.max() <= 1.4


def test_balls_that_move_left_are_mirror_images() -> None:
    right, _ = draw_starts("uniform_motion", "memory_right_test", np.arange(200))
    left, levels = draw_starts("uniform_motion", "memory_left_test", np.arange(200))
    assert set(levels) == {"left"}
    np.testing.assert_allclose(left.position[..., 0], 10.0 - right.position[..., 0])
    np.testing.assert_allclose(left.velocity[..., 0], -right.velocity[..., 0])
    np.testing.assert_array_equal(left.position[..., 1], right.position[..., 1])
    both, levels = draw_starts("uniform_motion", "memory_flipped_train", np.arange(2000))
    moves_left = both.velocity[:, 0, 0] < 0
    assert [level == "left" for level in levels] == moves_left.tolist() and moves_left.mean() == pytest.approx(
        0.5, abs=0.04
    )
    # Mean speed is a speed: it does not cancel between directions.
    flipped = split_mean_speed("uniform_motion", "memory_flipped_train", "code", "exact")
    one_way = split_mean_speed("uniform_motion", "memory_right_train", "code", "exact")
    assert flipped == pytest.approx(one_way, rel=0.02) and flipped > 2.5


@pytest.mark.parametrize("split", NAMES)
def test_cases_begin_in_view_depend_on_their_seed_alone_and_ignore_ranges(split: str) -> None:
    starts, levels = draw_starts("uniform_motion", split, np.arange(200))
    inside = inside_view(positions(starts, frame_times(FRAMES)), starts.radii)
    least = 8 if split == "faster_v" else 10  # 8 units/s cross the view in 10 frames
    assert inside[:, :3].all() and (inside.sum(axis=1) >= least).all()
    among, same = draw_starts("uniform_motion", split, [12345, 77], ranges="paper", mode="box2d")
    alone, level = draw_starts("uniform_motion", split, [77])
    assert level == same[1:]
    for field in ("radii", "position", "velocity", "colours", "shapes"):
        np.testing.assert_array_equal(getattr(among, field)[1:], getattr(alone, field))
    assert set(levels) == set(split_levels("uniform_motion", split) or ())
    with pytest.raises(ValueError, match="analysis"):
        level_sides("uniform_motion", levels[0])


def test_requests_show_and_name_colour_and_shape() -> None:
    suite = gym.make("PhyWorld-uniform_motion-v0", size=64).unwrapped
    told = {}
    for case in suite.cases([f"conflict_colour_shape_all-{seed:012x}" for seed in range(24)]):
        told[case.tags["level"]] = case.request.prompt
        middle = case.truth.positions(frame_times(1))[0, 0] * 6.4
        seen = case.request.frames[0, 63 - int(middle[1]), int(middle[0])]
        np.testing.assert_array_equal(seen, case.truth.colours[0])
        np.testing.assert_array_equal(suite.true_clip(case).frames[:3], case.request.frames)
    assert {level: prompt.split(" glides")[0] for level, prompt in told.items()} == {
        "red_disc": "A red disc",
        "blue_square": "A blue square",
        "red_square": "A red square",
        "blue_disc": "A blue disc",
    }

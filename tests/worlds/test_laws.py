"""The laws against the official simulator, against conservation, and against their plain loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.worlds.discs.laws import (
    STICKING_SPEED,
    Starts,
    contact_time,
    energy,
    inside_view,
    positions,
    rollout_reference,
    scored_pairs,
    velocity_after,
)
from wmenv.worlds.discs.splits import draw_starts
from wmenv.worlds.discs.world import FRAMES, LAWS, Law, frame_times

SLEEPING = 26
"""Collision case in which Box2D puts a body slower than 0.01 to sleep; documented in docs/phyworld.md."""


def starts_of(law: Law, case: dict[str, Any]) -> Starts:
    if law == "collision":
        radii, position, velocity = case["radii"], case["initial_positions"], case["initial_velocities"]
    else:
        radii, position, velocity = [case["radius"]], [case["initial_position"]], [case["initial_velocity"]]
    return Starts(law, np.array([radii]), np.array([position]), np.array([velocity]))


@pytest.mark.parametrize("law", LAWS)
def test_box2d_mode_equals_the_official_positions(law: Law, official: dict[str, Any]) -> None:
    cases = official[law]["cases"]
    assert len(cases) >= 12
    for case in cases:
        path = positions(starts_of(law, case), frame_times(FRAMES), "box2d")[0]
        apart = np.abs(path - np.array(case["positions"]).reshape(path.shape)).max()
        assert apart < (2e-3 if case["case"] == SLEEPING else 1e-3), (case["case"], apart)


def test_fixtures_hold_the_sticking_branch(official: dict[str, Any]) -> None:
    closing = [sum(case["speeds"]) for case in official["collision"]["cases"]]
    assert sum(speed <= STICKING_SPEED for speed in closing) >= 3


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("split", ["id", "ood_low", "ood_high", "ood_cross"])
def test_closed_form_equals_the_stepped_loop(law: Law, split: str) -> None:
    starts, _ = draw_starts(law, split, np.arange(30), mode="box2d")
    path, loop = positions(starts, frame_times(FRAMES), "box2d"), rollout_reference(starts, FRAMES)
    bounces = np.ones(len(starts), dtype=bool)
    if law == "collision":  # the loop leaves out how Box2D pushes sticking balls apart
        bounces = starts.velocity[:, 0, 0] - starts.velocity[:, 1, 0] > STICKING_SPEED
    np.testing.assert_allclose(path[bounces], loop[bounces], atol=1e-9)
    np.testing.assert_allclose(path, loop, atol=0.006)


numbers = st.floats(min_value=0.0, max_value=1.0, allow_nan=False)


@given(
    radii=st.tuples(st.floats(0.3, 2.0), st.floats(0.3, 2.0)),
    speeds=st.tuples(st.floats(0.0, 6.0), st.floats(0.01, 6.0)),
    gap=st.floats(0.1, 5.0),
)
def test_exact_collisions_conserve_momentum_and_energy(
    radii: tuple[float, float], speeds: tuple[float, float], gap: float
) -> None:
    position = np.array([[[2.0, 5.0], [2.0 + sum(radii) + gap, 5.0]]])
    starts = Starts("collision", np.array([radii]), position, np.array([[[speeds[0], 0.0], [-speeds[1], 0.0]]]))
    before, after = starts.velocity[0], velocity_after(starts, "exact")[0]
    mass = starts.mass[0]
    scale = max(1.0, float((mass[:, None] * np.abs(before)).sum()))
    assert abs((mass[:, None] * (after - before)).sum()) < 1e-9 * scale
    height = np.zeros(2)
    kept = energy("collision", mass, height, after) - energy("collision", mass, height, before)
    assert abs(kept) < 1e-9 * max(1.0, float(energy("collision", mass, height, before)))
    # The path itself: free before the contact, touching at it, apart afterwards.
    contact = float(contact_time(starts, "exact")[0])
    path = positions(starts, np.array([0.0, contact, contact + 0.5]))[0]
    assert path[1, 1, 0] - path[1, 0, 0] == pytest.approx(sum(radii), abs=1e-9)
    assert path[2, 1, 0] - path[2, 0, 0] >= sum(radii) - 1e-9


@given(x=st.floats(0, 10), y=st.floats(0, 10), speed=st.floats(0, 6), time=st.floats(0, 4))
def test_exact_parabola_conserves_energy(x: float, y: float, speed: float, time: float) -> None:
    starts = Starts("parabola", np.array([[1.0]]), np.array([[[x, y]]]), np.array([[[speed, 0.0]]]))
    step = 1e-3
    path = positions(starts, np.array([time, time + step]))[0, :, 0]
    middle, velocity = path.mean(axis=0), (path[1] - path[0]) / step
    now = energy("parabola", np.ones(1), middle[None, 1], velocity[None])
    then = energy("parabola", np.ones(1), np.array([y]), np.array([[speed, 0.0]]))
    assert now == pytest.approx(then, abs=1e-5)  # the midpoint lies g step^2 / 8 under the chord


def test_sticking_balls_share_one_velocity_and_keep_momentum() -> None:
    starts = Starts(
        "collision", np.array([[1.0, 0.5]]), np.array([[[2.0, 5.0], [5.0, 5.0]]]), np.array([[[0.6, 0.0], [-0.4, 0.0]]])
    )
    after = velocity_after(starts, "box2d")[0]
    assert after[0] == pytest.approx(after[1])
    assert (starts.mass[0][:, None] * after).sum() == pytest.approx(
        (starts.mass[0][:, None] * starts.velocity[0]).sum()
    )
    assert velocity_after(starts, "exact")[0, 1, 0] - velocity_after(starts, "exact")[0, 0, 0] == pytest.approx(1.0)


def test_balls_that_do_not_approach_never_touch() -> None:
    starts = Starts(
        "collision", np.ones((1, 2)), np.array([[[2.0, 5.0], [6.0, 5.0]]]), np.array([[[-1.0, 0.0], [1.0, 0.0]]])
    )
    for mode in ("exact", "box2d"):
        assert np.isinf(contact_time(starts, mode)[0])  # type: ignore[arg-type]
        path = positions(starts, np.array([1.0]), mode)  # type: ignore[arg-type]
        np.testing.assert_allclose(path[0, 0, :, 0], [1.0, 7.0])


def test_no_pair_straddles_the_contact_and_none_was_given() -> None:
    starts, _ = draw_starts("collision", "id", np.arange(200))
    times = frame_times(FRAMES)
    contact = contact_time(starts, "exact")
    inside = inside_view(positions(starts, times), starts.radii)
    before, after = scored_pairs(inside, times, contact, float(times[2]))
    assert not (before & after).any()
    assert not before[:, :2].any() and not after[:, :2].any()
    straddling = (times[None, :-1] < contact[:, None]) & (times[None, 1:] > contact[:, None])
    assert straddling.sum() > 150 and not ((before | after) & straddling).any()
    assert (after.sum(axis=1) >= 2).all()

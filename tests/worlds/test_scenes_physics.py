"""The physics of the scenes: closed forms, conservation, and no interpenetration."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest

from wmenv.worlds.scenes.catalogue import EXAM_KEYS, KEYS, scene
from wmenv.worlds.scenes.edits import LiquidEdit, Push, Soften
from wmenv.worlds.scenes.liquid import fill
from wmenv.worlds.scenes.motion import limb, resting, through
from wmenv.worlds.scenes.paint import THRESHOLD, liquid_field
from wmenv.worlds.scenes.rollout import inertia
from wmenv.worlds.scenes.simulate import simulate
from wmenv.worlds.scenes.world import GRAVITY, Grip, Part, World

RED = (200, 30, 30)
UNTOUCHED = tuple(key for key in EXAM_KEYS if all(part.role != "actor" for part in scene(key).case(0).world.parts))
"""Scenes of the exam in which nobody acts."""
FLOOR = Part("floor", "box", (3.0, 0.5), (0.0, -0.5), (90, 90, 90), depth=0.5)


def ball(name: str = "ball", x: float = 0.0, z: float = 1.0, **more: object) -> Part:
    return Part(name, "ball", (0.1,), (x, z), RED, "mover", **more)  # type: ignore[arg-type]


def test_free_flight_is_a_parabola() -> None:
    rollout = simulate(World((ball(velocity=(1.0, 2.0, 3.0)),)))
    t = rollout.times
    step = 1 / 480
    np.testing.assert_allclose(rollout.path("ball")[:, 0], t, atol=1e-9)
    np.testing.assert_allclose(rollout.path("ball")[:, 1], 1 + 2 * t - GRAVITY * t * (t + step) / 2, atol=1e-9)
    np.testing.assert_allclose(rollout.path("ball")[:, 2], 3 * t, atol=1e-9)
    assert not rollout.impulse.any() and not rollout.contacts


@pytest.mark.parametrize("e", [1.0, 0.6, 0.0])
def test_collisions_conserve_momentum_and_have_their_restitution(e: float) -> None:
    root = float(np.sqrt(e))
    movers = (
        ball("light", -0.5, 0.0, velocity=(1.0, 0.0, 0.0), mass=1.0, restitution=root, friction=0.0),
        ball("heavy", 0.0, 0.0, mass=2.0, restitution=root, friction=0.0),
    )
    rollout = simulate(World(movers, view="top"))
    v = rollout.velocity[:, :, 0]
    np.testing.assert_allclose(v @ [1.0, 2.0], 1.0, atol=1e-9)
    assert v[-1, 1] - v[-1, 0] == pytest.approx(e, abs=2e-3 if e else 0.03)
    given = rollout.impulse.sum(axis=0)[:, 0]
    np.testing.assert_allclose(given, v[-1] - v[0], atol=1e-9)


def test_a_ball_rolls_down_a_slope_with_five_sevenths_of_the_pull() -> None:
    angle = 0.3
    up = np.array([np.sin(angle), np.cos(angle)])
    start = 0.1001 * up
    slope = Part("slope", "box", (4.0, 0.5), (-0.5 * up[0], -0.5 * up[1]), (90, 90, 90), angle=-angle, depth=0.5)
    rollout = simulate(World((slope, ball(x=start[0], z=start[1], friction=0.9))))
    way = np.linalg.norm(rollout.path("ball")[:, :2] - start, axis=1)
    expected = 5 / 7 * GRAVITY * np.sin(angle) * rollout.times**2 / 2
    assert way[-1] == pytest.approx(expected[-1], rel=0.01)


def test_a_pendulum_has_its_period() -> None:
    length = 0.5
    bob = Part("bob", "ball", (0.05,), (length * np.sin(0.1), -length * np.cos(0.1)), RED, "mover", pivot=(0.0, 0.0))
    rollout = simulate(World((bob,)), frames=64, fps=Fraction(32))
    x = rollout.path("bob")[:, 0]
    crossings = np.flatnonzero((x[:-1] > 0) & (x[1:] <= 0))
    period = 2 * np.pi * np.sqrt((length**2 + 0.4 * 0.05**2) / (GRAVITY * length)) * (1 + 0.1**2 / 16)
    first = (crossings[0] + x[crossings[0]] / (x[crossings[0]] - x[crossings[0] + 1])) / 32
    assert first == pytest.approx(period / 4, rel=0.01)


def test_a_grip_carries_and_lets_go_with_the_actors_velocity() -> None:
    hand = Part("hand", "ball", (0.05,), (0.0, 0.0), RED, "actor", path=lambda t: np.column_stack([t, 0 * t, 0 * t]))
    world = World((hand, ball(x=0.0, z=-0.16)), grips=(Grip("hand", "ball", 0.0, 0.5),))
    rollout = simulate(world)
    path, t = rollout.path("ball"), rollout.times
    held = t <= 0.5
    np.testing.assert_allclose(path[held, 0] - t[held], 0, atol=5e-3)
    np.testing.assert_allclose(path[held, 1], -0.16, atol=5e-3)
    assert rollout.velocity[-1, 1, 0] == pytest.approx(1.0, abs=0.05)
    assert path[-1, 1] < -5


def test_limbs_reach_their_ends() -> None:
    path = through((0.0, 0.3, 0.4, 0.0), (1.0, 0.5, -0.2, 0.0))
    upper, lower = limb(resting(0.0, 0.0), path, 0.4, 0.35)
    times = np.linspace(0, 1, 9)
    for link, length, sign, point in ((upper, 0.4, -1, resting(0.0, 0.0)), (lower, 0.35, 1, path)):
        pose = link(times)
        end = pose[:, :2] + sign * length / 2 * np.column_stack([-np.sin(pose[:, 2]), np.cos(pose[:, 2])])
        np.testing.assert_allclose(end, point(times)[:, :2], atol=1e-12)


def test_inertia_of_a_capsule_tends_to_a_ball_and_to_a_rod() -> None:
    assert inertia("capsule", (0.3, 1e-12), 2.0) == pytest.approx(inertia("ball", (0.3,), 2.0))
    assert inertia("capsule", (1e-9, 0.5), 2.0) == pytest.approx(2.0 / 12)


@pytest.mark.parametrize(
    "key", ["natural/rolling", "gaming/bricks", "gaming/billiards", "animation/tumble", *UNTOUCHED]
)
def test_energy_never_rises_where_nobody_acts(key: str) -> None:
    """But for what the spring of a contact keeps from one frame to the next."""
    for seed in range(8):
        kinetic, potential = scene(key).case(seed).rollout.energy
        total = kinetic + potential
        assert np.diff(total).max() < 2e-3 * (total.max() - potential.min()), (key, seed)


@pytest.mark.parametrize("seeds", [(0, 5), pytest.param(range(8), marks=pytest.mark.slow)])
def test_parts_do_not_interpenetrate(seeds: Iterable[int]) -> None:
    """Less than a pixel anywhere: what a collision at speed needs to be resolved."""
    for key in (*KEYS, *EXAM_KEYS):
        for seed in seeds:
            rollout = scene(key).case(seed).rollout
            for contact in rollout.contacts:
                pixels = contact.depth.max() * rollout.world.camera.scale(128)
                assert pixels < 1.0, (key, seed, contact.first, contact.second, pixels)


@pytest.mark.parametrize("key", ["natural/water", "industrial/filling"])
def test_liquids_keep_their_volume(key: str) -> None:
    """The area drawn against the area at the start, whatever the liquid is doing; a thin jet has more rim."""
    for seed in range(2):
        one = scene(key).case(seed)
        rollout = one.rollout
        assert not np.isnan(rollout.particles).any()
        area = [(liquid_field(rollout.particles[t], rollout.world, 128) > THRESHOLD).sum() for t in range(32)]
        ratio = np.array(area) / area[0]
        assert 0.95 < ratio.min() and ratio.max() < 1.15, (seed, ratio)
        assert ratio[-1] < 1.1


def test_water_at_rest_stays_at_rest_and_level() -> None:
    one = scene("natural/water").case(0)
    gate = one.parameters | {"wait": 9.0}
    rollout = one.scene.simulate(gate)
    start = fill(rollout.world)
    moved = np.linalg.norm(rollout.particles[-1] - start, axis=1)
    assert np.median(moved) < rollout.world.liquid.spacing  # type: ignore[union-attr]
    assert abs(rollout.particles[-1, :, 1].mean() - start[:, 1].mean()) < 0.03


def test_a_push_adds_what_it_says_and_nothing_else() -> None:
    world = World((ball(), ball("other", x=-0.5)))
    clean, pushed = simulate(world), simulate(world, edits=[Push("ball", 0.5, 1.0, (2.0, 0.0))])
    np.testing.assert_array_equal(clean.path("other"), pushed.path("other"))
    assert pushed.velocity[-1, 0, 0] == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(pushed.unlawful.sum(axis=0)[0], (1.0, 0.0), atol=1e-9)


def test_a_softened_pair_overlaps_by_its_depth_and_no_other_does() -> None:
    world = World((FLOOR, ball(z=0.6), ball("other", x=0.6, z=0.6)))
    rollout = simulate(world, edits=[Soften("ball", "floor", 0.0, 0.08)])
    assert rollout.path("ball")[-1, 1] == pytest.approx(0.02, abs=2e-3)
    assert rollout.path("other")[-1, 1] == pytest.approx(0.1, abs=2e-3)


def test_liquid_edits_do_what_they_say() -> None:
    one = scene("natural/water").case(0)
    lost = one.scene.simulate(one.parameters, [LiquidEdit("lose", 0.5, 1.0, 0.3)]).particles
    gone = np.isnan(lost[..., 0]).mean(axis=1)
    assert gone[8] == 0 and gone[-1] == pytest.approx(0.3, abs=0.01) and (np.diff(gone) >= 0).all()
    hung = one.scene.simulate(one.parameters, [LiquidEdit("hang", 0.5, 1.0)]).particles
    np.testing.assert_array_equal(hung[8], hung[16])
    assert np.abs(hung[17] - hung[16]).max() > 0

"""What pushed something, what overlaps, and pictures brought to one brightness and softness."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.core.registries import JUDGERS
from wmenv.judgers.scenes.contacts import Source, possible
from wmenv.judgers.scenes.forces import FRICTION, _beyond, beyond_speeds, unexplained
from wmenv.judgers.scenes.motion import motion
from wmenv.judgers.scenes.silhouette import Window
from wmenv.judgers.scenes.steady import HALVED, SMOOTHED, blurred, steadied
from wmenv.judgers.scenes.track import Track
from wmenv.judgers.scenes.tracking import _principal
from wmenv.studies.degraded import DEGRADATIONS, coded, warped
from wmenv.studies.scene_exam import asked
from wmenv.worlds.scenes.catalogue import scene
from wmenv.worlds.scenes.plants import plant
from wmenv.worlds.scenes.shapes import closest, shared
from wmenv.worlds.scenes.world import GRAVITY, Camera, Part, World

FPS = 16.0
angles = st.floats(-np.pi, np.pi)


def way(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle)])


@given(angles, angles, st.floats(0.1, 10.0))
def test_a_push_is_explained_within_the_cone_of_one_contact(normal: float, push: float, size: float) -> None:
    left = float(np.linalg.norm(_beyond(size * way(push), way(normal)[None])))
    off = abs((push - normal + np.pi) % (2 * np.pi) - np.pi)
    beside = np.clip(off - FRICTION, 0.0, np.pi / 2)
    assert left == pytest.approx(size * np.sin(beside), abs=1e-6 * size)


@given(angles, angles)
def test_two_contacts_explain_all_between_them(first: float, second: float) -> None:
    between = way(first) + way(second)
    assert np.linalg.norm(_beyond(between, np.stack([way(first), way(second)]))) < 1e-6


def side(sources: tuple[Source, ...] = ()) -> tuple[World, Any]:
    return World((), camera=Camera((0.0, 0.0), 1.0)), SimpleNamespace(sources=sources, pull=GRAVITY / FPS**2)


def test_free_fall_needs_no_explanation_and_a_push_does() -> None:
    t = np.arange(12) / FPS
    places = np.column_stack([0.8 * t, 0.5 + 1.5 * t - 0.5 * GRAVITY * t**2])
    world, gaps = side()
    assert np.abs(unexplained(places, gaps, world, FPS)).max() < 1e-12
    places[6:, 0] += 0.03 * np.arange(6)  # 3 cm a frame faster from frame 6 on
    left = unexplained(places, gaps, world, FPS)
    assert left[6] == pytest.approx([0.03, 0.0], abs=1e-12) and np.abs(np.delete(left, 6, axis=0)).max() < 1e-12


def test_a_floor_carries_but_does_not_pull() -> None:
    floor = Source(np.tile([0.0, 1.0], (12, 1, 1)), np.ones(11, bool))
    world, gaps = side((floor,))
    rest = np.zeros((12, 2))
    assert np.abs(unexplained(rest, gaps, world, FPS)).max() < 1e-12
    down = np.zeros((12, 2))
    down[6:, 1] = -2 * GRAVITY / FPS**2 * np.arange(6)  # in one frame twice the speed that gravity gives
    assert unexplained(down, gaps, world, FPS)[6] == pytest.approx([0.0, -GRAVITY / FPS**2], abs=1e-12)


def touching(speeds: Any) -> Any:
    """What a thing touches all the time, with the given speeds (2,) or (T - 1, 2) of it; None where not known."""
    if speeds is not None:
        speeds = np.broadcast_to(np.asarray(speeds, float), (11, 2))[:, None]
    return side((Source(np.zeros((12, 0, 2)), np.ones(11, bool), speeds),))[1]


def won(velocities: Any, gaps: Any) -> float:
    places = np.concatenate([np.zeros((1, 2)), np.cumsum(np.asarray(velocities, float), axis=0)])
    return max(beyond_speeds(places, gaps, t) for t in range(1, len(places) - 1))


def test_a_hand_gives_no_more_speed_than_it_has() -> None:
    """A thing at rest that is struck leaves at twice the hand's speed at most; one that is held has the hand's."""
    struck = [[0.0, 0.0]] * 5 + [[0.06, 0.0]] * 6
    assert won(struck, touching([0.03, 0.0])) == pytest.approx(0.0, abs=1e-9)
    assert won(struck, touching([0.02, 0.0])) == pytest.approx(0.02, abs=1e-9)
    assert won(struck, touching([0.0, 0.0])) == pytest.approx(0.06, abs=1e-9)
    assert won(struck, touching(None)) == 0.0, "what is not known explains anything"
    assert won([[0.05, 0.01]] * 11, touching([0.05, 0.01])) == pytest.approx(0.0, abs=1e-9)


def test_the_ground_throws_nothing_up() -> None:
    g = GRAVITY / FPS**2
    bounce = [[0.0, -0.1 - k * g] for k in range(5)] + [[0.0, 0.1 + (4 - k) * g] for k in range(6)]
    assert won(bounce, touching([0.0, 0.0])) == pytest.approx(0.0, abs=1e-9)
    launched = [[0.0, 0.0]] * 5 + [[0.0, 0.1 - k * g] for k in range(6)]
    assert won(launched, touching([0.0, 0.0])) == pytest.approx(0.1, abs=1e-9)


def test_what_is_thrown_at_something_leaves_it_another_way() -> None:
    """Seen from above, a hand that moves along x cannot send a thing along y, but can where it meets another, too."""
    aside = [[0.0, 0.0]] * 5 + [[0.0, 0.06]] * 6
    hand, post = touching([0.03, 0.0]).sources[0], touching([0.0, 0.0]).sources[0]
    assert won(aside, SimpleNamespace(sources=(hand,), pull=0.0)) == pytest.approx(np.hypot(0.03, 0.06) - 0.03)
    both = SimpleNamespace(sources=(hand, post), pull=0.0)
    assert won(aside, both) == pytest.approx(0.0, abs=1e-9)
    assert won([[0.0, 0.0]] * 5 + [[0.0, 0.08]] * 6, both) == pytest.approx(0.02, abs=1e-9)


@pytest.mark.parametrize(("steps", "gain"), [([-2.0] * 5 + [0.0] + [1.9] * 5, 0.0), ([0.0] * 5 + [2.0] * 6, 0.88)])
def test_a_bounce_between_two_frames_wins_no_speed(steps: list[float], gain: float) -> None:
    """Pixels a frame along the ground: thrown back by a wall between two frames, and set going by nothing.

    4 mm of drop may be overlooked: 1.12 pixels a frame of the 2.
    """
    camera, ones = Camera((0.0, 0.0), 1.0), np.ones(12)
    x = np.concatenate([[0.0], np.cumsum(steps)]) / camera.scale(128)
    pair, ball = np.ones((12, 2)), Part("ball", "ball", (0.1,), (0.0, 0.0), (200, 0, 0))
    pose = np.column_stack([x, 0 * x, 0 * x])
    track = Track(ball, pose, ones, ones, ones, pair, ones, 0 * ones, 0 * ones, ones, ones, pair)
    floor, wall = Source(np.tile([0.0, 1.0], (12, 1, 1)), ones[1:] > 0), Source(np.zeros((12, 0, 2)), ones[1:] > 0)
    gaps: Any = SimpleNamespace(
        sources=(floor, wall), pull=GRAVITY / FPS**2, touched=ones[1:] > 0, handled=ones[1:] < 0, carried=ones[1:] > 0,
        overlap=0 * ones,
    )  # fmt: skip
    found = motion(track, gaps, World((), camera=camera), FPS)
    assert found.gain == pytest.approx(gain, abs=0.01)


def seen(part: Part, drawn: Part, pose: np.ndarray) -> Track:
    """A track of twelve frames: the part as it is, then as it is drawn otherwise, from frame 4 on."""
    camera = Camera((0.0, 0.0), 1.0)
    window = Window(camera, 128, pose[:2], 0.9)
    full = window.coverage(part, pose)
    masks = [full if t < 4 else window.coverage(drawn, np.array([*drawn.at, 0.0])) for t in range(12)]
    axes = np.array([_principal(window, one) / _principal(window, full) for one in masks])
    shown = np.array([one.sum() / full.sum() for one in masks])
    ones, pair = np.ones(12), np.ones((12, 2))
    return Track(part, np.tile(pose, (12, 1)), ones, ones, ones, pair, ones, ones, ones, ones, shown, axes)


def test_what_shrinks_is_told_from_what_sinks_in() -> None:
    box = Part("box", "box", (0.3, 0.2), (0.0, 0.0), (200, 0, 0))
    here = np.zeros(3)
    smaller = seen(box, replace(box, size=(0.21, 0.14)), here)
    assert smaller.reshaped and smaller.dwindled[6] == pytest.approx(-np.log(0.7), abs=0.03)
    sunk = seen(box, replace(box, size=(0.3, 0.1), at=(0.0, 0.1)), here)
    assert not sunk.reshaped and not sunk.flattened.any()
    wider = seen(box, replace(box, size=(0.3 * 1.2, 0.2 / 1.2)), here)
    assert wider.reshaped and wider.flattened[6] == pytest.approx(2 * np.log(1.2), abs=0.03)


def test_contact_between_frames_needs_a_way_there_and_back() -> None:
    bounce = np.abs(np.linspace(1.0, -1.0, 12)) + 0.001  # meets between the frames 5 and 6
    assert list(np.flatnonzero(possible(bounce, 100.0))) == [5]
    away = np.linspace(0.1, 1.0, 12)
    assert not possible(away, 100.0).any()


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_shared_area_of_boxes(share: float) -> None:
    a = Part("a", "box", (0.2, 0.1), (0.0, 0.0), (200, 0, 0))
    b = Part("b", "box", (0.2, 0.1), (0.0, 0.0), (0, 0, 200))
    for turn in (0.0, 0.7):
        apart = 0.4 * (1 - share) * way(turn)
        assert shared(a, np.array([0.0, 0.0, turn]), b, np.array([*apart, turn])) == pytest.approx(share, abs=0.05)


def test_what_lies_in_something_larger_is_shared_whole() -> None:
    small = Part("small", "ball", (0.1,), (0.0, 0.0), (200, 0, 0))
    large = Part("large", "box", (1.0, 1.0), (0.0, 0.0), (0, 0, 200))
    here, there = np.array([0.3, 0.0, 0.0]), np.zeros(3)
    assert shared(small, here, large, there) == 1.0
    assert shared(large, there, small, here) == pytest.approx(1.0, abs=0.35)  # few points are in the ball


def test_the_other_ones_surface_pushes_along_its_normal() -> None:
    ball = Part("ball", "ball", (0.1,), (0.0, 0.0), (200, 0, 0))
    floor = Part("floor", "box", (2.0, 0.2), (0.0, 0.0), (90, 90, 90))
    gap, ways = closest(ball, np.array([0.4, 0.31, 0.0]), floor, np.zeros(3))
    assert gap == pytest.approx(0.01, abs=1e-3) and ways[0] == pytest.approx([0.0, 1.0], abs=1e-3)


@given(st.floats(0.2, 1.3), st.floats(0.02, 0.15))
def test_a_corner_touches_before_a_side(turn: float, width: float) -> None:
    """A slim box that leans on a step: its own corner is on the floor, the step's corner at its side."""
    log = Part("log", "box", (width, 0.6), (0.0, 0.0), (200, 0, 0))
    along, across = np.array([-np.sin(turn), np.cos(turn)]), way(turn)
    pose = np.array([*(0.6 * along + width * across), turn])  # one corner of its foot at the origin
    floor = Part("floor", "box", (2.0, 0.2), (0.0, 0.0), (90, 90, 90))
    gap, ways = closest(log, pose, floor, np.array([0.0, -0.2, 0.0]))
    assert gap == pytest.approx(0.0, abs=1e-9) and ways[0] == pytest.approx([0.0, 1.0], abs=1e-3)
    corner = pose[:2] - width * across + 0.3 * along  # on its left side
    step = Part("step", "box", (0.3, 0.4), (0.0, 0.0), (90, 90, 90))
    gap, ways = closest(log, pose, step, np.array([corner[0] - 0.3, corner[1] - 0.4, 0.0]))
    assert gap == pytest.approx(0.0, abs=1e-9) and ways[1] == pytest.approx(across, abs=1e-3)


@pytest.fixture(scope="module")
def marble() -> Any:
    return scene("gaming/marble").case(3)


@pytest.fixture(scope="module")
def plate(marble: Any) -> np.ndarray:
    return asked(marble).facts.plate(128).clip.frames[0].astype(float)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0])
def test_blur_is_told_from_edges(plate: np.ndarray, sigma: float) -> None:
    frames = np.stack([plate] + [blurred(plate, sigma)] * 7)
    assert steadied(frames, plate).softness == pytest.approx(sigma, rel=0.15)


def test_brightness_and_noise_are_told_and_taken_out(plate: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(0, 20, (8, *plate.shape))
    frames = np.clip(plate * np.linspace(1, 0.5, 8)[:, None, None, None] + noise, 0, 255)
    steady = steadied(frames, plate)
    assert steady.gain == pytest.approx(np.linspace(1, 0.5, 8), abs=0.02)
    grey = 20 / np.sqrt(3)  # of the mean of three channels
    assert steady.noise == pytest.approx(np.full(8, grey), rel=0.15)
    levelled = np.abs(steady.frames - steady.plate)[:, 20:-20, 20:-20]
    assert levelled.mean() < 0.5 * np.abs(noise / np.linspace(1, 0.5, 8)[:, None, None, None]).mean()


@pytest.mark.parametrize("crf", [0, 18, 26, 34])
def test_colours_at_half_the_resolution_are_soft(marble: Any, crf: int) -> None:
    """Brightness is as sharp as before, so that edges tell nothing."""
    clip, behind = marble.rendering.clip, asked(marble).facts.plate(128).clip.frames[0].astype(float)
    assert steadied(clip.frames.astype(float), behind).softness == 0
    steady = steadied(coded(clip, crf).frames.astype(float), behind)
    assert steady.softness == pytest.approx(np.hypot(HALVED, SMOOTHED), rel=0.1)


def test_a_clip_without_colours_is_not_softened(plate: np.ndarray) -> None:
    assert steadied(np.stack([plate] * 8), plate).softness == 0


@pytest.mark.parametrize("key", ["animation/seesaw", "animation/meeting", "driving/overtaking", "robotics/pick"])
def test_a_good_codec_breaks_no_law(key: str) -> None:
    """Each was flagged on a law while colours of half the resolution were taken for sharp ones."""
    case = scene(key).case(2)
    (judged,) = JUDGERS.create("scene-pixels").judge([asked(case)], [coded(case.rendering.clip, 18)])
    assert min(v.score for v in judged.verdicts if v.score is not None) > 0.5


def test_a_silhouette_is_as_soft_as_the_picture() -> None:
    part = Part("ball", "ball", (0.2,), (0.0, 0.0), (214, 40, 40))
    camera, pose = Camera((0.0, 0.0), 1.0), np.zeros(3)
    sharp, soft = (Window(camera, 128, pose[:2], 0.6, softness).coverage(part, pose) for softness in (0.0, 3.0))
    assert soft.max() < 1.0 and soft.sum() == pytest.approx(
        sharp.sum(), rel=0.1
    )  # what is too faint to see is left out


@pytest.mark.parametrize(("name", "criterion"), [("blur", "quality"), ("noise", "quality"), ("flicker", "temporal")])
def test_poor_pictures_break_their_own_criterion_alone(marble: Any, name: str, criterion: str) -> None:
    planted = plant(marble, name, 16)
    assert planted is not None
    (judged,) = JUDGERS.create("scene-pixels").judge([asked(marble)], [planted.rendering.clip])
    low = {v.criterion for v in judged.verdicts[1:] if v.score is not None and v.score < 0.5}
    assert low == {criterion}


def test_degradations_leave_the_first_frame_in_its_place(marble: Any) -> None:
    clip = marble.rendering.clip
    assert (warped(clip, 1.0).frames[0] == clip.frames[0]).all()
    for name, degrade in DEGRADATIONS.items():
        poor = degrade(clip)
        assert poor.frames.shape == clip.frames.shape and poor.fps == clip.fps, name
        assert 0 < np.abs(poor.frames.astype(float) - clip.frames).mean() < 8, name

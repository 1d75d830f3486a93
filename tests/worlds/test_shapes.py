"""Discs, squares and rings are told apart, and measured as what they are, at every size."""

from __future__ import annotations

import numpy as np
import pytest

from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.draw import draw, draw_clips
from wmenv.worlds.discs.glimpse import glimpse
from wmenv.worlds.discs.laws import Starts
from wmenv.worlds.discs.measure import measure
from wmenv.worlds.discs.shapes import read_shapes
from wmenv.worlds.discs.track import steady_velocity
from wmenv.worlds.discs.world import COLOURS, DISC, RING, SHAPES, SQUARE, frame_times

COUNT = 120


def still(shape: int, size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One frame each of balls of all training radii at random places: frames, radii, positions."""
    rng = np.random.default_rng(seed)
    radii = np.linspace(0.7, 1.4, COUNT)[:, None]
    places = rng.uniform(2, 8, (COUNT, 1, 2))
    shapes = np.full((COUNT, 1), shape, dtype=np.uint8)
    starts = Starts("uniform_motion", radii, places, np.zeros((COUNT, 1, 2)), None, shapes)
    return draw_clips(starts, np.zeros(1), size)[:, 0], radii[:, 0], places[:, 0]


def blurred(frames: np.ndarray, width: float) -> np.ndarray:
    """Gaussian blur of a standard deviation in pixels."""
    weight = np.exp(-0.5 * (np.arange(-4, 5) / width) ** 2)
    weight /= weight.sum()
    padded = np.pad(frames.astype(float), ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    rows = sum(w * padded[:, k : k + frames.shape[1]] for k, w in enumerate(weight))
    both = sum(w * rows[:, :, k : k + frames.shape[2]] for k, w in enumerate(weight))
    return np.rint(both).astype(np.uint8)


@pytest.mark.parametrize("size", [256, 64, 32])
@pytest.mark.parametrize("shape", [DISC, SQUARE, RING])
def test_shapes_are_told_apart_and_measured(shape: int, size: int) -> None:
    frames, radii, places = still(shape, size)
    found = measure(frames, COLOURS[:1], 0.7)
    shapes = read_shapes(frames, found)
    right = shapes.kind[:, 0] == shape
    assert right.all()
    np.testing.assert_allclose(shapes.radius[:, 0], radii, rtol=0.035)
    assert np.abs(found.position[:, 0] - places).max() < 0.06
    for other in (DISC, SQUARE, RING):
        if other != shape:
            assert np.abs(shapes.share(shape, other)[:, 0]).max() < 0.25
            assert np.median(shapes.share(other, shape)[:, 0]) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("shape", [DISC, SQUARE, RING])
def test_blur_of_half_a_pixel_changes_neither_shape_nor_size(shape: int) -> None:
    frames, radii, _ = still(shape, 32)
    frames = blurred(frames, 0.5)
    shapes = read_shapes(frames, measure(frames, COLOURS[:1], 0.7))
    assert (shapes.kind[:, 0] == shape).all()
    assert np.abs(shapes.radius[:, 0] / radii - 1).mean() < 0.04


@pytest.mark.parametrize("size", [32, 64, 128])
def test_noise_and_bars_have_no_shape(size: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (10, size, size, 3), dtype=np.uint8)
    assert (read_shapes(noise, measure(noise, COLOURS, 0.7)).kind == -1).all()
    bar = np.full((1, size, size, 3), 255, dtype=np.uint8)
    bar[:, size // 2 : size // 2 + size // 12, size // 8 : -size // 8] = 255, 0, 0
    assert (read_shapes(bar, measure(bar, COLOURS[:1], 0.7)).kind == -1).all()


def test_no_object_no_shape() -> None:
    blank = np.full((2, 32, 32, 3), 255, dtype=np.uint8)
    shapes = read_shapes(blank, measure(blank, COLOURS[:1], 0.7))
    assert (shapes.kind == -1).all() and np.isnan(shapes.share(DISC, SQUARE)).all()


@pytest.mark.parametrize("size", [256, 64])
@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_a_glimpse_keeps_shape_colour_and_direction(shape: int, size: int) -> None:
    times = frame_times(3)
    path = np.array([[[6.0, 5.0]]]) + np.array([-2.0, 0.0]) * times[:, None, None]
    kinds = np.array([shape], dtype=np.uint8)
    seen = glimpse(draw(Discs.of(path, np.array([1.1]), COLOURS[1:], kinds), size))
    assert seen is not None and seen.shape.tolist() == [shape] and seen.law == "uniform_motion"
    assert seen.velocity[0] == pytest.approx([-2.0, 0.0], abs=0.2)
    assert seen.radius[0] == pytest.approx(1.1, rel=0.03)
    np.testing.assert_allclose(seen.colour[0], COLOURS[1], atol=12)


def test_a_steady_velocity_bears_wild_frames_and_keeps_its_sign() -> None:
    times = frame_times(16)
    place = np.array([7.0, 3.0]) + np.array([-2.5, 0.5]) * times[:, None]
    place[[3, 8, 9]] += 4.0
    place[12] = np.nan
    assert steady_velocity(times, place) == pytest.approx([-2.5, 0.5], abs=1e-9)
    assert steady_velocity(times[:1], place[:1]) is None

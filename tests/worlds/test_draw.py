"""The compiled renderer equals the plain one to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wmenv.worlds.discs.discs import Discs, discs_of
from wmenv.worlds.discs.draw import draw, draw_clips, draw_reference, pixel_centres
from wmenv.worlds.discs.laws import positions
from wmenv.worlds.discs.splits import draw_starts
from wmenv.worlds.discs.world import DISC, FRAMES, LAWS, RING, SQUARE, Edge, Law, frame_times


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("edge", ["area", "official"])
@pytest.mark.parametrize("size", [256, 300, 128, 100, 64, 33, 16])
def test_equal_to_the_reference(law: Law, edge: Edge, size: int) -> None:
    starts, _ = draw_starts(law, "ood_cross", np.arange(2), mode="box2d")  # box2d lets balls overlap
    for path, radii in zip(positions(starts, frame_times(FRAMES), "box2d"), starts.radii, strict=True):
        discs = Discs.of(path, radii)[::5]
        np.testing.assert_array_equal(draw(discs, size, edge), draw_reference(discs, size, edge))


@settings(max_examples=30)
@given(
    place=st.lists(st.tuples(st.floats(-2, 12), st.floats(-2, 12)), min_size=2, max_size=2),
    radii=st.lists(st.floats(0.05, 3.0), min_size=2, max_size=2),
    present=st.tuples(st.booleans(), st.booleans()),
    shapes=st.lists(st.sampled_from([DISC, SQUARE, RING]), min_size=2, max_size=2),
    size=st.sampled_from([256, 64, 50]),
)
def test_equal_for_any_objects(
    place: list[tuple[float, float]], radii: list[float], present: tuple[bool, bool], shapes: list[int], size: int
) -> None:
    discs = Discs.of(np.array([place]), np.array(radii), shapes=np.array(shapes, dtype=np.uint8))
    discs.present[:] = present
    discs.colour[0, 1] = 10, 200, 90
    np.testing.assert_array_equal(draw(discs, size), draw_reference(discs, size))


@pytest.mark.parametrize("edge", ["area", "official"])
@pytest.mark.parametrize("size", [256, 128, 64, 33, 32])
@pytest.mark.parametrize("split", ["conflict_size_shape_all", "conflict_colour_ring_all", "memory_left_test"])
def test_clips_of_the_analysis_splits_equal_the_reference(split: str, size: int, edge: Edge) -> None:
    starts, _ = draw_starts("uniform_motion", split, np.arange(8))
    times = frame_times(FRAMES)[::9]
    clips = draw_clips(starts, times, size, edge)
    for clip, discs in zip(clips, discs_of(starts, times), strict=True):
        np.testing.assert_array_equal(clip, draw_reference(discs, size, edge))
        np.testing.assert_array_equal(clip, draw(discs, size, edge))


def test_clips_are_drawn_into_a_buffer() -> None:
    starts, _ = draw_starts("collision", "id", np.arange(3))
    times = frame_times(16)
    buffer = np.zeros((3, 16, 32, 32, 3), dtype=np.uint8)
    assert draw_clips(starts, times, 32, out=buffer) is buffer
    np.testing.assert_array_equal(buffer[2], draw_reference(Discs.of(positions(starts, times)[2], starts.radii[2]), 32))
    with pytest.raises(ValueError, match="C-contiguous uint8"):
        draw_clips(starts, times, 32, out=buffer[:2])


def test_a_square_covers_its_pixels_and_no_others() -> None:
    """Side 2 r, hard edge: at 511 pixels the points of the picture are 10 / 510 apart."""
    frame = draw(Discs.of(np.array([[[5.0, 5.0]]]), np.array([1.0]), shapes=np.array([SQUARE], np.uint8)), 511)[0]
    red = (frame == [255, 0, 0]).all(axis=-1)
    assert red.sum() == 103**2 and (frame[~red] == 255).all()
    assert red[255 - 51 : 255 + 52, 255 - 51 : 255 + 52].all()


def test_a_ring_is_a_disc_with_a_hole() -> None:
    middle, radius = np.array([[[5.0, 5.0]]]), np.array([1.2])
    ring = draw(Discs.of(middle, radius, shapes=np.array([RING], np.uint8)))[0, :, :, 1] == 0
    disc = draw(Discs.of(middle, radius))[0, :, :, 1] == 0
    hole = draw(Discs.of(middle, 0.4 * radius))[0, :, :, 1] < 255
    np.testing.assert_array_equal(ring, disc & ~hole)


def test_area_average_of_a_whole_divisor_is_the_mean_of_blocks() -> None:
    discs = Discs.of(np.array([[[3.3, 4.4], [6.1, 5.0]]]), np.array([1.1, 0.9]))
    blocks = draw(discs, 256).astype(float).reshape(1, 64, 4, 64, 4, 3).mean(axis=(2, 4))
    np.testing.assert_array_equal(draw(discs, 64), np.floor(blocks + 0.5).astype(np.uint8))


def test_row_zero_is_the_top() -> None:
    frame = draw(Discs.of(np.array([[[5.0, 9.0]]]), np.array([0.8])))[0]
    assert (frame[:60, :, 1] < 128).any() and (frame[60:] == 255).all()


def test_a_buffer_is_reused_and_wiped() -> None:
    buffer = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    discs = Discs.of(np.array([[[5.0, 5.0]]]), np.array([1.0]))
    assert draw(discs, 64, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, draw_reference(discs, 64))
    with pytest.raises(ValueError, match="C-contiguous uint8"):
        draw(discs, 64, out=np.zeros((2, 64, 64, 3), dtype=np.uint8))


def test_grid_of_averages_is_centred_on_the_blocks() -> None:
    np.testing.assert_allclose(pixel_centres(64, "area"), pixel_centres(256).reshape(64, 4).mean(axis=1))
    np.testing.assert_allclose(pixel_centres(64, "official")[[0, -1]], [0.0, 10.0])

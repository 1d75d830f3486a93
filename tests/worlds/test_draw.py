"""The compiled renderer equals the plain one to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.draw import draw, draw_reference, pixel_centres
from wmenv.worlds.discs.laws import positions
from wmenv.worlds.discs.splits import draw_starts
from wmenv.worlds.discs.world import FRAMES, LAWS, Edge, Law, frame_times


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
    size=st.sampled_from([256, 64, 50]),
)
def test_equal_for_any_discs(
    place: list[tuple[float, float]], radii: list[float], present: tuple[bool, bool], size: int
) -> None:
    discs = Discs.of(np.array([place]), np.array(radii))
    discs.present[:] = present
    discs.colour[0, 1] = 10, 200, 90
    np.testing.assert_array_equal(draw(discs, size), draw_reference(discs, size))


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

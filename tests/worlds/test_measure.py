"""The compiled eye equals its plain definition, on clean, touching, damaged and hopeless pictures."""

from __future__ import annotations

import numpy as np
import pytest

from wmenv.core.clip import Clip
from wmenv.core.video import read_clip, write_clip
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.laws import contact_time, positions
from wmenv.worlds.discs.measure import measure
from wmenv.worlds.discs.measure_reference import measure_reference
from wmenv.worlds.discs.splits import draw_starts
from wmenv.worlds.discs.track import track
from wmenv.worlds.discs.world import COLOURS, FPS


def touching(size: int, colour: tuple[int, int, int] = (0, 0, 255)) -> np.ndarray:
    starts, _ = draw_starts("collision", "id", np.arange(4))
    contact = contact_time(starts, "exact")
    frames = []
    for k in range(4):
        path = positions(starts[k : k + 1], contact[k] + np.array([-0.1, 0.0, 0.02]))[0]
        discs = Discs.of(path, starts.radii[k])
        discs.colour[:, 1] = colour
        frames.append(draw(discs, size))
    return np.concatenate(frames)


def noisy(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, size, size, 3), dtype=np.uint8)


def pictures(name: str, size: int, tmp_path) -> np.ndarray:  # type: ignore[no-untyped-def]
    if name == "touching":
        return touching(size)
    if name == "touching of one hue":
        return touching(size, (255, 30, 60))
    if name == "speckled":
        rng = np.random.default_rng(1)
        frames = touching(size)[:4].copy()
        frames[rng.random(frames.shape[:3]) < 0.05] = 0
        return frames
    if name == "compressed":
        write_clip(tmp_path / "clip.mp4", Clip(touching(size), FPS))
        return read_clip(tmp_path / "clip.mp4").frames
    if name == "blank":
        return np.full((2, size, size, 3), 255, dtype=np.uint8)
    if name == "black":
        return np.zeros((2, size, size, 3), dtype=np.uint8)
    return noisy(size)


@pytest.mark.parametrize("size", [64, 50])
@pytest.mark.parametrize(
    "name", ["touching", "touching of one hue", "speckled", "compressed", "blank", "black", "noise"]
)
def test_equal_to_the_definition(name: str, size: int, tmp_path) -> None:  # type: ignore[no-untyped-def]
    frames = pictures(name, size, tmp_path)
    fast, slow = measure(frames, COLOURS, 0.7), measure_reference(frames, COLOURS, 0.7)
    for field in fast.__slots__:
        np.testing.assert_allclose(
            getattr(fast, field), getattr(slow, field), rtol=1e-9, atol=1e-9, err_msg=f"{name} {field}"
        )


def test_touching_discs_stay_two_and_in_place() -> None:
    starts, _ = draw_starts("collision", "id", np.arange(20))
    for k in range(20):
        path = positions(starts[k : k + 1], contact_time(starts[k : k + 1], "exact"))[0]
        found = measure(draw(Discs.of(path, starts.radii[k])), COLOURS, starts.radii[k].min())
        seen = track(found, path[0], np.zeros((2, 2)))
        assert seen.count_right.all()
        np.testing.assert_allclose(seen.position, path, atol=0.005)
        np.testing.assert_allclose(seen.radius[0], starts.radii[k], rtol=0.01)


def test_noise_is_no_disc() -> None:
    found = measure(noisy(128), COLOURS, 0.7)
    assert not found.disc.any()


@pytest.mark.parametrize("size", [32, 64, 256])
def test_a_disc_is_one_as_long_as_its_blur_is_slight(size: int) -> None:
    """Against the closed form 1 / (1 + 2 b^2 / r^2); a blur of over its own width leaves no disc."""
    for radius in (0.7, 1.4):
        pixels = radius * size / 10.0
        sharp = 255.0 - draw(Discs.of(np.array([[[4.87, 5.21]]]), np.array([radius])), size)[0]
        for blur, whole in ((0.5, True), (1.0, True), (1.2 * pixels, False)):
            weight = np.exp(-0.5 * (np.subtract.outer(np.arange(size), np.arange(size)) / blur) ** 2)
            weight /= weight.sum(axis=1, keepdims=True)
            soft = 255.0 - np.einsum("ij,jkc,lk->ilc", weight, sharp, weight, optimize=True)
            found = measure(soft.round().astype(np.uint8)[None], COLOURS[:1], 0.3)
            compact = found.compactness[0, 0]
            if whole:
                assert compact == pytest.approx(1 / (1 + 2 * (blur / pixels) ** 2), abs=0.06), (radius, blur)
            assert (found.count[0] > 0 and found.disc[0, 0]) == whole, (radius, blur, compact)


def test_a_picture_of_one_colour_is_no_disc() -> None:
    assert not measure(np.zeros((1, 64, 64, 3), dtype=np.uint8), COLOURS, 0.7).disc.any()


@pytest.mark.parametrize("size", [256, 64, 32])
def test_discs_of_every_size_are_discs(size: int) -> None:
    for radius in (0.3, 0.6, 1.0, 2.0, 3.0):
        found = measure(draw(Discs.of(np.array([[[4.87, 5.21]]]), np.array([radius])), size), COLOURS[:1], 0.3)
        assert found.disc[0, 0], (size, radius)
        if radius >= 0.6:
            assert found.compactness[0, 0] == pytest.approx(1.0, abs=0.05), (size, radius)


def test_regions_beyond_the_limit_are_unreadable() -> None:
    board = np.indices((256, 256)).sum(axis=0) % 2 * 255
    frames = np.repeat(board[None, :, :, None], 3, axis=3).astype(np.uint8)
    assert measure(frames, COLOURS, 0.7).count[0] == -1


def test_a_disc_is_followed_by_place_where_hue_does_not_tell() -> None:
    path = np.stack([[[2.0 + 0.2 * t, 5.0], [8.0 - 0.2 * t, 5.0]] for t in range(10)])
    discs = Discs.of(path, np.array([0.8, 0.8]))
    discs.colour[3:, 1] = 255, 0, 0  # the blue disc turns red
    found = measure(draw(discs, 128), COLOURS, 0.8)
    seen = track(found, path[0] - [[0.2, 0.0], [-0.2, 0.0]], np.array([[0.2, 0.0], [-0.2, 0.0]]))
    np.testing.assert_allclose(seen.position, path, atol=0.03)
    assert seen.count_right.all()


def test_a_missing_disc_is_missing_and_comes_back_as_itself() -> None:
    path = np.stack([[[2.0 + 0.2 * t, 5.0], [8.0 - 0.2 * t, 5.0]] for t in range(10)])
    discs = Discs.of(path, np.array([0.8, 0.8]))
    discs.present[4:7, 0] = False
    found = measure(draw(discs, 128), COLOURS, 0.8)
    seen = track(found, path[0], np.array([[0.2, 0.0], [-0.2, 0.0]]))
    assert np.isnan(seen.position[4:7, 0]).all() and not np.isnan(seen.position[:, 1]).any()
    np.testing.assert_allclose(seen.position[7:, 0], path[7:, 0], atol=0.03)
    assert list(np.flatnonzero(~seen.count_right)) == [4, 5, 6]

"""The compiled agreement of a silhouette with pixels is what `Window.coverage` and `distance` say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from wmenv.judgers.scenes.overlap import agreement
from wmenv.judgers.scenes.silhouette import Window
from wmenv.worlds.scenes.catalogue import KEYS, scene
from wmenv.worlds.scenes.shapes import distance, reach
from wmenv.worlds.scenes.world import Part

MARGIN = 3.0


def plain(window: Window, part: Part, pose: np.ndarray, mask: np.ndarray, told: np.ndarray) -> float:
    shown = window.coverage(part, pose)
    around = distance(part, pose, window.points) * window.scale < MARGIN
    union = (told * np.maximum(shown, mask * around)).sum()
    return float((told * np.minimum(shown, mask)).sum() / union) if union > 1.0 else 0.0


def posed(key: str) -> Iterator[tuple[Window, Part, np.ndarray]]:
    """Labelled parts of a scene, a little off their places."""
    world, rng = scene(key).case(0).world, np.random.default_rng(5)
    for part in (world.parts[k] for k in world.labelled):
        pose = np.array([*part.at, part.angle]) + rng.normal(0, 0.03, 3)
        yield Window(world.camera, 128, pose[:2], reach(part) + 0.1), part, pose


@pytest.mark.parametrize("key", KEYS)
def test_equals_the_plain_form(key: str) -> None:
    rng = np.random.default_rng(1)
    for window, part, pose in posed(key):
        shape = window.offsets.shape[:2]
        mask, told = rng.random(shape), (rng.random(shape) > 0.2).astype(float)
        expected = plain(window, part, pose, mask, told)
        assert agreement(window, part, pose, mask, told, MARGIN) == pytest.approx(expected, abs=1e-12)


def test_best_where_the_thing_is_and_nothing_without_pixels() -> None:
    for window, part, pose in posed("robotics/place"):
        mask = window.coverage(part, pose)
        told = np.ones(mask.shape)
        assert agreement(window, part, pose, mask, told, MARGIN) == pytest.approx(1.0)
        assert agreement(window, part, pose + np.array([0.02, 0, 0]), mask, told, MARGIN) < 0.99
        assert agreement(window, part, pose, 0 * mask, told, MARGIN) == 0.0
        assert agreement(window, part, pose, mask, 0 * told, MARGIN) == 0.0

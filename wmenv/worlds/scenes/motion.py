"""Paths of actors: what an arm, a figure or a car does, as functions of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.core.errors import InvalidCase
from wmenv.worlds.scenes.world import Path

FloatArray = NDArray[np.float64]


def through(*points: tuple[float, float, float, float]) -> Path:
    """A path through (seconds, x, z, angle), at rest in each, with the least jerk between (Flash and Hogan 1985)."""
    table = np.array(points, float)
    if len(table) < 2 or (np.diff(table[:, 0]) <= 0).any():
        raise InvalidCase(f"a path needs at least two points in order of time, got {points}")

    def path(times: FloatArray) -> FloatArray:
        k = np.clip(np.searchsorted(table[:, 0], times, side="right") - 1, 0, len(table) - 2)
        start, stop = table[k], table[k + 1]
        s = np.clip((times - start[:, 0]) / (stop[:, 0] - start[:, 0]), 0.0, 1.0)
        s = s**3 * (10 - 15 * s + 6 * s * s)
        return np.asarray(start[:, 1:] + s[:, None] * (stop[:, 1:] - start[:, 1:]))

    return path


def resting(x: float, z: float, angle: float = 0.0) -> Path:
    """A path that stays."""
    return through((0.0, x, z, angle), (1.0, x, z, angle))


def carried(path: Path, dx: float, dz: float, turn: float = 0.0) -> Path:
    """The path of a point fixed on something that moves: an offset in its own axes."""

    def moved(times: FloatArray) -> FloatArray:
        pose = path(times)
        cos, sin = np.cos(pose[:, 2]), np.sin(pose[:, 2])
        return np.column_stack([pose[:, 0] + cos * dx - sin * dz, pose[:, 1] + sin * dx + cos * dz, pose[:, 2] + turn])

    return moved


def delayed(path: Path, seconds: float) -> Path:
    """The same path, later."""

    def moved(times: FloatArray) -> FloatArray:
        return path(np.maximum(times - seconds, 0.0))

    return moved


def limb(root: Path, end: Path, upper: float, lower: float, bend: float = 1.0) -> tuple[Path, Path]:
    """Two links from a root to an end: shoulder to hand, hip to foot.

    Args:
        root: Path of the fixed end of the upper link.
        end: Path of the free end of the lower link.
        upper: Length of the upper link, metres.
        lower: Length of the lower link, metres.
        bend: 1 or -1: to which side the joint between them bends.

    Returns:
        Paths of the two links' centres; a capsule at such a pose lies along its link.

    Raises:
        InvalidCase: When followed: the end is out of reach.
    """

    def joints(times: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        start, stop = root(times)[:, :2], end(times)[:, :2]
        line = stop - start
        reach = np.hypot(line[:, 0], line[:, 1])
        if (reach > upper + lower + 1e-6).any() or (reach < abs(upper - lower) - 1e-6).any():
            raise InvalidCase(
                f"a limb of {upper:.2f} and {lower:.2f} m cannot reach over {reach.min():.2f} to {reach.max():.2f} m"
            )
        along = np.clip((upper**2 - lower**2 + reach**2) / (2 * reach), -upper, upper)
        aside = bend * np.sqrt(upper**2 - along**2)
        unit = line / reach[:, None]
        elbow = start + along[:, None] * unit + aside[:, None] * np.column_stack([-unit[:, 1], unit[:, 0]])
        return start, elbow, stop

    def link(which: int) -> Path:
        def path(times: FloatArray) -> FloatArray:
            points = joints(times)
            a, b = points[which], points[which + 1]
            return np.column_stack([(a + b) / 2, np.arctan2(a[:, 0] - b[:, 0], b[:, 1] - a[:, 1])])

        return path

    return link(0), link(1)

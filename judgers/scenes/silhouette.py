"""Where a thing of known shape and pose shows in the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.shapes import distance
from wmenv.worlds.scenes.world import Camera, Part

FloatArray = NDArray[np.float64]


def area(part: Part) -> float:
    """Area of the cross-section, square metres."""
    if part.shape == "box":
        return 4 * part.size[0] * part.size[1]
    if part.shape == "capsule":
        return float(np.pi * part.size[0] ** 2 + 4 * part.size[0] * part.size[1])
    return float(np.pi * part.size[0] ** 2)


def reach(part: Part) -> float:
    """Radius of a circle around the part, metres."""
    if part.shape == "box":
        return float(np.hypot(part.size[0], part.size[1]))
    return float(sum(part.size[:2])) if part.shape == "capsule" else part.size[0]


def faces(camera: Camera, part: Part) -> tuple[float, ...]:
    """Distances from the eye to a part's front and back face over that to the plane y = 0; one for a round part."""
    far = camera.distance * camera.half_width
    ends = (0.0,) if part.shape in ("ball", "capsule") else (-part.depth, part.depth)
    return tuple((far + part.y + y) / far for y in ends)


class Window:
    """A rectangle of pixels and the points of the plane they show.

    Attributes:
        rows: Slice of rows.
        columns: Slice of columns.
        across: Two arrays (w,) and (h,): metres of columns and of rows from the middle of the picture.
        offsets: (h, w, 2) the same for each pixel.
    """

    def __init__(self, camera: Camera, size: int, centre: FloatArray, radius: float) -> None:
        """Pixels within `radius` metres of a point of the plane, cut to the picture; at least one pixel."""
        self.camera, self.scale = camera, camera.scale(size)
        column, row = camera.pixels(np.asarray(centre, float), size)
        half = radius * self.scale
        self.rows, self.columns = _cut(row, half, size), _cut(column, half, size)
        x = (np.arange(self.columns.start, self.columns.stop) + 0.5 - size / 2) / self.scale
        z = -(np.arange(self.rows.start, self.rows.stop) + 0.5 - size / 2) / self.scale
        self.across = x, z
        self.offsets = np.stack(np.meshgrid(x, z), axis=-1)

    @property
    def points(self) -> FloatArray:
        """(h, w, 2) points of the plane y = 0."""
        return np.asarray(self.offsets + np.asarray(self.camera.centre))

    def of(self, picture: NDArray[np.generic]) -> NDArray[np.generic]:
        """The window's part of a picture (H, W, ...)."""
        return np.asarray(picture[self.rows, self.columns])

    def coverage(self, part: Part, pose: FloatArray) -> FloatArray:
        """(h, w) share of each pixel that a part covers: the union of its front and its back face."""
        shown = []
        for factor in faces(self.camera, part):
            points = self.offsets * factor + np.asarray(self.camera.centre)
            shown.append(np.clip(0.5 - distance(part, pose, points) * self.scale, 0.0, 1.0))
        return np.asarray(np.max(shown, axis=0))

    def details(self, part: Part, pose: FloatArray) -> NDArray[np.bool_]:
        """(h, w) pixels at and around what is drawn in front of a part; outlines are behind it."""
        out = np.zeros(self.offsets.shape[:2], bool)
        cos, sin = np.cos(pose[2]), np.sin(pose[2])
        for d in (one for one in part.details if one.y < 0):
            at = (pose[0] + cos * d.at[0] - sin * d.at[1], pose[1] + sin * d.at[0] + cos * d.at[1])
            drawn = Part("detail", d.shape, d.size, at, d.colour)
            out |= distance(drawn, np.array([*at, pose[2] + d.angle]), self.points) < 1.2 / self.scale
        return out


def _cut(middle: float, half: float, size: int) -> slice:
    start = int(np.clip(np.floor(middle - half), 0, size - 1))
    return slice(start, int(np.clip(np.ceil(middle + half) + 1, start + 1, size)))

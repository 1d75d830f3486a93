"""Where a thing of known shape and pose shows in the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.colours import FAINT, LIT, chroma
from wmenv.worlds.scenes.shapes import distance
from wmenv.worlds.scenes.world import Camera, Part

FloatArray = NDArray[np.float64]


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

    def __init__(self, camera: Camera, size: int, centre: FloatArray, radius: float, softness: float = 0.0) -> None:
        """Pixels within `radius` metres of a point of the plane, cut to the picture; at least one pixel.

        Args:
            camera: The camera.
            size: Width of the picture.
            centre: (2,) metres.
            radius: Metres.
            softness: Standard deviation of the blur of the picture, pixels; as much more is looked at, twice.
        """
        self.camera, self.scale, self.softness = camera, camera.scale(size), softness
        column, row = camera.pixels(np.asarray(centre, float), size)
        half = radius * self.scale + 2 * softness
        self.rows, self.columns = _cut(row, half, size), _cut(column, half, size)
        self.across = self._metres(size, 0)
        self.offsets = np.stack(np.meshgrid(*self.across), axis=-1)
        if softness:
            rim = int(np.ceil(3 * softness))
            self._wider = np.stack(np.meshgrid(*self._metres(size, rim)), axis=-1)
            self._blur = [_gaussian(count, rim, softness) for count in self.offsets.shape[:2]]

    def _metres(self, size: int, rim: int) -> tuple[FloatArray, FloatArray]:
        """Columns and rows, metres from the middle of the picture, with a rim of pixels around."""
        x = np.arange(self.columns.start - rim, self.columns.stop + rim) + 0.5 - size / 2
        z = np.arange(self.rows.start - rim, self.rows.stop + rim) + 0.5 - size / 2
        return x / self.scale, -z / self.scale

    @property
    def points(self) -> FloatArray:
        """(h, w, 2) points of the plane y = 0."""
        return np.asarray(self.offsets + np.asarray(self.camera.centre))

    def of(self, picture: NDArray[np.generic]) -> NDArray[np.generic]:
        """The window's part of a picture (H, W, ...)."""
        return np.asarray(picture[self.rows, self.columns])

    def coverage(self, part: Part, pose: FloatArray) -> FloatArray:
        """(h, w) share of each pixel that a part covers: the union of its front and its back face, as soft as all."""
        shown = []
        for factor in faces(self.camera, part):
            points = (self._wider if self.softness else self.offsets) * factor + np.asarray(self.camera.centre)
            shown.append(np.clip(0.5 - distance(part, pose, points) * self.scale, 0.0, 1.0))
        sharp = np.asarray(np.max(shown, axis=0))
        if not self.softness:
            return sharp
        soft = self._blur[0] @ sharp @ self._blur[1].T
        soft[soft * LIT * np.hypot(*chroma(np.asarray(part.colour, float))) < FAINT] = 0.0
        return np.asarray(soft)

    def details(self, part: Part, pose: FloatArray) -> NDArray[np.bool_]:
        """(h, w) pixels at and around what is drawn in front of a part; outlines are behind it."""
        out = np.zeros(self.offsets.shape[:2], bool)
        cos, sin = np.cos(pose[2]), np.sin(pose[2])
        for d in (one for one in part.details if one.y < 0):
            at = (pose[0] + cos * d.at[0] - sin * d.at[1], pose[1] + sin * d.at[0] + cos * d.at[1])
            drawn = Part("detail", d.shape, d.size, at, d.colour)
            near = (1.2 + self.softness) / self.scale
            out |= distance(drawn, np.array([*at, pose[2] + d.angle]), self.points) < near
        return out


def _gaussian(count: int, rim: int, sigma: float) -> FloatArray:
    """(count, count + 2 rim) a blur of pixels with a rim around."""
    offset = np.arange(count + 2 * rim) - rim - np.arange(count)[:, None]
    weight = np.exp(-0.5 * (offset / sigma) ** 2) * (np.abs(offset) <= rim)
    return np.asarray(weight / weight[0].sum())


def _cut(middle: float, half: float, size: int) -> slice:
    start = int(np.clip(np.floor(middle - half), 0, size - 1))
    return slice(start, int(np.clip(np.ceil(middle + half) + 1, start + 1, size)))

"""Which shape an object is, and how large as that shape: it is laid over drawn templates of each.

For every measured object a disc, a square and a ring of its own centre and mass are drawn on its own grid, sharp and
blurred by half a pixel and by one (generators blur). The blur with the nearest template is taken, and of its templates
the nearest by the sum of squared differences of coverage is the object's shape. The templates go through the brush
that draws the cases, so no size needs a calibration of its own. An object none of whose pixels is fully covered (a
thin ring on a coarse grid) is compared at full saturation too, the colours of every case being saturated.

The share of the way from one shape to another is the projection of the picture on the line between their templates: 0
at the one, 1 at the other, 1/2 where the nearer of the two changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.draw import draw, pixel_centres
from wmenv.worlds.discs.measure import Measured
from wmenv.worlds.discs.scan import CORE
from wmenv.worlds.discs.world import DISC, EDGE_SOFTNESS, RING, RING_HOLE, SHAPES, SQUARE, VIEW, Edge

FloatArray = NDArray[np.float64]

UNLIKE = 0.45
"""An object whose coverage differs from its nearest template by more than this share of its mass has no shape."""

BLURS = (0.0, 0.5, 1.0)
"""Standard deviations of the templates' blur, pixels."""

FINE = 16.0
"""Radius in pixels from which on a blur of a pixel changes no shape and only sharp templates are drawn."""

_SOFT_AREA = np.pi * (1 - EDGE_SOFTNESS / 2)
AREA = {DISC: _SOFT_AREA, SQUARE: 4.0, RING: _SOFT_AREA * (1 - RING_HOLE**2)}
"""Mass of each shape of radius 1."""

_FACTOR = np.sqrt(AREA[DISC] / np.array([AREA[kind] for kind in range(len(SHAPES))]))


@dataclass(frozen=True, slots=True)
class Shapes:
    """Shapes of the O objects in T frames.

    Attributes:
        kind: (T, O) index in `world.SHAPES`, -1 where there is no object or it resembles none of them.
        mass_radius: (T, O) radius of a disc of the object's mass, world units; NaN without an object.
        fit: (T, O, S) sum of squared differences to the template of each shape.
        apart: (T, O, S, S) the same between the templates.
    """

    kind: NDArray[np.int64]
    mass_radius: FloatArray
    fit: FloatArray
    apart: FloatArray

    @property
    def radius(self) -> FloatArray:
        """(T, O) radius as the object's shape, world units: of a square half its side, of a ring the outer one."""
        return self.mass_radius * _FACTOR[np.maximum(self.kind, DISC)]

    def share(self, start: int, end: int) -> FloatArray:
        """(T, O) share of the way from one shape to another: 0 is the first, 1 the second; NaN without an object."""
        between = self.apart[..., start, end]
        share: FloatArray = (self.fit[..., start] - self.fit[..., end] + between) / (2 * between)
        return share


def read_shapes(frames: NDArray[np.uint8], found: Measured, edge: Edge = "area") -> Shapes:
    """Compare every measured object with a disc, a square and a ring.

    Args:
        frames: (T, S, S, 3) uint8, the frames that were measured.
        found: What `measure` found in them.
        edge: The grid of the picture, see `draw`.
    """
    objects, kinds = found.radius.shape, len(SHAPES)
    result = Shapes(
        kind=np.full(objects, -1),
        mass_radius=np.full(objects, np.nan),
        fit=np.full((*objects, kinds), np.nan),
        apart=np.full((*objects, kinds, kinds), np.nan),
    )
    for o in range(objects[1]):
        at = np.flatnonzero(found.radius[:, o] * _FACTOR[RING] < VIEW / 2)  # False for NaN: no object
        if len(at):
            _compare(frames, found, at, o, edge, result)
    return result


def _compare(
    frames: NDArray[np.uint8], found: Measured, at: NDArray[np.intp], o: int, edge: Edge, result: Shapes
) -> None:
    """Fill in object `o` of the frames `at`."""
    position, radius, own = found.position[at, o], found.radius[at, o], 255.0 - found.colour[at, o]
    window = _Window.around(position, radius, frames.shape[1], edge)
    deficit = 255.0 - window.cut(frames[at])
    cover = np.clip(np.einsum("tyxc,tc->tyx", deficit, own) / (own * own).sum(axis=1)[:, None, None], 0.0, 1.0)
    cover *= window.inside
    saturation = own.max(axis=1) / 255.0
    blurs = BLURS if float(radius.max()) / window.step < FINE else BLURS[:1]
    levels = (False, True) if (saturation < CORE / 255.0).any() else (False,)
    least = np.full(len(at), np.inf)
    for saturated in levels:
        scale = np.where(saturation < CORE / 255.0, saturation, 1.0) if saturated else np.ones(len(at))
        shown, alike = cover * scale[:, None, None], radius * np.sqrt(scale)
        sharp = [_template(window, position, alike * _FACTOR[kind], kind, edge) for kind in range(len(SHAPES))]
        mass, power = shown.sum(axis=(1, 2)), (shown**2).sum(axis=(1, 2))
        for blur in blurs:
            kernel = _kernel(window.side, blur)
            templates = np.stack([kernel @ one @ kernel for one in sharp], axis=1)  # (T, S, w, w)
            fit = ((shown[:, None] - templates) ** 2).sum(axis=(2, 3))
            nearest = fit.argmin(axis=1)
            rows = np.arange(len(at))
            relative = fit[rows, nearest] / np.maximum(power, 1e-9)
            better = relative < least
            least = np.where(better, relative, least)
            unlike = np.abs(shown - templates[rows, nearest]).sum(axis=(1, 2)) / np.maximum(mass, 1e-9)
            apart = ((templates[:, :, None] - templates[:, None]) ** 2).sum(axis=(3, 4))
            to = at[better]
            result.kind[to, o] = np.where(unlike <= UNLIKE, nearest, -1)[better]
            result.mass_radius[to, o] = alike[better]
            result.fit[to, o], result.apart[to, o] = fit[better], apart[better]


@dataclass(frozen=True, slots=True)
class _Window:
    """Square cut-outs around an object that moves: within reach of its largest template and three pixels more."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    size: int
    step: float

    @classmethod
    def around(cls, position: FloatArray, radius: FloatArray, size: int, edge: Edge) -> _Window:
        grid = pixel_centres(size, edge)
        step = float(grid[1] - grid[0])
        half = int(np.ceil(radius.max() * _FACTOR[RING] / step)) + 3
        centre = np.rint((position - grid[0]) / step).astype(np.intp)
        along = np.arange(-half, half + 1)
        return cls(size - 1 - centre[:, 1:] + along, centre[:, :1] + along, size, step)

    @property
    def side(self) -> int:
        return int(self.rows.shape[1])

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(T, w, w) which pixels of the window lie in the picture."""
        rows, columns = ((0 <= index) & (index < self.size) for index in (self.rows, self.columns))
        inside: NDArray[np.bool_] = rows[:, :, None] & columns[:, None, :]
        return inside

    def cut(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(T, w, w, 3); pixels beyond the picture repeat its edge."""
        rows, columns = (np.clip(index, 0, self.size - 1) for index in (self.rows, self.columns))
        cut: NDArray[np.uint8] = frames[np.arange(len(frames))[:, None, None], rows[:, :, None], columns[:, None, :]]
        return cut


def _template(window: _Window, position: FloatArray, radius: FloatArray, kind: int, edge: Edge) -> FloatArray:
    """(T, w, w) coverage by a shape."""
    discs = Discs(
        position=position[:, None],
        radius=radius[:, None],
        colour=np.zeros((len(radius), 1, 3), dtype=np.uint8),
        present=np.ones((len(radius), 1), dtype=bool),
        shape=np.full((len(radius), 1), kind, dtype=np.uint8),
    )
    cover: FloatArray = (1.0 - window.cut(draw(discs, window.size, edge))[..., 0] / 255.0) * window.inside
    return cover


def _kernel(side: int, blur: float) -> FloatArray:
    """(w, w) symmetric matrix that blurs along one axis; the identity at 0."""
    if blur == 0.0:
        return np.eye(side)
    away = np.arange(side)[:, None] - np.arange(side)
    weight = np.exp(-0.5 * (away / blur) ** 2)
    kernel: FloatArray = weight / np.exp(-0.5 * (np.arange(-9, 10) / blur) ** 2).sum()
    return kernel

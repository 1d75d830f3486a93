"""Pictures of a rollout by rays and numpy: no OpenGL, equal to the bit in every process.

Flat colour times (0.58 + 0.42 Lambert), hard shadows by a second ray from the light, 3 x 3 rays a pixel where
neighbouring pixels show another thing, another face or another side of a shadow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument
from wmenv.worlds.scenes.beams import bundles, meetable
from wmenv.worlds.scenes.paint import paint_liquid, spoil
from wmenv.worlds.scenes.rollout import Rollout
from wmenv.worlds.scenes.stage import Hits, Stage, none
from wmenv.worlds.scenes.world import Camera, World

FloatArray = NDArray[np.float64]

AMBIENT, DIFFUSE = 0.58, 0.42
FINE = 3
"""Rays along each axis of a pixel on an edge."""
TILE = 16
"""Width and height of a tile of pixels, whose rays are cast together."""
SIZES = (32, 1024)


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """A clip with what each pixel shows.

    Attributes:
        clip: The clip.
        parts: (T, H, W) int16 index of the part at each pixel's centre, -1 background, -2 liquid.
        depth: (T, H, W) float32 metres along the ray from the camera, inf for the background.
    """

    clip: Clip
    parts: NDArray[np.int16]
    depth: NDArray[np.float32]

    def mask(self, part: int) -> NDArray[np.bool_]:
        """(T, H, W) pixels of a part."""
        return np.asarray(self.parts == part)


def render(rollout: Rollout, size: int = 128, frames: slice = slice(None)) -> Rendering:
    """Draw a rollout.

    Args:
        rollout: The rollout.
        size: Height and width, pixels.
        frames: Which frames.

    Raises:
        InvalidArgument: A size outside 32 to 1024.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise InvalidArgument(f"expected a size of {SIZES[0]} to {SIZES[1]} pixels, got {size}")
    look = rollout.look
    chosen = range(len(rollout))[frames]
    artist = _Artist(rollout.world, size, float(look.scale.max()), sparing=len(chosen) > 1)
    drawn = rollout.drawn
    pictures, parts, depths = [], [], []
    for t in chosen:
        artist.set(drawn[t], look.scale[t], look.visible[t], look.colour[t])
        picture, part, depth = artist.draw()
        liquid = rollout.world.liquid
        if liquid is not None:
            paint_liquid(picture, part, depth, rollout.particles[t], rollout.world, artist.eye, size)
        pictures.append(picture)
        parts.append(part)
        depths.append(depth)
    shown = replace(look, gain=look.gain[frames], blur=look.blur[frames], noise=look.noise[frames])
    clip = Clip(spoil(np.stack(pictures), shown), rollout.fps)
    return Rendering(clip, np.stack(parts), np.stack(depths))


def _offsets(camera: Camera, count: int) -> FloatArray:
    """(count,) metres from the picture's centre, of rays evenly spaced across it."""
    return np.asarray(((np.arange(count) + 0.5) / count * 2 - 1) * camera.half_width)


def _rays(camera: Camera, x: FloatArray, z: FloatArray) -> FloatArray:
    """(R, 3) unit directions to points of the plane (R,) metres to the right of and above the picture's centre."""
    y = camera.distance * camera.half_width
    length = np.sqrt(x * x + y * y + z * z)
    return np.stack([x / length, y / length, z / length], axis=-1)


@lru_cache(maxsize=8)
def _pixel_rays(camera: Camera, size: int) -> FloatArray:
    """(size * size, 3) unit directions to the centres of all pixels, row by row."""
    offsets = _offsets(camera, size)
    rays = _rays(camera, np.tile(offsets, size), np.repeat(-offsets, size))
    rays.flags.writeable = False
    return rays


@lru_cache(maxsize=8)
def _tiled(size: int) -> NDArray[np.intp]:
    """(size * size,) all pixels, tile by tile, so that those that follow each other are neighbours."""
    y, x = np.divmod(np.arange(size**2), size)
    return np.argsort((y // TILE) * size + x // TILE, kind="stable")


@dataclass(slots=True, eq=False)
class _Hits:
    """What rays met, one row a ray.

    Attributes:
        picture: (R, 3) RGB.
        geom: (R,) geom, -1 for the background.
        depth: (R,) metres, inf for the background.
        side: (R,) a number that tells things, faces and shadows apart.
    """

    picture: FloatArray
    geom: NDArray[np.int32]
    depth: FloatArray
    side: NDArray[np.int64]

    @classmethod
    def empty(cls, count: int) -> _Hits:
        """Rows to be filled."""
        return cls(np.empty((count, 3)), np.empty(count, np.int32), np.empty(count), np.empty(count, np.int64))

    def copy(self) -> _Hits:
        """A copy."""
        return _Hits(self.picture.copy(), self.geom.copy(), self.depth.copy(), self.side.copy())

    def put(self, rows: NDArray[np.intp], other: _Hits) -> _Hits:
        """Itself, with some rows in place those of another."""
        self.picture[rows], self.geom[rows] = other.picture, other.geom
        self.depth[rows], self.side[rows] = other.depth, other.side
        return self


class _Artist:
    """Draws frames of one world at one size.

    What never moves is drawn once; a frame casts rays only where a moving part, or its shadow, can be. The picture is
    the same as with all rays cast, which a test holds.
    """

    def __init__(self, world: World, size: int, headroom: float, sparing: bool = True) -> None:
        self.world, self.size, self.sparing = world, size, sparing
        self.stage = Stage(world, headroom)
        camera = world.camera
        self.eye = np.array([camera.centre[0], -camera.distance * camera.half_width, camera.centre[1]])
        light = np.array(world.light)
        self.middle = np.array([camera.centre[0], 0.0, camera.centre[1]])
        self.light = self.middle + light / np.linalg.norm(light) * (12 * camera.half_width)
        low, high = world.backdrop
        self.backdrop = np.linspace(high, low, size * FINE)
        self.rays = _pixel_rays(camera, size)
        self.offsets = _offsets(camera, size * FINE)
        self.tiled = _tiled(size)
        self.rows = np.repeat(np.arange(size) * FINE + FINE // 2, size)
        self.moving = np.array([part.moves for part in world.parts])
        self.still: _Hits | None = None
        self.from_light = self.rays

    def set(self, pose: FloatArray, scale: FloatArray, visible: NDArray[np.bool_], colour: FloatArray) -> None:
        """Show one frame on the stage; see `Stage.set` and `Look`."""
        self.colours = self.stage.geom_colours(colour)
        if self.sparing and self.still is None:
            self._show(pose, scale, visible & ~self.moving)
            self.still = self.whole()
            depth = np.where(np.isfinite(self.still.depth), self.still.depth, 1e3)
            lines = self.eye + self.rays * depth[:, None] - self.light
            self.from_light = lines / np.linalg.norm(lines, axis=1, keepdims=True)
        self._show(pose, scale, visible)

    def _show(self, pose: FloatArray, scale: FloatArray, visible: NDArray[np.bool_]) -> None:
        self.stage.set(pose, scale, visible)
        self.corners = self.stage.corners()

    def draw(self) -> tuple[FloatArray, NDArray[np.int16], NDArray[np.float32]]:
        """Picture (H, W, 3) as floats, part indices and depths of the frame on the stage."""
        hits = self.whole() if self.still is None else self._changed(self.still)
        size = self.size
        part = np.where(hits.geom >= 0, self.stage.part_of[hits.geom], -1).astype(np.int16)
        depth = hits.depth.astype(np.float32)
        return hits.picture.reshape(size, size, 3).copy(), part.reshape(size, size), depth.reshape(size, size)

    def whole(self) -> _Hits:
        """All rays of the frame on the stage."""
        return self._anew(_Hits.empty(self.size**2), np.ones(self.size**2, bool))

    def _changed(self, still: _Hits) -> _Hits:
        """What is still there, with all that may differ from it cast anew."""
        affected = self._affected()
        return self._anew(still.copy(), affected) if affected.any() else still

    def _anew(self, hits: _Hits, where: NDArray[np.bool_]) -> _Hits:
        """Hits with those of some pixels (H * W,) cast anew, in place."""
        chosen = self.tiled[where[self.tiled]]
        return self._sharpened(hits.put(chosen, self._cast(self.rays[chosen], self.rows[chosen])), where)

    def _affected(self) -> NDArray[np.bool_]:
        """Pixels whose ray, or the light's ray to what is still there, comes near a moving part."""
        near = np.zeros(self.size**2, bool)
        centres, radii = self.stage.spheres()
        shows = self.moving[self.stage.part_of]
        pairs = [(self.eye, self.rays)] + ([] if self.world.style == "flat" else [(self.light, self.from_light)])
        for centre, radius in zip(centres[shows], radii[shows], strict=True):
            for start, rays in pairs:
                to = centre - start
                far = float(np.linalg.norm(to))
                near |= rays @ (to / far) > np.sqrt(1 - min(1.0, radius / far) ** 2)
        return near

    def _sharpened(self, hits: _Hits, where: NDArray[np.bool_]) -> _Hits:
        """Hits of all pixels with several rays a pixel on the edges at and beside some of them; in place."""
        shape = (self.size, self.size)
        edges = (_edges(hits.side.reshape(shape)) & _grown(where.reshape(shape))).ravel()
        chosen = self.tiled[edges[self.tiled]]
        if len(chosen):
            y, x = np.divmod(chosen, self.size)
            fine_y = (FINE * y[:, None] + np.repeat(np.arange(FINE), FINE)).ravel()
            fine_x = (FINE * x[:, None] + np.tile(np.arange(FINE), FINE)).ravel()
            fine = self._cast(_rays(self.world.camera, self.offsets[fine_x], -self.offsets[fine_y]), fine_y)
            hits.picture[chosen] = fine.picture.reshape(len(chosen), FINE * FINE, 3).mean(axis=1)
        return hits

    def _cast(self, rays: FloatArray, rows: NDArray[np.intp]) -> _Hits:
        """Cast rays from the camera; rows are theirs in a picture of `FINE` times the size."""
        geom, depth, normal = self._shoot(self.eye, rays)
        met = geom >= 0
        hit = slice(None) if met.all() else np.flatnonzero(met)
        picture = np.empty((len(rays), 3))
        picture[~met] = self.backdrop[rows[~met], None]
        side = geom.astype(np.int64) * 16
        base, there = self.colours[geom[hit]], normal[hit]
        if self.world.style == "flat":
            picture[hit] = base
        elif len(base):
            facing, lit = self._light(self.eye + rays[hit] * depth[hit, None], there)
            picture[hit] = base * (AMBIENT + DIFFUSE * facing * lit)[:, None]
            side[hit] += 2 * _axis(there) + lit
        return _Hits(picture, geom, np.where(met, depth, np.inf), side)

    def _light(self, points: FloatArray, normal: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        """How much (R, 3) points face the light, 0 to 1, and whether it reaches them."""
        x, y, z = (self.light - points).T.copy()
        far = np.sqrt(x * x + y * y + z * z)
        facing = np.clip((normal[:, 0] * x + normal[:, 1] * y + normal[:, 2] * z) / far, 0.0, 1.0)
        _, reached, _ = self._shoot(self.light, np.stack([-x / far, -y / far, -z / far], axis=-1))
        return facing, (reached > far * (1 - 1e-3)) | (reached < 0)

    def _shoot(self, start: FloatArray, rays: FloatArray) -> Hits:
        """First hits of rays from one point: geom (-1 none), distance, normal; each bundle among what it can meet."""
        geom, distance, normal = none(len(rays))
        among = meetable(start, self.middle, rays, self.corners)
        for bundle, things in zip(bundles(len(rays)), among, strict=True):
            if things.any():
                self.stage.cast(start, rays[bundle], things, (geom[bundle], distance[bundle], normal[bundle]))
        return geom, distance, normal


def _axis(normal: FloatArray) -> NDArray[np.int64]:
    """(R,) 0, 1 or 2: along which axis a normal is longest, the first of equals."""
    x, y, z = np.abs(normal).T.copy()
    return np.where(z > np.maximum(x, y), 2, (y > x).astype(np.int64))


def _edges(side: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pixels with a neighbour, along the axes, that shows something else."""
    edges = np.zeros(side.shape, bool)
    across, down = side[:, 1:] != side[:, :-1], side[1:] != side[:-1]
    edges[:, 1:] |= across
    edges[:, :-1] |= across
    edges[1:] |= down
    edges[:-1] |= down
    return edges


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask and its neighbours along the axes."""
    out = mask.copy()
    out[:, 1:] |= mask[:, :-1]
    out[:, :-1] |= mask[:, 1:]
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    return out

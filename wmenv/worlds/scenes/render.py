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
from wmenv.worlds.scenes.paint import paint_liquid, spoil
from wmenv.worlds.scenes.rollout import Rollout
from wmenv.worlds.scenes.stage import Stage
from wmenv.worlds.scenes.world import Camera, World

FloatArray = NDArray[np.float64]

AMBIENT, DIFFUSE = 0.58, 0.42
FINE = 3
"""Rays along each axis of a pixel on an edge."""
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


@lru_cache(maxsize=8)
def _rays(camera: Camera, size: int, fine: int) -> FloatArray:
    """(size * fine, size * fine, 3) unit directions."""
    offsets = ((np.arange(size * fine) + 0.5) / (size * fine) * 2 - 1) * camera.half_width
    distance = camera.distance * camera.half_width
    x, z = np.meshgrid(offsets, -offsets)
    rays = np.stack([x, np.full_like(x, distance), z], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    rays.flags.writeable = False
    return rays


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

    def with_rows(self, rows: NDArray[np.intp], other: _Hits) -> _Hits:
        """A copy in which some rows are those of another."""
        out = _Hits(self.picture.copy(), self.geom.copy(), self.depth.copy(), self.side.copy())
        out.picture[rows], out.geom[rows] = other.picture, other.geom
        out.depth[rows], out.side[rows] = other.depth, other.side
        return out


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
        self.light = np.array([camera.centre[0], 0.0, camera.centre[1]]) + light / np.linalg.norm(light) * (
            12 * camera.half_width
        )
        low, high = world.backdrop
        self.backdrop = np.linspace(high, low, size * FINE)
        self.rays = _rays(camera, size, 1).reshape(-1, 3)
        self.rows = np.repeat(np.arange(size) * FINE + FINE // 2, size)
        self.moving = np.array([part.moves for part in world.parts])
        self.still: _Hits | None = None
        self.from_light = self.rays

    def set(self, pose: FloatArray, scale: FloatArray, visible: NDArray[np.bool_], colour: FloatArray) -> None:
        """Show one frame on the stage; see `Stage.set` and `Look`."""
        self.colours = self.stage.geom_colours(colour)
        if self.sparing and self.still is None:
            self.stage.set(pose, scale, visible & ~self.moving)
            self.still = self.whole()
            depth = np.where(np.isfinite(self.still.depth), self.still.depth, 1e3)
            lines = self.eye + self.rays * depth[:, None] - self.light
            self.from_light = lines / np.linalg.norm(lines, axis=1, keepdims=True)
        self.stage.set(pose, scale, visible)

    def draw(self) -> tuple[FloatArray, NDArray[np.int16], NDArray[np.float32]]:
        """Picture (H, W, 3) as floats, part indices and depths of the frame on the stage."""
        hits = self.whole() if self.still is None else self._changed(self.still)
        size = self.size
        part = np.where(hits.geom >= 0, self.stage.part_of[hits.geom], -1).astype(np.int16)
        depth = hits.depth.astype(np.float32)
        return hits.picture.reshape(size, size, 3).copy(), part.reshape(size, size), depth.reshape(size, size)

    def whole(self) -> _Hits:
        """All rays of the frame on the stage."""
        return self._sharpened(self._cast(self.rays, self.rows), np.arange(self.size**2))

    def _changed(self, still: _Hits) -> _Hits:
        """What is still there, with all that may differ from it cast anew."""
        chosen = np.flatnonzero(self._affected())
        if not len(chosen):
            return still
        new = self._cast(self.rays[chosen], self.rows[chosen])
        return self._sharpened(still.with_rows(chosen, new), chosen)

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

    def _sharpened(self, hits: _Hits, chosen: NDArray[np.intp]) -> _Hits:
        """Hits of all pixels with several rays a pixel on the edges at and beside some of them; in place."""
        size = self.size
        where = np.zeros(size**2, bool)
        where[chosen] = True
        y, x = np.nonzero(_edges(hits.side.reshape(size, size)) & _grown(where.reshape(size, size)))
        if len(y):
            steps = np.arange(FINE)
            fine_y = (y[:, None, None] * FINE + steps[None, :, None]).repeat(FINE, 2).ravel()
            fine_x = (x[:, None, None] * FINE + steps[None, None, :]).repeat(FINE, 1).ravel()
            fine = self._cast(_rays(self.world.camera, size, FINE)[fine_y, fine_x], fine_y)
            hits.picture[y * size + x] = fine.picture.reshape(len(y), FINE * FINE, 3).mean(axis=1)
        return hits

    def _cast(self, rays: FloatArray, rows: NDArray[np.intp]) -> _Hits:
        """Cast rays from the camera; rows are theirs in a picture of `FINE` times the size."""
        geom, depth, normal = self._shoot(self.eye, rays)
        hit = geom >= 0
        picture = np.repeat(self.backdrop[rows][:, None], 3, axis=1)
        side = geom.astype(np.int64) * 16
        points = self.eye + rays[hit] * depth[hit, None]
        base = self.colours[geom[hit]]
        if self.world.style == "flat":
            picture[hit] = base
        else:
            to_light = self.light - points
            far = np.linalg.norm(to_light, axis=1)
            facing = np.clip((normal[hit] * to_light).sum(-1) / far, 0.0, 1.0)
            _, reached, _ = self._shoot(self.light, -to_light / far[:, None])
            lit = (reached > far * (1 - 1e-3)) | (reached < 0)
            picture[hit] = base * (AMBIENT + DIFFUSE * facing * lit)[:, None]
            side[hit] += 2 * np.abs(normal[hit]).argmax(-1) + lit
        return _Hits(picture, geom, np.where(hit, depth, np.inf), side)

    def _shoot(self, start: FloatArray, rays: FloatArray) -> tuple[NDArray[np.int32], FloatArray, FloatArray]:
        """First hits of rays from one point: geom (-1 none), distance, normal."""
        count = len(rays)
        geom = np.full(count, -1, np.int32)
        distance, normal = np.full(count, -1.0), np.zeros(3 * count)
        self.stage.engine.mj_multiRay(
            self.stage.model,
            self.stage.data,
            start,
            np.ascontiguousarray(rays).ravel(),
            None,
            True,
            -1,
            geom,
            distance,
            normal,
            count,
            1e3,
        )
        return geom, distance, normal.reshape(-1, 3)


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

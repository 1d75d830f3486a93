"""The render copy of a world: every part on its own body, so that pose, size and visibility can be set per frame.

Physics is not touched by what is drawn: planted violations of size and place are edits of this copy.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.engine import mujoco
from wmenv.worlds.scenes.world import World

FloatArray = NDArray[np.float64]
Hits = tuple[NDArray[np.int32], FloatArray, FloatArray]
"""Geom, distance and normal by ray."""

_SIGNS = np.array(list(product((-1.0, 1.0), repeat=3)))
_HALVES = {
    "capsule": np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]),
    "disc": np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]),
}
"""MuJoCo's three sizes times this are half the extents along a geom's own axes; others have them as sizes."""
_AMONG = np.array([1, 0, 0, 0, 0, 0], np.uint8)
"""Groups of geoms that rays see: the first."""


def none(count: int) -> Hits:
    """Hits of rays that hit nothing."""
    return np.full(count, -1, np.int32), np.full(count, -1.0), np.zeros((count, 3))


class Stage:
    """A world as MuJoCo geoms to cast rays at.

    Args:
        world: The world.
        headroom: Largest scale that will be shown; bounding volumes are made for it.
    """

    def __init__(self, world: World, headroom: float = 1.0) -> None:
        self.engine = mujoco()
        self.world = world
        rows: list[tuple[int, str, tuple[float, ...], float, tuple[float, float], float, float]] = []
        colours = []
        for k, part in enumerate(world.parts):
            rows.append((k, part.shape, part.size, part.depth, (0.0, 0.0), part.y, 0.0))
            colours.append(part.colour)
            for d in part.details:
                rows.append((k, d.shape, d.size, d.depth, d.at, part.y + d.y, d.angle))
                colours.append(d.colour)
        self.part_of = np.array([row[0] for row in rows])
        self.is_detail = np.concatenate([[False], self.part_of[1:] == self.part_of[:-1]])
        self.detail_colour = np.array(colours, float)
        self.model = self.engine.MjModel.from_xml_string(_write(rows, headroom))
        self.data = self.engine.MjData(self.model)
        self.offset = np.array([(*row[4], row[6]) for row in rows])
        self.depth_offset = np.array([row[5] for row in rows])
        self.sizes = np.array([_sizes(row[1], row[2], row[3]) for row in rows])
        self.across = np.array([_axes(row[1]) for row in rows])
        self.turned = np.array([row[1] == "disc" for row in rows])
        self.halves = np.array([_HALVES.get(row[1], np.eye(3)) for row in rows])

    def set(self, pose: FloatArray, scale: FloatArray, visible: NDArray[np.bool_]) -> None:
        """Show one frame.

        Args:
            pose: (N, 3) x, z and angle.
            scale: (N, 2) along the axes of each part; balls and boxes follow both, capsules their own two, discs the
                geometric mean.
            visible: (N,).
        """
        part = self.part_of
        cos, sin = np.cos(pose[part, 2]), np.sin(pose[part, 2])
        u, w = self.offset[:, 0] * scale[part, 0], self.offset[:, 1] * scale[part, 1]
        bodies = 1 + np.arange(len(part))
        self.model.body_pos[bodies, 0] = pose[part, 0] + cos * u - sin * w
        self.model.body_pos[bodies, 1] = self.depth_offset + np.where(visible[part], 0.0, 1e4)
        self.model.body_pos[bodies, 2] = pose[part, 1] + sin * u + cos * w
        angle = pose[part, 2] + self.offset[:, 2]
        quat = self.model.body_quat
        quat[bodies] = np.column_stack([np.cos(angle / 2), 0 * angle, -np.sin(angle / 2), 0 * angle])
        factors = np.column_stack([scale[part], np.sqrt(scale[part].prod(-1)), np.ones(len(part))])
        self.model.geom_size[:] = self.sizes * np.take_along_axis(factors, self.across, axis=1)
        self.engine.mj_kinematics(self.model, self.data)

    def geom_colours(self, colour: FloatArray) -> FloatArray:
        """(G, 3) colours of the geoms for (N, 3) colours of the parts; details keep their own."""
        return np.where(self.is_detail[:, None], self.detail_colour, colour[self.part_of])

    def corners(self) -> FloatArray:
        """(G, 8, 3) corners of boxes around the geoms as shown, metres."""
        half = np.einsum("gi,gij->gj", self.model.geom_size, self.halves)
        turned = self.data.geom_xmat.reshape(-1, 3, 3).transpose(0, 2, 1)
        return np.asarray(self.data.geom_xpos[:, None] + (_SIGNS * half[:, None]) @ turned)

    def cast(self, start: FloatArray, rays: FloatArray, among: NDArray[np.bool_], hits: Hits) -> None:
        """First hits of rays from one point among some of the geoms, into rows of `hits`.

        Args:
            start: (3,) metres.
            rays: (R, 3) unit directions.
            among: (G,) which geoms there are to be hit.
            hits: (R,) int32 geoms, (R,) distances and (R, 3) normals; rows of what hits nothing become -1, -1, 0.
        """
        geom, distance, normal = hits
        self.model.geom_group[:] = ~among
        self.engine.mj_multiRay(
            self.model,
            self.data,
            start,
            rays.reshape(-1),
            _AMONG,
            True,
            -1,
            geom,
            distance,
            normal.reshape(-1),
            len(rays),
            1e3,
        )

    def spheres(self) -> tuple[FloatArray, FloatArray]:
        """Centres (G, 3) and radii (G,) of spheres around the geoms as shown, in metres."""
        return self.data.geom_xpos.copy(), self.model.geom_size.sum(axis=1) * 1.001

    def distance(self, first: int, second: int, limit: float = 0.5) -> float:
        """Signed distance of two parts as shown, metres; negative where they overlap, `limit` where they are apart."""
        geoms = [int(np.flatnonzero((self.part_of == k) & ~self.is_detail)[0]) for k in (first, second)]
        return float(self.engine.mj_geomDistance(self.model, self.data, geoms[0], geoms[1], limit, None))


def _sizes(shape: str, size: tuple[float, ...], depth: float) -> tuple[float, float, float]:
    if shape == "box":
        return size[0], depth, size[1]
    if shape == "capsule":
        return size[0], size[1], 0.0
    if shape == "disc":
        return size[0], depth, 0.0
    return size[0], size[0], size[0]


def _axes(shape: str) -> tuple[int, int, int]:
    """Which scale each of MuJoCo's three sizes follows: 0 the first, 1 the second, 2 their mean, 3 none."""
    return {"box": (0, 3, 1), "capsule": (0, 1, 3), "disc": (2, 3, 3), "ball": (0, 3, 1)}[shape]


def _write(
    rows: list[tuple[int, str, tuple[float, ...], float, tuple[float, float], float, float]], grown: float
) -> str:
    kinds = {"box": "box", "capsule": "capsule", "disc": "cylinder", "ball": "ellipsoid"}
    bodies = []
    for _, shape, size, depth, *_ in rows:
        turn = ' euler="90 0 0"' if shape == "disc" else ""
        sizes = " ".join(repr(float(s * grown)) for s in _sizes(shape, size, depth))
        bodies.append(f'<body><geom type="{kinds[shape]}" size="{sizes}"{turn} contype="0" conaffinity="0"/></body>')
    return f"<mujoco><worldbody>{''.join(bodies)}</worldbody></mujoco>"

"""A liquid in the plane: double-density relaxation of particles (Clavet, Beaudoin and Poulin 2005).

MuJoCo has no liquids. Each step moves the particles on, pushes neighbours apart where the density exceeds the density
at rest and draws them together where it falls below (section 4 of the paper), keeps them out of the boxes, and takes
the velocity from the displacement. The near density, with its steeper kernel, keeps particles apart and gives surface
tension (section 4.3). The number of particles is constant, so volume can change only by compression.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.compiled import compiled
from wmenv.worlds.scenes.edits import LiquidEdit
from wmenv.worlds.scenes.world import GRAVITY, World

FloatArray = NDArray[np.float64]

SUB_STEPS = 32
"""Steps a frame at 16 frames per second."""
REACH = 2.2
"""Radius of interaction in particle spacings."""
STIFFNESS, NEAR_STIFFNESS = 500.0, 600.0
"""Pressure per density, m/s^2: as stiff as the step allows, so that depth compresses little."""
VISCOSITY = 6.0
"""Loss of relative speed along the line of two particles, 1/s."""


def fill(world: World) -> FloatArray:
    """(P, 2) particles at t = 0: hexagonal rows in each rectangle."""
    liquid = world.liquid
    assert liquid is not None
    rows = []
    gap = liquid.spacing
    for left, bottom, right, top in liquid.boxes:
        heights = np.arange(bottom + gap / 2, top - gap / 2 + 1e-9, gap * np.sqrt(0.75))
        for k, height in enumerate(heights):
            across = np.arange(left + gap / 2 + (k % 2) * gap / 2, right - gap / 2 + 1e-9, gap)
            rows.append(np.column_stack([across, np.full(len(across), height)]))
    return np.concatenate(rows)


def flow(world: World, frames: int, frame_time: float, edits: Sequence[LiquidEdit] = ()) -> FloatArray:
    """Particle positions of every frame.

    Args:
        world: A world with a liquid; its static boxes and the boxes of its actors are the boundary.
        frames: Number of frames.
        frame_time: Seconds between frames.
        edits: Violations.

    Returns:
        (T, P, 2) metres; NaN once a particle has been taken away.
    """
    liquid = world.liquid
    assert liquid is not None
    position = fill(world)
    velocity = np.zeros_like(position)
    rest = _rest_density(liquid.spacing)
    steps = max(1, int(np.ceil(SUB_STEPS * frame_time * 16 - 1e-9)))
    dt = frame_time / steps
    out = np.empty((frames, *position.shape))
    out[0] = position
    alive = np.ones(len(position), bool)
    order = np.argsort((np.arange(len(position)) * 7919) % max(1, len(position)), kind="stable")
    for frame in range(1, frames):
        time = (frame - 1) * frame_time
        hanging = any(e.kind == "hang" and e.start <= time < e.stop for e in edits)
        for e in edits:
            if e.kind == "lose" and time >= e.start:
                done = min(1.0, (time + frame_time - e.start) / (e.stop - e.start))
                alive[order[: round(done * e.share * len(order))]] = False
        if not hanging:
            for sub in range(steps):
                boxes = _boxes(world, time + (sub + 1) * dt)
                _step(position, velocity, alive, boxes, dt, liquid.spacing, rest)
        out[frame] = np.where(alive[:, None], position, np.nan)
    return out


def _rest_density(spacing: float) -> float:
    """Density, sum of (1 - r / h)^2 over neighbours, in the hexagonal lattice of `fill`."""
    total = 0.0
    for i in range(-4, 5):
        for j in range(-4, 5):
            r = np.hypot(i + 0.5 * j, np.sqrt(0.75) * j) / REACH
            if 0 < r < 1:
                total += (1 - r) ** 2
    return total


def _boxes(world: World, time: float) -> FloatArray:
    """(B, 5) centre, half sizes and angle of the boundary."""
    rows = []
    for part in world.parts:
        if part.shape == "box" and part.solid and part.role in ("static", "actor"):
            pose = (*part.at, part.angle) if part.path is None else tuple(part.path(np.array([time]))[0])
            rows.append((pose[0], pose[1], part.size[0], part.size[1], pose[2]))
    return np.array(rows, float).reshape(-1, 5)


@compiled
def _step(
    position: FloatArray,
    velocity: FloatArray,
    alive: NDArray[np.bool_],
    boxes: FloatArray,
    dt: float,
    spacing: float,
    rest: float,
) -> None:
    """One step in place."""
    count = len(position)
    reach = REACH * spacing
    before = position.copy()
    for i in range(count):
        velocity[i, 1] -= GRAVITY * dt
    for i in range(count):
        if not alive[i]:
            continue
        for j in range(i + 1, count):
            if not alive[j]:
                continue
            dx, dz = position[j, 0] - position[i, 0], position[j, 1] - position[i, 1]
            r = np.sqrt(dx * dx + dz * dz)
            if 0 < r < reach:
                towards = ((velocity[i, 0] - velocity[j, 0]) * dx + (velocity[i, 1] - velocity[j, 1]) * dz) / r
                if towards > 0:
                    change = min(0.5, dt * VISCOSITY * (1 - r / reach)) * towards / 2
                    velocity[i, 0] -= change * dx / r
                    velocity[i, 1] -= change * dz / r
                    velocity[j, 0] += change * dx / r
                    velocity[j, 1] += change * dz / r
    for i in range(count):
        position[i, 0] += velocity[i, 0] * dt
        position[i, 1] += velocity[i, 1] * dt
    for i in range(count):
        if not alive[i]:
            continue
        density, near = 0.0, 0.0
        for j in range(count):
            if j != i and alive[j]:
                r = np.hypot(position[j, 0] - position[i, 0], position[j, 1] - position[i, 1]) / reach
                if r < 1:
                    density += (1 - r) ** 2
                    near += (1 - r) ** 3
        pressure, near_pressure = STIFFNESS * (density - rest), NEAR_STIFFNESS * near
        moved_x, moved_z = 0.0, 0.0
        for j in range(count):
            if j != i and alive[j]:
                dx, dz = position[j, 0] - position[i, 0], position[j, 1] - position[i, 1]
                r = np.hypot(dx, dz)
                if 0 < r < reach:
                    q = 1 - r / reach
                    d = 0.5 * dt * dt * (pressure * q + near_pressure * q * q) / r
                    position[j, 0] += d * dx
                    position[j, 1] += d * dz
                    moved_x -= d * dx
                    moved_z -= d * dz
        position[i, 0] += moved_x
        position[i, 1] += moved_z
    for i in range(count):
        _keep_out(position[i], boxes, 0.5 * spacing)
        velocity[i, 0] = (position[i, 0] - before[i, 0]) / dt
        velocity[i, 1] = (position[i, 1] - before[i, 1]) / dt


@compiled
def _keep_out(point: FloatArray, boxes: FloatArray, margin: float) -> None:
    """Move a particle out of every box, through the nearest face."""
    for b in range(len(boxes)):
        cos, sin = np.cos(boxes[b, 4]), np.sin(boxes[b, 4])
        dx, dz = point[0] - boxes[b, 0], point[1] - boxes[b, 1]
        u, w = cos * dx + sin * dz, -sin * dx + cos * dz
        over_u, over_w = boxes[b, 2] + margin - abs(u), boxes[b, 3] + margin - abs(w)
        if over_u > 0 and over_w > 0:
            if over_u < over_w:
                u += over_u if u > 0 else -over_u
            else:
                w += over_w if w > 0 else -over_w
            point[0] = boxes[b, 0] + cos * u - sin * w
            point[1] = boxes[b, 1] + sin * u + cos * w

"""What pushed something: a change of velocity is explained by gravity and by contacts that can push that way.

In the plane a contact pushes along its normal and, by friction, up to 45 degrees aside; several contacts together push
any way between them. What is left of a change of velocity beyond those ways came from nowhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.contacts import Gaps
from wmenv.worlds.scenes.world import GRAVITY, World

FloatArray = NDArray[np.float64]

FRICTION = np.pi / 4
"""Angle off the normal up to which friction lets a contact push: a coefficient of 1."""
SLOWED = 0.12
"""Largest share of its speed that rolling costs in a frame, in a view from above."""


def unexplained(places: FloatArray, gaps: Gaps, world: World, fps: float) -> FloatArray:
    """(T, 2) metres a frame, each frame, that nothing explains; 0 in the first and last frame.

    Args:
        places: (T, 2) metres.
        gaps: What it may have touched.
        world: The world at rest.
        fps: Frames per second.
    """
    step = np.diff(places, axis=0)
    change = np.diff(step, axis=0)
    if world.view == "side":
        change[:, 1] += GRAVITY / fps**2
    else:
        change = _beyond_drag(change, step[:-1])
    left = np.zeros_like(places)
    for t in range(1, len(places) - 1):
        left[t] = beyond_contacts(change[t - 1], gaps, t - 1, t + 1)
    return left


def beyond_contacts(vector: FloatArray, gaps: Gaps, start: int, stop: int) -> FloatArray:
    """The part of a push (2,) that no contact between frames `start` and `stop` can have given."""
    ways = [np.zeros((0, 2))]
    for source in gaps.sources:
        if source.possible[start:stop].any():
            if not source.normals.shape[1]:
                return np.zeros(2)
            ways.append(source.normals[start : stop + 1].reshape(-1, 2))
    return _beyond(vector, np.concatenate(ways))


def _beyond_drag(change: FloatArray, step: FloatArray) -> FloatArray:
    """Changes (N, 2) of steps (N, 2) without what rolling friction explains: some loss of speed along the way."""
    speed = np.linalg.norm(step, axis=1)
    way = step / np.maximum(speed, 1e-12)[:, None]
    along = (change * way).sum(axis=1)
    slowed = np.clip(along, -SLOWED * speed, 0.0)
    return np.asarray(change - slowed[:, None] * way)


def _beyond(vector: FloatArray, normals: FloatArray) -> FloatArray:
    """The part of a vector (2,) beyond the cone around normals (N, 2) and friction; all of it without any."""
    if not len(normals):
        return vector
    size = float(np.hypot(*vector))
    angles = np.sort(np.arctan2(normals[:, 1], normals[:, 0]))
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    widest = int(gaps.argmax())
    spread = 2 * np.pi - gaps[widest] + 2 * FRICTION
    if spread >= np.pi:
        return np.zeros(2)
    middle = angles[(widest + 1) % len(angles)] + (2 * np.pi - gaps[widest]) / 2
    off = (np.arctan2(vector[1], vector[0]) - middle + np.pi) % (2 * np.pi) - np.pi
    beside = abs(off) - spread / 2
    if beside <= 0:
        return np.zeros(2)
    if beside >= np.pi / 2:
        return vector
    edge = middle + np.sign(off) * spread / 2
    along = np.array([np.cos(edge), np.sin(edge)])
    return np.asarray(vector - size * np.cos(beside) * along)

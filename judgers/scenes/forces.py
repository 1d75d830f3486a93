"""What pushed something: a change of velocity is explained by gravity and by contacts that can push that way, as hard.

In the plane a contact pushes along its normal and, by friction, up to 45 degrees aside; several contacts together push
any way between them. What is left of a change of velocity beyond those ways came from nowhere. So did speed that is
won: seen from what it touches, a thing is at best thrown back as fast as it came, a fall or rise apart.
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
BEFORE = 2
"""Steps before a contact of which the fastest counts: a step during which something bounced is slow on average."""


def unexplained(places: FloatArray, gaps: Gaps, world: World, fps: float) -> FloatArray:
    """(T, 2) metres a frame, each frame, that nothing explains; 0 in the first and last frame.

    Args:
        places: (T, 2) metres.
        gaps: What it may have touched.
        world: The world at rest.
        fps: Frames per second.
    """
    step = np.diff(places, axis=0)
    raw = np.diff(step, axis=0)
    if world.view == "side":
        change = raw + np.array([0.0, GRAVITY / fps**2])
    else:
        change = _beyond_drag(raw, step[:-1])
    left = np.zeros_like(places)
    for t in range(1, len(places) - 1):
        pushed = beyond_contacts(change[t - 1], gaps, t - 1, t + 1)
        won = beyond_speeds(places, gaps, t)
        left[t] = pushed if np.hypot(*pushed) > won else won * _direction(raw[t - 1])
    return left


def beyond_speeds(places: FloatArray, gaps: Gaps, t: int) -> float:
    """Metres a frame by which the step from frame t is faster than what may touch the thing about then can make it.

    In the frame of what it touches no thing gains energy: |v' - u|^2 <= |v - u|^2 - 2 g (rise - rise of the frame),
    or - 2 g rise where that is less strict: it may stand on something else besides. Where it touches several, one may
    have thrown it at the other, which sent it another way: |v'| <= |u| + |v - u| of the fastest.

    Args:
        places: (T, 2) metres.
        gaps: What it may have touched.
        t: The frame.

    Returns:
        The least over all that may touch it; 0 where nothing may, for then `beyond_contacts` tells.
    """
    met = [source for source in gaps.sources if source.possible[t - 1 : t + 1].any()]
    if not met or any(source.speeds is None for source in met):
        return 0.0
    step = np.diff(places, axis=0)
    middle = (places[1:] + places[:-1]) / 2
    before = np.arange(max(t - BEFORE, 0), t)
    least, fastest = np.inf, 0.0
    for source in met:
        assert source.speeds is not None
        near = source.speeds[max(t - BEFORE, 0) : t + 1].reshape(-1, 2)
        if np.isnan(near).any():
            return 0.0
        for u in near:
            risen = middle[t, 1] - middle[before, 1]
            least_risen = np.minimum(risen - (t - before) * u[1], np.maximum(risen, 0.0))
            energy = ((step[before] - u) ** 2).sum(axis=1) - 2 * gaps.pull * least_risen
            speed = float(np.sqrt(max(energy.max(), 0.0)))
            least = min(least, float(np.hypot(*(step[t] - u))) - speed)
            fastest = max(fastest, float(np.hypot(*u)) + speed)
    if len(met) > 1:
        least = min(least, float(np.hypot(*step[t])) - fastest)
    return max(least, 0.0)


def _direction(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / max(float(np.hypot(*vector)), 1e-12))


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

"""Where a case begins: places drawn for given radii and speeds, and whether a collision can be scored.

Source of the rules: phyworld/phyworld commit ee0e473 (`one_ball_*.py`, `two_balls_collision.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.laws import Starts, contact_time, velocity_after
from wmenv.worlds.discs.world import FIRST_FRAME_TIME, FRAME_TIME, FRAMES, GIVEN_FRAMES, VIEW, Law, Mode

FloatArray = NDArray[np.float64]

FRAMES_BEFORE_CONTACT = 8
FRAMES_AFTER_CONTACT = 8
FRAMES_IN_VIEW = 24
MARGIN = 0.05 * VIEW
MIN_SCORED_PAIRS = 2


def between(low: FloatArray | float, high: FloatArray | float, number: FloatArray) -> FloatArray:
    """The point that divides [low, high] in the ratio of a number in [0, 1)."""
    return low + (high - low) * number


def place_one_ball(law: Law, values: FloatArray, numbers: FloatArray) -> tuple[Starts, NDArray[np.bool_]]:
    """Starts of one ball that moves right and stays in view for 24 frames where the view has the room.

    Args:
        law: `uniform_motion` or `parabola`.
        values: (N, 2) radius in world units and speed in units/s.
        numbers: (N, 3) uniform numbers in [0, 1).

    Returns:
        The N starts, and which of them fit (all do).
    """
    radius, speed = values[:, 0], values[:, 1]
    rightmost = VIEW - (FRAMES_IN_VIEW * FRAME_TIME * speed + radius)
    rightmost = np.where(rightmost < radius, radius + 0.5 * numbers[:, 0], rightmost)
    x = between(radius, rightmost, numbers[:, 1])
    if law == "parabola":
        y = between(VIEW - 1.5 - radius, VIEW - 0.5 - radius, numbers[:, 2])
    else:
        y = between(radius + MARGIN, VIEW - MARGIN - radius, numbers[:, 2])
    position = np.stack([x, y], axis=-1)[:, None]
    velocity = np.stack([speed, np.zeros_like(speed)], axis=-1)[:, None]
    return Starts(law, radius[:, None], position, velocity), np.ones(len(radius), dtype=bool)


def place_collision(law: Law, values: FloatArray, numbers: FloatArray) -> tuple[Starts, NDArray[np.bool_]]:
    """Starts of two balls that approach each other on one line, 8 frames or more before their contact.

    Args:
        law: `collision`.
        values: (N, 4) radii in world units, then speeds in units/s.
        numbers: (N, 3) uniform numbers in [0, 1).

    Returns:
        The N starts, and which of them fit into the view.
    """
    r1, r2, v1, v2 = values.T
    reach, closing = r1 + r2, v1 + v2
    nearest = FRAMES_BEFORE_CONTACT * FRAME_TIME * closing + reach
    farthest = np.minimum((FRAMES - FRAMES_AFTER_CONTACT) * FRAME_TIME * closing + reach, VIEW - reach)
    uneven = (r1 > 2 * r2) | (r2 > 2 * r1)
    farthest = np.where(uneven, np.minimum(farthest, 1.25 * nearest), farthest)
    distance = between(nearest, farthest, numbers[:, 0])
    right = VIEW - r2 - distance
    left = np.where(r2 > 2 * r1, right - MARGIN, r1)
    x1 = np.maximum(between(left, right, numbers[:, 1]), r1)
    y = between(np.maximum(r1, r2) + MARGIN, VIEW - MARGIN - np.maximum(r1, r2), numbers[:, 2])
    position = np.stack([np.stack([x1, y], -1), np.stack([x1 + distance, y], -1)], axis=1)
    still = np.zeros_like(v1)
    velocity = np.stack([np.stack([v1, still], -1), np.stack([-v2, still], -1)], axis=1)
    starts = Starts(law, np.stack([r1, r2], -1), position, velocity)
    return starts, (nearest <= farthest) & (x1 + distance <= VIEW - r2 + 1e-9)


def scorable(starts: Starts, mode: Mode) -> NDArray[np.bool_]:
    """Whether at least two frame pairs lie between the contact and the first exit of a ball; both in closed form."""
    contact = contact_time(starts, mode)
    x = starts.position[..., 0] + starts.velocity[..., 0] * contact[:, None]
    speed = velocity_after(starts, mode)[..., 0]
    room = np.where(speed > 0, VIEW - starts.radii - x, x - starts.radii)
    leaves = contact + (room / np.maximum(np.abs(speed), 1e-12)).min(axis=1)
    first = np.ceil((contact - FIRST_FRAME_TIME) / FRAME_TIME)
    last = np.minimum(np.floor((leaves - FIRST_FRAME_TIME) / FRAME_TIME), FRAMES - 1)
    enough: NDArray[np.bool_] = last - np.maximum(first, GIVEN_FRAMES - 1) >= MIN_SCORED_PAIRS
    return enough

"""Which measured object is which ball, frame after frame."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.measure import Measured

FloatArray = NDArray[np.float64]

WRONG_HUE = 2.0
"""What a wrong hue costs in the assignment, as a distance in world units."""


@dataclass(frozen=True, slots=True)
class Track:
    """The balls of a clip over T frames; NaN where a ball was not found.

    Attributes:
        position: (T, B, 2) world units.
        radius: (T, B) world units.
        colour: (T, B, 3) RGB.
        count_right: (T,) whether exactly B objects were found and all of them are of the right shape.
        chosen: (T, B) index of each ball's object, -1 where it was not found.
    """

    position: FloatArray
    radius: FloatArray
    colour: FloatArray
    count_right: NDArray[np.bool_]
    chosen: NDArray[np.intp]


def track(
    measured: Measured,
    last: FloatArray,
    step: FloatArray,
    followed: NDArray[np.bool_] | None = None,
    right: NDArray[np.bool_] | None = None,
) -> Track:
    """Name the objects of consecutive frames.

    Where every ball's hue class occurs exactly once the hue decides. Elsewhere objects and balls are matched by
    least total distance to where each ball would be had it moved on (a wrong hue costs two world units).

    Args:
        measured: T frames, at most eight objects each.
        last: (B, 2) positions in the frame before the first, world units.
        step: (B, 2) movement from frame to frame up to then.
        followed: (T, O) objects that may be a ball; the discs if not given.
        right: (T, O) objects of the right shape; those followed if not given.
    """
    frames, balls = len(measured.count), len(last)
    disc = measured.disc if followed is None else followed
    count_right = (measured.count == balls) & ((disc if right is None else right).sum(axis=1) == balls)
    first = measured.hue_class[:, :balls]
    by_hue = count_right & (np.sort(first, axis=1) == np.arange(balls)).all(axis=1)
    chosen = np.argsort(first, axis=1)
    for frame in np.flatnonzero(~by_hue):
        chosen[frame] = _match(measured, disc, chosen, int(frame), last, step)
    rows = np.arange(frames)[:, None]
    missing = chosen < 0
    position = np.where(missing[..., None], np.nan, measured.position[rows, chosen])
    radius = np.where(missing, np.nan, measured.radius[rows, chosen])
    colour = np.where(missing[..., None], np.nan, measured.colour[rows, chosen])
    return Track(position, radius, colour, count_right, chosen)


def steady_velocity(times: FloatArray, position: FloatArray) -> FloatArray | None:
    """The velocity of a ball that may be misread in some frames: median over pairs of frames of the slope between them.

    Estimator of Theil (1950) and Sen (1968), each axis on its own; it bears up to 29 % of wild values.

    Args:
        times: (T,) seconds.
        position: (T, 2) world units; rows of NaN are left out.

    Returns:
        (2,) units/s, signed; None of fewer than two frames.
    """
    seen = ~np.isnan(position[:, 0])
    at, when = position[seen], times[seen]
    if len(at) < 2:
        return None
    first, second = np.triu_indices(len(at), 1)
    velocity: FloatArray = np.median((at[second] - at[first]) / (when[second] - when[first])[:, None], axis=0)
    return velocity


def _match(
    measured: Measured,
    disc: NDArray[np.bool_],
    chosen: NDArray[np.intp],
    frame: int,
    last: FloatArray,
    step: FloatArray,
) -> NDArray[np.intp]:
    """Object index of each ball in one frame, -1 where there is none; earlier frames are matched already."""
    balls = len(last)
    expected = np.empty_like(last)
    for ball in range(balls):
        seen = [t for t in range(frame) if chosen[t, ball] >= 0][-2:]
        at = [measured.position[t, chosen[t, ball]] for t in seen]
        if len(at) == 2:
            expected[ball] = at[1] + (at[1] - at[0]) / (seen[1] - seen[0]) * (frame - seen[1])
        elif len(at) == 1:
            expected[ball] = at[0] + step[ball] * (frame - seen[0])
        else:
            expected[ball] = last[ball] + step[ball] * (frame + 1)
    objects = np.flatnonzero(disc[frame])
    result = np.full(balls, -1, dtype=np.intp)
    if not len(objects):
        return result
    away = np.linalg.norm(measured.position[frame, objects][None] - expected[:, None], axis=-1)
    cost = away + WRONG_HUE * (measured.hue_class[frame, objects][None] != np.arange(balls)[:, None])
    pairs = min(balls, len(objects))
    options = (
        (who, what)
        for who in permutations(range(balls), pairs)
        for what in permutations(range(len(objects)), pairs)
        if list(who) == sorted(who)
    )
    who, what = min(options, key=lambda option: (float(cost[option[0], option[1]].sum()), option))
    result[list(who)] = objects[list(what)]
    return result

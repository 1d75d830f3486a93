"""Newton's laws, gravity and impenetrability on measured tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.contacts import Gaps
from wmenv.judgers.scenes.forces import beyond_contacts, beyond_speeds, unexplained
from wmenv.judgers.scenes.track import FITS, Track, second
from wmenv.worlds.scenes.world import GRAVITY, World

FloatArray = NDArray[np.float64]

FLIGHT = 4
"""Least frames of a flight."""
KEPT = 0.8
"""Share of its velocity that rolling leaves in the time between two velocities, at least."""
JUMP = 1.2
"""Pixels likewise; a jump that is no acceleration."""
PUSH, LINGERS = 0.8, 2
"""Change of velocity, pixels a frame, from which a push is one, and frames without that do not end it."""
COVERED, SUNK = 0.2, 0.1
"""Share of a silhouette that shows where it is hidden, and share in something else from which that is no wonder."""
SPIKE = 3.5
"""Pixels at a width of 128; three spikes of one thing are a clip whose frames are not in order."""


@dataclass(slots=True)
class Motion:
    """What the motion of one mover shows, each in its own unit; 0 where nothing speaks against it.

    Attributes:
        spike: Largest jump that no contact explains, pixels at a width of 128.
        spikes: Number of jumps above `SPIKE`.
        gain: Speed from nowhere, pixels a frame.
        aside: Sideways acceleration in flight, of g.
        fall: Deviation of the acceleration of a flight from g, of g, beyond its error.
        shove: Largest change of velocity that no contact and no gravity explains, pixels a frame; from the side, those
            that are rather level.
        lift: Likewise those that are rather upright.
        overlap: Area shared with others, second largest, of the smaller one's.
    """

    spike: float = 0.0
    spikes: int = 0
    gain: float = 0.0
    aside: float = 0.0
    fall: float = 0.0
    shove: float = 0.0
    lift: float = 0.0
    overlap: float = 0.0


def motion(track: Track, gaps: Gaps, world: World, fps: float) -> Motion:
    """Measure one mover.

    Args:
        track: Its track.
        gaps: Its gaps.
        world: The world at rest.
        fps: Frames per second.
    """
    found = Motion()
    usable = track.fitted & (track.clear > 0.8) & inside(track, world) & ~_spread_out(~track.lasting)
    if track.part.pivot is None and usable.sum() >= 3:
        touched, handled = gaps.touched, gaps.handled
        pixels = world.camera.scale(128)
        usable &= ~_spread_out(_jumps(found, track, usable, gaps, pixels))
        _pushes(found, track, usable, gaps, world, fps)
        _gain(found, track, usable, gaps.carried if world.view == "side" else touched, handled, world, fps)
        found.gain *= pixels / fps
        if world.view == "side":
            _flights(found, track, usable, touched, fps)
    found.overlap = second(_overlapping(track, gaps))
    return found


def _overlapping(track: Track, gaps: Gaps) -> FloatArray:
    """(T,) area shared with others where it is seen, or has gone on into what it had sunk into."""
    shared = np.where(track.seen & (track.whole | (track.agreement > FITS)) & track.kept, gaps.overlap, 0.0)
    for t in np.flatnonzero((track.clear < COVERED) | ~track.seen):
        if t and shared[t - 1] > SUNK:
            shared[t] = max(shared[t], gaps.overlap[t])
    return shared


def _spread_out(frames: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(T,) these frames and two more before and after: the middle of what changes moves, too."""
    return np.asarray(np.convolve(frames, np.ones(5, int), "same").astype(bool))


def inside(track: Track, world: World) -> NDArray[np.bool_]:
    """(T,) whether a thing's centre is well in the picture."""
    offset = np.abs(track.pose[:, :2] - np.asarray(world.camera.centre))
    return np.asarray((offset < world.camera.half_width).all(axis=1))


def _jumps(found: Motion, track: Track, usable: NDArray[np.bool_], gaps: Gaps, pixels: float) -> NDArray[np.bool_]:
    """How far each step lies from the interval of its neighbours, by axis: 0 for bounces and for free fall.

    As much as gravity does in a frame is left out, so that a fall that begins or ends is no jump.

    Returns:
        (T,) the frames before and after jumps from nowhere, which no force explains and which explain no force.
    """
    step = np.diff(track.pose[:, :2], axis=0) * pixels
    low, high = np.minimum(step[:-2], step[2:]), np.maximum(step[:-2], step[2:])
    jump = np.minimum(step[1:-1] - low, 0.0) + np.maximum(step[1:-1] - high, 0.0)
    jump[:, 1] -= np.clip(jump[:, 1], -gaps.pull * pixels, gaps.pull * pixels)
    jump *= (usable[1:-2] & usable[2:-1])[:, None]
    size = np.linalg.norm(jump, axis=1)
    jumped = np.zeros(len(usable), bool)
    for k in map(int, np.flatnonzero(size > JUMP)):
        free = float(np.linalg.norm(beyond_contacts(jump[k], gaps, k, k + 3)))
        if size[k] > SPIKE:
            free = max(free, min(beyond_speeds(track.pose[:, :2], gaps, k + 1) * pixels, size[k]))
        found.spike = max(found.spike, free)
        if free > JUMP:
            jumped[k + 1 : k + 3] = True
    found.spikes = int((size > SPIKE).sum())
    return jumped


def _pushes(found: Motion, track: Track, usable: NDArray[np.bool_], gaps: Gaps, world: World, fps: float) -> None:
    """Changes of velocity from nowhere; what begins as a shove goes on as one, also where it is led upwards."""
    change = unexplained(track.pose[:, :2], gaps, world, fps) * world.camera.scale(128)
    free = usable.copy()
    free[1:-1] &= usable[:-2] & usable[2:]
    free[[1, -2]] = False  # how fast things met before the clip, and parted after it, is not seen
    size = np.where(free, np.linalg.norm(change, axis=1), 0.0)
    upright = (np.abs(change[:, 1]) > np.abs(change[:, 0])) & (world.view == "side")
    begun, last = False, -LINGERS - 1
    for t in map(int, np.flatnonzero(size > PUSH)):
        begun = begun if t - last <= LINGERS else bool(upright[t])
        upright[t], last = begun, t
    found.shove = float(np.where(upright, 0.0, size).max())
    found.lift = float(np.where(upright, size, 0.0).max())


def _gain(
    found: Motion,
    track: Track,
    usable: NDArray[np.bool_],
    touched: NDArray[np.bool_],
    handled: NDArray[np.bool_],
    world: World,
    fps: float,
) -> None:
    """Speed that nothing explains, over stretches in which no other thing can have touched it.

    Mean velocities of two steps each, two steps apart. From the side the level part of v2 less sqrt(v1^2 + 2 g drop),
    where v1 is the faster of its two steps: a bounce between them makes the mean slow. From above, where what rolls
    goes straight and slows down gently, the distance of v2 from what is kept of v1.
    """
    if world.view == "side" and any(part.belt for part in world.parts):
        return
    p = track.pose[:, :2]
    for t in range(len(p) - 6):
        if not usable[t : t + 7].all() or handled[t : t + 6].any():
            continue
        if touched[t : t + 6].any() if world.view == "top" else not touched[t : t + 6].all():
            continue
        v1, v2 = (p[t + 2] - p[t]) * fps / 2, (p[t + 6] - p[t + 4]) * fps / 2
        if world.view == "top":
            kept = np.clip(v1 @ v2 / max(v1 @ v1, 1e-9), KEPT, 1.0)
            gain = float(np.linalg.norm(v2 - kept * v1))
        else:
            drop = float(p[t + 1, 1] - p[t + 5, 1])
            before = float((np.diff(p[t : t + 3], axis=0) ** 2).sum(axis=1).max()) * fps**2
            gain = float(abs(v2[0]) - np.sqrt(before + 2 * GRAVITY * max(drop + 0.004, 0.0)))
        found.gain = max(found.gain, gain)


def _flights(found: Motion, track: Track, usable: NDArray[np.bool_], touched: NDArray[np.bool_], fps: float) -> None:
    """Quadratics through each stretch without possible contact."""
    free = usable[:-1] & usable[1:] & ~touched
    start = 0
    while start < len(free):
        stop = start
        while stop < len(free) and free[stop]:
            stop += 1
        frames = np.arange(start, stop + 1)
        if len(frames) >= FLIGHT:
            windows = [frames] if len(frames) <= 7 else [frames, *(frames[k : k + 6] for k in range(len(frames) - 5))]
            for one in windows:
                a, error = _acceleration(track.pose[one, :2], fps)
                fall = max(0.0, abs(a[1] + GRAVITY) - 2 * error) / GRAVITY
                aside = max(0.0, abs(a[0]) - 2 * error) / GRAVITY
                found.fall = max(found.fall, float(fall))
                found.aside = max(found.aside, float(aside))
        start = stop + 1


def _acceleration(places: FloatArray, fps: float) -> tuple[FloatArray, float]:
    """Acceleration (2,) of a quadratic fit and its standard error, m/s^2; places err by at least 2.5 mm."""
    t = np.arange(len(places)) / fps
    t = t - t.mean()
    design = np.column_stack([np.ones_like(t), t, 0.5 * t * t])
    solution, *_ = np.linalg.lstsq(design, places, rcond=None)
    residual = places - design @ solution
    free = max(len(places) - 3, 1)
    sigma = max(0.0025, float(np.sqrt((residual**2).sum(axis=0).max() / free)))
    if len(places) > 5:
        sigma = min(sigma, 0.006)
    error = sigma * float(np.sqrt(np.linalg.inv(design.T @ design)[2, 2]))
    return np.asarray(solution[2]), error

"""Newton's laws, gravity and impenetrability on measured tracks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.contacts import Gaps
from wmenv.judgers.scenes.tracking import Track
from wmenv.worlds.scenes.world import GRAVITY, World

FloatArray = NDArray[np.float64]

FLIGHT = 4
"""Least frames of a flight."""
KEPT = 0.8
"""Share of its velocity that rolling leaves in the time between two velocities, at least."""
SPIKE = 3.5
"""Pixels at a width of 128; three spikes of one thing are a clip whose frames are not in order."""


@dataclass(slots=True)
class Motion:
    """What the motion of one mover shows, each in its own unit; 0 where nothing speaks against it.

    Attributes:
        spike: Largest jump where nothing can have touched it, pixels at a width of 128.
        knock: Largest jump where something can, likewise.
        spikes: Number of jumps above `SPIKE`.
        gain: Speed from nowhere, pixels a frame.
        swerve: Mean acceleration over three steps from above with nothing near, pixels a frame, each frame.
        aside: Sideways acceleration in flight, of g.
        fall: Deviation of the acceleration of a flight from g, of g, beyond its error.
        overlap: Overlap with others, second largest, of its own width.
        notes: Frames at which the largest were seen.
    """

    spike: float = 0.0
    knock: float = 0.0
    spikes: int = 0
    gain: float = 0.0
    swerve: float = 0.0
    aside: float = 0.0
    fall: float = 0.0
    overlap: float = 0.0
    notes: dict[str, int] = field(default_factory=dict)


def motion(track: Track, gaps: Gaps, world: World, fps: float) -> Motion:
    """Measure one mover.

    Args:
        track: Its track.
        gaps: Its gaps.
        world: The world at rest.
        fps: Frames per second.
    """
    found = Motion()
    same = np.abs(np.log(np.maximum(track.amount, 0.05) / max(track.amount[0], 0.05))) < 0.15
    usable = track.seen & (track.clear > 0.8) & inside(track, world) & same
    if track.part.pivot is None and usable.sum() >= 3:
        touched, handled = gaps.touched, gaps.handled
        pixels = world.camera.scale(128)
        _jumps(found, track, usable, touched, pixels)
        _gain(found, track, usable, touched, handled, world, fps)
        found.gain *= pixels / fps
        if world.view == "top":
            step = np.diff(track.pose[:, :2], axis=0) * pixels
            free = usable[:-1] & usable[1:] & ~touched
            change = np.linalg.norm(step[2:] - step[:-2], axis=1) / 2
            found.swerve = float(np.where(free[2:] & free[1:-1] & free[:-2], change, 0.0).max(initial=0.0))
        else:
            _flights(found, track, usable, touched, fps)
    clear = track.seen & (track.clear > 0.35) & track.whole
    overlap = np.where(clear, gaps.overlap, 0.0) / track.part.extent
    found.overlap = _second(overlap)
    return found


def inside(track: Track, world: World) -> NDArray[np.bool_]:
    """(T,) whether a thing's centre is well in the picture."""
    offset = np.abs(track.pose[:, :2] - np.asarray(world.camera.centre))
    return np.asarray((offset < world.camera.half_width).all(axis=1))


def _second(values: FloatArray) -> float:
    """The second largest, so that an accident of one frame does not count."""
    return float(np.sort(values)[-2]) if len(values) > 1 else 0.0


def _jumps(found: Motion, track: Track, usable: NDArray[np.bool_], touched: NDArray[np.bool_], pixels: float) -> None:
    """How far each step lies from the interval of its neighbours, by axis: 0 for bounces and for free fall."""
    step = np.diff(track.pose[:, :2], axis=0) * pixels
    low, high = np.minimum(step[:-2], step[2:]), np.maximum(step[:-2], step[2:])
    size = np.linalg.norm(np.maximum(np.maximum(low - step[1:-1], step[1:-1] - high), 0.0), axis=1)
    size = np.where([usable[k + 1] and usable[k + 2] for k in range(len(size))], size, 0.0)
    near = touched[:-2] | touched[1:-1] | touched[2:]
    free = np.where(near, 0.0, size)
    found.spike = float(free.max(initial=0.0))
    found.knock = float(np.where(near, size, 0.0).max(initial=0.0))
    found.spikes = int((size > SPIKE).sum())
    if found.spike:
        found.notes["spike"] = int(free.argmax()) + 1


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

    Mean velocities of two steps each, two steps apart. From the side |v2| - sqrt(v1^2 + 2 g drop); from above, where
    what rolls goes straight and slows down gently, the distance of v2 from what is kept of v1.
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
            gain = float(np.linalg.norm(v2) - np.sqrt(v1 @ v1 + 2 * GRAVITY * max(drop + 0.004, 0.0)))
        if gain > found.gain:
            found.gain = gain
            found.notes["gain"] = t


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
                if fall > found.fall:
                    found.fall = float(fall)
                    found.notes["fall"] = int(one[0])
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

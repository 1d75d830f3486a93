"""A straight road and the vehicles on it, seen from above."""

from __future__ import annotations

import numpy as np

from wmenv.worlds.scenes.motion import FloatArray
from wmenv.worlds.scenes.world import COLOURS, Detail, Part, Path, grey

LANE = 3.6
"""Width of a lane, metres."""
CAR = (2.2, 1.0)
"""Half length and half width of a car, metres."""
TRUCK = (3.2, 1.2)


def road(length: float = 12.0) -> list[Part]:
    """A road of two lanes along x, its middle at z = 0, with kerbs that are solid."""
    parts = [
        Part("ground", "box", (length, length), (0.0, 0.0), grey(172), "decor", y=1.4, depth=0.2),
        Part("road", "box", (length, LANE), (0.0, 0.0), grey(104), "decor", y=1.15, depth=0.1),
        Part("upper kerb", "box", (length, 0.15), (0.0, LANE + 0.15), grey(215), y=0.8, depth=0.4),
        Part("lower kerb", "box", (length, 0.15), (0.0, -LANE - 0.15), grey(215), y=0.8, depth=0.4),
    ]
    dashes = [
        Part(f"dash {k}", "box", (0.8, 0.09), (x, 0.0), grey(225), "decor", y=1.04, depth=0.02)
        for k, x in enumerate(np.arange(-length + 1.6, length, 3.2).tolist())
    ]
    return parts + dashes


def windows(half: tuple[float, float]) -> tuple[Detail, ...]:
    """Windscreen, rear window and lamps of a car that heads along its own x axis."""
    length, width = half
    return (
        Detail("box", (0.28 * width, 0.78 * width), (0.28 * length, 0.0), grey(35), y=-0.7, depth=0.02),
        Detail("box", (0.2 * width, 0.7 * width), (-0.55 * length, 0.0), grey(35), y=-0.7, depth=0.02),
        Detail("box", (0.08, 0.2), (length - 0.1, 0.6 * width), grey(250), y=-0.7, depth=0.02),
        Detail("box", (0.08, 0.2), (length - 0.1, -0.6 * width), grey(250), y=-0.7, depth=0.02),
    )


def car(colour: str, path: Path) -> Part:
    """A car under control."""
    return Part(
        f"{colour} car", "box", CAR, (0.0, 0.0), COLOURS[colour], "actor", path=path, depth=0.65, details=windows(CAR)
    )


def braking(start: float, z: float, speed: float, cruise: float, deceleration: float) -> Path:
    """A path along +x: constant speed, then constant deceleration to a stop.

    Args:
        start: x at t = 0, metres.
        z: Middle of the lane, metres.
        speed: m/s.
        cruise: Seconds before the brakes.
        deceleration: m/s^2.
    """

    def path(times: FloatArray) -> FloatArray:
        free = np.minimum(times, cruise)
        slowing = np.clip(times - cruise, 0.0, speed / deceleration)
        x = start + speed * free + speed * slowing - 0.5 * deceleration * slowing**2
        return np.column_stack([x, np.full_like(x, z), np.zeros_like(x)])

    return path

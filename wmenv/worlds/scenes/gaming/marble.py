"""A marble run: a marble rolls down two ramps into a cup."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

RADIUS = 0.12
DOOR = 0.06


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, slopes, and what the marbles are like."""
    marble, other = dice.some(("red", "yellow", "green", "blue", "purple"), 2)
    return {
        "marble": marble,
        "other": other,
        "upper": dice.between(0.3, 0.36),
        "lower": dice.between(0.3, 0.36),
        "start": dice.between(1.2, 1.5),
        "friction": dice.between(0.3, 0.6),
        "restitution": dice.between(0.1, 0.25),
        "mass": dice.between(0.1, 0.3),
    }


def build(p: Parameters) -> World:
    """The upper ramp falls to the right, the lower one to the left; a cup stands at the left."""
    upper, lower = p["upper"], p["lower"]
    first = np.array([-0.35, 1.22])
    at = (
        first
        + 0.42 * np.array([-np.cos(upper), np.sin(upper)])
        + (0.04 + RADIUS) * np.array([np.sin(upper), np.cos(upper)])
    )
    common = {"mass": p["mass"], "friction": p["friction"], "restitution": p["restitution"]}
    velocity = (p["start"] * np.cos(upper), -p["start"] * np.sin(upper), -p["start"] / RADIUS)
    return World(
        (
            Part("floor", "box", (2.0, 0.2), (0.0, -0.2), grey(90), depth=0.3),
            Part("board", "box", (2.0, 2.0), (0.0, 0.8), grey(208), "decor", y=0.5, depth=0.1),
            Part("upper ramp", "box", (0.6, 0.04), (-0.35, 1.22), grey(70), angle=-upper, depth=0.18),
            Part("lower ramp", "box", (0.6, 0.04), (0.28, 0.58), grey(70), angle=lower, depth=0.18),
            Part("bumper", "box", (0.05, 0.45), (0.95, 0.95), grey(110), depth=0.18, friction=0.0),
            Part("cup left", "box", (0.04, 0.18), (-0.96, 0.18), grey(110), depth=0.18),
            Part("cup right", "box", (0.04, 0.1), (-0.42, 0.1), grey(110), depth=0.18),
            Part(
                f"{p['marble']} marble",
                "ball",
                (RADIUS,),
                (at[0], at[1]),
                COLOURS[p["marble"]],
                "mover",
                velocity=velocity,
                **common,
            ),
            Part(f"{p['other']} marble", "ball", (RADIUS,), (-0.78, RADIUS), COLOURS[p["other"]], "mover", **common),
        ),
        camera=Camera((-0.02, 0.85), 1.12),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A marble run with two sloping ramps and a cup at the lower left that already holds a {p['other']} marble. A "
        f"{p['marble']} marble is at the top of the upper ramp."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The {p['marble']} marble rolls down both ramps, one after the other, towards the cup at the lower left."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Thirds: off the upper ramp to the right, down on the lower one, to its left end; the farthest so far."""
    path = tracks[f"{p['marble']} marble"]
    right = np.maximum.accumulate(share((path[:, 0] + 0.75) / 0.95))
    low = share((1.1 - path[:, 1]) / 0.35) * (right > 0.95)
    left = share((0.5 - path[:, 0]) / 0.6) * (low > 0.9)
    return np.maximum.accumulate((right + low + left) / 3)


SCENE = Scene(
    "gaming",
    "marble",
    "Adventure.",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['marble']} marble",),
    hidden={"start": (0.0, 1.6), "friction": (0.1, 0.9), "restitution": (0.0, 0.6), "mass": (0.05, 1.0)},
)

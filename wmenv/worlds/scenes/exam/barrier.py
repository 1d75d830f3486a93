"""A robot cell: a gripper lifts a block over a barrier and lays it down on a second block."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.robotics.arm import arm
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Grip, Part, World, grey

FINGER = (0.02, 0.09)
"""Half width and half height of a finger, metres."""
PALM = 0.05
"""Half height of the palm, metres."""
GAP = 0.004
"""Between a block and the palm that holds it, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, on which side the arm stands, sizes and places, and how the arm moves; all x are away from the arm."""
    carried, base = dice.some(("red", "green", "teal", "blue", "purple"), 2)
    place = dice.between(0.36, 0.44)
    return {
        "carried": carried,
        "base": base,
        "side": dice.pick((-1, 1)),
        "half": dice.between(0.11, 0.13),
        "start": dice.between(-0.46, -0.38),
        "wall": dice.between(-0.06, 0.02),
        "height": dice.between(0.17, 0.2),
        "place": place,
        "aim": place + dice.between(-0.03, 0.03),
        "lift": dice.between(0.1, 0.16),
        "time": dice.between(0.58, 0.68),
        "slip": 9.0,
        "mass": dice.between(0.3, 1.0),
        "friction": dice.between(0.5, 0.9),
    }


def build(p: Parameters) -> World:
    """Up, across, down, let go, and up again; down to the table where the second block is out of the way."""
    side, half = p["side"], p["half"]
    hold = half + GAP + PALM
    width = half + 2 * FINGER[0] + 0.005
    high = 2 * p["height"] + p["lift"] + half + hold
    over = abs(p["aim"] - p["place"]) < half + width + 0.02
    low = (2 * half if over else 0.0) + half + hold + 0.003
    across = 0.45 + p["time"]
    tool = through(
        (0.08, side * p["start"], half + hold, 0.0),
        (0.45, side * p["start"], high, 0.0),
        (across, side * p["aim"], high, 0.0),
        (across + 0.35, side * p["aim"], low, 0.0),
        (across + 0.42, side * p["aim"], low, 0.0),
        (across + 0.85, side * p["aim"], low + 0.22, 0.0),
    )
    *links, palm = arm((-0.8 * side, 0.0), tool, (width, PALM), bend=float(side))
    fingers = tuple(
        Detail("box", FINGER, (x, -0.12), grey(60), y=0.0, depth=0.06) for x in (FINGER[0] - width, width - FINGER[0])
    )

    def block(colour: str, x: float) -> Part:
        return Part(
            f"{colour} block",
            "box",
            (half, half),
            (side * x, half),
            COLOURS[colour],
            "mover",
            depth=half,
            mass=p["mass"],
            friction=p["friction"],
            details=(Detail("disc", (0.035,), (0.0, 0.0), grey(230), y=-half - 0.005, depth=0.01),),
        )

    return World(
        (
            Part("table", "box", (1.5, 0.2), (0.0, -0.2), grey(146), depth=0.5),
            Part("wall", "box", (2.0, 2.0), (0.0, 0.5), grey(220), "decor", y=0.9, depth=0.1),
            Part("window", "box", (0.34, 0.24), (0.55 * side, 1.15), grey(240), "decor", y=0.79, depth=0.01),
            Part("barrier", "box", (0.04, p["height"]), (side * p["wall"], p["height"]), grey(84), depth=0.3),
            *links,
            replace(palm, details=(*palm.details, *fingers)),
            block(p["carried"], p["start"]),
            block(p["base"], p["place"]),
        ),
        camera=Camera((-0.12 * side, 0.55)),
        grips=(Grip("tool", f"{p['carried']} block", 0.0, min(p["slip"], across + 0.385)),),
    )


def _sides(p: Parameters) -> tuple[str, str]:
    """The arm's side of the barrier, and the other one."""
    return ("left", "right") if p["side"] > 0 else ("right", "left")


def describe(p: Parameters) -> str:
    """The first frame in words."""
    near, far = _sides(p)
    return (
        f"A yellow robot arm stands at the {near} on a grey table; its gripper holds a {p['carried']} block that lies "
        f"to the {near} of a dark grey barrier. A {p['base']} block lies to the {far} of the barrier."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The robot arm lifts the {p['carried']} block over the barrier, lays it down on the {p['base']} block and "
        "lets go of it."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Share of the way to the top of the second block, wherever that is by then."""
    path, base = (tracks[f"{p[name]} block"] for name in ("carried", "base"))
    away = np.linalg.norm(path[:, :2] - base[:, :2] - np.array([0.0, 2 * p["half"]]), axis=1)
    return share((away[0] - away) / (0.94 * away[0]))


SCENE = Scene(
    "exam",
    "barrier",
    "robot cell",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['carried']} block",),
    hidden={
        "aim": (0.2, 0.6),
        "lift": (0.06, 0.2),
        "time": (0.55, 0.85),
        "slip": (0.3, 2.5),
        "mass": (0.2, 3.0),
        "friction": (0.3, 1.0),
    },
)

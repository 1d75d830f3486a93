"""An arm pushes a hinged lid shut."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.robotics.arm import arm
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

BOX = (0.3, 0.17)
LID = (0.3, 0.06)
TOOL = 0.09


def draw(dice: Dice) -> dict[str, Any]:
    """The lid, where the box stands, how far it is open, and how the arm moves."""
    return {
        "colour": dice.pick(("red", "green", "blue", "purple")),
        "place": dice.between(0.0, 0.1),
        "open": dice.between(1.75, 1.95),
        "reach": dice.between(0.3, 0.36),
        "time": dice.between(0.6, 0.75),
        "mass": dice.between(0.3, 0.6),
        "drag": dice.between(0.15, 0.25),
    }


def build(p: Parameters) -> World:
    """The lid's hinge is at the left edge of the box; past upright it falls shut by itself, against some drag."""
    hinge = (p["place"] - BOX[0], 2 * BOX[1] + LID[1])
    cos, sin = np.cos(p["open"]), np.sin(p["open"])
    lid = (hinge[0] + cos * BOX[0], hinge[1] + sin * BOX[0])
    height = hinge[1] + 0.4
    behind = hinge[0] + 0.4 * cos / sin - TOOL - LID[1] / sin
    tool = through(
        (0.1, behind - 0.1, height, 0.0),
        (0.3, behind - 0.02, height, 0.0),
        (0.3 + p["time"], behind + p["reach"], height - 0.02, 0.0),
        (0.8 + p["time"], behind + p["reach"] - 0.2, height + 0.05, 0.0),
    )
    return World(
        (
            Part("table", "box", (1.5, 0.2), (0.0, -0.2), grey(150), depth=0.5),
            Part("wall", "box", (2.0, 2.0), (0.0, 0.5), grey(222), "decor", y=0.9, depth=0.1),
            Part("box", "box", BOX, (p["place"], BOX[1]), grey(85), depth=0.25),
            Part("hinge", "disc", (0.05,), hinge, grey(40), "decor", y=-0.27, depth=0.02),
            *arm((-0.8, 0.0), tool, (TOOL, TOOL), friction=0.1),
            Part(
                f"{p['colour']} lid",
                "box",
                LID,
                lid,
                COLOURS[p["colour"]],
                "mover",
                angle=p["open"],
                depth=0.24,
                mass=p["mass"],
                friction=0.3,
                pivot=hinge,
                drag=p["drag"],
            ),
        ),
        camera=Camera((-0.2, 0.55)),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A dark grey box with a {p['colour']} lid stands on a table; the lid is open and leans back. A yellow robot "
        "arm is behind the lid."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The robot arm pushes the {p['colour']} lid over, so that it falls shut on the box."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """How far the lid's middle has turned about the hinge, of all the way down."""
    path = tracks[f"{p['colour']} lid"]
    x, z = path[:, 0] - (p["place"] - BOX[0]), path[:, 1] - 2 * BOX[1] - LID[1]
    return share((p["open"] - np.arctan2(z, x)) / (p["open"] - 0.05))


SCENE = Scene(
    "robotics",
    "close",
    "close",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} lid",),
    hidden={"reach": (0.0, 0.4), "time": (0.5, 1.0), "mass": (0.2, 1.0), "drag": (0.1, 0.8)},
)

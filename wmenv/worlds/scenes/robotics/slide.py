"""An arm pushes a block along a table to a mark."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.robotics.arm import arm
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

HALF = 0.13
TOOL = 0.1


def draw(dice: Dice) -> dict[str, Any]:
    """A block's colour and place, the mark, and how the arm moves."""
    start = dice.between(-0.4, -0.25)
    target = dice.between(0.35, 0.6)
    return {
        "colour": dice.pick(("red", "green", "blue", "purple")),
        "start": start,
        "target": target,
        "reach": target,
        "friction": dice.between(0.5, 0.9),
        "mass": dice.between(0.5, 1.5),
        "time": dice.between(1.1, 1.35),
    }


def build(p: Parameters) -> World:
    """The tool stands behind the block, pushes it along and stops when the block is over the mark."""
    back = p["start"] - HALF - TOOL
    tool = through(
        (0.15, back - 0.12, TOOL + 0.02, 0.0),
        (0.35, back - 0.02, TOOL + 0.02, 0.0),
        (0.35 + p["time"], p["reach"] - HALF - TOOL, TOOL + 0.02, 0.0),
    )
    return World(
        (
            Part("table", "box", (1.5, 0.2), (0.0, -0.2), grey(150), depth=0.5),
            Part("wall", "box", (2.0, 2.0), (0.0, 0.5), grey(222), "decor", y=0.9, depth=0.1),
            Part("mark", "box", (HALF, 0.02), (p["target"], -0.06), grey(30), "decor", y=-0.49, depth=0.02),
            *arm((-0.95, 0.0), tool, (TOOL, TOOL), friction=0.1),
            Part(
                f"{p['colour']} block",
                "box",
                (HALF, HALF),
                (p["start"], HALF),
                COLOURS[p["colour"]],
                "mover",
                depth=HALF,
                mass=p["mass"],
                friction=p["friction"],
            ),
        ),
        camera=Camera((0.0, 0.42)),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A yellow robot arm stands at the left end of a grey table. Its tool is behind a {p['colour']} block; a dark "
        "mark on the edge of the table shows a place further to the right."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The robot arm slides the {p['colour']} block to the right until it stands over the dark mark."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Share of the way to the mark, less what is overshot."""
    x = tracks[f"{p['colour']} block"][:, 0]
    return share(1.0 - np.abs(p["target"] - x) / (p["target"] - p["start"]))


SCENE = Scene(
    "robotics",
    "slide",
    "slide",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} block",),
    hidden={"reach": (-0.1, 0.7), "friction": (0.3, 1.0), "mass": (0.3, 3.0), "time": (0.9, 1.6)},
)

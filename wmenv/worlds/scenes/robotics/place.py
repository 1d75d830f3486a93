"""An arm puts the block that it holds onto a stand."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.robotics.arm import arm
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Grip, Part, World, grey

HALF = 0.12
TOOL = (0.12, 0.07)
STAND = (0.17, 0.14)


def draw(dice: Dice) -> dict[str, Any]:
    """The block, the stand, and how the arm moves."""
    place = dice.between(0.15, 0.3)
    return {
        "colour": dice.pick(("red", "green", "blue", "purple")),
        "start": dice.between(-0.4, -0.25),
        "height": dice.between(0.3, 0.4),
        "place": place,
        "aim": place,
        "drop": 0.004,
        "time": dice.between(0.6, 0.75),
        "friction": dice.between(0.5, 0.9),
        "mass": dice.between(0.3, 1.0),
    }


def build(p: Parameters) -> World:
    """Across, down, and let go; then the tool goes up."""
    gap = 2 * HALF + TOOL[1] + 0.004
    high = p["height"] + gap
    top = 2 * STAND[1] + p["drop"] + gap if abs(p["aim"] - p["place"]) < STAND[0] + HALF + 0.03 else p["drop"] + gap
    tool = through(
        (0.1, p["start"], high, 0.0),
        (0.1 + p["time"], p["aim"], max(high, top + 0.1), 0.0),
        (0.6 + p["time"], p["aim"], top, 0.0),
        (0.75 + p["time"], p["aim"], top, 0.0),
        (1.15 + p["time"], p["aim"] - 0.05, top + 0.2, 0.0),
    )
    block = Part(
        f"{p['colour']} block",
        "box",
        (HALF, HALF),
        (p["start"], p["height"] + HALF),
        COLOURS[p["colour"]],
        "mover",
        depth=HALF,
        mass=p["mass"],
        friction=p["friction"],
    )
    return World(
        (
            Part("table", "box", (1.5, 0.2), (0.0, -0.2), grey(150), depth=0.5),
            Part("wall", "box", (2.0, 2.0), (0.0, 0.5), grey(222), "decor", y=0.9, depth=0.1),
            Part("stand", "box", STAND, (p["place"], STAND[1]), grey(80), depth=0.17),
            *arm((-0.72, 0.0), tool, TOOL),
            block,
        ),
        camera=Camera((0.0, 0.5)),
        grips=(Grip("tool", block.name, 0.0, 0.68 + p["time"]),),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A yellow robot arm holds a {p['colour']} block in the air over a grey table; a dark grey stand is on the "
        "table to the right."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The robot arm places the {p['colour']} block on the stand and lets go of it."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Share of the way to the top of the stand, and there."""
    path = tracks[f"{p['colour']} block"]
    goal = np.array([p["place"], 2 * STAND[1] + HALF])
    start = np.array([p["start"], p["height"] + HALF])
    away = np.linalg.norm(path[:, :2] - goal, axis=1) / np.linalg.norm(start - goal)
    return share(1.05 - away)


SCENE = Scene(
    "robotics",
    "place",
    "place",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} block",),
    hidden={"aim": (-0.3, 0.35), "drop": (0.004, 0.15), "time": (0.5, 0.9), "friction": (0.3, 1.0), "mass": (0.2, 3.0)},
)

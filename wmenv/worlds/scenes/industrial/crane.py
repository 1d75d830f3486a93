"""A crane carries a hanging load sideways; the load swings."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.motion import carried, through
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Grip, Part, World, grey

HALF = (0.17, 0.13)
HOOK = (0.1, 0.06)
STAND = 0.3


def draw(dice: Dice) -> dict[str, Any]:
    """The load, the two stands, and how the crane moves."""
    target = dice.between(0.5, 0.62)
    return {
        "colour": dice.pick(("red", "green", "blue", "purple")),
        "start": dice.between(-0.62, -0.5),
        "target": target,
        "aim": target,
        "lift": dice.between(0.35, 0.45),
        "time": dice.between(0.7, 0.8),
        "mass": dice.between(20.0, 60.0),
        "slip": 9.0,
    }


def build(p: Parameters) -> World:
    """Up, across and down, on a stiff cable."""
    low = STAND + 2 * HALF[1] + HOOK[1] + 0.004
    hook = through(
        (0.1, p["start"], low, 0.0),
        (0.5, p["start"], low + p["lift"], 0.0),
        (0.5 + p["time"], p["aim"], low + p["lift"], 0.0),
        (0.95 + p["time"], p["aim"], low + 0.004, 0.0),
    )
    load = Part(
        f"{p['colour']} load",
        "box",
        HALF,
        (p["start"], STAND + HALF[1] + 0.001),
        COLOURS[p["colour"]],
        "mover",
        depth=0.15,
        mass=p["mass"],
        friction=0.7,
        details=tuple(Detail("box", (0.015, HALF[1]), (u, 0.0), grey(70), y=-0.16, depth=0.005) for u in (-0.09, 0.09)),
    )
    return World(
        (
            Part("floor", "box", (2.0, 0.2), (0.0, -0.2), grey(128), depth=0.8),
            Part("wall", "box", (2.5, 2.5), (0.0, 0.8), grey(218), "decor", y=0.9, depth=0.1),
            Part("left stand", "box", (0.22, STAND / 2), (p["start"], STAND / 2), grey(92), depth=0.2),
            Part("right stand", "box", (0.22, STAND / 2), (p["target"], STAND / 2), grey(92), depth=0.2),
            Part("rail", "box", (1.3, 0.05), (0.0, 1.55), grey(80), "decor", y=0.1, depth=0.1),
            Part("left post", "box", (0.05, 0.8), (-1.0, 0.8), grey(105), "decor", y=0.3, depth=0.06),
            Part("right post", "box", (0.05, 0.8), (1.02, 0.8), grey(105), "decor", y=0.3, depth=0.06),
            Part(
                "cable",
                "box",
                (0.012, 0.6),
                (0, 0),
                grey(40),
                "actor",
                path=carried(hook, 0.0, 0.62),
                solid=False,
                y=0.14,
                depth=0.012,
            ),
            Part("hook", "box", HOOK, (0, 0), COLOURS["yellow"], "actor", path=hook, depth=0.1, friction=0.3),
            load,
        ),
        camera=Camera((0.0, 0.75), 1.15),
        grips=(Grip("hook", load.name, 0.1, p["slip"]),),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"In a factory hall a crane's yellow hook holds a {p['colour']} load that lies on the left one of two dark "
        "grey stands."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The crane lifts the {p['colour']} load, carries it to the right and sets it down on the other stand."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Share of the way to the other stand, and down on it."""
    path = tracks[f"{p['colour']} load"]
    across = share(1.06 - np.abs(p["target"] - path[:, 0]) / (p["target"] - p["start"])) - 0.06
    down = share(1.1 - (path[:, 1] - STAND - HALF[1]) / 0.35)
    return share(0.6 * across / 0.94 + 0.4 * down * (across > 0.8))


SCENE = Scene(
    "industrial",
    "crane",
    "Aerospace and large industrial systems",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} load",),
    hidden={"aim": (-0.3, 0.66), "lift": (0.1, 0.5), "time": (0.65, 0.95), "mass": (5.0, 90.0), "slip": (0.5, 2.5)},
)

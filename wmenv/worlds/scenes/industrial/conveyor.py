"""A belt carries boxes into a bin."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, World, grey

HALF = 0.13
TOP = 0.55
END = 0.3


def draw(dice: Dice) -> dict[str, Any]:
    """Two boxes on the belt, and how fast it runs."""
    first, second = dice.some(("red", "green", "blue", "purple", "yellow"), 2)
    return {
        "first": first,
        "second": second,
        "lead": dice.between(-0.12, -0.02),
        "gap": dice.between(0.6, 0.68),
        "belt": dice.between(0.72, 0.85),
        "friction": dice.between(0.5, 0.8),
        "mass": dice.between(0.5, 1.5),
    }


def build(p: Parameters) -> World:
    """Boxes that ride at the speed of the belt."""
    rollers = [
        Part(f"roller {k}", "disc", (0.07,), (x, TOP - 0.12), grey(60), "decor", y=-0.22, depth=0.03)
        for k, x in enumerate(np.linspace(-1.25, END - 0.08, 7).tolist())
    ]
    boxes = [
        Part(
            f"{colour} box",
            "box",
            (HALF, HALF),
            (x, TOP + HALF),
            COLOURS[colour],
            "mover",
            depth=HALF,
            mass=p["mass"],
            friction=p["friction"],
            velocity=(p["belt"], 0.0, 0.0),
            details=(Detail("box", (0.03, HALF), (0.0, 0.0), grey(235), y=-HALF - 0.005, depth=0.01),),
        )
        for colour, x in ((p["first"], p["lead"]), (p["second"], p["lead"] - p["gap"]))
    ]
    return World(
        (
            Part("floor", "box", (2.0, 0.2), (0.0, -0.2), grey(128), depth=0.8),
            Part("wall", "box", (2.5, 2.5), (0.0, 0.8), grey(220), "decor", y=0.9, depth=0.1),
            Part("belt", "box", (1.0, 0.1), (END - 1.0, TOP - 0.1), grey(96), depth=0.2, belt=p["belt"]),
            Part("stand", "box", (0.06, 0.2), (-0.8, 0.2), grey(110), "decor", y=0.1),
            Part("other stand", "box", (0.06, 0.2), (0.1, 0.2), grey(110), "decor", y=0.1),
            *rollers,
            Part("bin left", "box", (0.03, 0.16), (0.42, 0.16), grey(75), depth=0.3),
            Part("bin right", "box", (0.03, 0.22), (1.02, 0.22), grey(75), depth=0.3),
            Part("bin bottom", "box", (0.3, 0.03), (0.72, 0.03), grey(75), depth=0.3),
            *boxes,
        ),
        camera=Camera((0.05, 0.5)),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A conveyor belt in a factory runs to the right and carries a {p['first']} box, followed by a {p['second']} "
        "box; a grey bin stands below its end."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The belt carries the {p['first']} box to its end, and the box drops into the bin."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for the way to the end of the belt, half for the fall into the bin."""
    path = tracks[f"{p['first']} box"]
    over = share((path[:, 0] - p["lead"]) / (END + 0.05 - p["lead"]))
    down = share((TOP + HALF - path[:, 1]) / (TOP - 0.12))
    return 0.5 * over + 0.5 * down * ((path[:, 0] > END) & (path[:, 0] < 1.05))


SCENE = Scene(
    "industrial",
    "conveyor",
    "Machinery and equipment operation",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['first']} box",),
    hidden={"belt": (0.2, 1.1), "friction": (0.3, 1.0), "mass": (0.3, 4.0)},
)

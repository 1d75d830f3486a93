"""A press pushes one end of a lever down; the other end lifts a block."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.motion import carried, through
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

ARM = 0.75
PIVOT = (0.0, 0.42)
THICK = 0.06
HALF = 0.13
RAM = (0.13, 0.12)
TILT = 0.28


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, the block's place on the lever, and how the ram moves."""
    lever, block = dice.some(("red", "green", "blue", "purple"), 2)
    return {
        "lever": lever,
        "block": block,
        "place": dice.between(0.5, 0.58),
        "stroke": dice.between(0.32, 0.37),
        "time": dice.between(1.05, 1.2),
        "friction": dice.between(0.7, 0.9),
        "mass": dice.between(0.5, 1.0),
    }


def build(p: Parameters) -> World:
    """The lever rests on its right end, heavier by the block."""
    cos, sin = np.cos(-TILT), np.sin(-TILT)

    def on_lever(u: float, w: float) -> tuple[float, float]:
        return PIVOT[0] + cos * u - sin * w, PIVOT[1] + sin * u + cos * w

    top = on_lever(-0.62, THICK)[1]
    ram = through(
        (0.15, -0.6, top + RAM[1] + 0.12, 0.0),
        (0.15 + p["time"], -0.6, top + RAM[1] - p["stroke"], 0.0),
        (2.2, -0.6, top + RAM[1] - p["stroke"], 0.0),
    )
    rest = on_lever(ARM, -THICK)[1]
    return World(
        (
            Part("floor", "box", (2.0, 0.2), (0.0, -0.2), grey(128), depth=0.8),
            Part("wall", "box", (2.5, 2.5), (0.0, 0.8), grey(220), "decor", y=0.9, depth=0.1),
            Part("rest", "box", (0.1, rest / 2 - 0.003), (0.72, rest / 2 - 0.003), grey(90), depth=0.15),
            Part("fulcrum", "box", (0.05, PIVOT[1] / 2), (0.0, PIVOT[1] / 2), grey(90), "decor", y=0.25, depth=0.05),
            Part("bearing", "disc", (0.07,), PIVOT, grey(50), "decor", y=-0.2, depth=0.02),
            Part("left column", "box", (0.05, 0.75), (-0.95, 0.75), grey(105), "decor", y=0.2, depth=0.1),
            Part("press head", "box", (0.32, 0.1), (-0.68, 1.4), grey(105), "decor", y=0.2, depth=0.15),
            Part(
                "rod",
                "box",
                (0.05, 0.4),
                (0, 0),
                grey(70),
                "actor",
                path=carried(ram, 0.0, 0.45),
                solid=False,
                y=0.15,
                depth=0.05,
            ),
            Part("ram", "box", RAM, (0, 0), COLOURS["yellow"], "actor", path=ram, depth=0.14, friction=0.1),
            Part(
                f"{p['lever']} lever",
                "box",
                (ARM, THICK),
                PIVOT,
                COLOURS[p["lever"]],
                "mover",
                angle=-TILT,
                depth=0.12,
                mass=1.0,
                friction=0.9,
                pivot=PIVOT,
                drag=0.2,
            ),
            Part(
                f"{p['block']} block",
                "box",
                (HALF, HALF),
                on_lever(p["place"], THICK + HALF + 0.001),
                COLOURS[p["block"]],
                "mover",
                angle=-TILT,
                depth=HALF,
                mass=p["mass"],
                friction=p["friction"],
            ),
        ),
        camera=Camera((-0.05, 0.72), 1.15),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A workshop press with a yellow ram stands over the left end of a tilted {p['lever']} lever; a "
        f"{p['block']} block lies on the lever's lower right end."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The press pushes the left end of the {p['lever']} lever down, so that its right end lifts the "
        f"{p['block']} block."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Height gained by the block, as a share of 0.18 m."""
    height = tracks[f"{p['block']} block"][:, 1]
    return share((height - height[0]) / 0.18)


SCENE = Scene(
    "industrial",
    "press",
    "Metalworking and manufacturing processes",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['block']} block",),
    hidden={"stroke": (0.1, 0.4), "time": (0.95, 1.6), "friction": (0.6, 1.0), "mass": (0.2, 2.0)},
)

"""A falling-brick game: a brick drops on another one between two walls of bricks."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, World, grey

CELL = 0.3
"""Width of a cell of the game's grid, metres."""
HALF = (0.28, 0.14)


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, the gap, heights of the walls, and how the brick starts."""
    upper, lower = dice.some(("red", "yellow", "green", "blue", "purple"), 2)
    return {
        "upper": upper,
        "lower": lower,
        "column": dice.pick((-1, 0, 1)),
        "left": dice.pick((1, 2, 3)),
        "right": dice.pick((1, 2, 3)),
        "height": dice.between(1.45, 1.6),
        "push": dice.between(-0.6, 0.0),
        "restitution": dice.between(0.05, 0.15),
        "friction": dice.between(0.4, 0.7),
        "mass": dice.between(0.5, 1.0),
    }


def _wall(p: Parameters) -> list[Part]:
    """Grey bricks on both sides of the gap."""
    gap = p["column"] * CELL
    parts = []
    for side, height in ((-1, p["left"]), (1, p["right"])):
        for column in range(4):
            x = gap + side * (0.31 + CELL / 2 + column * CELL)
            for row in range(max(1, height - (column % 2))):
                shade = 112 + 14 * ((row + column) % 3)
                parts.append(
                    Part(
                        f"brick {side} {column} {row}",
                        "box",
                        (CELL / 2 - 0.008, CELL / 2 - 0.008),
                        (x, CELL * (row + 0.5)),
                        grey(shade),
                        depth=0.14,
                    )
                )
    return parts


def build(p: Parameters) -> World:
    """The lower brick lies in the gap; the upper one is let go above it."""
    x = p["column"] * CELL
    studs = tuple(Detail("box", (0.06, 0.05), (u, 0.0), grey(235), y=-0.15, depth=0.02) for u in (-0.14, 0.14))
    common = {"mass": p["mass"], "friction": p["friction"], "restitution": p["restitution"], "details": studs}
    return World(
        (
            Part("floor", "box", (2.0, 0.2), (0.0, -0.2), grey(70), depth=0.3),
            Part("field", "box", (2.0, 2.0), (0.0, 0.9), grey(205), "decor", y=0.5, depth=0.1),
            *_wall(p),
            Part(f"{p['lower']} brick", "box", HALF, (x, HALF[1]), COLOURS[p["lower"]], "mover", **common),
            Part(
                f"{p['upper']} brick",
                "box",
                HALF,
                (x, p["height"]),
                COLOURS[p["upper"]],
                "mover",
                velocity=(0.0, p["push"], 0.0),
                **common,
            ),
        ),
        camera=Camera((0.0, 0.85)),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A falling-brick game. A {p['lower']} brick lies in a gap between two walls of grey bricks; a {p['upper']} "
        "brick is in the air right above the gap."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The {p['upper']} brick drops into the gap and lands flat on the {p['lower']} brick."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Share of the way down to the top of the lower brick, while it stays over it."""
    upper, lower = tracks[f"{p['upper']} brick"], tracks[f"{p['lower']} brick"]
    way = share((p["height"] - upper[:, 1]) / (p["height"] - 3 * HALF[1] - 0.03))
    return np.where(np.abs(upper[:, 0] - lower[:, 0]) < HALF[0], way, 0.3)


SCENE = Scene(
    "gaming",
    "bricks",
    "Strategy.",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['upper']} brick",),
    hidden={"push": (-2.0, 1.0), "restitution": (0.0, 0.5), "friction": (0.2, 1.0), "mass": (0.3, 3.0)},
)

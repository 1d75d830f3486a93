"""A cartoon wheel rolls down a ramp and tips over a tall block."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.animation.toon import outlined, stage
from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, World, grey

RADIUS = 0.17
HALF = (0.13, 0.36)
FOOT = -0.45
LEDGE, EDGE = 0.3, 0.0


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, the ramp, and what the wheel and the block are made of."""
    wheel, block = dice.some(("red", "yellow", "green", "blue", "purple"), 2)
    return {
        "wheel": wheel,
        "block": block,
        "slope": dice.between(0.45, 0.53),
        "along": dice.between(0.45, 0.55),
        "place": EDGE + HALF[0] + dice.between(0.03, 0.07),
        "mass": dice.between(2.0, 3.0),
        "friction": dice.between(0.6, 0.8),
        "start": dice.between(0.6, 0.9),
    }


def build(p: Parameters) -> World:
    """A ramp on a ledge, and a block on the ground that stands higher than the wheel."""
    cos, sin = np.cos(p["slope"]), np.sin(p["slope"])
    middle = (FOOT - 0.9 * cos - 0.2 * sin, LEDGE + 0.9 * sin - 0.2 * cos)
    up = (FOOT - p["along"] * cos + RADIUS * sin, LEDGE + p["along"] * sin + RADIUS * cos)
    spokes = tuple(Detail("box", (0.12, 0.018), (0.0, 0.0), grey(30), angle=a, y=-0.2, depth=0.01) for a in (0.4, 1.97))
    wheel = Part(
        f"{p['wheel']} wheel",
        "disc",
        (RADIUS,),
        up,
        COLOURS[p["wheel"]],
        "mover",
        mass=p["mass"],
        friction=p["friction"],
        velocity=(p["start"] * cos, -p["start"] * sin, -p["start"] / RADIUS),
        details=spokes,
    )
    block = Part(
        f"{p['block']} block",
        "box",
        HALF,
        (p["place"], HALF[1]),
        COLOURS[p["block"]],
        "mover",
        mass=1.5,
        friction=p["friction"],
    )
    return World(
        (
            *stage(),
            Part("ground", "box", (2.0, 0.3), (0.0, -0.3), grey(120), depth=0.2),
            Part("ledge", "box", (0.8, LEDGE / 2), (EDGE - 0.8, LEDGE / 2), grey(96), depth=0.19),
            Part("ramp", "box", (0.9, 0.2), middle, grey(96), angle=-p["slope"], depth=0.18),
            outlined(wheel, face=False),
            outlined(block),
        ),
        camera=Camera((0.0, 0.6)),
        style="flat",
        backdrop=(222, 238),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A flat cartoon: a {p['wheel']} wheel is on a ramp on the left; at the foot of the ledge to the right a tall "
        f"{p['block']} block with eyes stands upright."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The {p['wheel']} wheel rolls down the ramp into the tall {p['block']} block, which tips over to the right."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """How far the block's middle has come down, of what lying flat would give."""
    path = tracks[f"{p['block']} block"]
    return share((HALF[1] - path[:, 1]) / (HALF[1] - HALF[0] - 0.02))


SCENE = Scene(
    "animation",
    "tumble",
    "Action",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['block']} block",),
    hidden={"mass": (0.05, 4.0), "friction": (0.2, 1.0), "start": (0.0, 1.2)},
)

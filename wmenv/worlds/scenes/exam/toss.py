"""A playground: a ball is thrown towards a foam block that falls, bounces once and hits it."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, World, grey


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, sizes and places, how the ball is thrown, and what both are made of."""
    ball, block = dice.some(("red", "yellow", "green", "teal", "blue", "purple"), 2)
    return {
        "ball": ball,
        "block": block,
        "radius": dice.between(0.12, 0.145),
        "half": dice.between(0.15, 0.175),
        "from": (dice.between(-0.88, -0.78), dice.between(0.78, 0.9)),
        "over": (dice.between(0.46, 0.58), dice.between(1.05, 1.3)),
        "speed": dice.between(1.2, 1.35),
        "lift": dice.between(0.9, 1.3),
        "fall": dice.between(0.0, 0.4),
        "restitution": dice.between(0.45, 0.52),
        "friction": dice.between(0.3, 0.5),
        "mass": dice.between(0.3, 0.6),
    }


def build(p: Parameters) -> World:
    """Level ground between a low wall and a post; a slide stands far behind."""
    return World(
        (
            Part("ground", "box", (3.0, 0.3), (0.0, -0.3), grey(118), depth=0.6),
            Part("wall", "box", (0.05, 0.2), (-1.05, 0.2), grey(92), depth=0.3, friction=0.0),
            Part("post", "box", (0.05, 0.3), (1.04, 0.3), grey(92), depth=0.3, friction=0.0),
            Part("chute", "box", (0.5, 0.035), (-0.1, 0.68), grey(182), "decor", angle=-0.65, y=1.2, depth=0.12),
            Part("ladder", "box", (0.035, 0.52), (-0.52, 0.5), grey(176), "decor", y=1.3, depth=0.05),
            Part("hedge", "box", (3.0, 0.2), (0.0, 0.2), grey(196), "decor", y=3.0, depth=0.2),
            Part(
                f"{p['ball']} ball",
                "ball",
                (p["radius"],),
                p["from"],
                COLOURS[p["ball"]],
                "mover",
                mass=0.3,
                friction=p["friction"],
                restitution=p["restitution"],
                velocity=(p["speed"], p["lift"], 0.0),
            ),
            Part(
                f"{p['block']} block",
                "box",
                (p["half"], p["half"]),
                p["over"],
                COLOURS[p["block"]],
                "mover",
                depth=0.15,
                mass=p["mass"],
                friction=p["friction"],
                restitution=0.3,
                velocity=(0.0, -p["fall"], 0.0),
                details=(Detail("disc", (0.04,), (0.0, 0.0), grey(235), y=-0.155, depth=0.01),),
            ),
        ),
        camera=Camera((0.0, 0.78)),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A playground with a grey slide in the background. A {p['ball']} ball that somebody has thrown is in the air "
        f"at the left; a {p['block']} foam block is in the air at the right, above the ground."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The {p['block']} block drops to the ground; the {p['ball']} ball flies to the right, bounces on the ground "
        f"and hits the {p['block']} block."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """A third for the fall of the block, the rest for the share of the gap that the ball has closed so far."""
    ball, block = tracks[f"{p['ball']} ball"], tracks[f"{p['block']} block"]
    down = share((p["over"][1] - block[:, 1]) / (p["over"][1] - p["half"] - 0.06))
    beside = np.maximum(np.abs(block[:, 0] - ball[:, 0]), np.abs(block[:, 1] - ball[:, 1]))
    gap = beside - p["radius"] - p["half"]
    closed = share((gap[0] - gap) / (gap[0] - 0.06))
    return np.maximum.accumulate((down + 2 * closed) / 3)


SCENE = Scene(
    "exam",
    "toss",
    "playground",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['ball']} ball", f"{p['block']} block"),
    hidden={
        "speed": (-0.2, 1.5),
        "lift": (-0.5, 1.8),
        "fall": (0.0, 1.5),
        "restitution": (0.2, 0.75),
        "friction": (0.15, 0.8),
        "mass": (0.15, 1.5),
    },
)

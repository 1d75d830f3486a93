"""A boulder rolls down a hill."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, World, grey

RADIUS = 0.17
FOOT = -0.1
"""x of the foot of the slope, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """The hill's slope, where the boulders are, and what they are made of."""
    boulder, other = dice.some(("red", "green", "blue", "purple", "yellow"), 2)
    return {
        "boulder": boulder,
        "other": other,
        "slope": dice.between(0.42, 0.55),
        "along": dice.between(0.8, 0.95),
        "rest": dice.between(0.4, 0.55),
        "mass": dice.between(2.0, 4.0),
        "friction": dice.between(0.5, 0.9),
        "restitution": dice.between(0.2, 0.5),
        "start": dice.between(0.0, 0.3),
    }


def build(p: Parameters) -> World:
    """A straight slope that ends on level ground; the boulder starts along it, the other lies on the ground."""
    cos, sin = np.cos(p["slope"]), np.sin(p["slope"])
    length = 1.0
    middle = (FOOT - length * cos - 0.2 * sin, length * sin - 0.2 * cos)
    up = (FOOT - p["along"] * cos + RADIUS * sin, p["along"] * sin + RADIUS * cos)
    spin = -p["start"] / RADIUS
    spots = tuple(
        Detail("disc", (0.04,), (0.1 * np.cos(a), 0.1 * np.sin(a)), grey(60), y=-RADIUS + 0.03, depth=0.02)
        for a in (0.3, 2.4, 4.5)
    )
    trees = []
    for k, (x, height) in enumerate(((0.55, 0.62), (0.85, 0.8))):
        trees.append(
            Part(f"trunk {k}", "box", (0.03, height / 2), (x, height / 2), grey(96), "decor", y=0.6, depth=0.05)
        )
        trees.append(Part(f"crown {k}", "ball", (0.17,), (x, height), grey(150), "decor", y=0.6))
    return World(
        (
            Part("ground", "box", (3.0, 0.3), (0.5, -0.3), grey(122), depth=0.6),
            Part("cliff", "box", (0.2, 0.9), (1.12, 0.3), grey(110), angle=-0.08, depth=0.6, friction=0.0),
            Part("slope", "box", (length, 0.2), middle, grey(122), angle=-p["slope"], depth=0.6),
            Part("far hill", "ball", (2.0,), (-0.4, -1.3), grey(200), "decor", y=4.0),
            *trees,
            Part(
                f"{p['boulder']} boulder",
                "ball",
                (RADIUS,),
                up,
                COLOURS[p["boulder"]],
                "mover",
                mass=p["mass"],
                friction=p["friction"],
                velocity=(p["start"] * cos, -p["start"] * sin, spin),
                details=spots,
            ),
            Part(
                f"{p['other']} boulder",
                "ball",
                (RADIUS,),
                (p["rest"], RADIUS),
                COLOURS[p["other"]],
                "mover",
                mass=2.0,
                friction=p["friction"],
                restitution=p["restitution"],
                details=spots,
            ),
        ),
        camera=Camera((-0.12, 0.5)),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A hillside with trees. A round {p['boulder']} boulder is high on the slope, a {p['other']} boulder lies on "
        "the level ground below it."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The {p['boulder']} boulder rolls down the slope and hits the {p['other']} boulder."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Share of the gap closed so far, complete at contact."""
    rolling, lying = tracks[f"{p['boulder']} boulder"], tracks[f"{p['other']} boulder"]
    gap = np.hypot(rolling[:, 0] - lying[:, 0], rolling[:, 1] - lying[:, 1]) - 2 * RADIUS
    return np.maximum.accumulate(share((gap[0] - gap) / (gap[0] - 0.08)))


SCENE = Scene(
    "natural",
    "rolling",
    "Landscape and Scenery",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['boulder']} boulder",),
    hidden={"mass": (0.5, 10.0), "friction": (0.3, 1.0), "restitution": (0.0, 0.8), "start": (-2.4, 0.8)},
)

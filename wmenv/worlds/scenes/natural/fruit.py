"""A fruit falls from a tree while another one swings on its stem."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, World, grey

RADIUS = 0.13
STEM = 0.3


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, where the fruits are, and how they start."""
    falling, hanging = dice.some(("red", "yellow", "green", "purple", "blue"), 2)
    return {
        "falling": falling,
        "hanging": hanging,
        "place": dice.between(0.3, 0.45),
        "height": dice.between(1.15, 1.25),
        "drift": dice.between(0.1, 0.3),
        "swing": dice.between(0.5, 0.65) * dice.pick((-1.0, 1.0)),
        "restitution": dice.between(0.4, 0.55),
        "mass": dice.between(0.15, 0.3),
    }


def build(p: Parameters) -> World:
    """A trunk with a branch to the right; one fruit is in the air below it, one hangs from it."""
    pivot = (-0.2, 1.36)
    at = (pivot[0] + STEM * np.sin(p["swing"]), pivot[1] - STEM * np.cos(p["swing"]))
    stem = Detail("box", (0.012, STEM / 2 - 0.06), (0.0, STEM / 2 + 0.06), grey(50), y=0.05, depth=0.012)
    leaf = Detail("disc", (0.03,), (0.03, RADIUS + 0.005), grey(60), y=0.0, depth=0.02)
    crown = [
        Part(f"leaves {k}", "ball", (r,), (x, z), grey(level), "decor", y=0.75)
        for k, (x, z, r, level) in enumerate(
            ((-0.8, 1.5, 0.32, 150), (-0.4, 1.62, 0.3, 160), (0.1, 1.62, 0.28, 152), (0.5, 1.55, 0.2, 165))
        )
    ]
    return World(
        (
            Part("ground", "box", (3.0, 0.3), (0.0, -0.3), grey(122), depth=0.6),
            Part("hill", "ball", (2.2,), (0.6, -1.75), grey(205), "decor", y=4.0),
            Part("trunk", "box", (0.1, 0.75), (-0.8, 0.75), grey(88), depth=0.1),
            Part("branch", "box", (0.62, 0.045), (-0.2, 1.4), grey(88), "decor", angle=0.05, y=0.2, depth=0.05),
            *crown,
            Part("stone", "box", (0.08, 0.2), (1.0, 0.2), grey(104), depth=0.3, friction=0.0),
            Part(
                f"{p['hanging']} fruit",
                "ball",
                (RADIUS,),
                at,
                COLOURS[p["hanging"]],
                "mover",
                angle=p["swing"],
                mass=p["mass"],
                pivot=pivot,
                restitution=0.5,
                friction=0.2,
                details=(stem,),
            ),
            Part(
                f"{p['falling']} fruit",
                "ball",
                (RADIUS,),
                (p["place"], p["height"]),
                COLOURS[p["falling"]],
                "mover",
                mass=p["mass"],
                friction=0.5,
                restitution=p["restitution"],
                velocity=(p["drift"], 0.0, 0.0),
                details=(leaf,),
            ),
        ),
        camera=Camera((0.0, 0.85)),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A tree with a long branch. A {p['hanging']} fruit hangs from the branch on its stem, out of plumb; a "
        f"{p['falling']} fruit has just come off and is in the air to the right."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The {p['falling']} fruit falls to the ground and bounces, while the {p['hanging']} fruit swings to and fro."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for the fall, half for the swing through the plumb line; the farthest so far."""
    falling, hanging = tracks[f"{p['falling']} fruit"], tracks[f"{p['hanging']} fruit"]
    down = share((p["height"] - falling[:, 1]) / (p["height"] - RADIUS - 0.12))
    start = STEM * np.sin(p["swing"])
    across = share((start - (hanging[:, 0] + 0.2)) / (1.3 * start))
    return np.maximum.accumulate(0.5 * down + 0.5 * across)


SCENE = Scene(
    "natural",
    "fruit",
    "Plant Life and Vegetation",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['falling']} fruit", f"{p['hanging']} fruit"),
    hidden={"drift": (-0.3, 0.6), "restitution": (0.1, 0.8), "mass": (0.05, 1.0)},
)

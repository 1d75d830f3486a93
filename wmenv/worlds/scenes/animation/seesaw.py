"""A cartoon weight drops on a see-saw and sends a blob into the air."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.animation.toon import outlined, stage
from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

ARM, THICK = 0.75, 0.055
PIVOT = (0.0, 0.3)
TILT = 0.3
RADIUS = 0.15
HALF = 0.18


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, where the weight starts, and how heavy everything is."""
    weight, blob, plank = dice.some(("red", "yellow", "green", "blue", "purple"), 3)
    return {
        "weight": weight,
        "blob": blob,
        "plank": plank,
        "height": dice.between(1.25, 1.4),
        "push": dice.between(0.3, 0.8),
        "mass": dice.between(1.8, 2.4),
        "light": dice.between(0.45, 0.6),
    }


def build(p: Parameters) -> World:
    """The plank leans on its right end; the blob lies there against a small ledge."""
    cos, sin = np.cos(-TILT), np.sin(-TILT)

    def on_plank(u: float, w: float) -> tuple[float, float]:
        return PIVOT[0] + cos * u - sin * w, PIVOT[1] + sin * u + cos * w

    rest = on_plank(ARM, -THICK)[1]
    return World(
        (
            *stage(),
            Part("ground", "box", (2.0, 0.3), (0.0, -0.3), grey(120), depth=0.2),
            Part("foot", "box", (0.05, PIVOT[1] / 2), (0.0, PIVOT[1] / 2), grey(90), "decor", y=0.3, depth=0.05),
            Part("rest", "box", (0.12, rest / 2 - 0.002), (0.72, rest / 2 - 0.002), grey(96), depth=0.2),
            Part("post", "box", (0.06, 0.14), (0.96, 0.14), grey(96), depth=0.2, friction=0.0),
            outlined(
                Part(
                    f"{p['plank']} plank",
                    "box",
                    (ARM, THICK),
                    PIVOT,
                    COLOURS[p["plank"]],
                    "mover",
                    angle=-TILT,
                    mass=0.8,
                    friction=0.8,
                    pivot=PIVOT,
                    drag=0.05,
                ),
                face=False,
            ),
            outlined(
                Part(
                    f"{p['weight']} weight",
                    "box",
                    (HALF, HALF),
                    (-0.6, p["height"]),
                    COLOURS[p["weight"]],
                    "mover",
                    mass=p["mass"],
                    friction=0.8,
                    velocity=(0.0, -p["push"], 0.0),
                ),
                face=False,
            ),
            outlined(
                Part(
                    f"{p['blob']} blob",
                    "box",
                    (RADIUS, RADIUS),
                    on_plank(0.56, THICK + RADIUS + 0.001),
                    COLOURS[p["blob"]],
                    "mover",
                    angle=-TILT,
                    mass=p["light"],
                    friction=0.8,
                )
            ),
        ),
        camera=Camera((0.0, 0.75), 1.15),
        style="flat",
        backdrop=(222, 238),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A flat cartoon: a square {p['blob']} fellow with eyes sits on the low right end of a {p['plank']} see-saw, "
        f"and a {p['weight']} weight is in the air over its left end."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The {p['weight']} weight drops on the see-saw and sends the {p['blob']} fellow up into the air."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """How high the fellow has been sent so far, of 0.35 m."""
    z = tracks[f"{p['blob']} blob"][:, 1]
    start = PIVOT[1] - np.sin(TILT) * 0.56 + np.cos(TILT) * (THICK + RADIUS)
    return np.maximum.accumulate(share((z - start) / 0.35))


SCENE = Scene(
    "animation",
    "seesaw",
    "Adventure",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['blob']} blob",),
    hidden={"push": (0.0, 1.2), "mass": (0.3, 3.0), "light": (0.3, 2.0)},
)

"""Two cartoon circles roll towards each other, bump, and part."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.animation.toon import outlined, stage
from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

RADIUS = 0.2


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, places, and how fast they roll."""
    left, right = dice.some(("red", "yellow", "green", "blue", "purple"), 2)
    return {
        "left": left,
        "right": right,
        "places": (dice.between(-0.8, -0.7), dice.between(0.7, 0.8)),
        "first": dice.between(1.0, 1.3),
        "second": dice.between(1.0, 1.3),
        "heavy": dice.between(1.0, 1.4),
        "restitution": dice.between(0.7, 0.85),
        "friction": dice.between(0.1, 0.2),
    }


def build(p: Parameters) -> World:
    """Level ground between two posts; they roll without slipping."""
    circles = [
        outlined(
            Part(
                f"{p[name]} circle",
                "ball",
                (RADIUS,),
                (x, RADIUS + 0.0005),
                COLOURS[p[name]],
                "mover",
                mass=mass,
                friction=p["friction"],
                restitution=float(np.sqrt(p["restitution"])),
                velocity=(v, 0.0, -v / RADIUS),
            )
        )
        for name, x, v, mass in (
            ("left", p["places"][0], p["first"], 1.0),
            ("right", p["places"][1], -p["second"], p["heavy"]),
        )
    ]
    posts = [
        Part(f"{side} post", "box", (0.06, 0.3), (x, 0.3), grey(96), depth=0.2, friction=0.0)
        for side, x in (("left", -1.06), ("right", 1.06))
    ]
    return World(
        (
            *stage(),
            Part("ground", "box", (2.0, 0.3), (0.0, -0.3), grey(120), depth=0.2),
            *posts,
            *circles,
        ),
        camera=Camera((0.0, 0.62), 1.12),
        style="flat",
        backdrop=(222, 238),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A flat cartoon: a {p['left']} circle with eyes on the left and a {p['right']} one on the right roll towards "
        "each other on level ground."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The {p['left']} and the {p['right']} circle bump into each other in the middle and roll apart again."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for meeting, half for parting by 0.1 m; the farthest so far."""
    gap = tracks[f"{p['right']} circle"][:, 0] - tracks[f"{p['left']} circle"][:, 0] - 2 * RADIUS
    start = p["places"][1] - p["places"][0] - 2 * RADIUS
    met = np.maximum.accumulate(share((start - gap) / (start - 0.12)))
    apart = share((gap - np.minimum.accumulate(gap)) / 0.1) * (met >= 1)
    return 0.5 * met + 0.5 * np.maximum.accumulate(apart)


SCENE = Scene(
    "animation",
    "meeting",
    "Drama",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['left']} circle", f"{p['right']} circle"),
    hidden={"first": (0.2, 1.8), "second": (0.2, 1.8), "heavy": (0.3, 3.0), "restitution": (0.1, 1.0)},
)

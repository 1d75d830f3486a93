"""A workshop: a wheel rolls down a plank, over the edge of a bench, and hits a tin that stands on the floor."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, World, grey

TOP, EDGE, FOOT = 0.74, -0.28, -0.58
"""Height of the bench, x of its edge and of the foot of the plank, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours and sizes, the plank's slope, where the tin stands, and what both are made of."""
    wheel, tin = dice.some(("red", "yellow", "green", "teal", "blue", "purple"), 2)
    return {
        "wheel": wheel,
        "tin": tin,
        "radius": dice.between(0.125, 0.15),
        "half": (dice.between(0.13, 0.15), dice.between(0.16, 0.2)),
        "slope": dice.between(0.3, 0.36),
        "along": dice.between(0.24, 0.3),
        "rest": dice.between(0.46, 0.54),
        "start": dice.between(0.55, 0.75),
        "friction": dice.between(0.25, 0.4),
        "restitution": dice.between(0.4, 0.55),
        "mass": dice.between(0.5, 0.8),
    }


def build(p: Parameters) -> World:
    """The bench with its plank at the left, the tin on the floor at the right, before a wall."""
    cos, sin = np.cos(p["slope"]), np.sin(p["slope"])
    plank = (FOOT - 0.6 * cos - 0.03 * sin, TOP + 0.6 * sin - 0.03 * cos)
    at = (FOOT - p["along"] * cos + p["radius"] * sin, TOP + p["along"] * sin + p["radius"] * cos)
    hub = Detail("disc", (0.03,), (0.0, 0.0), grey(60), y=-p["radius"] - 0.005, depth=0.01)
    spots = tuple(
        Detail("disc", (0.022,), (0.085 * np.cos(a), 0.085 * np.sin(a)), grey(225), y=-p["radius"], depth=0.02)
        for a in (0.5, 2.6, 4.7)
    )
    label = Detail("box", (p["half"][0], 0.035), (0.0, 0.02), grey(235), y=-0.155, depth=0.01)
    return World(
        (
            Part("floor", "box", (3.0, 0.3), (0.0, -0.3), grey(112), depth=0.6),
            Part("back wall", "box", (3.0, 3.0), (0.0, 0.8), grey(214), "decor", y=1.2, depth=0.1),
            Part("shelf", "box", (0.5, 0.025), (0.45, 1.25), grey(160), "decor", y=0.9, depth=0.1),
            Part("box on the shelf", "box", (0.12, 0.1), (0.3, 1.375), grey(178), "decor", y=0.9, depth=0.08),
            Part("bench", "box", (0.7, 0.05), (EDGE - 0.7, TOP - 0.05), grey(76), depth=0.25),
            Part("leg", "box", (0.05, TOP / 2 - 0.05), (EDGE - 0.14, TOP / 2 - 0.05), grey(96), depth=0.1),
            Part("plank", "box", (0.6, 0.03), plank, grey(128), angle=-p["slope"], depth=0.2),
            Part("side wall", "box", (0.05, 0.35), (1.08, 0.35), grey(90), depth=0.4, friction=0.0),
            Part(
                f"{p['wheel']} wheel",
                "ball",
                (p["radius"],),
                at,
                COLOURS[p["wheel"]],
                "mover",
                mass=p["mass"],
                velocity=(p["start"] * cos, -p["start"] * sin, -p["start"] / p["radius"]),
                details=(hub, *spots),
                friction=p["friction"],
                restitution=0.5 * p["restitution"],
            ),
            Part(
                f"{p['tin']} tin",
                "box",
                p["half"],
                (p["rest"], p["half"][1]),
                COLOURS[p["tin"]],
                "mover",
                mass=0.4,
                details=(label,),
                friction=p["friction"],
                restitution=p["restitution"],
            ),
        ),
        camera=Camera((0.0, 0.62)),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A workshop. On a bench at the left a {p['wheel']} wheel is on a sloping plank; on the floor to the right a "
        f"{p['tin']} tin stands upright."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The {p['wheel']} wheel rolls down the plank and over the edge of the bench, falls and knocks the {p['tin']} "
        "tin away."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """A third each: the wheel to the edge, its fall, and the tin knocked by 0.05 m or 0.3 radians; the most so far."""
    wheel, tin = tracks[f"{p['wheel']} wheel"], tracks[f"{p['tin']} tin"]
    over = share((wheel[:, 0] - wheel[0, 0]) / (EDGE - wheel[0, 0]))
    down = share((TOP + p["radius"] - wheel[:, 1]) / 0.25) * (over >= 1.0)
    moved = np.hypot(tin[:, 0] - p["rest"], tin[:, 1] - p["half"][1]) / 0.05
    knocked = share(np.maximum(moved, np.abs(tin[:, 2]) / 0.3))
    return np.maximum.accumulate((over + down + knocked) / 3)


SCENE = Scene(
    "exam",
    "ledge",
    "workshop",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['wheel']} wheel", f"{p['tin']} tin"),
    hidden={
        "start": (-0.8, 2.4),
        "friction": (0.15, 0.8),
        "restitution": (0.1, 0.7),
        "mass": (0.15, 1.5),
    },
)

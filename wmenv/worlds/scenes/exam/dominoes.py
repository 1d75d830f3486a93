"""A hall: a ball on a rod swings against the first of two tall slabs, which topple one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, World, grey

FIRST = -0.3
"""x of the first slab, metres; all x grow the way the slabs fall."""
TIPPED = 0.45
"""Tilt of a slab past its balance, radians."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, which way the slabs fall, sizes and gaps, and how the ball swings."""
    ball, *slabs = dice.some(tuple(COLOURS), 3)
    return {
        "ball": ball,
        "slabs": tuple(slabs),
        "side": dice.pick((-1, 1)),
        "half": (dice.between(0.106, 0.114), dice.between(0.35, 0.37)),
        "gap": dice.between(0.2, 0.24),
        "radius": dice.between(0.115, 0.13),
        "rod": dice.between(0.42, 0.46),
        "raised": dice.between(0.75, 0.85),
        "swing": dice.between(3.0, 4.0),
        "mass": dice.between(4.0, 6.0),
        "friction": dice.between(0.5, 0.7),
        "restitution": dice.between(0.3, 0.5),
    }


def build(p: Parameters) -> World:
    """At the bottom of its swing the ball would just touch the first slab, near its top."""
    side, (wide, tall), radius, rod = p["side"], p["half"], p["radius"], p["rod"]
    pivot = (side * (FIRST - wide - radius + 0.02), 2 * tall - 0.09 + rod)
    tilt = -side * p["raised"]
    ball = Part(
        f"{p['ball']} ball",
        "ball",
        (radius,),
        (pivot[0] + rod * np.sin(tilt), pivot[1] - rod * np.cos(tilt)),
        COLOURS[p["ball"]],
        "mover",
        angle=tilt,
        mass=p["mass"],
        friction=0.3,
        restitution=p["restitution"],
        velocity=(0.0, 0.0, side * p["swing"]),
        pivot=pivot,
        details=(Detail("box", (0.014, (rod - radius) / 2), (0.0, (rod + radius) / 2), grey(50), y=0.0, depth=0.014),),
    )
    places = (FIRST, FIRST + 2 * wide + p["gap"])
    slabs = [
        Part(
            f"{colour} slab",
            "box",
            p["half"],
            (side * x, tall),
            COLOURS[colour],
            "mover",
            depth=0.16,
            friction=p["friction"],
            details=(
                Detail("box", (0.8 * wide, 0.01), (0.0, 0.0), grey(235), y=-0.165, depth=0.01),
                *(Detail("disc", (0.026,), (0.0, u * tall), grey(235), y=-0.165, depth=0.01) for u in (-0.5, 0.5)),
            ),
        )
        for colour, x in zip(p["slabs"], places, strict=True)
    ]
    return World(
        (
            Part("floor", "box", (3.0, 0.3), (0.0, -0.3), grey(128), depth=0.6),
            Part("wall", "box", (3.0, 3.0), (0.0, 0.8), grey(220), "decor", y=1.2, depth=0.1),
            Part("window", "box", (0.3, 0.2), (0.5 * side, 1.3), grey(242), "decor", y=1.0, depth=0.02),
            Part("frame", "box", (0.012, 0.2), (0.5 * side, 1.3), grey(180), "decor", y=0.95, depth=0.02),
            Part("post", "box", (0.03, 0.8), (pivot[0], 0.8), grey(168), "decor", y=0.5, depth=0.04),
            Part("hinge", "disc", (0.045,), pivot, grey(70), "decor", y=0.1, depth=0.05),
            ball,
            *slabs,
        ),
        camera=Camera((-0.06 * side, 0.62)),
    )


def _sides(p: Parameters) -> tuple[str, str]:
    """The ball's side, and the other one."""
    return ("left", "right") if p["side"] > 0 else ("right", "left")


def describe(p: Parameters) -> str:
    """The first frame in words."""
    near, far = _sides(p)
    first, second = p["slabs"]
    return (
        f"A hall. At the {near} a {p['ball']} ball on a rod is raised beside its hinge; from there to the {far} "
        f"a {first} and a {second} slab stand upright in a row, like dominoes."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    first, second = p["slabs"]
    return (
        f"The {p['ball']} ball swings down against the {first} slab, which topples to the {_sides(p)[1]} against the "
        f"{second} slab, and that one topples too."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for each slab tipped past its balance away from the ball; the most so far."""
    tipped = [share(-p["side"] * tracks[f"{colour} slab"][:, 2] / TIPPED) for colour in p["slabs"]]
    return np.maximum.accumulate(np.asarray(sum(tipped)) / 2)


SCENE = Scene(
    "exam",
    "dominoes",
    "row of dominoes",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: tuple(f"{colour} slab" for colour in p["slabs"]),
    hidden={
        "swing": (-2.0, 5.0),
        "mass": (0.2, 8.0),
        "friction": (0.15, 0.8),
        "restitution": (0.1, 0.8),
    },
)

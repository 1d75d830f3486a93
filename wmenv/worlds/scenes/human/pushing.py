"""A figure reaches out and pushes a ball off a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.human.figure import HAND, figure, room, standing
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

RADIUS = 0.14
TOP = 0.86
HIP = 0.81
EDGE = 0.34


def draw(dice: Dice) -> dict[str, Any]:
    """The ball's colour and place, and how the hand moves."""
    return {
        "colour": dice.pick(("red", "yellow", "green", "teal", "blue")),
        "place": dice.between(-0.04, 0.04),
        "stand": dice.between(-0.62, -0.56),
        "reach": dice.between(0.24, 0.28),
        "time": dice.between(0.56, 0.64),
        "restitution": dice.between(0.45, 0.65),
        "mass": dice.between(0.2, 0.5),
    }


def build(p: Parameters) -> World:
    """The hand moves forward behind the ball; the ball rolls over the edge, falls and bounces."""
    z = TOP + RADIUS
    behind = p["place"] - RADIUS - HAND
    hand = through(
        (0.0, behind - 0.16, z + 0.06, 0.0),
        (0.3, behind - 0.04, z, 0.0),
        (0.3 + p["time"], behind + p["reach"], z, 0.0),
        (0.8 + p["time"], behind + p["reach"] - 0.1, z + 0.1, 0.0),
    )
    hip = through(
        (0.0, p["stand"], HIP, 0.0),
        (0.3 + p["time"], p["stand"] + 0.06, HIP - 0.03, -0.4),
        (2.4, p["stand"], HIP, -0.35),
    )
    return World(
        (
            *room(1.24),
            Part("table", "box", (0.34, 0.04), (EDGE - 0.34, TOP - 0.04), grey(105), depth=0.3),
            Part("left leg", "box", (0.03, TOP / 2 - 0.04), (EDGE - 0.6, TOP / 2 - 0.04), grey(80), "decor", y=0.1),
            Part("right leg", "box", (0.03, TOP / 2 - 0.04), (EDGE - 0.08, TOP / 2 - 0.04), grey(80), "decor", y=0.1),
            *figure(standing(p["stand"], hand, hip)),
            Part(
                f"{p['colour']} ball",
                "ball",
                (RADIUS,),
                (p["place"], z),
                COLOURS[p["colour"]],
                "mover",
                mass=p["mass"],
                friction=0.5,
                restitution=p["restitution"],
            ),
        ),
        camera=Camera((0.15, 0.9), 1.2),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A person in purple stands on the left behind a small table with a {p['colour']} ball on it, one hand behind "
        "the ball."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The person reaches out and pushes the {p['colour']} ball off the right edge of the table onto the floor."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for the way to the edge, half for the fall; the farthest so far."""
    path = tracks[f"{p['colour']} ball"]
    over = share((path[:, 0] - p["place"]) / (EDGE - p["place"]))
    down = share((TOP + RADIUS - path[:, 1]) / (TOP - 0.15))
    return np.maximum.accumulate(0.5 * over + 0.5 * down)


SCENE = Scene(
    "human",
    "pushing",
    "hands",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} ball",),
    hidden={"reach": (0.0, 0.32), "time": (0.4, 0.9), "restitution": (0.2, 0.8), "mass": (0.1, 1.5)},
)

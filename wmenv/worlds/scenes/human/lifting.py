"""A figure lifts a crate from a bench over its head."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.human.figure import figure, room, standing
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Grip, Part, World, grey

HALF = 0.14
TOP = 0.62
STAND = -0.32
HIP = 0.81
HOLD = 0.09
"""How far above the crate's middle the hand holds it, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """The crate, and how the figure lifts it."""
    return {
        "colour": dice.pick(("red", "yellow", "green", "teal", "blue")),
        "place": dice.between(0.06, 0.12),
        "height": dice.between(1.5, 1.6),
        "time": dice.between(0.9, 1.1),
        "slip": 9.0,
        "mass": dice.between(1.0, 4.0),
    }


def build(p: Parameters) -> World:
    """Down to the crate, grip, and up in front of the body."""
    low = TOP + HALF + HOLD
    hand = through(
        (0.0, p["place"] - 0.12, low + 0.15, 0.0),
        (0.35, p["place"], low, 0.0),
        (0.45, p["place"], low, 0.0),
        (0.45 + p["time"], p["place"] - 0.1, p["height"] + HOLD, 0.0),
    )
    hip = through(
        (0.0, STAND, HIP, -0.25),
        (0.35, STAND - 0.02, HIP - 0.06, -0.5),
        (0.45, STAND - 0.02, HIP - 0.06, -0.5),
        (0.45 + p["time"], STAND, HIP, 0.0),
    )
    crate = Part(
        f"{p['colour']} crate",
        "box",
        (HALF, HALF),
        (p["place"], TOP + HALF + 0.001),
        COLOURS[p["colour"]],
        "mover",
        depth=HALF,
        mass=p["mass"],
        friction=0.6,
        details=(
            Detail("box", (HALF, 0.018), (0.0, 0.05), grey(60), y=-HALF - 0.005, depth=0.005),
            Detail("box", (HALF, 0.018), (0.0, -0.07), grey(60), y=-HALF - 0.005, depth=0.005),
        ),
    )
    person = [part if part.name != "hand" else _open_hand(part) for part in figure(standing(STAND, hand, hip))]
    return World(
        (
            *room(1.3),
            Part("bench", "box", (0.24, TOP / 2), (0.16, TOP / 2), grey(110), depth=0.2),
            *person,
            crate,
        ),
        camera=Camera((0.1, 1.0), 1.15),
        grips=(Grip("hand", crate.name, 0.4, p["slip"]),),
    )


def _open_hand(hand: Part) -> Part:
    """A hand that holds on the near side of things instead of bumping into them."""
    return replace(hand, y=-0.2, solid=False)


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return f"A person in purple stands on the left and bends over a bench, with one hand above a {p['colour']} crate."


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The person takes hold of the {p['colour']} crate and lifts it high above the bench."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Height gained, as a share of 0.65 m."""
    return share((tracks[f"{p['colour']} crate"][:, 1] - TOP - HALF) / 0.65)


SCENE = Scene(
    "human",
    "lifting",
    "body motions",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} crate",),
    hidden={"height": (1.0, 1.62), "time": (0.8, 1.3), "slip": (0.9, 2.2), "mass": (0.5, 8.0)},
)

"""A car waits at a side road for a rolling truck to pass, then drives on."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.driving.road import CAR, LANE, car, road
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, World, grey

HALF = (1.9, 1.1)
WAIT = -6.2
"""z of the car while it waits, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, how fast the cart rolls, and when the car starts."""
    colour, cart = dice.some(("red", "green", "blue", "purple", "yellow"), 2)
    return {
        "colour": colour,
        "cart": cart,
        "place": dice.between(-4.6, -4.0),
        "roll": dice.between(6.6, 7.4),
        "start": dice.between(0.95, 1.05),
        "time": dice.between(0.75, 0.85),
    }


def build(p: Parameters) -> World:
    """The cart rolls freely along the lower lane; the car comes out of the side road behind it."""
    turned = np.pi / 2
    path = through(
        (p["start"], 0.0, WAIT, turned),
        (p["start"] + p["time"], 0.0, LANE / 2 - 1.0, turned),
    )
    kerbs = [part for part in road() if part.name != "lower kerb"]
    sides = [
        Part(f"{name} kerb", "box", (3.6, 0.15), (x, -LANE - 0.15), grey(215), y=0.8, depth=0.4)
        for name, x in (("left", -5.6), ("right", 5.6))
    ]
    planks = tuple(Detail("box", (0.05, 1.0), (u, 0.0), grey(60), y=-0.75, depth=0.02) for u in (-1.2, 0.0, 1.2))
    return World(
        (
            *kerbs,
            *sides,
            Part("side road", "box", (2.0, 4.0), (0.0, -LANE - 4.0), grey(104), "decor", y=1.15, depth=0.09),
            Part("line", "box", (1.9, 0.16), (0.0, -LANE - 0.1), grey(245), "decor", y=1.04, depth=0.02),
            Part(
                f"{p['cart']} cart",
                "box",
                HALF,
                (p["place"], -LANE / 2),
                COLOURS[p["cart"]],
                "mover",
                depth=0.7,
                velocity=(p["roll"], 0.0, 0.0),
                mass=800.0,
                friction=0.4,
                details=planks,
            ),
            car(p["colour"], path),
        ),
        view="top",
        camera=Camera((0.0, -1.6), 9.0),
        light=(-0.4, -1.0, 0.5),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A road seen from above with a side road from below. A {p['colour']} car waits at the line of the side road "
        f"while a {p['cart']} cart rolls along the main road from the left."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The {p['colour']} car waits until the {p['cart']} cart has passed, then drives up onto the main road."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """How far the car has come, if it crossed the line after the cart had passed."""
    path, cart = tracks[f"{p['colour']} car"], tracks[f"{p['cart']} cart"]
    over = path[:, 1] + CAR[0] > -LANE + 0.3
    passed = cart[:, 0] - HALF[0] > CAR[1] - 0.6
    early = np.maximum.accumulate(over & ~passed)
    return np.where(early, 0.0, share((path[:, 1] - WAIT) / (LANE / 2 - 1.6 - WAIT)))


SCENE = Scene(
    "driving",
    "yielding",
    "Yielding (Waiting for Obstruction)",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} car",),
    hidden={"roll": (6.0, 8.5), "start": (0.9, 1.8), "time": (0.7, 1.2)},
)

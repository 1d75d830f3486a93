"""A car stops for a ball that rolls across the road."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.driving.road import CAR, LANE, braking, car, road
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

RADIUS = 0.95
START = -6.4


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, the stop line, and how the car and the ball move."""
    colour, ball = dice.some(("red", "green", "blue", "purple", "yellow"), 2)
    line = dice.between(2.2, 3.6)
    return {
        "colour": colour,
        "ball": ball,
        "line": line,
        "stop": line - dice.between(0.3, 0.6),
        "crossing": line + dice.between(2.0, 2.8),
        "braking": dice.between(5.0, 7.0),
        "cruise": dice.between(0.35, 0.55),
        "roll": dice.between(2.6, 3.4),
        "drag": dice.between(0.05, 0.2),
    }


def build(p: Parameters) -> World:
    """The car's speed is such that its nose comes to rest at the stop."""
    way = p["stop"] - CAR[0] - START
    brake, cruise = p["braking"], p["cruise"]
    speed = brake * (np.sqrt(cruise**2 + 2 * way / brake) - cruise)
    lane = -LANE / 2
    return World(
        (
            *road(),
            Part("line", "box", (0.16, LANE / 2), (p["line"], lane), grey(245), "decor", y=1.04, depth=0.02),
            car(p["colour"], braking(START, lane, float(speed), cruise, brake)),
            Part(
                f"{p['ball']} ball",
                "ball",
                (RADIUS,),
                (p["crossing"], LANE - RADIUS - 0.1),
                COLOURS[p["ball"]],
                "mover",
                velocity=(0.0, -p["roll"], 0.0),
                drag=p["drag"],
                mass=2.0,
                friction=0.3,
                restitution=0.4,
            ),
        ),
        view="top",
        camera=Camera((0.0, 0.0), 9.0),
        light=(-0.4, -1.0, 0.5),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A road seen from above. A {p['colour']} car drives to the right in the lower lane towards a white stop line; "
        f"behind the line a {p['ball']} ball rolls across the road."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The {p['colour']} car brakes and stops at the white line while the {p['ball']} ball rolls across the road."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Share of the way to the line, nothing once the nose is over it by half a metre."""
    nose = tracks[f"{p['colour']} car"][:, 0] + CAR[0]
    way = share((nose - START - CAR[0]) / (p["line"] - 0.7 - START - CAR[0]))
    return np.where(nose > p["line"] + 0.5, 0.0, way)


SCENE = Scene(
    "driving",
    "stopping",
    "Stopping",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} car",),
    hidden={"stop": (-2.0, 4.6), "braking": (4.0, 8.0), "cruise": (0.2, 0.7), "roll": (1.5, 4.0), "drag": (0.0, 0.6)},
)

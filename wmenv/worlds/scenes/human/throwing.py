"""A figure throws a ball."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.human.figure import ARM, TRUNK, figure, room, standing
from wmenv.worlds.scenes.motion import resting
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Grip, Part, Path, World

RADIUS = 0.13
STAND = -0.55
HIP = 0.81
REACH = 0.9 * sum(ARM)


def draw(dice: Dice) -> dict[str, Any]:
    """The ball's colour, and how the arm swings."""
    return {
        "colour": dice.pick(("red", "yellow", "green", "teal", "blue")),
        "raised": dice.between(2.0, 2.2),
        "swing": dice.between(1.6, 1.8),
        "time": dice.between(0.7, 0.8),
        "release": dice.between(0.38, 0.44),
        "restitution": dice.between(0.4, 0.6),
        "mass": dice.between(0.2, 0.5),
    }


def _hand(p: Parameters) -> Path:
    """An arc about the shoulder, from behind the head forwards, least jerk."""

    def path(times: FloatArray) -> FloatArray:
        s = np.clip((times - 0.2) / p["time"], 0.0, 1.0)
        angle = p["raised"] - p["swing"] * s**3 * (10 - 15 * s + 6 * s * s)
        return np.column_stack(
            [STAND + REACH * np.cos(angle), HIP + TRUNK + REACH * np.sin(angle), angle - p["raised"]]
        )

    return path


def build(p: Parameters) -> World:
    """The ball is held on top of the hand and let go in the swing."""
    hand = _hand(p)
    start = hand(np.zeros(1))[0]
    outward = np.array([np.cos(p["raised"]), np.sin(p["raised"])]) * (RADIUS + 0.085)
    ball = Part(
        f"{p['colour']} ball",
        "ball",
        (RADIUS,),
        (start[0] + outward[0], start[1] + outward[1]),
        COLOURS[p["colour"]],
        "mover",
        mass=p["mass"],
        friction=0.5,
        restitution=p["restitution"],
    )
    return World(
        (*room(1.5), *figure(standing(STAND, hand, resting(STAND, HIP))), ball),
        camera=Camera((0.2, 1.2), 1.45),
        grips=(Grip("hand", ball.name, 0.0, 0.2 + p["release"] * p["time"]),),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return f"A person in purple stands on the left and holds a {p['colour']} ball up behind the head, ready to throw."


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The person throws the {p['colour']} ball to the right; it flies in an arc and lands on the floor."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for the distance, half for having come down to the floor; the farthest so far."""
    path = tracks[f"{p['colour']} ball"]
    away = share((path[:, 0] - STAND) / 1.1)
    down = share((1.7 - path[:, 1]) / (1.65 - 0.4)) * (away >= 0.8)
    return np.maximum.accumulate(0.5 * away + 0.5 * down)


SCENE = Scene(
    "human",
    "throwing",
    "athletics – throwing + launching",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} ball",),
    hidden={
        "swing": (0.9, 1.9),
        "time": (0.7, 1.0),
        "release": (0.34, 0.5),
        "restitution": (0.2, 0.8),
        "mass": (0.1, 1.0),
    },
)

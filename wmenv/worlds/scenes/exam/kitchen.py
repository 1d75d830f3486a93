"""A kitchen: a person takes a tin off a block, turns it onto its side and lays it down on a mat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.human.figure import figure, room, standing
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Grip, Part, World, grey

TOP = 0.7
"""Height of the counter, metres."""
MAT = 0.002
"""Half height of the mat, metres."""
STAND, HIP = -0.46, 0.81
"""Where the person stands and how high the hip is, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, sizes and places of what is on the counter, and how the hand carries and turns the tin."""
    tin, box = dice.some(("red", "yellow", "green", "teal", "blue"), 2)
    place = dice.between(0.3, 0.35)
    return {
        "tin": tin,
        "box": box,
        "half": (dice.between(0.115, 0.13), dice.between(0.17, 0.2)),
        "cube": dice.between(0.12, 0.14),
        "start": dice.between(-0.12, -0.06),
        "height": dice.between(0.1, 0.15),
        "place": place,
        "rest": dice.between(0.76, 0.82),
        "aim": place + dice.between(-0.02, 0.02),
        "turn": np.pi / 2 + dice.between(-0.04, 0.04),
        "lift": dice.between(0.1, 0.16),
        "time": dice.between(0.6, 0.75),
        "slip": 9.0,
        "mass": dice.between(0.3, 0.9),
    }


def build(p: Parameters) -> World:
    """Up from the block, across with a quarter turn, down to the mat, let go, and back."""
    wide, tall = p["half"]
    begin = TOP + p["height"] + tall
    high = begin + p["lift"]
    low = TOP + wide * abs(np.sin(p["turn"])) + tall * abs(np.cos(p["turn"])) + 0.004
    across = 0.35 + p["time"]
    down = across + 0.3
    hand = through(
        (0.06, p["start"], begin, 0.0),
        (0.35, p["start"], high, 0.0),
        (across, p["aim"], high, -p["turn"]),
        (down, p["aim"], low, -p["turn"]),
        (down + 0.1, p["aim"], low, -p["turn"]),
        (down + 0.5, p["aim"] - 0.2, low + 0.22, -p["turn"]),
    )
    hip = through((0.0, STAND, HIP, -0.3), (0.35, STAND, HIP, -0.3), (down, STAND + 0.02, HIP - 0.04, -0.6))
    *body, palm = figure(standing(STAND, hand, hip))
    tin = Part(
        f"{p['tin']} tin",
        "box",
        p["half"],
        (p["start"], begin + 0.001),
        COLOURS[p["tin"]],
        "mover",
        depth=0.12,
        mass=p["mass"],
        friction=0.6,
        details=tuple(Detail("box", (wide, 0.016), (0.0, u * tall), grey(230), y=-0.125) for u in (-0.72, 0.72)),
    )
    box = Part(
        f"{p['box']} box",
        "box",
        (p["cube"], p["cube"]),
        (p["rest"], TOP + p["cube"]),
        COLOURS[p["box"]],
        "mover",
        depth=p["cube"],
        mass=0.5,
        friction=0.6,
        details=(Detail("box", (0.018, p["cube"]), (0.0, 0.0), grey(60), y=-p["cube"] - 0.005, depth=0.005),),
    )
    block = Part(
        "block", "box", (wide + 0.02, p["height"] / 2), (p["start"], TOP + p["height"] / 2), grey(104), depth=0.14
    )
    return World(
        (
            *room(1.4),
            Part("cupboard", "box", (0.32, 0.2), (0.82, 1.7), grey(192), "decor", y=0.86, depth=0.03),
            Part("cupboard door", "box", (0.008, 0.2), (0.82, 1.7), grey(150), "decor", y=0.82, depth=0.01),
            Part("counter", "box", (0.72, TOP / 2), (0.46, TOP / 2), grey(126), depth=0.22),
            Part("mat", "box", (0.23, MAT), (p["place"], TOP + MAT), grey(60), "decor", depth=0.2),
            block,
            *body,
            replace(palm, y=-0.2, solid=False),
            tin,
            box,
        ),
        camera=Camera((0.1, 1.0), 1.15),
        grips=(Grip("hand", tin.name, 0.0, min(p["slip"], down + 0.05)),),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A person in purple stands at the left behind a grey kitchen counter and holds a {p['tin']} tin that stands "
        f"upright on a block. Beside it a dark mat lies on the counter, and a {p['box']} box stands at the right."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The person lifts the {p['tin']} tin off the block, turns it onto its side, lays it down on the dark mat and "
        "lets go of it."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """A third each: the tin's way across to the mat, its quarter turn either way, and its way down."""
    path = tracks[f"{p['tin']} tin"]
    away = np.abs(path[:, 0] - p["place"])
    across = share((away[0] - away) / (0.85 * away[0]))
    turned = share(np.abs(np.sin(path[:, 2] - path[0, 2])) / 0.95)
    down = share((path[0, 1] - path[:, 1]) / (0.9 * (path[0, 1] - TOP - p["half"][0])))
    return np.asarray((across + turned + down) / 3)


SCENE = Scene(
    "exam",
    "kitchen",
    "kitchen",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['tin']} tin",),
    hidden={
        "aim": (0.24, 0.4),
        "turn": (0.0, 1.8),
        "lift": (0.08, 0.22),
        "time": (0.5, 0.95),
        "slip": (0.3, 2.5),
        "mass": (0.2, 2.0),
    },
)

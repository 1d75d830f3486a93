"""Hailstones fall on a roof, and roll and bounce off it."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

RADIUS = 0.12


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, places, and what the stones are like; all start in view, at different heights."""
    names = dice.some(("red", "yellow", "green", "blue", "purple"), 3)
    return {
        "colours": tuple(names),
        "places": (dice.between(-0.5, -0.35), dice.between(0.0, 0.12), dice.between(0.5, 0.6)),
        "heights": tuple(dice.some((1.15, 1.3, 1.5), 3)),
        "fall": dice.between(0.3, 0.9),
        "wind": dice.between(0.0, 0.2),
        "restitution": dice.between(0.3, 0.45),
        "friction": dice.between(0.1, 0.3),
        "mass": dice.between(0.2, 0.5),
    }


def build(p: Parameters) -> World:
    """A house with a sloping roof on the left, open ground on the right."""
    slope = 0.38
    stones = [
        Part(
            f"{colour} hailstone",
            "ball",
            (RADIUS,),
            (x, z),
            COLOURS[colour],
            "mover",
            mass=p["mass"],
            friction=p["friction"],
            restitution=p["restitution"],
            velocity=(p["wind"], -p["fall"], 0.0),
        )
        for colour, x, z in zip(p["colours"], p["places"], p["heights"], strict=True)
    ]
    clouds = [
        Part(f"cloud {k}", "ball", (r,), (x, 1.78), grey(g), "decor", y=1.5)
        for k, (x, r, g) in enumerate(((-0.8, 0.26, 120), (-0.35, 0.32, 112), (0.15, 0.3, 124), (0.65, 0.33, 116)))
    ]
    return World(
        (
            *clouds,
            Part("ground", "box", (3.0, 0.3), (0.0, -0.3), grey(122), depth=0.6),
            Part("house", "box", (0.42, 0.22), (-0.7, 0.22), grey(165), depth=0.3),
            Part("door", "box", (0.09, 0.14), (-0.6, 0.14), grey(70), "decor", y=-0.31, depth=0.01),
            Part("roof", "box", (0.52, 0.04), (-0.7, 0.58), grey(84), angle=-slope, depth=0.34),
            Part("fence", "box", (0.04, 0.16), (1.02, 0.16), grey(90), depth=0.3, friction=0.0),
            *stones,
        ),
        camera=Camera((0.0, 0.8)),
        backdrop=(196, 216),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    first, second, third = p["colours"]
    return (
        f"A hailstorm over a small house: from left to right a {first}, a {second} and a {third} hailstone, all "
        "large, are in the air under grey clouds."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    first = p["colours"][0]
    return f"The hailstones fall; the {first} one hits the roof, goes down it to the right and drops to the ground."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """How far the first stone has come down so far, if it comes off the roof to the right."""
    path = tracks[f"{p['colours'][0]} hailstone"]
    down = share((p["heights"][0] - path[:, 1]) / (p["heights"][0] - RADIUS - 0.1))
    return np.maximum.accumulate(np.where((path[:, 1] > 0.4) | (path[:, 0] > -0.3), down, 0.5))


SCENE = Scene(
    "natural",
    "hail",
    "Weather and Natural Phenomena",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colours'][0]} hailstone",),
    hidden={
        "fall": (0.0, 1.5),
        "wind": (-1.6, 0.5),
        "restitution": (0.1, 0.6),
        "friction": (0.0, 0.6),
        "mass": (0.05, 1.0),
    },
)

"""A cartoon: a ball with eyes rolls down a staircase and bumps a box that stands at its foot."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.animation.toon import outlined
from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

TOP = -0.7
"""x of the upper step's edge, metres; all x grow downstairs."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, which way the stairs go down, their steps, and what rolls and what stands there."""
    ball, box = dice.some(tuple(COLOURS), 2)
    steps = dice.pick((2, 3))
    return {
        "ball": ball,
        "box": box,
        "side": dice.pick((-1, 1)),
        "steps": steps,
        "rise": dice.between(0.6, 0.72) / steps,
        "tread": dice.between(0.66, 0.74) / (steps - 1) if steps == 3 else dice.between(0.42, 0.48),
        "radius": dice.between(0.125, 0.15),
        "half": dice.between(0.125, 0.15),
        "back": dice.between(0.1, 0.14),
        "rest": dice.between(0.4, 0.46),
        "start": dice.between(1.0, 1.2),
        "restitution": dice.between(0.25, 0.4),
        "friction": dice.between(0.3, 0.45),
        "mass": dice.between(0.25, 0.5),
    }


def _foot(p: Parameters) -> float:
    """Where the last edge is, x in metres."""
    return float(TOP + (p["steps"] - 1) * p["tread"])


def build(p: Parameters) -> World:
    """Steps one behind the other, each a box that reaches down to the ground."""
    side, steps = p["side"], p["steps"]
    stairs = []
    for k in range(steps):
        height, edge = (steps - k) * p["rise"], TOP + k * p["tread"]
        left = -1.6 if k == 0 else edge - p["tread"]
        half = (0.5 * (edge - left), height / 2)
        at = (side * (left + half[0]), half[1])
        stairs.append(Part(f"step {k + 1}", "box", half, at, grey(96 + 12 * k), depth=0.2))
    ball = Part(
        f"{p['ball']} ball",
        "ball",
        (p["radius"],),
        (side * (TOP - p["back"]), steps * p["rise"] + p["radius"]),
        COLOURS[p["ball"]],
        "mover",
        mass=0.8,
        friction=p["friction"],
        restitution=p["restitution"],
        velocity=(side * p["start"], 0.0, -side * p["start"] / p["radius"]),
    )
    box = Part(
        f"{p['box']} box",
        "box",
        (p["half"], p["half"]),
        (side * (_foot(p) + p["rest"] + p["half"]), p["half"]),
        COLOURS[p["box"]],
        "mover",
        mass=p["mass"],
        friction=p["friction"],
    )
    door = side * -0.9
    return World(
        (
            Part("door", "box", (0.14, 0.3), (door, steps * p["rise"] + 0.3), grey(200), "decor", y=1.0, depth=0.02),
            Part(
                "knob", "disc", (0.025,), (door + 0.08, steps * p["rise"] + 0.28), grey(120), "decor", y=0.9, depth=0.02
            ),
            Part("picture", "box", (0.2, 0.15), (side * 0.35, 1.2), grey(188), "decor", y=1.0, depth=0.02),
            Part("moon in it", "disc", (0.07,), (side * 0.35, 1.2), grey(246), "decor", y=0.9, depth=0.02),
            Part("ground", "box", (2.0, 0.3), (0.0, -0.3), grey(136), depth=0.2),
            *stairs,
            outlined(ball),
            outlined(box),
        ),
        camera=Camera((0.06 * side, 0.62)),
        style="flat",
        backdrop=(220, 238),
    )


def _way(p: Parameters) -> tuple[str, str]:
    return ("left", "right") if p["side"] > 0 else ("right", "left")


def describe(p: Parameters) -> str:
    """The first frame in words."""
    near, far = _way(p)
    return (
        f"A flat cartoon: a {p['ball']} ball with eyes is at the {near} on top of a grey staircase that goes down to "
        f"the {far}; a {p['box']} box with eyes stands on the ground near the foot of the stairs."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The {p['ball']} ball rolls to the {_way(p)[1]}, drops from step to step down the stairs and bumps the "
        f"{p['box']} box at their foot."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for the ball's way down, half for a shove of the box of 0.06 m; the most so far."""
    ball, box = tracks[f"{p['ball']} ball"], tracks[f"{p['box']} box"]
    down = share((ball[0, 1] - ball[:, 1]) / (p["steps"] * p["rise"] - 0.06))
    shoved = share(np.abs(box[:, 0] - box[0, 0]) / 0.06)
    return np.maximum.accumulate(down + shoved) / 2


SCENE = Scene(
    "exam",
    "stairs",
    "staircase",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['ball']} ball", f"{p['box']} box"),
    hidden={
        "start": (0.0, 1.6),
        "restitution": (0.0, 0.65),
        "friction": (0.15, 0.8),
        "mass": (0.1, 2.5),
    },
)

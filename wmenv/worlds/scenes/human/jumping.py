"""A figure jumps up and heads a hanging ball."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.human.figure import TRUNK, Pose, figure, room
from wmenv.worlds.scenes.motion import carried
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, GRAVITY, Camera, Detail, Part, Path, World, grey

STAND = -0.1
HIP = 0.81
CROUCH = 0.2
RADIUS = 0.14
ROD = 0.42


def draw(dice: Dice) -> dict[str, Any]:
    """The ball, how high it hangs, and how high the figure jumps."""
    height = dice.between(0.24, 0.3)
    return {
        "colour": dice.pick(("red", "yellow", "green", "teal", "blue")),
        "hang": height - 0.12,
        "jump": height,
        "wait": dice.between(0.15, 0.25),
        "mass": dice.between(0.2, 0.5),
        "drag": dice.between(0.02, 0.1),
    }


def _rise(p: Parameters, times: FloatArray) -> FloatArray:
    """Height of the hip over standing: crouch, push off, flight under gravity, and a soft landing."""
    speed = np.sqrt(2 * GRAVITY * p["jump"])
    down = np.clip((times - p["wait"]) / 0.3, 0.0, 1.0)
    push_time = 2 * CROUCH / speed
    push = np.clip(times - p["wait"] - 0.3, 0.0, push_time)
    crouch = -CROUCH * down**2 * (3 - 2 * down) + 0.5 * speed / push_time * push**2
    flight = np.clip(times - p["wait"] - 0.3 - push_time, 0.0, None)
    rise = speed * flight - 0.5 * GRAVITY * flight**2
    landed = np.clip(flight - 2 * speed / GRAVITY, 0.0, None)
    soft = -speed * landed * np.exp(-landed / 0.09)
    height: FloatArray = np.where(landed > 0, soft, crouch + rise)
    return height


def build(p: Parameters) -> World:
    """The ball hangs on a rod, beside the way of the head, and swings when hit."""

    def hip(times: FloatArray) -> FloatArray:
        return np.column_stack([0 * times + STAND, HIP + _rise(p, times), 0 * times])

    def foot(dx: float) -> Path:
        def path(times: FloatArray) -> FloatArray:
            return np.column_stack([0 * times + STAND + dx, 0.05 + np.maximum(_rise(p, times), 0.0), 0 * times])

        return path

    person = figure(Pose(hip, foot(0.14), foot(-0.16), carried(hip, 0.3, 0.25)))
    head = next(k for k, part in enumerate(person) if part.name == "head")
    person[head] = _solid(person[head])
    top = HIP + TRUNK + 0.38 + p["hang"]
    ball = (STAND + 0.2, top + RADIUS)
    pivot = (ball[0], ball[1] + ROD)
    return World(
        (
            *room(1.3),
            Part("beam", "box", (0.5, 0.04), (pivot[0] + 0.1, pivot[1] + 0.04), grey(90), "decor", depth=0.1),
            *person,
            Part(
                f"{p['colour']} ball",
                "ball",
                (RADIUS,),
                ball,
                COLOURS[p["colour"]],
                "mover",
                mass=p["mass"],
                friction=0.2,
                restitution=0.5,
                pivot=pivot,
                drag=p["drag"] * p["mass"],
                details=_cord(),
            ),
        ),
        camera=Camera((0.1, 1.25), 1.38),
    )


def _cord() -> tuple[Detail, ...]:
    return (Detail("box", (0.012, ROD / 2 - 0.05), (0.0, ROD / 2 + 0.05), grey(40), y=0.1, depth=0.012),)


def _solid(head: Part) -> Part:
    return replace(head, solid=True, y=0.0, friction=0.2, restitution=0.5)


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return f"A person in purple stands below a {p['colour']} ball that hangs from a beam on a thin rod."


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The person jumps up and hits the {p['colour']} ball with the head, so that it swings."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """How far the ball has swung so far, of 0.1 m."""
    x = tracks[f"{p['colour']} ball"][:, 0]
    return np.maximum.accumulate(share(np.abs(x - STAND - 0.2) / 0.1))


SCENE = Scene(
    "human",
    "jumping",
    "athletics – jumping",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} ball",),
    hidden={"jump": (0.08, 0.34), "wait": (0.05, 0.5), "mass": (0.1, 2.0), "drag": (0.0, 0.5)},
)

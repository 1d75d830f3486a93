"""A car overtakes a slow truck."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.driving.road import LANE, TRUCK, car, road
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, Path, World, grey


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, and how fast who drives."""
    colour, truck = dice.some(("red", "green", "blue", "purple", "yellow"), 2)
    return {
        "colour": colour,
        "truck": truck,
        "place": dice.between(2.0, 2.4),
        "slow": dice.between(0.8, 1.2),
        "fast": dice.between(7.0, 7.6),
        "change": dice.between(0.02, 0.08),
        "width": 1.0,
    }


def _path(p: Parameters) -> Path:
    """Constant speed; the lane changes by a quarter of a circle's worth of cosine, the heading along the path."""

    def path(times: FloatArray) -> FloatArray:
        x = -7.6 + p["fast"] * times
        s = np.clip((times - p["change"]) / 1.05, 0.0, 1.0)
        z = -LANE / 2 + p["width"] * LANE * (0.5 - 0.5 * np.cos(np.pi * s))
        slope = p["width"] * LANE * 0.5 * np.pi * np.sin(np.pi * s) / 1.05 / p["fast"]
        return np.column_stack([x, z, np.arctan(slope)])

    return path


def build(p: Parameters) -> World:
    """The truck rolls on at constant speed in the lower lane; the car passes in the upper one."""
    cab = (
        Detail("box", (0.35, 1.05), (2.2, 0.0), grey(40), y=-1.0, depth=0.02),
        Detail("box", (0.06, 1.2), (1.6, 0.0), grey(70), y=-1.0, depth=0.02),
        Detail("box", (1.9, 0.06), (-0.6, 0.5), grey(70), y=-1.0, depth=0.02),
        Detail("box", (1.9, 0.06), (-0.6, -0.5), grey(70), y=-1.0, depth=0.02),
    )
    return World(
        (
            *road(),
            Part(
                f"{p['truck']} truck",
                "box",
                TRUCK,
                (p["place"], -LANE / 2),
                COLOURS[p["truck"]],
                "mover",
                depth=0.9,
                velocity=(p["slow"], 0.0, 0.0),
                mass=4000.0,
                friction=0.5,
                details=cab,
            ),
            car(p["colour"], _path(p)),
        ),
        view="top",
        camera=Camera((0.0, 0.0), 10.0),
        light=(-0.4, -1.0, 0.5),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A road with two lanes seen from above. A {p['truck']} truck drives slowly to the right in the lower lane; a "
        f"{p['colour']} car comes up behind it."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The {p['colour']} car changes to the upper lane and overtakes the {p['truck']} truck."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """From behind the truck to level with its front in the other lane."""
    ahead = tracks[f"{p['colour']} car"] - tracks[f"{p['truck']} truck"]
    way = share((ahead[:, 0] - ahead[0, 0]) / (2.0 - ahead[0, 0]))
    return np.where((ahead[:, 1] > 0.7 * LANE) | (way < 0.3), way, 0.3)


SCENE = Scene(
    "driving",
    "overtaking",
    "Overtaking (Lane Straddling)",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} car",),
    hidden={"slow": (0.5, 2.4), "fast": (3.0, 7.8), "change": (0.0, 0.08)},
)

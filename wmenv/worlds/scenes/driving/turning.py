"""A car turns at a junction."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.driving.road import LANE, car
from wmenv.worlds.scenes.motion import carried
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, Path, World, grey

RADIUS = 0.95
START = -6.6


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, which way to turn, how fast, and a ball that rolls along the pavement."""
    colour, ball = dice.some(("red", "green", "blue", "purple", "yellow"), 2)
    side = dice.pick((-1, 1))
    return {
        "colour": colour,
        "ball": ball,
        "side": side,
        "turn": side,
        "speed": dice.between(6.2, 6.8) * (1.0 if side > 0 else 0.82),
        "roll": dice.between(1.4, 2.2),
        "drag": dice.between(0.05, 0.3),
    }


def _path(p: Parameters) -> Path:
    """Straight on, a quarter of a circle, straight on; or straight on only where the turn is 0."""
    radius, lane = (LANE * 1.5 if p["turn"] > 0 else LANE * 0.75), -LANE / 2
    corner = (LANE / 2 if p["turn"] > 0 else -LANE / 2) - radius

    def path(times: FloatArray) -> FloatArray:
        way = p["speed"] * times
        before = corner - START
        if p["turn"] == 0:
            return np.column_stack([START + way, np.full_like(way, lane), np.zeros_like(way)])
        angle = np.clip((way - before) / radius, 0.0, np.pi / 2)
        after = np.maximum(way - before - radius * np.pi / 2, 0.0)
        x = START + np.minimum(way, before) + radius * np.sin(angle)
        z = lane + p["turn"] * (radius * (1 - np.cos(angle)) + after)
        return np.column_stack([x, z, p["turn"] * angle])

    return path


def build(p: Parameters) -> World:
    """Two roads that cross, with solid kerbs at the upper left corner, where the ball rolls."""
    parts = [
        Part("ground", "box", (12.0, 12.0), (0.0, 0.0), grey(172), "decor", y=1.4, depth=0.2),
        Part("road", "box", (12.0, LANE), (0.0, 0.0), grey(104), "decor", y=1.15, depth=0.1),
        Part("other road", "box", (LANE, 12.0), (0.0, 0.0), grey(104), "decor", y=1.15, depth=0.09),
        Part("wall", "box", (0.25, 2.4), (-LANE - 0.6, 6.4), grey(220), y=0.6, depth=0.6),
        Part("house", "box", (1.4, 1.4), (7.0, 7.0), grey(130), "decor", y=0.8, depth=0.6),
        Part("other house", "box", (1.6, 1.2), (7.0, -7.0), grey(140), "decor", y=0.8, depth=0.6),
    ]
    for k, at in enumerate((-7.4, -4.9, 4.9, 7.4)):
        parts.append(Part(f"dash {k}", "box", (0.8, 0.09), (at, 0.0), grey(225), "decor", y=1.04, depth=0.02))
        parts.append(Part(f"other dash {k}", "box", (0.09, 0.8), (0.0, at), grey(225), "decor", y=1.04, depth=0.02))
    ball = Part(
        f"{p['ball']} ball",
        "ball",
        (RADIUS,),
        (-8.0 + 0.4, 6.2),
        COLOURS[p["ball"]],
        "mover",
        mass=2.0,
        friction=0.3,
        restitution=0.5,
        velocity=(p["roll"], 0.0, 0.0),
        drag=p["drag"],
    )
    return World(
        (*parts, car(p["colour"], carried(_path(p), 0.0, 0.0)), ball),
        view="top",
        camera=Camera((0.0, 0.0), 9.0),
        light=(-0.4, -1.0, 0.5),
    )


def _way(p: Parameters) -> str:
    return "left" if p["side"] > 0 else "right"


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A crossroads seen from above. A {p['colour']} car comes from the left towards it; on the grass at the upper "
        f"left a {p['ball']} ball rolls towards a wall."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    where = "up" if p["side"] > 0 else "down"
    return f"The {p['colour']} car turns {_way(p)} at the crossroads and drives on {where} the other road."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for coming to the crossroads, half for leaving it on the wanted side."""
    path = tracks[f"{p['colour']} car"]
    come = share((path[:, 0] - START) / (-LANE - START))
    left = share((p["side"] * path[:, 1] + LANE / 2) / (LANE + 0.6)) * (np.abs(path[:, 0]) < LANE)
    return 0.5 * come + 0.5 * left


SCENE = Scene(
    "driving",
    "turning",
    "Turning (Slight Turns or Significant Turns)",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colour']} car",),
    hidden={"turn": (-1, 0, 1), "speed": (4.0, 6.6), "roll": (1.0, 3.5), "drag": (0.0, 0.6)},
)

"""A billiards shot: one ball strikes another, which rolls to the far cushion."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

RADIUS = 0.12
LENGTH, WIDTH = 0.98, 0.62


def draw(dice: Dice) -> dict[str, Any]:
    """Three balls; the first is shot so that it meets the second off centre by `aim` radii."""
    names = dice.some(("red", "yellow", "green", "blue", "purple"), 3)
    return {
        "colours": tuple(names),
        "cue": (dice.between(-0.78, -0.6), dice.between(-0.15, 0.15)),
        "object": (dice.between(-0.05, 0.15), dice.between(-0.12, 0.12)),
        "third": (dice.between(-0.35, -0.2), dice.pick((-0.42, 0.42))),
        "aim": dice.between(-0.25, 0.25),
        "speed": dice.between(1.6, 2.0),
        "restitution": dice.between(0.95, 0.98),
    }


def build(p: Parameters) -> World:
    """Balls without friction: spin would hide where their speed goes."""
    cue, target = np.array(p["cue"]), np.array(p["object"])
    line = (target - cue) / np.linalg.norm(target - cue)
    aimed = target + p["aim"] * RADIUS * np.array([-line[1], line[0]]) - cue
    velocity = p["speed"] * aimed / np.linalg.norm(aimed)
    places = (p["cue"], p["object"], p["third"])
    balls = [
        Part(
            f"{colour} ball",
            "ball",
            (RADIUS,),
            place,
            COLOURS[colour],
            "mover",
            mass=0.17,
            friction=0.0,
            restitution=p["restitution"],
            velocity=(*velocity.tolist(), 0.0) if k == 0 else (0.0, 0.0, 0.0),
        )
        for k, (colour, place) in enumerate(zip(p["colours"], places, strict=True))
    ]
    cushions = [
        Part(f"{side} cushion", "box", half, at, grey(62), y=-0.02, depth=0.14)
        for side, half, at in (
            ("left", (0.1, WIDTH + 0.2), (-LENGTH - 0.1, 0.0)),
            ("right", (0.1, WIDTH + 0.2), (LENGTH + 0.1, 0.0)),
            ("upper", (LENGTH, 0.1), (0.0, WIDTH + 0.1)),
            ("lower", (LENGTH, 0.1), (0.0, -WIDTH - 0.1)),
        )
    ]
    pockets = [
        Part(f"pocket {x} {z}", "disc", (0.085,), (x * LENGTH, z * WIDTH), grey(15), "decor", y=-0.17, depth=0.01)
        for x in (-1, 0, 1)
        for z in (-1, 1)
    ]
    return World(
        (
            Part("cloth", "box", (LENGTH, WIDTH), (0.0, 0.0), grey(168), "decor", y=0.22, depth=0.1),
            Part("floor", "box", (3.0, 3.0), (0.0, 0.0), grey(120), "decor", y=1.0, depth=0.1),
            *cushions,
            *pockets,
            *balls,
        ),
        view="top",
        camera=Camera((0.0, 0.0), 1.16),
        light=(-0.3, -1.0, 0.4),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    cue, target, third = p["colours"]
    return (
        f"A billiards table seen from above, with a {cue} ball on the left, a {target} ball near the middle and a "
        f"{third} ball at the side. The {cue} ball has just been shot to the right."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    cue, target, _ = p["colours"]
    return f"The {cue} ball hits the {target} ball, which rolls on until it touches the right cushion."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Farthest share of the way to the right cushion so far."""
    x = tracks[f"{p['colours'][1]} ball"][:, 0]
    start = p["object"][0]
    return np.maximum.accumulate(share((x - start) / (0.95 * (LENGTH - RADIUS) - start)))


SCENE = Scene(
    "gaming",
    "billiards",
    "Simulation.",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colours'][1]} ball",),
    hidden={"aim": (-2.4, 2.4), "speed": (0.8, 2.2), "restitution": (0.8, 1.0)},
)

"""An arm with a suction tool picks up one of two blocks."""

from __future__ import annotations

from typing import Any

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.robotics.arm import arm
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Grip, Part, World, grey

HALF = 0.12
TOOL = (0.13, 0.07)
LIFT = 0.5


def draw(dice: Dice) -> dict[str, Any]:
    """Two blocks, which one is wanted, and how the arm moves."""
    first, second = dice.some(("red", "green", "blue", "purple"), 2)
    wanted = dice.pick((0, 1))
    return {
        "colours": (first, second),
        "places": (dice.between(-0.3, -0.15), dice.between(0.2, 0.35)),
        "wanted": wanted,
        "chosen": wanted,
        "lift": dice.between(0.55, 0.65),
        "hover": dice.between(0.15, 0.25),
        "mass": dice.between(0.3, 1.0),
        "time": dice.between(0.5, 0.65),
    }


def build(p: Parameters) -> World:
    """The tool goes over a block, down on it, and up with it."""
    x = p["places"][p["chosen"]]
    down = 2 * HALF + TOOL[1] + 0.004
    tool = through(
        (0.0, -0.05, down + p["hover"], 0.0),
        (0.4, x, down + p["hover"], 0.0),
        (0.7, x, down, 0.0),
        (0.8, x, down, 0.0),
        (0.8 + p["time"], x, down + p["lift"], 0.0),
    )
    blocks = [
        Part(
            f"{colour} block",
            "box",
            (HALF, HALF),
            (place, HALF),
            COLOURS[colour],
            "mover",
            depth=HALF,
            mass=p["mass"],
            friction=0.6,
        )
        for colour, place in zip(p["colours"], p["places"], strict=True)
    ]
    return World(
        (
            Part("table", "box", (1.5, 0.2), (0.0, -0.2), grey(150), depth=0.5),
            Part("wall", "box", (2.0, 2.0), (0.0, 0.5), grey(222), "decor", y=0.9, depth=0.1),
            *arm((-0.85, 0.0), tool, TOOL),
            *blocks,
        ),
        camera=Camera((0.0, 0.5)),
        grips=(Grip("tool", blocks[p["chosen"]].name, 0.75),),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    first, second = p["colours"]
    return (
        f"A yellow robot arm with a suction cup hovers over a grey table. A {first} block lies on the left and a "
        f"{second} block on the right."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The robot arm picks up the {p['colours'][p['wanted']]} block and holds it high above the table."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Height gained, as a share of half a metre."""
    height = tracks[f"{p['colours'][p['wanted']]} block"][:, 1]
    return share((height - HALF) / LIFT)


SCENE = Scene(
    "robotics",
    "pick",
    "pick",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['colours'][p['wanted']]} block",),
    hidden={"chosen": (0, 1), "lift": (0.2, 0.7), "mass": (0.2, 3.0), "time": (0.4, 1.0)},
)

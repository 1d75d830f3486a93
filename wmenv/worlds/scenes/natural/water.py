"""A gate opens and water runs into a basin."""

from __future__ import annotations

from typing import Any

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Liquid, Part, World, grey

LEFT = -0.9


def draw(dice: Dice) -> dict[str, Any]:
    """How much water, and how the gate opens."""
    return {
        "colour": dice.pick(("blue", "teal")),
        "gate": dice.pick(("red", "yellow")),
        "width": dice.between(0.5, 0.62),
        "height": dice.between(0.6, 0.72),
        "opening": dice.between(0.5, 0.65),
        "time": dice.between(0.3, 0.4),
        "wait": dice.between(0.1, 0.2),
    }


def build(p: Parameters) -> World:
    """Water stands behind a gate that is pulled up."""
    gate = LEFT + p["width"] + 0.06
    half = p["height"] / 2 + 0.08
    path = through(
        (0.0, gate, half, 0.0),
        (p["wait"], gate, half, 0.0),
        (p["wait"] + p["time"], gate, half + p["opening"], 0.0),
    )
    rocks = tuple(
        Part(f"rock {k}", "ball", (r,), (x, z), grey(g), "decor", y=0.7)
        for k, (x, z, r, g) in enumerate(((-0.6, 0.1, 0.3, 165), (0.1, 0.05, 0.22, 150), (0.7, 0.1, 0.34, 170)))
    )
    return World(
        (
            Part("bed", "box", (2.0, 0.2), (0.0, -0.2), grey(116), depth=0.4),
            Part("left bank", "box", (0.2, 0.55), (LEFT - 0.2, 0.55), grey(104), depth=0.4),
            Part("right bank", "box", (0.2, 0.3), (1.1, 0.3), grey(104), depth=0.4),
            *rocks,
            Part(f"{p['gate']} gate", "box", (0.06, half), (0, 0), COLOURS[p["gate"]], "actor", path=path, depth=0.3),
        ),
        camera=Camera((0.0, 0.5)),
        liquid=Liquid("water", COLOURS[p["colour"]], ((LEFT, 0.0, LEFT + p["width"], p["height"]),), 0.055),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"Water stands high in a basin on the left, held back by a {p['gate']} gate; the bed to the right of it is dry."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The {p['gate']} gate is pulled up and the water flows out to the right, over the dry bed."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """How far the middle of the water has moved, of half of what spreading evenly would give."""
    x, start = tracks["water"][:, 0], LEFT + p["width"] / 2
    return share((x - start) / (0.5 * (0.1 - start)))


SCENE = Scene(
    "natural",
    "water",
    "Water Bodies",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: ("water",),
    hidden={"opening": (0.0, 0.7), "time": (0.2, 0.8), "wait": (0.0, 1.2)},
)

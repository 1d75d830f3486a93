"""A valve opens and a drink runs from a tank into a glass."""

from __future__ import annotations

from typing import Any

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.motion import through
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Liquid, Part, World, grey

GLASS = 0.3
"""Half of the glass's inner width, metres."""
FLOOR = 0.08
OUTLET = 0.86


def draw(dice: Dice) -> dict[str, Any]:
    """The drink, how much of it, and how the valve opens."""
    return {
        "colour": dice.pick(("red", "green", "blue", "purple", "teal")),
        "valve": "yellow",
        "fill": dice.between(0.3, 0.38),
        "opening": dice.between(0.22, 0.26),
        "wait": dice.between(0.1, 0.2),
        "time": dice.between(0.15, 0.25),
    }


def build(p: Parameters) -> World:
    """A tank with a hole in its bottom, shut by a slide; a glass below."""
    z = OUTLET - 0.05
    path = through(
        (0.0, 0.0, z, 0.0),
        (p["wait"], 0.0, z, 0.0),
        (p["wait"] + p["time"], p["opening"], z, 0.0),
    )
    steel = grey(105)
    return World(
        (
            Part("floor", "box", (2.0, 0.2), (0.0, -0.2), grey(128), depth=0.8),
            Part("wall", "box", (2.5, 2.5), (0.0, 0.8), grey(222), "decor", y=0.9, depth=0.1),
            Part("tank left", "box", (0.05, 0.3), (-0.4, OUTLET + 0.3), steel, depth=0.2),
            Part("tank right", "box", (0.05, 0.3), (0.4, OUTLET + 0.3), steel, depth=0.2),
            Part("tank left bottom", "box", (0.15, 0.05), (-0.24, OUTLET + 0.05), steel, depth=0.2),
            Part("tank right bottom", "box", (0.15, 0.05), (0.24, OUTLET + 0.05), steel, depth=0.2),
            Part("pillar", "box", (0.06, 0.7), (-0.85, 0.7), grey(140), "decor", y=0.3, depth=0.06),
            Part("arm", "box", (0.3, 0.05), (-0.65, 1.3), grey(140), "decor", y=0.3, depth=0.06),
            Part("glass left", "box", (0.035, 0.27), (-GLASS - 0.035, 0.27), grey(176), depth=0.2),
            Part("glass right", "box", (0.035, 0.27), (GLASS + 0.035, 0.27), grey(176), depth=0.2),
            Part("glass bottom", "box", (GLASS, FLOOR / 2), (0.0, FLOOR / 2), grey(176), depth=0.2),
            Part("yellow valve", "box", (0.13, 0.045), (0, 0), COLOURS["yellow"], "actor", path=path, depth=0.19),
        ),
        camera=Camera((0.0, 0.75)),
        liquid=Liquid("drink", COLOURS[p["colour"]], ((-0.34, OUTLET + 0.11, 0.34, OUTLET + 0.11 + p["fill"]),), 0.05),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return f"A steel tank holds a {p['colour']} drink over an empty glass; a yellow valve shuts the hole in its bottom."


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return f"The yellow valve slides open and the {p['colour']} drink runs down into the glass."


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """How far the middle of the drink has come down, of what half of it in the glass would give."""
    start = OUTLET + 0.11 + p["fill"] / 2
    return share((start - tracks["drink"][:, 1]) / (0.5 * (start - 0.25)))


SCENE = Scene(
    "industrial",
    "filling",
    "Food and beverage industrial processes",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: ("drink",),
    hidden={"opening": (0.0, 0.28), "wait": (0.0, 1.4), "time": (0.1, 0.6)},
)

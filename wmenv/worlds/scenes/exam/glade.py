"""A glade: a log that stands on end topples and knocks a boulder off a rock, while a cone falls from a tree."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, Shape, World, grey


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, which way the log leans, sizes and places, how log and cone start, and what things are like."""
    log, boulder, cone = dice.some(("red", "yellow", "green", "blue", "purple"), 3)
    return {
        "log": log,
        "boulder": boulder,
        "cone": cone,
        "side": dice.pick((-1, 1)),
        "half": (dice.between(0.11, 0.125), dice.between(0.53, 0.59)),
        "radius": dice.between(0.13, 0.145),
        "round": dice.between(0.115, 0.128),
        "foot": dice.between(-0.66, -0.6),
        "tilt": dice.between(0.29, 0.34),
        "rock": (dice.between(-0.16, -0.1), dice.between(0.29, 0.34)),
        "top": dice.between(0.44, 0.5),
        "rest": dice.between(0.0, 0.05),
        "place": dice.between(0.71, 0.76),
        "bend": dice.between(0.84, 0.88),
        "slope": dice.between(0.95, 1.1),
        "height": dice.between(1.3, 1.45),
        "topple": dice.between(0.75, 0.95),
        "drift": dice.between(-0.05, 0.1),
        "friction": dice.between(0.25, 0.35),
        "restitution": dice.between(0.42, 0.55),
        "mass": dice.between(1.2, 1.8),
    }


def build(p: Parameters) -> World:
    """The log turns about its lower corner; the cone is in the air between the rock and a steep bank."""
    side, tilt, (wide, tall), (left, right) = p["side"], p["tilt"], p["half"], p["rock"]
    cos, sin = np.cos(tilt), np.sin(tilt)
    arm = np.array([tall * sin - wide * cos, tall * cos + wide * sin])
    turn = p["topple"] * np.array([arm[1], -arm[0]])
    bands = tuple(
        Detail("box", (wide - 0.004, 0.016), (0.0, u * tall), grey(level), y=-0.155, depth=0.01)
        for u, level in ((-0.94, 60), (-0.3, 235), (0.4, 235), (0.94, 60))
    )
    spots, scales = (
        tuple(
            Detail("disc", (0.024,), (r * np.cos(a), r * np.sin(a)), grey(level), y=0.03 - size, depth=0.03)
            for a in (first, first + 2.1, first + 4.2)
        )
        for r, size, level, first in ((0.075, p["radius"], 60, 0.7), (0.06, p["round"], 235, 1.6))
    )

    def mover(name: str, shape: Shape, size: tuple[float, ...], at: tuple[float, float], **more: Any) -> Part:
        x, z = at
        more = {"friction": p["friction"], "restitution": p["restitution"]} | more
        return Part(f"{p[name]} {name}", shape, size, (side * x, z), COLOURS[p[name]], "mover", **more)

    bank = np.array([p["bend"], 0.0]) + 0.6 * np.array([np.cos(p["slope"]), np.sin(p["slope"])])
    bank -= 0.2 * np.array([-np.sin(p["slope"]), np.cos(p["slope"])])
    trees = []
    for k, (x, high, size) in enumerate(((-0.92, 0.95, 0.3), (0.1, 1.25, 0.24), (0.84, 1.62, 0.36))):
        trees.append(
            Part(f"stem {k}", "box", (0.05, high / 2), (side * x, high / 2), grey(150), "decor", y=0.8, depth=0.05)
        )
        trees.append(Part(f"crown {k}", "ball", (size,), (side * x, high), grey(172 + 4 * k), "decor", y=0.8))
    return World(
        (
            Part("ground", "box", (3.0, 0.3), (0.0, -0.3), grey(122), depth=0.6),
            Part("hill", "ball", (2.4,), (side * 0.5, -1.8), grey(206), "decor", y=4.0),
            *trees,
            Part(
                "rock",
                "box",
                ((right - left) / 2, p["top"] / 2),
                (side * (left + right) / 2, p["top"] / 2),
                grey(96),
                depth=0.24,
            ),
            Part("bank", "box", (0.6, 0.2), (side * bank[0], bank[1]), grey(122), angle=side * p["slope"], depth=0.6),
            mover(
                "log",
                "box",
                p["half"],
                (p["foot"] + arm[0], arm[1] + 0.001),
                angle=-side * tilt,
                mass=3.0,
                velocity=(side * turn[0], turn[1], -side * p["topple"]),
                friction=0.8,
                restitution=0.0,
                details=bands,
            ),
            mover(
                "boulder",
                "ball",
                (p["radius"],),
                (p["rest"], p["top"] + p["radius"]),
                mass=p["mass"],
                restitution=0.5 * p["restitution"],
                details=spots,
            ),
            mover(
                "cone",
                "ball",
                (p["round"],),
                (p["place"], p["height"]),
                mass=0.7,
                velocity=(side * p["drift"], 0.0, 0.0),
                details=scales,
            ),
        ),
        camera=Camera((0.0, 0.8)),
    )


def _sides(p: Parameters) -> tuple[str, str]:
    """Where the log stands, and where it leans to."""
    return ("left", "right") if p["side"] > 0 else ("right", "left")


def describe(p: Parameters) -> str:
    """The first frame in words."""
    near, far = _sides(p)
    return (
        f"A glade with trees. A {p['log']} log stands on end at the {near} and leans to the {far}, a round "
        f"{p['boulder']} boulder lies on a grey rock in the middle, and a {p['cone']} cone is in the air at the {far}."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    far = _sides(p)[1]
    return (
        f"The {p['log']} log topples to the {far} and knocks the {p['boulder']} boulder off the rock and to the "
        f"ground, while the {p['cone']} cone falls and bounces."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """A third each: 0.3 radians of the log, the boulder's fall off the rock, and the cone's; the most so far."""
    log, boulder, cone = (tracks[f"{p[name]} {name}"] for name in ("log", "boulder", "cone"))
    toppled = share(p["side"] * np.sin(log[0, 2] - log[:, 2]) / np.sin(0.3))
    off = share((boulder[0, 1] - boulder[:, 1]) / (0.85 * p["top"]))
    down = share((cone[0, 1] - cone[:, 1]) / (0.9 * (p["height"] - p["round"])))
    return np.asarray(sum(np.maximum.accumulate(one) for one in (toppled, off, down)) / 3)


SCENE = Scene(
    "exam",
    "glade",
    "woodland",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['boulder']} boulder", f"{p['log']} log", f"{p['cone']} cone"),
    hidden={
        "topple": (-1.6, 1.6),
        "drift": (-0.7, 0.4),
        "friction": (0.15, 0.6),
        "restitution": (0.15, 0.7),
        "mass": (0.5, 6.0),
    },
)

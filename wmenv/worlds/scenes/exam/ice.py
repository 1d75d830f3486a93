"""A frozen pond from above: a stone slides into a second one, which slides into a crate."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, World, grey

SHORE = 0.98
"""Half width of the pond, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, sizes and places; the first stone meets the second off centre by `aim` radii of it."""
    first, second, crate = dice.some(("red", "yellow", "green", "teal", "blue", "purple"), 3)
    return {
        "first": first,
        "second": second,
        "crate": crate,
        "large": dice.between(0.16, 0.19),
        "small": dice.between(0.125, 0.145),
        "half": dice.between(0.13, 0.155),
        "from": (dice.between(-0.72, -0.62), dice.between(-0.25, 0.25)),
        "place": (dice.between(-0.12, -0.02), dice.between(-0.1, 0.1)),
        "goal": (dice.between(0.52, 0.62), dice.between(-0.08, 0.08)),
        "aim": dice.between(-0.15, 0.15),
        "speed": dice.between(1.3, 1.6),
        "drift": dice.between(0.08, 0.2),
        "drag": dice.between(0.15, 0.35),
        "restitution": dice.between(0.8, 0.9),
        "mass": dice.between(0.5, 0.8),
    }


def build(p: Parameters) -> World:
    """Ice between four snow banks; the second stone is aimed at so that it goes on towards the crate."""
    start, middle, goal = (np.array(p[name]) for name in ("from", "place", "goal"))
    ahead = (goal - middle) / np.linalg.norm(goal - middle)
    struck = middle - (p["large"] + p["small"]) * ahead + p["aim"] * p["small"] * np.array([-ahead[1], ahead[0]])
    velocity = p["speed"] * (struck - start) / np.linalg.norm(struck - start)
    common = {"depth": 0.08, "friction": 0.1, "restitution": p["restitution"], "drag": p["drag"]}
    banks = [
        Part(f"{side} bank", "box", half, at, grey(146), depth=0.1, friction=0.0)
        for side, half, at in (
            ("left", (0.2, 1.4), (-SHORE - 0.2, 0.0)),
            ("right", (0.2, 1.4), (SHORE + 0.2, 0.0)),
            ("upper", (SHORE, 0.2), (0.0, SHORE + 0.1)),
            ("lower", (SHORE, 0.2), (0.0, -SHORE - 0.1)),
        )
    ]

    def stone(colour: str, radius: float, at: tuple[float, float], mass: float, moving: FloatArray) -> Part:
        handle = Detail("box", (0.6 * radius, 0.025), (0.0, 0.0), grey(60), angle=0.6, y=-0.1, depth=0.02)
        return Part(
            f"{colour} stone",
            "disc",
            (radius,),
            at,
            COLOURS[colour],
            "mover",
            mass=mass,
            velocity=(float(moving[0]), float(moving[1]), 0.0),
            details=(handle,),
            **common,
        )

    lids = tuple(Detail("box", (p["half"], 0.012), (0.0, x), grey(235), y=-0.085, depth=0.01) for x in (-0.06, 0.06))
    return World(
        (
            Part("ice", "box", (1.3, 1.3), (0.0, 0.0), grey(212), "decor", y=0.2, depth=0.1),
            Part("scratch", "box", (0.6, 0.008), (-0.2, 0.5), grey(192), "decor", angle=0.3, y=0.11, depth=0.02),
            Part(
                "other scratch", "box", (0.5, 0.008), (0.3, -0.55), grey(192), "decor", angle=-0.2, y=0.11, depth=0.02
            ),
            *banks,
            stone(p["first"], p["large"], p["from"], 1.2, velocity),
            stone(p["second"], p["small"], p["place"], 0.7, np.zeros(2)),
            Part(
                f"{p['crate']} crate",
                "box",
                (p["half"], p["half"]),
                p["goal"],
                COLOURS[p["crate"]],
                "mover",
                mass=p["mass"],
                velocity=(-p["drift"], 0.0, 0.0),
                details=lids,
                **common,
            ),
        ),
        view="top",
        camera=Camera((0.0, 0.0)),
        light=(-0.3, -1.0, 0.4),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A frozen pond seen from above, with banks of snow around it. A large {p['first']} curling stone at the left "
        f"has just been pushed to the right, a smaller {p['second']} stone lies in the middle, and a {p['crate']} "
        "crate drifts slowly on the ice at the right."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The {p['first']} stone slides into the {p['second']} stone, which slides to the right and hits the "
        f"{p['crate']} crate."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """A third for each gap that closes and for 0.15 m of the second stone to the right; the most so far."""
    first, second = tracks[f"{p['first']} stone"], tracks[f"{p['second']} stone"]
    crate = tracks[f"{p['crate']} crate"]
    between = np.hypot(*(first - second)[:, :2].T) - p["large"] - p["small"]
    met = share((between[0] - between) / (between[0] - 0.05))
    moved = share((second[:, 0] - p["place"][0]) / 0.15)
    beside = np.abs(crate - second)[:, :2].max(axis=1) - p["small"] - p["half"]
    hit = share((beside[0] - beside) / (beside[0] - 0.05)) * (moved >= 1.0)
    parts = (np.maximum.accumulate(one) for one in (met, moved, hit))
    return np.asarray(sum(parts) / 3.0)


SCENE = Scene(
    "exam",
    "ice",
    "frozen pond",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['second']} stone", f"{p['first']} stone"),
    hidden={
        "aim": (-2.3, 2.3),
        "speed": (0.25, 1.8),
        "drift": (0.0, 0.4),
        "drag": (0.0, 0.8),
        "restitution": (0.6, 0.98),
        "mass": (0.2, 2.0),
    },
)

"""Mini-golf from above: a ball bounces off a slanted board and turns a bar, whose other end knocks a puck away."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Detail, Part, Shape, World, grey

SIDE = 0.98
"""Half width of the lawn, metres; all x are as the ball is struck to the right."""
ROUND, STRAIGHT = 0.112, 0.45
"""Radius of the bar's ends and half length between them, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, which way the ball is struck, sizes and places, how it is struck, and what things are like."""
    ball, bar, puck = dice.some(("red", "yellow", "green", "blue", "purple"), 3)
    return {
        "ball": ball,
        "bar": bar,
        "puck": puck,
        "side": dice.pick((-1, 1)),
        "radius": dice.between(0.118, 0.132),
        "large": dice.between(0.128, 0.142),
        "from": (dice.between(-0.72, -0.64), dice.between(-0.68, -0.62)),
        "bounce": dice.between(0.46, 0.52),
        "pivot": (dice.between(0.06, 0.1), dice.between(0.28, 0.33)),
        "tilt": dice.between(-0.1, 0.05),
        "arm": dice.between(0.34, 0.4),
        "gap": dice.between(0.08, 0.12),
        "turn": dice.between(-0.5, 0.5),
        "sand": dice.between(-0.6, -0.3),
        "speed": dice.between(1.95, 2.15),
        "aim": dice.between(-0.015, 0.015),
        "drag": dice.between(0.05, 0.15),
        "restitution": dice.between(0.88, 0.94),
        "inertia": dice.between(0.75, 0.95),
        "mass": dice.between(0.25, 0.35),
    }


def build(p: Parameters) -> World:
    """A lawn between four kerbs; nothing has friction, so that no spin turns into speed."""
    side, tilt = p["side"], p["tilt"]
    slant = np.array([-1.0, 1.0]) / np.sqrt(2)
    board = np.array([p["bounce"], p["from"][1]]) - (p["radius"] + 0.07) * slant
    pivot, ahead = np.array(p["pivot"]), np.array([np.cos(tilt), np.sin(tilt)])
    puck = pivot - p["arm"] * ahead - (ROUND + p["gap"] + p["large"]) * np.array([-ahead[1], ahead[0]])

    def at(point: Any) -> tuple[float, float]:
        return side * float(point[0]), float(point[1])

    struck = at(p["speed"] * np.array([np.cos(p["aim"]), np.sin(p["aim"])]))

    def mover(name: str, shape: Shape, size: tuple[float, ...], **more: Any) -> Part:
        more = {"friction": 0.0, "restitution": p["restitution"]} | more
        return Part(f"{p[name]} {name}", shape, size, colour=COLOURS[p[name]], role="mover", **more)

    def kerb(name: str, half: tuple[float, float], place: tuple[float, float]) -> Part:
        return Part(f"{name} kerb", "box", half, place, grey(84), depth=0.14, friction=0.0)

    pin = Detail("disc", (0.05,), (0.0, 0.05), grey(40), y=-ROUND - 0.01, depth=0.02)
    tips = tuple(Detail("disc", (0.045,), (0.0, z), grey(236), y=-ROUND, depth=0.02) for z in (-STRAIGHT, STRAIGHT))
    groove = Detail("box", (0.8 * p["large"], 0.02), (0.0, 0.0), grey(236), y=-0.105, depth=0.01)
    return World(
        (
            Part("lawn", "box", (SIDE, SIDE), (0.0, 0.0), grey(172), "decor", y=0.24, depth=0.1),
            Part("floor", "box", (3.0, 3.0), (0.0, 0.0), grey(128), "decor", y=1.0, depth=0.1),
            Part("sand", "disc", (0.2,), (side * p["sand"], 0.72), grey(208), "decor", y=0.135, depth=0.01),
            Part("hole", "disc", (0.07,), (side * 0.74, 0.78), grey(30), "decor", y=0.135, depth=0.01),
            Part("board", "box", (0.32, 0.07), at(board), grey(100), angle=side * np.pi / 4, depth=0.12, friction=0.0),
            *(kerb(name, (0.1, SIDE + 0.2), (x * (SIDE + 0.1), 0.0)) for name, x in (("left", -1), ("right", 1))),
            *(kerb(name, (SIDE, 0.1), (0.0, z * (SIDE + 0.1))) for name, z in (("upper", 1), ("lower", -1))),
            mover("ball", "ball", (p["radius"],), at=at(p["from"]), mass=0.35, drag=p["drag"], velocity=(*struck, 0.0)),
            mover(
                "bar",
                "capsule",
                (ROUND, STRAIGHT),
                at=at(pivot + 0.05 * ahead),
                angle=side * (np.pi / 2 + tilt),
                mass=p["inertia"],
                drag=0.01,
                pivot=at(pivot),
                details=(pin, *tips),
            ),
            mover(
                "puck",
                "disc",
                (p["large"],),
                at=at(puck),
                angle=side * p["turn"],
                depth=0.1,
                mass=p["mass"],
                restitution=0.75 * p["restitution"],
                drag=p["drag"],
                details=(groove,),
            ),
        ),
        view="top",
        light=(-0.3, -1.0, 0.4),
    )


def _sides(p: Parameters) -> tuple[str, str]:
    """Where the ball starts, and where it is struck to."""
    return ("left", "right") if p["side"] > 0 else ("right", "left")


def describe(p: Parameters) -> str:
    """The first frame in words."""
    near, far = _sides(p)
    return (
        f"A mini-golf lawn seen from above, with a slanted board in the lower {far} corner. A {p['ball']} ball at the "
        f"lower {near} has just been struck to the {far}; a {p['bar']} bar that turns about a pin lies across the "
        f"middle, and a {p['puck']} puck lies below its {near} arm."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    near, far = _sides(p)
    return (
        f"The {p['ball']} ball rolls to the {far}, bounces off the board and hits the {p['bar']} bar, which turns and "
        f"knocks the {p['puck']} puck away with its {near} arm."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """A third each: the ball's way to the board, 0.3 radians of the bar, and 0.3 m of the puck; the most so far."""
    ball, bar, puck = (tracks[f"{p[name]} {name}"] for name in ("ball", "bar", "puck"))
    rolled = share(p["side"] * (ball[:, 0] - ball[0, 0]) / (0.9 * (p["bounce"] - p["from"][0])))
    turned = share(np.abs(np.sin(bar[:, 2] - bar[0, 2])) / np.sin(0.3))
    gone = share(np.hypot(*(puck - puck[0])[:, :2].T) / 0.3)
    return np.asarray(sum(np.maximum.accumulate(one) for one in (rolled, turned, gone)) / 3)


SCENE = Scene(
    "exam",
    "golf",
    "mini-golf",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['puck']} puck", f"{p['bar']} bar", f"{p['ball']} ball"),
    hidden={
        "speed": (0.6, 2.3),
        "aim": (-0.12, 0.2),
        "drag": (0.0, 0.5),
        "restitution": (0.6, 0.97),
        "inertia": (0.3, 3.0),
        "mass": (0.15, 2.0),
    },
)

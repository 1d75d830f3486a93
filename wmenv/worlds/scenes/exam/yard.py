"""A building yard: a ball swings on a crane's cable and knocks a crate off a pillar, against which a wheel rolls."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, Shape, World, grey

TOP, PLUMB = 0.5, -0.4
"""Height of the pillar, and x below which the ball hangs, metres; all x are as the ball swings to the right."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, on which side the ball starts, sizes and places, how things start, and what the crate is like."""
    ball, crate, wheel = dice.some(("red", "yellow", "green", "blue", "purple"), 3)
    return {
        "ball": ball,
        "crate": crate,
        "wheel": wheel,
        "side": dice.pick((-1, 1)),
        "radius": dice.between(0.135, 0.15),
        "half": dice.between(0.16, 0.175),
        "round": dice.between(0.125, 0.14),
        "cable": dice.between(0.66, 0.74),
        "swing": dice.between(0.68, 0.78),
        "gap": dice.between(0.0, 0.03),
        "hit": dice.between(0.02, 0.05),
        "from": dice.between(-0.95, -0.9),
        "push": dice.between(0.0, 0.3),
        "roll": dice.between(0.4, 0.47),
        "mass": dice.between(0.8, 1.1),
        "friction": dice.between(0.25, 0.35),
        "restitution": dice.between(0.3, 0.42),
    }


def _middle(p: Parameters) -> float:
    """Where the pillar and the crate stand: the ball meets the crate where it swings through the plumb line."""
    return float(PLUMB + p["radius"] + p["gap"] + p["half"])


def build(p: Parameters) -> World:
    """The ball hangs out of plumb on a jib; the pillar has a slab on top, and sides without friction."""
    side, middle, half = p["side"], _middle(p), p["half"]
    pivot = (side * PLUMB, TOP + half + p["hit"] + p["cable"])
    at = (pivot[0] - side * p["cable"] * np.sin(p["swing"]), pivot[1] - p["cable"] * np.cos(p["swing"]))
    base = TOP / 2 - 0.03
    rope = (p["cable"] - p["radius"]) / 2
    cable = Detail("box", (0.012, rope), (0.0, p["radius"] + rope), grey(50), y=0.0, depth=0.012)
    boards = tuple(
        Detail("box", (half, 0.014), (0.0, z * half), grey(232), y=-half - 0.005, depth=0.005) for z in (-0.6, 0.6)
    )
    hub = Detail("disc", (0.032,), (0.0, 0.0), grey(60), y=-p["round"] - 0.005, depth=0.01)
    rim = tuple((0.085 * np.cos(a), 0.085 * np.sin(a)) for a in (0.4, 2.5, 4.6))
    spots = tuple(Detail("disc", (0.02,), place, grey(228), y=-p["round"], depth=0.03) for place in rim)

    def mover(name: str, size: tuple[float, ...], at: tuple[float, float], **more: Any) -> Part:
        shape: Shape = "box" if name == "crate" else "ball"
        return Part(f"{p[name]} {name}", shape, size, at, COLOURS[p[name]], "mover", **more)

    return World(
        (
            Part("ground", "box", (3.0, 0.3), (0.0, -0.3), grey(118), depth=0.6),
            Part("hall", "box", (0.6, 0.5), (side * 0.5, 0.5), grey(196), "decor", y=1.6, depth=0.1),
            Part("mast", "box", (0.05, 1.2), (side * 0.9, 1.0), grey(150), "decor", y=0.9, depth=0.05),
            Part("jib", "box", (0.9, 0.04), (side * 0.2, pivot[1] + 0.05), grey(96), "decor", y=0.3, depth=0.05),
            Part("pulley", "disc", (0.05,), pivot, grey(70), "decor", y=0.2, depth=0.03),
            Part("pillar", "box", (half - 0.02, base), (side * middle, base), grey(92), depth=0.2, friction=0.0),
            Part("slab", "box", (half + 0.01, 0.03), (side * middle, TOP - 0.03), grey(72), depth=0.22),
            Part("fence", "box", (0.04, 0.26), (side * 1.1, 0.26), grey(88), depth=0.18, friction=0.0),
            mover(
                "ball",
                (p["radius"],),
                at,
                angle=-side * p["swing"],
                mass=3.0,
                pivot=pivot,
                velocity=(0.0, 0.0, side * p["push"] / p["cable"]),
                friction=0.2,
                restitution=0.9,
                details=(cable,),
            ),
            mover(
                "crate",
                (half, half),
                (side * middle, TOP + half),
                depth=half,
                details=boards,
                **{name: p[name] for name in ("mass", "friction", "restitution")},
            ),
            mover(
                "wheel",
                (p["round"],),
                (side * p["from"], p["round"]),
                mass=0.6,
                velocity=(side * p["roll"], 0.0, -side * p["roll"] / p["round"]),
                friction=0.4,
                restitution=0.5,
                details=(hub, *spots),
            ),
        ),
        camera=Camera((0.0, 0.72), 1.15),
    )


def _sides(p: Parameters) -> tuple[str, str]:
    """Where the ball starts, and where it swings to."""
    return ("left", "right") if p["side"] > 0 else ("right", "left")


def describe(p: Parameters) -> str:
    """The first frame in words."""
    near = _sides(p)[0]
    return (
        f"A building yard. A {p['ball']} ball hangs out of plumb on a crane's cable at the {near}; in the middle a "
        f"{p['crate']} crate stands on a dark grey pillar, and a {p['wheel']} wheel is on the ground at the {near}."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    far = _sides(p)[1]
    return (
        f"The {p['ball']} ball swings to the {far} and knocks the {p['crate']} crate off the pillar and to the ground, "
        f"while the {p['wheel']} wheel rolls to the {far} against the pillar."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """A third each: the ball's swing to the crate, the crate's fall, and the wheel's way; the most so far."""
    ball, crate, wheel = (tracks[f"{p[name]} {name}"] for name in ("ball", "crate", "wheel"))
    swung = share(np.abs(ball[:, 0] - ball[0, 0]) / (0.9 * p["cable"] * np.sin(p["swing"])))
    down = share((crate[0, 1] - crate[:, 1]) / (0.9 * TOP))
    way = _middle(p) - p["half"] - p["round"] - p["from"]
    rolled = share(p["side"] * (wheel[:, 0] - wheel[0, 0]) / (0.9 * way))
    return np.maximum.accumulate((swung + down + rolled) / 3)


SCENE = Scene(
    "exam",
    "yard",
    "building yard",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['crate']} crate", f"{p['ball']} ball", f"{p['wheel']} wheel"),
    hidden={
        "push": (-0.5, 0.9),
        "roll": (0.05, 1.1),
        "mass": (0.4, 8.0),
        "friction": (0.15, 0.8),
        "restitution": (0.1, 0.7),
    },
)

"""A canteen: a robot arm tilts its tray; a box slides off, hits a ball, and that rolls into a lying bottle."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.motion import carried, limb, resting, through
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Detail, Part, Path, Shape, World, grey

FOOT, SHOULDER = -1.0, 0.22
"""Where the arm stands and the height of its shoulder, metres; all x are as the tray tilts to the right."""
LINK = 0.42
"""Length of each link of the arm, metres."""
TRAY = (0.36, 0.03)
"""Half width and half height of the tray, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, on which side the arm stands, sizes and places, how the tray is tilted, and what things are like."""
    box, ball, bottle = dice.some(("red", "green", "blue", "purple"), 3)
    return {
        "box": box,
        "ball": ball,
        "bottle": bottle,
        "side": dice.pick((-1, 1)),
        "half": (dice.between(0.135, 0.165), dice.between(0.115, 0.135)),
        "radius": dice.between(0.115, 0.135),
        "round": dice.between(0.115, 0.125),
        "long": dice.between(0.08, 0.13),
        "tray": (dice.between(-0.6, -0.54), dice.between(0.38, 0.56)),
        "along": dice.between(-0.12, 0.0),
        "rest": dice.between(0.28, 0.38),
        "gap": dice.between(0.06, 0.14),
        "wait": dice.between(0.1, 0.2),
        "time": dice.between(0.5, 0.65),
        "tilt": dice.between(0.45, 0.56),
        "mass": dice.between(0.8, 1.3),
        "friction": dice.between(0.12, 0.19),
        "restitution": dice.between(0.5, 0.7),
    }


def _arm(side: int, tray: Path) -> list[Part]:
    """The two links from the pedestal to the bracket under the tray, and the tray."""
    wrist = carried(tray, -0.12 * side, -0.07)
    upper, lower = limb(resting(side * FOOT, SHOULDER), wrist, LINK, LINK, float(side))
    yellow = COLOURS["yellow"]

    def link(name: str, radius: float, path: Path, y: float) -> Part:
        joint = Detail("disc", (radius,), (0.0, -LINK / 2), grey(60), y=-0.1, depth=0.03)
        size = (radius, LINK / 2)
        return Part(name, "capsule", size, (0, 0), yellow, "actor", path=path, solid=False, y=y, details=(joint,))

    bracket = Detail("box", (0.05, 0.05), (-0.12 * side, -0.07), grey(60), y=0.1, depth=0.04)
    return [
        Part("pedestal", "box", (0.13, 0.12), (side * FOOT, 0.12), grey(90), depth=0.12, solid=False, y=0.3),
        link("upper arm", 0.06, upper, 0.3),
        link("forearm", 0.05, lower, 0.26),
        Part("tray", "box", TRAY, (0, 0), yellow, "actor", path=tray, depth=0.2, details=(bracket,)),
    ]


def build(p: Parameters) -> World:
    """The tray is tilted and lowered until its end is just above the table, and stays so."""
    side, half, (x, z) = p["side"], p["half"], p["tray"]
    low = 0.03 + TRAY[0] * np.sin(p["tilt"]) + TRAY[1] * np.cos(p["tilt"])
    tray = through(
        (p["wait"], side * x, z, 0.0),
        (p["wait"] + p["time"], side * (x + 0.02), low, -side * p["tilt"]),
    )
    bottle = p["rest"] + p["radius"] + p["gap"] + p["long"] + p["round"]

    def mover(name: str, shape: Shape, size: tuple[float, ...], at: tuple[float, float], **more: Any) -> Part:
        place = (side * at[0], at[1])
        more = {"friction": p["friction"]} | more
        return Part(f"{p[name]} {name}", shape, size, place, COLOURS[p[name]], "mover", **more)

    stripe = Detail("box", (half[0], 0.022), (0.0, 0.03), grey(235), y=-half[1] - 0.005, depth=0.01)
    spots = tuple(
        Detail("disc", (0.022,), (0.07 * np.cos(a), 0.07 * np.sin(a)), grey(230), y=-p["radius"], depth=0.03)
        for a in (0.3, 2.4, 4.5)
    )
    label = Detail("box", (p["round"], 0.04), (0.0, 0.0), grey(232), y=-p["round"], depth=0.01)
    return World(
        (
            Part("table", "box", (1.6, 0.2), (0.0, -0.2), grey(140), depth=0.5),
            Part("wall", "box", (2.0, 2.0), (0.0, 0.6), grey(222), "decor", y=0.9, depth=0.1),
            Part("hatch", "box", (0.42, 0.26), (side * 0.4, 1.05), grey(184), "decor", y=0.79, depth=0.01),
            Part("sill", "box", (0.48, 0.03), (side * 0.4, 0.76), grey(160), "decor", y=0.75, depth=0.05),
            *_arm(side, tray),
            mover(
                "box",
                "box",
                half,
                (x + p["along"], z + TRAY[1] + half[1]),
                depth=half[1],
                mass=p["mass"],
                details=(stripe,),
            ),
            mover(
                "ball",
                "ball",
                (p["radius"],),
                (p["rest"], p["radius"]),
                mass=0.35,
                friction=0.5,
                restitution=p["restitution"],
                details=spots,
            ),
            mover(
                "bottle",
                "capsule",
                (p["round"], p["long"]),
                (bottle, p["round"]),
                angle=np.pi / 2,
                mass=0.25,
                friction=0.25,
                restitution=0.6 * p["restitution"],
                details=(label,),
            ),
        ),
        camera=Camera((0.12 * side, 0.5), 1.2),
    )


def _sides(p: Parameters) -> tuple[str, str]:
    """Where the arm stands, and where the tray tilts to."""
    return ("left", "right") if p["side"] > 0 else ("right", "left")


def describe(p: Parameters) -> str:
    """The first frame in words."""
    near, far = _sides(p)
    return (
        f"A canteen. A yellow robot arm at the {near} holds a level yellow tray with a {p['box']} box on it over a "
        f"grey table. On the table lie a {p['ball']} ball in the middle and a {p['bottle']} bottle on its side at the "
        f"{far}."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    far = _sides(p)[1]
    return (
        f"The robot arm tilts the tray to the {far}, so that the {p['box']} box slides off it onto the table and "
        f"knocks the {p['ball']} ball to the {far}, into the {p['bottle']} bottle."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """A third each: the box's way off the tray, the ball's to the bottle, and 0.04 m of the bottle; the most so far."""
    box, ball, bottle = (p["side"] * tracks[f"{p[name]} {name}"][:, 0] for name in ("box", "ball", "bottle"))
    slid = share((box - box[0]) / (0.9 * (p["tray"][0] + TRAY[0] - box[0])))
    rolled = share((ball - ball[0]) / (0.9 * p["gap"]))
    pushed = share((bottle - bottle[0]) / 0.04)
    return np.asarray(sum(np.maximum.accumulate(one) for one in (slid, rolled, pushed)) / 3)


SCENE = Scene(
    "exam",
    "canteen",
    "canteen",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['box']} box", f"{p['ball']} ball", f"{p['bottle']} bottle"),
    hidden={
        "wait": (0.05, 0.5),
        "time": (0.45, 1.0),
        "tilt": (0.1, 0.7),
        "mass": (0.3, 3.0),
        "friction": (0.1, 0.45),
        "restitution": (0.2, 0.8),
    },
)

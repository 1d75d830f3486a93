"""A street: a car rolls into the back of a waiting one, which is shoved into the next; another car comes along."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.driving.road import LANE, car, road, windows
from wmenv.worlds.scenes.motion import FloatArray
from wmenv.worlds.scenes.scene import Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

CAR = (2.0, 1.0)
VAN = (2.3, 1.15)
"""Half length and half width of what rolls, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, gaps in metres, how the first car rolls, and what brakes and bumpers are like."""
    first, second, van, other = dice.some(tuple(COLOURS), 4)
    return {
        "first": first,
        "second": second,
        "van": van,
        "other": other,
        "from": dice.between(-7.4, -6.8),
        "gap": dice.between(2.2, 2.8),
        "next": dice.between(0.9, 1.3),
        "coming": dice.between(5.4, 7.0),
        "speed": dice.between(4.6, 5.4),
        "drag": dice.between(0.1, 0.3),
        "brake": dice.between(0.7, 1.1),
        "restitution": dice.between(0.55, 0.7),
        "mass": dice.between(900.0, 1200.0),
        "pace": dice.between(4.0, 6.0),
        "house": dice.between(-6.0, 4.0),
    }


def build(p: Parameters) -> World:
    """All in the lower lane but the car that comes; those that wait have their brakes half on."""
    lane = -LANE / 2
    second = p["from"] + 2 * CAR[0] + p["gap"]
    van = second + CAR[0] + p["next"] + VAN[0]

    def rolling(name: str, half: tuple[float, float], at: tuple[float, float], **more: Any) -> Part:
        colour = COLOURS[name.split()[0]]
        common = {"depth": 0.65, "friction": 0.05, "restitution": p["restitution"], "details": windows(half)}
        return Part(name, "box", half, at, colour, "mover", **common, **more)

    def coming(times: FloatArray) -> FloatArray:
        x = p["coming"] - p["pace"] * times
        return np.column_stack([x, np.full_like(x, -lane), np.full_like(x, np.pi)])

    return World(
        (
            *road(),
            Part(
                "stop line", "box", (0.16, LANE / 2), (van + VAN[0] + 0.5, lane), grey(245), "decor", y=1.04, depth=0.02
            ),
            Part("house", "box", (2.4, 1.5), (p["house"], 7.4), grey(134), "decor", y=0.8, depth=0.6),
            Part("bush", "ball", (1.1,), (-0.8 * p["house"], -7.2), grey(128), "decor", y=0.6),
            rolling(
                f"{p['first']} car",
                CAR,
                (p["from"], lane),
                mass=1000.0,
                velocity=(p["speed"], 0.0, 0.0),
                drag=p["drag"],
            ),
            rolling(f"{p['second']} car", CAR, (second, lane), mass=p["mass"], drag=p["brake"]),
            rolling(f"{p['van']} van", VAN, (van, lane), mass=1400.0, drag=p["brake"]),
            car(p["other"], coming),
        ),
        view="top",
        camera=Camera((0.0, 0.0), 10.0),
        light=(-0.4, -1.0, 0.5),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A road seen from above. In the lower lane a {p['second']} car and, in front of it, a {p['van']} van wait at "
        f"a white line; a {p['first']} car rolls towards them from the left. In the upper lane a {p['other']} car "
        "drives to the left."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The {p['first']} car rolls into the back of the {p['second']} car and shoves it into the {p['van']} van, "
        f"while the {p['other']} car drives past to the left."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """A half for each gap that closes, the second one only once its car has moved; the most so far."""
    first, second, van = (
        tracks[f"{p[name]} {what}"][:, 0] for name, what in (("first", "car"), ("second", "car"), ("van", "van"))
    )
    behind = second - first - 2 * CAR[0]
    ahead = van - second - CAR[0] - VAN[0]
    met = share((behind[0] - behind) / (behind[0] - 0.3))
    shoved = share((ahead[0] - ahead) / (ahead[0] - 0.3)) * (second - second[0] > 0.3)
    return (np.maximum.accumulate(met) + np.maximum.accumulate(shoved)) / 2


SCENE = Scene(
    "exam",
    "bumper",
    "street",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['first']} car", f"{p['second']} car"),
    hidden={
        "speed": (0.8, 5.8),
        "drag": (0.0, 0.6),
        "brake": (0.3, 2.0),
        "restitution": (0.3, 0.85),
        "mass": (600.0, 2500.0),
        "pace": (2.0, 7.0),
    },
)

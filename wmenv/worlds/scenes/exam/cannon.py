"""A game: a cannon shoots a ball at a tower of two blocks and knocks the upper one off."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, GRAVITY, Camera, Detail, Part, World, grey

BARREL = 0.2
"""Half length of the barrel, metres."""


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, on which side the cannon stands, sizes and places; `flight` is the time to the tower at full power."""
    ball, upper, lower = dice.some(tuple(COLOURS), 3)
    return {
        "ball": ball,
        "upper": upper,
        "lower": lower,
        "side": dice.pick((-1, 1)),
        "radius": dice.between(0.118, 0.132),
        "half": (dice.between(0.13, 0.15), dice.between(0.14, 0.16)),
        "muzzle": (dice.between(-0.84, -0.78), dice.between(0.42, 0.5)),
        "place": dice.between(0.32, 0.4),
        "base": dice.between(0.1, 0.16),
        "flight": dice.between(0.5, 0.58),
        "aim": dice.between(0.02, 0.06),
        "power": dice.between(0.985, 1.015),
        "mass": dice.between(0.3, 0.45),
        "friction": dice.between(0.25, 0.4),
        "restitution": dice.between(0.35, 0.5),
    }


def _shot(p: Parameters) -> FloatArray:
    """Velocity at full power: the ball meets the upper block at `aim` above its middle."""
    face = p["place"] - p["half"][0] - p["radius"]
    height = 2 * p["base"] + 3 * p["half"][1] + p["aim"]
    mean = (np.array([face, height]) - p["muzzle"]) / p["flight"]
    return np.array([mean[0], mean[1] + GRAVITY * p["flight"] / 2])


def build(p: Parameters) -> World:
    """The ball has just left the barrel, which points where it flies; a castle stands behind."""
    side, shot = p["side"], _shot(p)
    half, base = p["half"], p["base"]
    along = shot / np.linalg.norm(shot)
    breech = np.array(p["muzzle"]) - (BARREL + 0.02 + p["radius"]) * along
    wheel = (breech[0] - 0.04, 0.15)

    def block(name: str, z: float, mass: float) -> Part:
        window = Detail("box", (0.03, 0.05), (0.0, 0.0), grey(30), y=-0.145, depth=0.01)
        return Part(
            name,
            "box",
            half,
            (side * p["place"], z),
            COLOURS[name.split()[0]],
            "mover",
            depth=0.14,
            mass=mass,
            friction=p["friction"],
            restitution=0.2,
            details=(window,),
        )

    castle = [
        Part(f"tower {k}", "box", (0.13, h), (side * x, h), grey(198), "decor", y=1.4, depth=0.1)
        for k, (x, h) in enumerate(((-0.05, 0.5), (0.9, 0.62)))
    ]
    teeth = [
        Part(f"tooth {k}", "box", (0.045, 0.05), (side * (0.05 + 0.15 * k), 0.74), grey(204), "decor", y=1.4, depth=0.1)
        for k in range(6)
    ]
    return World(
        (
            Part("ground", "box", (3.0, 0.3), (0.0, -0.3), grey(116), depth=0.6),
            *castle,
            Part("castle wall", "box", (0.5, 0.35), (side * 0.43, 0.35), grey(204), "decor", y=1.4, depth=0.1),
            *teeth,
            Part("base", "box", (0.17, base), (side * p["place"], base), grey(88), depth=0.2),
            Part("fence", "box", (0.04, 0.25), (side * 1.14, 0.25), grey(92), depth=0.3, friction=0.0),
            Part("rampart", "box", (0.05, 0.16), (-side * 0.5, 0.16), grey(92), depth=0.3, friction=0.0),
            Part(
                "barrel",
                "box",
                (BARREL, p["radius"] + 0.02),
                (side * breech[0], breech[1]),
                grey(64),
                "decor",
                angle=side * float(np.arctan2(along[1], along[0])),
                y=0.0,
                depth=0.12,
            ),
            Part("cannon wheel", "disc", (0.15,), (side * wheel[0], wheel[1]), grey(96), "decor", y=-0.16, depth=0.03),
            Part("hub", "disc", (0.04,), (side * wheel[0], wheel[1]), grey(40), "decor", y=-0.2, depth=0.01),
            Part(
                f"{p['ball']} cannonball",
                "ball",
                (p["radius"],),
                (side * p["muzzle"][0], p["muzzle"][1]),
                COLOURS[p["ball"]],
                "mover",
                mass=0.8,
                friction=p["friction"],
                restitution=p["restitution"],
                velocity=(side * p["power"] * float(shot[0]), p["power"] * float(shot[1]), 0.0),
            ),
            block(f"{p['lower']} block", 2 * base + half[1], 0.8),
            block(f"{p['upper']} block", 2 * base + 3 * half[1], p["mass"]),
        ),
        camera=Camera((0.0, 0.76), 1.2),
        backdrop=(210, 232),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    near, far = ("left", "right") if p["side"] > 0 else ("right", "left")
    return (
        f"A game in front of a grey castle: a cannon at the {near} has just shot a {p['ball']} cannonball; at the "
        f"{far}, on a stone base, stands a tower of a {p['lower']} block with a {p['upper']} block on top."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The {p['ball']} cannonball flies in an arc to the {'right' if p['side'] > 0 else 'left'}, hits the "
        f"{p['upper']} block and knocks it off the tower to the ground."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for the gap that the ball has closed, half for the fall of the upper block; the most so far."""
    ball, block = tracks[f"{p['ball']} cannonball"], tracks[f"{p['upper']} block"]
    gap = np.abs(block[:, 0] - ball[:, 0]) - p["radius"] - p["half"][0]
    closed = np.maximum.accumulate(share((gap[0] - gap) / (gap[0] - 0.1)))
    down = share((block[0, 1] - block[:, 1]) / (2 * p["base"] + 2 * p["half"][1] - 0.1))
    return (closed + np.maximum.accumulate(down)) / 2


SCENE = Scene(
    "exam",
    "cannon",
    "cannon game",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['ball']} cannonball", f"{p['upper']} block"),
    hidden={
        "power": (0.75, 1.12),
        "mass": (0.1, 2.5),
        "friction": (0.15, 0.9),
        "restitution": (0.1, 0.7),
    },
)

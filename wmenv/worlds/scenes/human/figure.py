"""An articulated figure in profile: head, trunk, two legs and the arm that acts."""

from __future__ import annotations

from dataclasses import dataclass

from wmenv.worlds.scenes.motion import carried, limb, resting
from wmenv.worlds.scenes.world import COLOURS, Colour, Detail, Part, Path, grey

ARM = (0.34, 0.33)
LEG = (0.4, 0.4)
TRUNK = 0.5
"""Lengths in metres: upper arm and forearm, thigh and shin, hip to shoulder."""
HAND = 0.075


@dataclass(frozen=True, slots=True)
class Pose:
    """How a figure stands.

    Attributes:
        hip: Path of the hip; its angle is the trunk's, 0 upright, positive leaning back (to the left).
        front: Path of the front ankle.
        back: Path of the back ankle.
        hand: Path of the hand's centre.
        elbow: 1 or -1, to which side it bends.
    """

    hip: Path
    front: Path
    back: Path
    hand: Path
    elbow: float = -1.0


def standing(x: float, hand: Path, hip: Path, elbow: float = -1.0) -> Pose:
    """A figure whose feet stay where they are."""
    return Pose(hip, resting(x + 0.14, 0.05), resting(x - 0.16, 0.05), hand, elbow)


def shoulder(pose: Pose) -> Path:
    """Path of the shoulder."""
    return carried(pose.hip, 0.0, TRUNK)


def figure(pose: Pose, colour: Colour = COLOURS["purple"], friction: float = 0.8) -> list[Part]:
    """Parts of a figure that looks to the right; only its hand is solid."""
    upper, lower = limb(shoulder(pose), pose.hand, *ARM, pose.elbow)
    dark = tuple(int(0.8 * c) for c in colour)
    parts = []
    for name, end, y in (("back", pose.back, 0.4), ("front", pose.front, 0.3)):
        thigh, shin = limb(pose.hip, end, *LEG, 1.0)
        shoe = Detail("box", (0.09, 0.035), (0.05, LEG[1] / 2 + 0.03), grey(45), y=0.0, depth=0.06)
        parts.append(_limb(f"{name} thigh", 0.075, LEG[0], thigh, (dark[0], dark[1], dark[2]), y))
        parts.append(_limb(f"{name} shin", 0.06, LEG[1], shin, (dark[0], dark[1], dark[2]), y, (shoe,)))
    face = (
        Detail("ball", (0.02,), (0.07, 0.03), grey(20), y=-0.12, depth=0.02),
        Detail("disc", (0.135,), (-0.02, 0.03), grey(45), y=0.05, depth=0.04),
    )
    return [
        *parts,
        _limb("trunk", 0.11, TRUNK, carried(pose.hip, 0.0, TRUNK / 2), colour, 0.34),
        Part(
            "head",
            "ball",
            (0.13,),
            (0.0, 0.0),
            colour,
            "actor",
            path=carried(pose.hip, 0.03, TRUNK + 0.25),
            solid=False,
            y=0.34,
            details=face,
        ),
        _limb("upper arm", 0.055, ARM[0], upper, (dark[0], dark[1], dark[2]), 0.13),
        _limb("forearm", 0.05, ARM[1], lower, (dark[0], dark[1], dark[2]), 0.13),
        Part("hand", "ball", (HAND,), (0.0, 0.0), colour, "actor", path=pose.hand, friction=friction),
    ]


def _limb(
    name: str, radius: float, length: float, path: Path, colour: Colour, y: float, details: tuple[Detail, ...] = ()
) -> Part:
    return Part(
        name, "capsule", (radius, length / 2), (0.0, 0.0), colour, "actor", path=path, solid=False, y=y, details=details
    )


def room(end: float) -> list[Part]:
    """A floor, a wall with a skirting board, and a wall on the right whose face is at x = `end`."""
    return [
        Part("floor", "box", (2.0, 0.3), (0.0, -0.3), grey(140), depth=0.8),
        Part("end wall", "box", (0.1, 0.9), (end + 0.1, 0.9), grey(176), depth=0.8, friction=0.0),
        Part("wall", "box", (2.5, 2.5), (0.0, 0.8), grey(224), "decor", y=1.0, depth=0.1),
        Part("skirting", "box", (2.5, 0.04), (0.0, 0.05), grey(170), "decor", y=0.87, depth=0.02),
    ]

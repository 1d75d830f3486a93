"""A two-link robot arm with a tool, whose tip follows a path."""

from __future__ import annotations

from wmenv.worlds.scenes.motion import carried, limb, resting
from wmenv.worlds.scenes.world import COLOURS, Detail, Part, Path, grey

REACH = 0.74
"""Length of each link, metres."""
WRIST = 0.17
"""From the wrist down to the middle of the tool, metres."""


def arm(
    foot: tuple[float, float],
    tool: Path,
    size: tuple[float, float] = (0.11, 0.11),
    bend: float = 1.0,
    friction: float = 0.8,
) -> list[Part]:
    """Parts of an arm.

    Args:
        foot: Top of its pedestal; the shoulder is 0.2 m above.
        tool: Path of the tool's centre.
        size: Half width and half height of the tool.
        friction: Of the tool.
        bend: 1 for an elbow up on an arm that reaches to the right, -1 to the left.
    """
    shoulder = (foot[0], foot[1] + 0.2)
    wrist = carried(tool, 0.0, size[1] + WRIST - 0.11)
    upper, lower = limb(resting(*shoulder), wrist, REACH, REACH, bend)
    yellow = COLOURS["yellow"]
    joint = Detail("disc", (0.05,), (0.0, 0.0), grey(60), y=-0.12, depth=0.03)
    return [
        Part("pedestal", "box", (0.14, 0.12), (foot[0], foot[1] + 0.1), grey(90), depth=0.12, solid=False, y=0.2),
        Part(
            "upper arm",
            "capsule",
            (0.06, REACH / 2),
            (0, 0),
            yellow,
            "actor",
            path=upper,
            solid=False,
            y=0.2,
            details=(Detail("disc", (0.07,), (0, -REACH / 2), grey(60), y=-0.1, depth=0.03),),
        ),
        Part(
            "forearm",
            "capsule",
            (0.05, REACH / 2),
            (0, 0),
            yellow,
            "actor",
            path=lower,
            solid=False,
            y=0.16,
            details=(Detail("disc", (0.06,), (0, -REACH / 2), grey(60), y=-0.1, depth=0.03),),
        ),
        Part("tool", "box", size, (0, 0), yellow, "actor", path=tool, depth=0.12, friction=friction, details=(joint,)),
    ]

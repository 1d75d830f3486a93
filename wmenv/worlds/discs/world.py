"""Constants of the disc world, in world units and seconds.

Source: phyworld/phyworld commit ee0e473, `id_ood_data/*.py` (dt, stride, gravity, view, colours, edge).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

VIEW = 10.0
"""Side of the square view, world units; x to the right, y up, no walls."""

SUBSTEP = 0.01
"""Engine step of the official simulator, seconds."""

FRAME_TIME = 0.1
"""World seconds between two frames at the nominal rate (10 engine steps)."""

FPS = Fraction(10)
"""Nominal frame rate: one clip second is one world second."""

FIRST_FRAME_TIME = SUBSTEP
"""The official code stores frame k after engine step 10 k, hence t = 0.01 + 0.1 k."""

FRAMES = 32
GIVEN_FRAMES = 3
GRAVITY = 2.5
"""Downward acceleration of the parabola law, units/s^2."""

FASTEST = 6.0
"""Speed of the fastest disc of any split, units/s: the unit of scaled velocities."""

PICTURE = 256
"""Side in pixels of the official picture; smaller sizes are area averages of it."""

EDGE_SOFTNESS = 0.03
"""Width of the soft edge: alpha = clip((r^2 - d^2) / (0.03 r^2), 0, 1)."""

COLOURS: NDArray[np.uint8] = np.array([[255, 0, 0], [0, 0, 255]], dtype=np.uint8)
COLOUR_NAMES = ("red", "blue")
"""Ball 1 is red, ball 2 is blue, on white."""

SHAPES = ("disc", "square", "ring")
DISC, SQUARE, RING = range(3)
"""Shapes by number. Only splits of the analysis experiments show others than discs."""

RING_HOLE = 0.4
"""Radius of a ring's hole over the ring's own. The paper shows a ring without stating one. With a larger hole the
smallest ring (0.7) is so thin at 32 pixels that it falls apart where its wall lies between pixels."""

Law = Literal["uniform_motion", "parabola", "collision"]
Mode = Literal["exact", "box2d"]
Edge = Literal["area", "official"]
Ranges = Literal["code", "paper"]

LAWS: tuple[Law, ...] = get_args(Law)
BALLS: dict[Law, int] = {"uniform_motion": 1, "parabola": 1, "collision": 2}


def frame_times(frames: int, fps: Fraction = FPS) -> NDArray[np.float64]:
    """World times of a clip's frames.

    Args:
        frames: Number of frames T.
        fps: Frame rate of the clip; at 10 frames a second one frame is 0.1 world seconds.

    Returns:
        Seconds since the initial state, shape (T,): 0.01 + k / fps.
    """
    return FIRST_FRAME_TIME + np.arange(frames, dtype=np.float64) * float(1 / Fraction(fps))

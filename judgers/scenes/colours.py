"""Which pixels show which colour: by hue, so that light and shadow do not matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

ANGLE = np.deg2rad(25.0)
"""A pixel within this angle of a colour's hue may show it: hues of a scene are at least 50 degrees apart."""
FAINT = 14.0
"""Least deviation from grey, levels, that counts as a colour."""
LIT = 0.85
"""Usual brightness of a coloured surface, of its colour."""

_AXES = np.array([[2, -1, -1], [0, 1, -1]]) / np.array([[np.sqrt(6)], [np.sqrt(2)]])


def chroma(pictures: FloatArray) -> FloatArray:
    """(..., 2) deviation from grey of RGB (..., 3): its angle is the hue."""
    return np.asarray(pictures @ _AXES.T)


def hue(colour: Sequence[float] | FloatArray) -> float:
    """Angle of a colour's hue, radians."""
    a, b = chroma(np.asarray(colour, float))
    return float(np.arctan2(b, a))


def turned(angle: FloatArray | float) -> FloatArray:
    """An angle brought into -pi to pi."""
    return np.asarray((np.asarray(angle) + np.pi) % (2 * np.pi) - np.pi)


@dataclass(frozen=True, slots=True)
class Paint:
    """How a thing's surface looks.

    Attributes:
        hue: Radians.
        saturation: Deviation from grey over the sum of the channels.
        brightness: Sum of the channels as lit.
    """

    hue: float
    saturation: float
    brightness: float

    @classmethod
    def of(cls, colour: Sequence[float] | FloatArray) -> Paint:
        """Of a colour; of grey ones, which nothing tells from the ground, the saturation is 1: nothing shows them."""
        pure = np.asarray(colour, float)
        length = float(np.hypot(*chroma(pure)))
        return cls(hue(pure), length / float(pure.sum()) if length > FAINT else 1.0, LIT * float(pure.sum()))


class Colours:
    """Deviation from grey of a clip.

    Attributes:
        vivid: (T, H, W) whether a pixel shows any colour.
        angle: (T, H, W) its hue, radians.
    """

    def __init__(self, frames: FloatArray, plate: FloatArray) -> None:
        """Of frames (T, H, W, 3) in front of a plate (H, W, 3)."""
        deviation = chroma(frames)
        self.length = np.hypot(deviation[..., 0], deviation[..., 1])
        self.angle = np.arctan2(deviation[..., 1], deviation[..., 0])
        self.vivid = self.length > FAINT
        self.sum = frames.sum(axis=-1)
        self.behind = plate.sum(axis=-1)

    def coverage(self, paint: Paint, within: float = ANGLE) -> FloatArray:
        """(T, H, W) share of each pixel that shows a paint, by pixels whose hue is within an angle of its own.

        A pixel that shows a share s of a colour and a grey for the rest has the saturation q = s A / (s A + (1 - s) B)
        of the pure colour, with A and B the brightness of the two; solved for s.
        """
        here = self.vivid & (np.abs(turned(self.angle - paint.hue)) < within)
        q = np.clip(self.length / np.maximum(self.sum, 1.0) / paint.saturation, 0.0, 1.0)
        front, behind = paint.brightness, self.behind
        return np.asarray(np.where(here, q * behind / np.maximum(front * (1 - q) + q * behind, 1e-9), 0.0))

"""What the given frames alone tell: the state of the discs at the end of a glimpse. No truth is read."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.laws import Starts, contact_time, positions
from wmenv.worlds.discs.measure import measure
from wmenv.worlds.discs.shapes import read_shapes
from wmenv.worlds.discs.world import COLOURS, DISC, FPS, GRAVITY, RING, SQUARE, Edge, Law

FloatArray = NDArray[np.float64]

SMALLEST = 0.3
"""Radius of the smallest disc of any split, world units."""

ROUND_ENOUGH = 0.975
"""From this compactness on an object is a disc without being compared with others (squares have 0.955, rings 0.72)."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """Discs as seen in the given frames.

    Attributes:
        position: (B, 2) in the last given frame, world units.
        velocity: (B, 2) in the last given frame, units/s.
        radius: (B,) world units.
        colour: (B, 3) RGB.
        shape: (B,) indices in `world.SHAPES`; two balls are always discs.
        falls: Whether the discs accelerate downwards at the world's gravity.
        duration: Seconds from the first to the last given frame.
    """

    position: FloatArray
    velocity: FloatArray
    radius: FloatArray
    colour: FloatArray
    shape: NDArray[np.uint8]
    falls: bool
    duration: float

    @property
    def law(self) -> Law:
        """The law that the glimpse speaks for."""
        return "collision" if len(self.radius) == 2 else "parabola" if self.falls else "uniform_motion"

    def future(self, times: FloatArray) -> FloatArray:
        """(T, B, 2) positions by the law, `times` seconds after the last given frame."""
        order = self._from_left()
        path: FloatArray = positions(self._starts(order), times)[0][:, np.argsort(order)]
        return path

    @property
    def contact(self) -> float:
        """Seconds until two discs touch if each goes straight on: 0 if they do so already, infinite if never."""
        return max(float(contact_time(self._starts(self._from_left()), "exact")[0]), 0.0)

    def _from_left(self) -> NDArray[np.intp]:
        """Order of the discs; the law of collision wants the left disc first."""
        return np.argsort(self.position[:, 0])

    def _starts(self, order: NDArray[np.intp]) -> Starts:
        return Starts(self.law, self.radius[order][None], self.position[order][None], self.velocity[order][None])


def glimpse(frames: NDArray[np.uint8], fps: Fraction = FPS, edge: Edge = "area") -> Glimpse | None:
    """Read the discs off the given frames.

    Positions are a least-squares line through the frames (a parabola of the world's gravity where the frames
    bend by more than half of it), which uses every frame.

    Args:
        frames: (K, S, S, 3) uint8, K >= 2.
        fps: Rate of the frames.
        edge: Grid of the picture.

    Returns:
        The glimpse, or None where the frames do not show the same one or two discs (or the same square or ring)
        throughout.
    """
    found = measure(frames, COLOURS, SMALLEST, edge)
    balls = int(found.count[-1])
    if balls not in (1, 2) or (found.count != balls).any():
        return None
    shape, radius = np.full(balls, DISC, dtype=np.uint8), found.radius
    if balls == 1 and not (found.compactness[:, 0] >= ROUND_ENOUGH).all():
        shapes = read_shapes(frames, found, edge)
        kinds = set(shapes.kind[:, 0].tolist())
        if len(kinds) == 1 and kinds <= {SQUARE, RING}:  # in doubt a disc: elsewhere there are no others
            shape[0], radius = kinds.pop(), shapes.radius
    if shape[0] == DISC and not found.disc[:, :balls].all():
        return None
    order = np.argsort(found.hue_class[:, :balls], axis=1)
    rows = np.arange(len(frames))[:, None]
    position = found.position[rows, order]  # (K, B, 2)
    times = (np.arange(len(frames)) - (len(frames) - 1)) / float(fps)
    falls = False
    if balls == 1 and len(frames) > 2:
        bend = 2 * np.polyfit(times, position[:, 0, 1], 2)[0]
        falls = bool(abs(bend + GRAVITY) < abs(bend))
    straight = position.copy()
    if falls:
        straight[..., 1] += 0.5 * GRAVITY * times[:, None] ** 2
    slope, at_end = np.polyfit(times, straight.reshape(len(frames), -1), 1)
    return Glimpse(
        position=at_end.reshape(balls, 2),
        velocity=slope.reshape(balls, 2),
        radius=radius[rows, order].mean(axis=0),
        colour=found.colour[rows, order].mean(axis=0),
        shape=shape,
        falls=falls,
        duration=-float(times[0]),
    )

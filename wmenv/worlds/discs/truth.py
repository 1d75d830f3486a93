"""The truth of one case of the disc world."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.laws import Starts, contact_time, inside_view, positions, scored_pairs
from wmenv.worlds.discs.splits import draw_starts
from wmenv.worlds.discs.world import FRAMES, GIVEN_FRAMES, Edge, Law, Mode, Ranges, frame_times

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DiscTruth:
    """How the discs of one case really move.

    Attributes:
        starts: A single initial state (N = 1).
        mode: `exact` or `box2d`.
        edge: The grid on which the suite draws; needed to read positions off its pictures.
        given: Number of given frames at the nominal rate.
        frames: Number of frames at the nominal rate.
        mean_speed: Mean true speed of the case's split, units/s; what a generator of no knowledge could bet on.
    """

    starts: Starts
    mode: Mode
    edge: Edge
    given: int
    frames: int
    mean_speed: float

    @property
    def law(self) -> Law:
        """Law of motion."""
        return self.starts.law

    @property
    def radii(self) -> FloatArray:
        """(B,) world units."""
        radii: FloatArray = self.starts.radii[0]
        return radii

    @property
    def colours(self) -> NDArray[np.uint8]:
        """(B, 3) RGB."""
        colours: NDArray[np.uint8] = self.starts.colours[0]
        return colours

    @property
    def shapes(self) -> NDArray[np.uint8]:
        """(B,) indices in `world.SHAPES`."""
        shapes: NDArray[np.uint8] = self.starts.shapes[0]
        return shapes

    @property
    def contact(self) -> float:
        """Time of the collision, seconds; infinite without one."""
        return float(contact_time(self.starts, self.mode)[0])

    def positions(self, times: FloatArray) -> FloatArray:
        """(T, B, 2) centres at the given times, world units."""
        path: FloatArray = positions(self.starts, times, self.mode)[0]
        return path

    def discs(self, times: FloatArray) -> Discs:
        """What the true clip shows at the given times."""
        return Discs.of(self.positions(times), self.radii, self.colours, self.shapes)


@lru_cache(maxsize=256)
def split_mean_speed(law: Law, split: str, ranges: Ranges, mode: Mode) -> float:
    """Mean true speed over scored frame pairs of 2,048 cases of a split, units/s (a baseline, not a parameter)."""
    starts, _ = draw_starts(law, split, np.arange(2048, dtype=np.uint64), ranges=ranges, mode=mode)
    times = frame_times(FRAMES)
    path = positions(starts, times, mode)
    given = float(times[GIVEN_FRAMES - 1])
    before, after = scored_pairs(inside_view(path, starts.radii), times, contact_time(starts, mode), given)
    speed = np.linalg.norm(np.diff(path, axis=1), axis=-1).mean(axis=-1) / np.diff(times)
    return float(speed[after if law == "collision" else before].mean())

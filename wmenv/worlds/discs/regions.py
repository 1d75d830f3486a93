"""Regions of parameter space: what the splits of the analysis experiments are made of, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.counter_rng import uniforms
from wmenv.worlds.discs.laws import Starts
from wmenv.worlds.discs.place import between, place_one_ball
from wmenv.worlds.discs.world import COLOURS, DISC, VIEW, Law


class Interval(NamedTuple):
    """A closed range of a parameter."""

    low: float
    high: float


RADII = Interval(0.7, 1.4)
SPEEDS = Interval(1.0, 4.0)
"""The official code's training ranges of one ball, world units and units/s, whatever a region does not narrow."""


@dataclass(frozen=True, slots=True)
class Region:
    """A box of one-ball starts of one look.

    Attributes:
        name: What the tag `level` of its cases says.
        radius: Range of radii, world units.
        speed: Range of speeds, units/s.
        colour: Row of `world.COLOURS`.
        shape: Index in `world.SHAPES`.
        moves: Which way; a region of balls that move left is the mirror image of one that move right.
        weight: Share of the split's draws, relative to the other regions'.
    """

    name: str
    radius: Interval = RADII
    speed: Interval = SPEEDS
    colour: int = 0
    shape: int = DISC
    moves: Literal["right", "left"] = "right"
    weight: float = 1.0


def speed_regions(*ranges: Interval) -> tuple[Region, ...]:
    """Regions of given speeds, each as likely as it is long, so that their union is drawn from evenly."""
    return tuple(
        Region(f"v_{low:g}_{high:g}".replace(".", "p"), speed=Interval(low, high), weight=high - low)
        for low, high in ranges
    )


def draw_regions(law: Law, regions: tuple[Region, ...], seeds: NDArray[np.uint64]) -> tuple[Starts, list[str]]:
    """Draw one case a seed from a split's regions; a case depends on its own seed alone.

    Args:
        law: A law of one ball.
        regions: Where from, each as likely as its weight says.
        seeds: (N,) integers in [0, 2^48).

    Returns:
        The N starts, with colours and shapes where any region has others than red discs, and each one's region.
    """
    ends = np.cumsum([region.weight for region in regions])
    index = np.searchsorted(ends / ends[-1], uniforms(seeds, 0, 1)[:, 0], side="right")
    numbers = uniforms(seeds, 1, 5)
    bounds = np.array([(region.radius, region.speed) for region in regions])[index]  # (N, 2, 2)
    starts, _ = place_one_ball(law, between(bounds[..., 0], bounds[..., 1], numbers[:, 3:]), numbers[:, :3])
    left = np.array([region.moves == "left" for region in regions])[index]
    starts.position[left, :, 0] = VIEW - starts.position[left, :, 0]
    starts.velocity[left, :, 0] *= -1.0
    colour = COLOURS[[region.colour for region in regions]][index][:, None] if any(r.colour for r in regions) else None
    shapes = np.array([region.shape for region in regions], dtype=np.uint8)[index][:, None]
    shape = shapes if any(region.shape != DISC for region in regions) else None
    drawn = Starts(law, starts.radii, starts.position, starts.velocity, colour, shape)
    return drawn, [regions[k].name for k in index]

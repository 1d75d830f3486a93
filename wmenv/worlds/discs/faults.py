"""Planted faults: true clips with one law broken, for the exams of judgers.

Each planter takes a truth, the frame times and a generator, and returns what is drawn, or None where the case has
no room for the fault (too few frames in view to show it). Magnitudes are the smallest that a judger must find.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.laws import contact_time, inside_view
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import VIEW, Law

FloatArray = NDArray[np.float64]
Planter = Callable[[DiscTruth, FloatArray, np.random.Generator], Discs | None]
Change = Callable[[DiscTruth, Discs, int, np.random.Generator], Discs | None]

TELEPORT = 1.0
GROWTH = 1.25
RESTITUTION = 0.7
HUE_TURN = 90.0
FRAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: Its name.
        criterion: The criterion that has to flag it.
        magnitude: The planted magnitude, in words.
        laws: Laws it can be planted in.
        plant: The planter.
    """

    name: str
    criterion: str
    magnitude: str
    laws: tuple[Law, ...]
    plant: Planter


def scored_frames(truth: DiscTruth, times: FloatArray) -> NDArray[np.intp]:
    """Predicted frames with every true ball wholly inside the view."""
    inside = inside_view(truth.positions(times)[None], truth.radii[None])[0].all(axis=1)
    inside[: truth.given] = False
    return np.flatnonzero(inside)


def _from_some_frame(change: Change) -> Planter:
    """A planter that applies a change from a random frame on that leaves at least three scored frames to show it."""

    def plant(truth: DiscTruth, times: FloatArray, rng: np.random.Generator) -> Discs | None:
        scored = scored_frames(truth, times)
        possible = scored[: len(scored) - FRAMES_SHOWN + 1]
        return change(truth, truth.discs(times), int(rng.choice(possible)), rng) if len(possible) else None

    return plant


def _teleport(truth: DiscTruth, discs: Discs, onset: int, rng: np.random.Generator) -> Discs | None:
    """A ball jumps by one world unit, within the view and clear of the other ball, and moves on from there."""
    ball = int(rng.integers(len(truth.radii)))
    radius, here = truth.radii[ball], discs.position[onset, ball].copy()
    others = np.delete(discs.position[onset], ball, axis=0)
    reach = np.delete(truth.radii, ball) + radius
    for angle in rng.permutation(np.linspace(0, 2 * np.pi, 16, endpoint=False)):
        there = here + TELEPORT * np.array([np.cos(angle), np.sin(angle)])
        clear = (np.linalg.norm(others - there, axis=-1) > reach).all()
        if clear and (there >= radius).all() and (there <= VIEW - radius).all():
            discs.position[onset:, ball] += there - here
            return discs
    return None


def _grow(truth: DiscTruth, discs: Discs, onset: int, rng: np.random.Generator) -> Discs:
    """A ball is a quarter larger in radius from one frame on."""
    discs.radius[onset:, rng.integers(len(truth.radii))] *= GROWTH
    return discs


def _recolour(truth: DiscTruth, discs: Discs, onset: int, rng: np.random.Generator) -> Discs:
    """A ball's hue turns by 90 degrees, one way or the other, from one frame on."""
    ball = int(rng.integers(len(truth.radii)))
    hue, light, saturation = colorsys.rgb_to_hls(*(truth.colours[ball] / 255.0))
    turned = colorsys.hls_to_rgb((hue + rng.choice([-1, 1]) * HUE_TURN / 360.0) % 1.0, light, saturation)
    discs.colour[onset:, ball] = np.rint(np.array(turned) * 255)
    return discs


def _vanish(truth: DiscTruth, discs: Discs, onset: int, rng: np.random.Generator) -> Discs:
    """A ball is gone for three frames in which it should be in view, then back."""
    discs.present[onset : onset + FRAMES_SHOWN, rng.integers(len(truth.radii))] = False
    return discs


def collide_otherwise(truth: DiscTruth, times: FloatArray, restitution: float) -> Discs | None:
    """The collision with another restitution; -1 lets the balls pass through each other."""
    starts = truth.starts
    contact = float(contact_time(starts, truth.mode)[0])
    if (times[scored_frames(truth, times)] > contact).sum() < FRAMES_SHOWN:
        return None
    mass, velocity = truth.starts.mass[0][:, None], starts.velocity[0]
    common = (mass * velocity).sum(axis=0) / mass.sum()
    after = common - restitution * (velocity - common)
    elapsed = times[:, None, None]
    path = starts.position[0] + velocity * np.minimum(elapsed, contact) + after * np.maximum(elapsed - contact, 0)
    return Discs.of(path, truth.radii)


def _soft_collision(truth: DiscTruth, times: FloatArray, rng: np.random.Generator) -> Discs | None:
    """The balls bounce with restitution 0.7: momentum is kept, energy is not."""
    return collide_otherwise(truth, times, RESTITUTION)


def _pass_through(truth: DiscTruth, times: FloatArray, rng: np.random.Generator) -> Discs | None:
    """The balls pass through each other: momentum and energy are kept, the movement is wrong."""
    return collide_otherwise(truth, times, -1.0)


_ALL: tuple[Law, ...] = ("uniform_motion", "parabola", "collision")
_TWO: tuple[Law, ...] = ("collision",)

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("teleport", "continuity", "1.0 world unit", _ALL, _from_some_frame(_teleport)),
        Fault("grow", "radius", "25 % in radius", _ALL, _from_some_frame(_grow)),
        Fault("recolour", "colour", "90 degrees of hue", _ALL, _from_some_frame(_recolour)),
        Fault("vanish", "count", "3 frames in view", _ALL, _from_some_frame(_vanish)),
        Fault("restitution", "energy", "0.7 for 1", _TWO, _soft_collision),
        Fault("pass-through", "velocity", "3 frames in view", _TWO, _pass_through),
    )
}

"""Planted faults of graded size: the same case, ball, moment and direction, broken a little or a lot.

`faults` plants the smallest faults that an exact judger must find, `planted` random ones to learn from; here sizes
rise, so that an exam can tell from which size on a judger sees a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.faults import FRAMES_SHOWN, collide_otherwise, scored_frames
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import VIEW, Law

FloatArray = NDArray[np.float64]
Planter = Callable[[DiscTruth, FloatArray, float, np.random.Generator], Discs | None]

CORNERS = np.array([[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)][:-1], dtype=np.float64)
"""Colours that a colour may turn towards: the corners of RGB but white, which is the paper."""


@dataclass(frozen=True, slots=True)
class GradedFault:
    """One kind of fault.

    Attributes:
        name: Its name.
        criterion: The criterion that it breaks.
        unit: What a size of 1 is, in words.
        sizes: Rising, in that unit.
        laws: Laws it can be planted in.
        make: The planter.
    """

    name: str
    criterion: str
    unit: str
    sizes: tuple[float, ...]
    laws: tuple[Law, ...]
    make: Planter


def plant_graded(name: str, truth: DiscTruth, times: FloatArray, size: float, seed: int) -> Discs | None:
    """Plant a fault.

    Args:
        name: A name of `GRADED`.
        truth: Truth of the case.
        times: (T,) times of the frames, seconds.
        size: In the fault's unit.
        seed: Decides ball, moment and direction, which are the same for every size.

    Returns:
        What is drawn, or None where the case has no room for the fault at its largest size.
    """
    fault = GRADED[name]
    fitting = max(size, fault.sizes[-1])
    if fault.make(truth, times, fitting, np.random.default_rng(seed)) is None:
        return None
    return fault.make(truth, times, size, np.random.default_rng(seed))


def _onset(truth: DiscTruth, times: FloatArray, shown: int, rng: np.random.Generator) -> int | None:
    """A predicted frame that is followed by enough scored ones to show a fault in `shown` of them."""
    scored = scored_frames(truth, times)
    possible = scored[: max(0, len(scored) - shown + 1)]
    return int(rng.choice(possible)) if len(possible) else None


def _speed(truth: DiscTruth, times: FloatArray, size: float, rng: np.random.Generator) -> Discs | None:
    """Every ball is faster, or one alone faster or slower, from the last given frame or the collision on."""
    since = (
        float(times[truth.given - 1]) if len(truth.radii) == 1 else max(truth.contact, float(times[truth.given - 1]))
    )
    scored = scored_frames(truth, times)
    if (times[scored] > since).sum() < FRAMES_SHOWN:
        return None
    discs = truth.discs(times)
    after = truth.positions(np.array([since + 1e-3, since + 2e-3]))
    along = (after[1] - after[0]) / np.maximum(np.linalg.norm(after[1] - after[0], axis=-1, keepdims=True), 1e-12)
    sign = rng.choice([-1.0, 1.0]) if len(truth.radii) == 1 else 1.0
    discs.position[:] += sign * size * along * np.maximum(times - since, 0.0)[:, None, None]
    return discs


def _teleport(truth: DiscTruth, times: FloatArray, size: float, rng: np.random.Generator) -> Discs | None:
    """A ball jumps within the view, clear of the other, and moves on from there."""
    onset = _onset(truth, times, FRAMES_SHOWN, rng)
    if onset is None:
        return None
    discs, ball = truth.discs(times), int(rng.integers(len(truth.radii)))
    radius, here = truth.radii[ball], discs.position[onset, ball].copy()
    others = np.delete(discs.position[onset], ball, axis=0)
    reach = np.delete(truth.radii, ball) + radius
    largest = GRADED["teleport"].sizes[-1]
    for angle in rng.permutation(np.linspace(0, 2 * np.pi, 16, endpoint=False)):
        way = np.array([np.cos(angle), np.sin(angle)])
        there = here + max(size, largest) * way  # one direction for all sizes
        clear = (np.linalg.norm(others - there, axis=-1) > reach).all()
        if clear and (there >= radius).all() and (there <= VIEW - radius).all():
            discs.position[onset:, ball] += size * way
            return discs
    return None


def _grow(truth: DiscTruth, times: FloatArray, size: float, rng: np.random.Generator) -> Discs | None:
    """A ball is larger from one frame on."""
    onset = _onset(truth, times, FRAMES_SHOWN, rng)
    if onset is None:
        return None
    discs = truth.discs(times)
    discs.radius[onset:, rng.integers(len(truth.radii))] *= 1.0 + size
    return discs


def _recolour(truth: DiscTruth, times: FloatArray, size: float, rng: np.random.Generator) -> Discs | None:
    """A ball's colour turns towards a corner of RGB from one frame on."""
    onset = _onset(truth, times, FRAMES_SHOWN, rng)
    if onset is None:
        return None
    discs, ball = truth.discs(times), int(rng.integers(len(truth.radii)))
    colour = truth.colours[ball].astype(np.float64)
    apart = np.linalg.norm(CORNERS - colour, axis=1)
    corner = CORNERS[int(rng.choice(np.flatnonzero(apart >= 255.0 * GRADED["recolour"].sizes[-1])))]
    way = (corner - colour) / np.linalg.norm(corner - colour)
    discs.colour[onset:, ball] = np.rint(np.clip(colour + 255.0 * size * way, 0, 255))
    return discs


def _vanish(truth: DiscTruth, times: FloatArray, size: float, rng: np.random.Generator) -> Discs | None:
    """A ball is gone for some frames in which it should be in view, then back."""
    longest = max(int(size), int(GRADED["vanish"].sizes[-1]))
    onset = _onset(truth, times, longest, rng)
    if onset is None:
        return None
    discs = truth.discs(times)
    discs.present[onset : onset + int(size), rng.integers(len(truth.radii))] = False
    return discs


def _restitution(truth: DiscTruth, times: FloatArray, size: float, rng: np.random.Generator) -> Discs | None:
    """The balls bounce with less than they should: momentum is kept, energy is not."""
    return collide_otherwise(truth, times, 1.0 - size)


_ALL: tuple[Law, ...] = ("uniform_motion", "parabola", "collision")

GRADED: Mapping[str, GradedFault] = {
    fault.name: fault
    for fault in (
        GradedFault("speed", "velocity", "units/s", (0.25, 0.5, 1.0, 2.0), _ALL, _speed),
        GradedFault("teleport", "continuity", "units", (0.25, 0.5, 1.0, 2.0), _ALL, _teleport),
        GradedFault("restitution", "energy", "of restitution", (0.05, 0.1, 0.2, 0.4), ("collision",), _restitution),
        GradedFault("grow", "radius", "of the radius", (0.05, 0.1, 0.25, 0.5), _ALL, _grow),
        GradedFault("recolour", "colour", "of 255 levels", (0.1, 0.25, 0.5, 1.0), _ALL, _recolour),
        GradedFault("vanish", "count", "frames", (1.0, 2.0, 3.0, 5.0), _ALL, _vanish),
    )
}

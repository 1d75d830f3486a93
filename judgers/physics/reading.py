"""What a lone ball looks like over the predicted frames of a clip: colour, size, velocity, shape, robustly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.core.clip import Clip
from wmenv.judgers.physics.motion import Timeline
from wmenv.worlds.discs.measure import measure
from wmenv.worlds.discs.shapes import AREA, read_shapes
from wmenv.worlds.discs.track import steady_velocity, track
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import DISC, VIEW

FloatArray = NDArray[np.float64]

LEAST_FRAMES = 3
"""Frames in which a ball has to be whole for its attributes to be read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A ball over the frames in which it is whole: medians, so that no single frame decides.

    Attributes:
        colour: (3,) RGB at full saturation, in [0, 255].
        radius: World units; of a square half its side, of a ring the outer one.
        velocity: (2,) units/s, signed.
        otherness: Share of the way from a disc to the other shape of the case, 0 without one.
        frames: Number of frames that were read.
    """

    colour: FloatArray
    radius: float
    velocity: FloatArray
    otherness: float
    frames: int


def read_ball(clip: Clip, truth: DiscTruth, timeline: Timeline, other_shape: int = DISC) -> Reading | None:
    """Read the ball of a one-ball clip.

    Args:
        clip: A clip that `refusal` admits.
        truth: Truth of its case; it says where to look first, nothing else.
        timeline: Timeline of the clip.
        other_shape: The shape that the ball may have beside a disc; `DISC` where shape plays no part.

    Returns:
        The reading, or None where the ball is whole in fewer than three of the scored frames.
    """
    frames = clip.frames[:: timeline.stride][timeline.first : timeline.last + 1]
    if len(frames) < LEAST_FRAMES:
        return None
    measured = measure(frames, truth.colours, float(truth.radii.min()), truth.edge)
    last = timeline.path[timeline.first - 1]
    step = last - timeline.path[timeline.first - 2] if timeline.first > 1 else np.zeros_like(last)
    shapes = read_shapes(frames, measured, truth.edge)
    found = track(measured, last, step, measured.disc | (shapes.kind >= 0))
    rows, object_of = np.arange(len(frames)), found.chosen[:, 0]
    share = shapes.share(DISC, other_shape)[rows, object_of] if other_shape != DISC else np.zeros(len(frames))
    part = np.clip(share, 0.0, 1.0)
    area = (1 - part) * AREA[DISC] + part * AREA[other_shape]
    radius = shapes.mass_radius[rows, object_of] * np.sqrt(AREA[DISC] / area)
    at = found.position[:, 0]
    with np.errstate(invalid="ignore"):
        inside = ((at >= radius[:, None]) & (at <= VIEW - radius[:, None])).all(axis=1)
    whole = (object_of >= 0) & inside & ~np.isnan(radius + share)
    times = timeline.times[timeline.first : timeline.last + 1]
    velocity = steady_velocity(times[whole], at[whole])
    if whole.sum() < LEAST_FRAMES or velocity is None:
        return None
    deficit = 255.0 - found.colour[whole, 0]
    colour = 255.0 * (1.0 - deficit / np.maximum(deficit.max(axis=1, keepdims=True), 1.0))
    return Reading(
        colour=np.median(colour, axis=0),
        radius=float(np.median(radius[whole])),
        velocity=velocity,
        otherness=float(np.median(share[whole])),
        frames=int(whole.sum()),
    )

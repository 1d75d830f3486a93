"""Quality of the pictures and steadiness from one to the next, on what never moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from wmenv.judgers.scenes.colours import turned
from wmenv.judgers.scenes.steady import Steady
from wmenv.judgers.scenes.track import Track

FloatArray = NDArray[np.float64]

LASTS = 5
"""Frames of which a hue is the median: noise does not last."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the pictures show.

    Attributes:
        noise: Second largest standard deviation of flat grey, levels; `UNSEEN` where no grey is left to see it.
        soft: Second largest loss of the steepness of grey edges against the plate.
        flicker: Second largest change of brightness from a frame to the next.
        turn: Largest lasting change of a thing's hue, degrees.
    """

    noise: float
    soft: float
    flicker: float
    turn: float


def look(steady: Steady, tracks: Mapping[str, Track]) -> Look:
    """Measure the pictures."""
    steps = np.sort(np.abs(np.diff(steady.gain)))
    soft = np.sort(1 - steady.sharpness)
    return Look(
        noise=float(np.sort(steady.noise)[-2]),
        soft=max(0.0, float(soft[-2])),
        flicker=float(steps[-2]),
        turn=max((_turn(track) for track in tracks.values()), default=0.0),
    )


def _turn(track: Track) -> float:
    """Third largest deviation of a thing's hue, medians of `LASTS` frames, from that of its first frame, degrees."""
    away = np.rad2deg(turned(track.shade - track.shade[0]))
    away = away[np.isfinite(away) & (track.clear > 0.8)]
    if len(away) < LASTS + 2:
        return 0.0
    return float(np.sort(np.abs(np.median(sliding_window_view(away, LASTS), axis=-1)))[-3])

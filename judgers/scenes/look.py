"""Quality of the pictures and steadiness from one to the next, on what never moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.colours import Colours, turned
from wmenv.judgers.scenes.tracking import Track

FloatArray = NDArray[np.float64]

UNSEEN = 99.0
"""Noise of a picture in which nothing of the plate can be recognised."""


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


def look(frames: FloatArray, plate: FloatArray, colours: Colours, tracks: Mapping[str, Track]) -> Look:
    """Measure the pictures (T, H, W, 3) against the plate (H, W, 3)."""
    grey = frames.mean(axis=-1)
    still = plate.mean(axis=-1)
    slope = _slope(still)
    flat = _eroded(slope < 4.0)
    steep = slope > 24.0
    vivid = colours.vivid
    noise, sharp, gain = [], [], []
    for t in range(len(frames)):
        quiet = _eroded(~vivid[t])
        place = flat & quiet & (np.abs(grey[t] - still) < 60)
        noise.append(_noise(grey[t], place))
        on = steep & quiet & (np.abs(grey[t] - still) < 60)
        sharp.append(float(np.median(_slope(grey[t])[on] / slope[on])) if on.sum() >= 20 else 1.0)
        gain.append(float(np.median(grey[t][place] / np.maximum(still[place], 1))) if place.any() else 1.0)
    steps = np.sort(np.abs(np.diff(gain)))
    soft = np.sort(1 - np.array(sharp) / max(sharp[0], 0.5))
    return Look(
        noise=float(np.sort(noise)[-2]),
        soft=max(0.0, float(soft[-2])),
        flicker=float(steps[-2]) if len(steps) > 1 else 0.0,
        turn=max((_turn(track) for track in tracks.values()), default=0.0),
    )


def _turn(track: Track) -> float:
    """Third largest deviation of a thing's hue from that of its first frame, degrees."""
    away = np.abs(np.rad2deg(turned(track.shade - track.shade[0])))
    away = away[np.isfinite(away)]
    return float(np.sort(away)[-3]) if len(away) > 3 else 0.0


def _slope(grey: FloatArray) -> FloatArray:
    y, x = np.gradient(grey)
    return np.asarray(np.hypot(x, y))


def _noise(grey: FloatArray, place: NDArray[np.bool_]) -> float:
    """Standard deviation of noise from the difference of two second differences (Immerkaer 1996), robust."""
    if place.sum() < 50:
        return UNSEEN
    c = np.pad(grey, 1, mode="edge")
    across = c[:, :-2] - 2 * c[:, 1:-1] + c[:, 2:]
    both = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(1.4826 * np.median(np.abs(both[place])) / 6.0)


def _eroded(mask: NDArray[np.bool_], times: int = 2) -> NDArray[np.bool_]:
    out = mask.copy()
    for _ in range(times):
        shrunk = out.copy()
        shrunk[1:] &= out[:-1]
        shrunk[:-1] &= out[1:]
        shrunk[:, 1:] &= out[:, :-1]
        shrunk[:, :-1] &= out[:, 1:]
        out = shrunk
    return out

"""The official parser, plainly: hard mask, mean of pixel indices, pixel / W. Baseline of accuracy and of speed.

Source of the rule: phyworld/phyworld commit ee0e473, `parse_state_from_image*` in `id_ood_data/evaluate.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.laws import inside_view, scored_pairs
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import FRAME_TIME, VIEW, frame_times

FloatArray = NDArray[np.float64]


def mask_and_mean(frames: NDArray[np.uint8], balls: int) -> FloatArray:
    """Centre and radius of the red (and blue) disc in every frame by a hard mask.

    Args:
        frames: (T, S, S, 3) uint8.
        balls: 1 (red) or 2 (red and blue).

    Returns:
        (T, balls, 3) x, y, r in world units; NaN where a mask is empty.
    """
    size = frames.shape[2]
    found = np.full((len(frames), balls, 3), np.nan)
    for t, frame in enumerate(frames[:, ::-1]):
        red, green, blue = frame[..., 0], frame[..., 1], frame[..., 2]
        masks = ((red > 127) & (green < 127) & (blue < 127), (red < 127) & (green < 127) & (blue > 127))
        for ball, mask in enumerate(masks[:balls]):
            rows, columns = np.nonzero(mask)
            if len(rows):
                radius = np.sqrt(len(rows) / np.pi)
                found[t, ball] = np.array([columns.mean(), rows.mean(), radius]) / size * VIEW
    return found


def official_track(frames: NDArray[np.uint8], truth: DiscTruth) -> float | None:
    """The paper's velocity error (mean of absolute) of a clip as the official parser sees it, units/s."""
    times = frame_times(len(frames))
    path = truth.positions(times)
    seen = mask_and_mean(frames, len(truth.radii))[..., :2]
    given = float(times[truth.given - 1])
    inside = inside_view(path[None], truth.radii[None])
    before, after = scored_pairs(inside, times, np.array([truth.contact]), given)
    pairs = (after if truth.law == "collision" else before)[0]
    error = np.linalg.norm(np.diff(seen - path, axis=0), axis=-1)[pairs] / FRAME_TIME
    return float(np.nanmean(error)) if error.size and not np.isnan(error).all() else None

"""The velocity error as the official code computes it, absent-ball rule included, for comparison with the paper.

Source: phyworld/phyworld commit ee0e473, `id_ood_data/evaluate.py`: hard masks, pixel index / W (drawn at
i / (W - 1): a bias of 1/256 of the speed), average over time first and absolute value second, frames 3 to T - 2,
collision after the first jump of the true velocity by more than 0.1, x axis only, an absent ball at x = 10
(collision: red at 0, blue at 10).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import COLOURS, FRAME_TIME, VIEW

FloatArray = NDArray[np.float64]

FIRST_SCORED = 3
VELOCITY_JUMP = 0.1


def official_frames(truth: DiscTruth, path: FloatArray) -> NDArray[np.int64]:
    """Indices of the frames that evaluate.py scores.

    Args:
        truth: Truth of the case.
        path: (T, B, 2) true positions at the nominal rate.
    """
    path, radii = path[:-1], truth.radii
    if truth.law == "collision":
        inside = (path[:, 0, 0] - radii[0] >= 0) & (path[:, 1, 0] + radii[1] <= VIEW)
    else:
        inside = ((path >= radii[:, None]) & (path <= VIEW - radii[:, None])).all(axis=(1, 2))
    inside[:FIRST_SCORED] = False
    return np.flatnonzero(inside)


def official_velocity_error(
    masks: FloatArray, frames: NDArray[np.int64], size: int, truth: DiscTruth, path: FloatArray
) -> float | None:
    """The official velocity error of one clip.

    Args:
        masks: (T', 2, 3) pixel count, mean column and mean row of the red and the blue mask.
        frames: (T',) indices of these frames, from `official_frames`.
        size: Side of the picture, pixels.
        truth: Truth of the case.
        path: (T, B, 2) true positions at the nominal rate.

    Returns:
        units/s, or None where the code would average over no frame.
    """
    absent = [VIEW] if len(truth.radii) == 1 else [0.0, VIEW]
    # Each ball is looked for in the mask of its own colour, as the official scripts of two colours do.
    own = [int((COLOURS == colour).all(axis=1).argmax()) for colour in truth.colours]
    x = np.where(masks[:, own, 0] > 0, masks[:, own, 1] / size * VIEW, absent)
    velocity = np.diff(x, axis=0) / FRAME_TIME
    if truth.law != "collision":
        return float(abs(velocity[:, 0].mean() - truth.starts.velocity[0, 0, 0])) if len(velocity) else None
    true = np.diff(path[frames, :, 0], axis=0) / FRAME_TIME
    jumps = np.flatnonzero((np.abs(np.diff(true, axis=0)) > VELOCITY_JUMP).any(axis=1))
    contact = int(jumps[0]) + 1 if len(jumps) else len(true) - 1
    if contact + 1 >= len(true):
        return None
    after, true_after = velocity[contact + 1 :].mean(axis=0), true[contact + 1 :].mean(axis=0)
    return float(np.abs(after - true_after).mean())

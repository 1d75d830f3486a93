"""Whether two pictures show the same thing, but for noise, a slight blur and edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LEVELS = 40.0
"""Grey levels, in any channel and after a blur of one pixel, from which a pixel shows something else."""
PIXELS = 20.0
"""Such pixels, at a width of 128, from which a picture shows something else."""


def softened(pictures: NDArray[np.uint8]) -> FloatArray:
    """Pictures (..., H, W, 3) after a binomial blur of standard deviation 1 pixel, edges repeated."""
    out = np.asarray(pictures, np.float64)
    for axis in (-3, -2):
        for _ in range(2):
            pad = [(0, 0)] * out.ndim
            pad[axis] = (1, 1)
            wide = np.pad(out, pad, mode="edge")
            count = out.shape[axis]
            low, here, high = (np.take(wide, np.arange(count) + k, axis=axis) for k in range(3))
            out = (low + 2 * here + high) / 4
    return out


def unlike(pictures: NDArray[np.uint8], others: NDArray[np.uint8]) -> FloatArray:
    """How many pixels differ, as if the pictures were 128 wide.

    Args:
        pictures: uint8 (..., H, W, 3).
        others: uint8, broadcast against them.

    Returns:
        (...) counts; above `PIXELS` the pictures show something else.
    """
    apart = np.abs(softened(pictures) - softened(others)).max(axis=-1) > LEVELS
    counts: FloatArray = apart.sum(axis=(-2, -1)) * (128.0 / apart.shape[-1]) ** 2
    return counts

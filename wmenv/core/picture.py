"""Single pictures: read from a file, brought to a size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wmenv.core.video import read_clip


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture file (JPEG, PNG, ...) as uint8 (H, W, 3).

    Raises:
        VideoUnreadable: No such file, or it cannot be decoded.
    """
    frame: NDArray[np.uint8] = read_clip(path).frames[0]
    return frame


def fitted(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Bring a picture to a size: the largest centred part of the wanted aspect, then every pixel the mean of its area.

    The protocols of published benchmarks say nothing about how an image condition is brought to a model's size. This
    is how it is done here, and nowhere else.

    Args:
        picture: uint8 (H, W, 3).
        height: Wanted height, pixels.
        width: Wanted width, pixels.

    Returns:
        uint8 (height, width, 3); the picture itself where it has that size.
    """
    rows, columns = picture.shape[:2]
    if (rows, columns) == (height, width):
        return picture
    scale = min(rows / height, columns / width)
    down, across = (_areas(old, new, scale) for old, new in ((rows, height), (columns, width)))
    mean = np.einsum("ih,hwc,jw->ijc", down, picture.astype(np.float64), across, optimize=True)
    brought: NDArray[np.uint8] = np.rint(mean).astype(np.uint8)
    return brought


def _areas(old: int, new: int, scale: float) -> NDArray[np.float64]:
    """Shares (new, old) of old pixels in each new one, of `scale` old pixels' length, centred; rows sum to 1."""
    edges = (old - new * scale) / 2 + scale * np.arange(new + 1)
    low, high = edges[:-1, None], edges[1:, None]
    places = np.arange(old)
    shared = np.clip(np.minimum(high, places + 1) - np.maximum(low, places), 0, None)
    shares: NDArray[np.float64] = shared / shared.sum(axis=1, keepdims=True)
    return shares

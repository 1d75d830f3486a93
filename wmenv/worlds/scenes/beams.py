"""Bundles of neighbouring rays, and which things each can meet, so that no ray is tried against everything.

Seen from where the rays start, a thing lies within the rectangle that its corners span, and a bundle within the one
that its rays span. Where those are apart the thing cannot be met, so leaving it out changes no hit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

BUNDLE = 256
"""Rays of a bundle."""
SLACK = 1e-6
"""By which rectangles are widened, in tangents: far more than rounding, far less than a pixel."""
AHEAD = 1e-3
"""Metres, or the cosine, from which something lies ahead and not beside or behind."""


def bundles(count: int) -> Iterator[slice]:
    """Where each bundle of that many rays lies."""
    for first in range(0, count, BUNDLE):
        yield slice(first, min(first + BUNDLE, count))


def meetable(start: FloatArray, towards: FloatArray, rays: FloatArray, corners: FloatArray) -> NDArray[np.bool_]:
    """Which things a bundle of rays can meet.

    Args:
        start: (3,) where all rays start, metres.
        towards: (3,) a point that they more or less look at.
        rays: (R, 3) directions; rays that follow each other should be neighbours.
        corners: (G, 8, 3) corners of boxes around the things, metres.

    Returns:
        (B, G), a row a bundle.
    """
    axes = _axes(towards - start)
    low, high = _spans(rays @ axes)
    least, most = _spans((corners - start).reshape(-1, 3) @ axes)
    edges, things = np.arange(0, len(rays), BUNDLE), np.arange(0, 8 * len(corners), 8)
    low, high = np.minimum.reduceat(low, edges, axis=1), np.maximum.reduceat(high, edges, axis=1)
    least, most = np.minimum.reduceat(least, things, axis=1), np.maximum.reduceat(most, things, axis=1)
    apart = (low[:, :, None] > most[:, None] + SLACK) | (high[:, :, None] < least[:, None] - SLACK)
    return np.asarray(~apart.any(axis=0))


def _axes(ahead: FloatArray) -> FloatArray:
    """(3, 3) columns: two axes across a direction, and the direction."""
    ahead = ahead / np.linalg.norm(ahead)
    across = np.cross(ahead, np.eye(3)[np.abs(ahead).argmin()])
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(across, ahead), ahead], axis=-1)


def _spans(places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(2, N) tangents of places (N, 3) in such axes as low and high ends; endless for what is not ahead."""
    *across, ahead = places.T.copy()
    beside = ahead < AHEAD
    if not beside.any():
        tangents = np.stack(across) / ahead
        return tangents, tangents
    tangents = np.stack(across) / np.where(beside, 1.0, ahead)
    return np.where(beside, -np.inf, tangents), np.where(beside, np.inf, tangents)

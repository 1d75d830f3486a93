"""Cross-sections of parts in the plane: how far points are from one, where its edge is, how far two are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.world import Part

FloatArray = NDArray[np.float64]


def distance(part: Part, pose: FloatArray, points: FloatArray) -> FloatArray:
    """Signed distance of points of the plane from a part's cross-section, metres; negative inside.

    Args:
        part: The part.
        pose: (3,) x, z and angle.
        points: (..., 2) metres.
    """
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    dx, dz = points[..., 0] - pose[0], points[..., 1] - pose[1]
    u, w = cos * dx + sin * dz, -sin * dx + cos * dz
    if part.shape == "box":
        a, b = np.abs(u) - part.size[0], np.abs(w) - part.size[1]
        return np.asarray(np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0))
    if part.shape == "capsule":
        return np.asarray(np.hypot(u, np.maximum(np.abs(w) - part.size[1], 0)) - part.size[0])
    return np.asarray(np.hypot(u, w) - part.size[0])


def outline(part: Part, pose: FloatArray, count: int = 24) -> FloatArray:
    """(count, 2) points on the edge of a part's cross-section, metres."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    ray = np.column_stack([np.cos(angle), np.sin(angle)])
    if part.shape == "box":
        local = ray / np.abs(ray / np.asarray(part.size[:2])).max(axis=1, keepdims=True)
    elif part.shape == "capsule":
        local = ray * part.size[0] + np.column_stack([0 * angle, np.sign(np.round(ray[:, 1], 9)) * part.size[1]])
    else:
        local = ray * part.size[0]
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    return np.asarray(local @ np.array([[cos, sin], [-sin, cos]]) + pose[:2])


def apart(part: Part, pose: FloatArray, other: Part, place: FloatArray) -> float:
    """Distance of two parts in poses (3,), metres; negative where they overlap, NaN where a pose is not known."""
    here = distance(other, place, outline(part, pose)).min()
    there = distance(part, pose, outline(other, place)).min()
    return float(min(here, there))

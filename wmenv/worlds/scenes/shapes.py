"""Cross-sections of parts in the plane: how far points are from one, where its edge is, how far two are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.world import Part

FloatArray = NDArray[np.float64]

_CORNERS = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])


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
    """(count, 2) points on the edge of a part's cross-section, metres; corners may lie between them."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    ray = np.column_stack([np.cos(angle), np.sin(angle)])
    if part.shape == "box":
        local = ray / np.abs(ray / np.asarray(part.size[:2])).max(axis=1, keepdims=True)
    elif part.shape == "capsule":
        local = ray * part.size[0] + np.column_stack([0 * angle, np.sign(np.round(ray[:, 1], 9)) * part.size[1]])
    else:
        local = ray * part.size[0]
    return _placed(local, pose)


def _edge(part: Part, pose: FloatArray) -> FloatArray:
    """(N, 2) an outline with the corners of a box."""
    around = outline(part, pose)
    return np.concatenate([around, _placed(half_extents(part) * _CORNERS, pose)]) if part.shape == "box" else around


def _placed(local: FloatArray, pose: FloatArray) -> FloatArray:
    """Points (N, 2) along a part's own axes, in the plane."""
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    return np.asarray(local @ np.array([[cos, sin], [-sin, cos]]) + pose[:2])


def half_extents(part: Part) -> FloatArray:
    """(2,) half width and half height of a cross-section along its own axes, metres."""
    if part.shape == "box":
        return np.array(part.size[:2])
    return np.array([part.size[0], part.size[0] + (part.size[1] if part.shape == "capsule" else 0.0)])


def reach(part: Part) -> float:
    """Radius of a circle around a cross-section, metres."""
    return float(np.hypot(part.size[0], part.size[1])) if part.shape == "box" else float(half_extents(part)[1])


def area(part: Part) -> float:
    """Area of a cross-section, square metres."""
    if part.shape == "box":
        return 4 * part.size[0] * part.size[1]
    if part.shape == "capsule":
        return float(np.pi * part.size[0] ** 2 + 4 * part.size[0] * part.size[1])
    return float(np.pi * part.size[0] ** 2)


def apart(part: Part, pose: FloatArray, other: Part, place: FloatArray) -> float:
    """Distance of two parts in poses (3,), metres; negative where they overlap, NaN where a pose is not known."""
    here = distance(other, place, outline(part, pose)).min()
    there = distance(part, pose, outline(other, place)).min()
    return float(min(here, there))


def closest(part: Part, pose: FloatArray, other: Part, place: FloatArray) -> tuple[float, FloatArray]:
    """As `apart`, corners included, with the directions in which the other one can push the part.

    Returns:
        Metres, and (2, 2) unit vectors: away from the other one's surface where the part comes nearest to it, and
        against the part's own surface where the other one comes nearest; the first one twice where the second is not
        within a tenth of the part's extent as near.
    """
    mine, theirs = _edge(part, pose), _edge(other, place)
    here, there = distance(other, place, mine), distance(part, pose, theirs)
    way = push(other, place, mine[here.argmin()])
    back = -push(part, pose, theirs[there.argmin()]) if there.min() < here.min() + 0.1 * part.extent else way
    return float(min(here.min(), there.min())), np.stack([way, back])


def push(part: Part, pose: FloatArray, points: FloatArray, step: float = 1e-4) -> FloatArray:
    """(..., 2) unit vectors in which a part's surface pushes what is at points (..., 2): where the distance grows."""
    around = points[..., None, :] + step * np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    right, left, up, down = np.moveaxis(distance(part, pose, around), -1, 0)
    slope = np.stack([right - left, up - down], axis=-1)
    return np.asarray(slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-12))


def shared(part: Part, pose: FloatArray, other: Part, place: FloatArray, count: int = 12) -> float:
    """Area that two parts in poses (3,) share, as a share of the smaller one's, 0 to 1: from a grid in that one."""
    if area(part) > area(other):
        part, pose, other, place = other, place, part, pose
    half = half_extents(part)
    line = (np.arange(count) + 0.5) / count * 2 - 1
    points = _placed(np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2) * half, pose)
    cell = 2 * float(np.sqrt(half.prod())) / count
    mine, both = (np.clip(0.5 - distance(*one, points) / cell, 0.0, 1.0) for one in ((part, pose), (other, place)))
    return float((mine * both).sum() / mine.sum())

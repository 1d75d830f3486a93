"""How well a silhouette agrees with pixels, in one compiled pass: a search for poses asks it thousands of times a clip.

`Window.coverage` and `wmenv.worlds.scenes.shapes.distance` say the same plainly; tests hold the two together.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.silhouette import Window, faces
from wmenv.worlds.compiled import compiled
from wmenv.worlds.scenes.shapes import distance
from wmenv.worlds.scenes.world import Part

FloatArray = NDArray[np.float64]
ROUND: Any
ROUND, BOX, CAPSULE = map(np.int64, range(3))


def agreement(window: Window, part: Part, pose: FloatArray, mask: FloatArray, told: FloatArray, margin: float) -> float:
    """Intersection over union of a silhouette and the pixels of its colour around it.

    Args:
        window: The pixels.
        part: What should be there.
        pose: (3,) x, z and angle.
        mask: (h, w) share of each pixel that shows the part's colour.
        told: (h, w) weights of the pixels.
        margin: Pixels around the silhouette that count against it where they show its colour.

    Returns:
        In [0, 1]; 0 where the two cover less than a pixel.
    """
    if window.softness:
        shown = window.coverage(part, pose)
        near = distance(part, pose, window.points) * window.scale < margin
        both, union = (
            (told * np.minimum(shown, mask)).sum(),
            (told * np.maximum(shown, np.where(near, mask, 0.0))).sum(),
        )
        return float(both / union) if union > 1.0 else 0.0
    kind = {"box": BOX, "capsule": CAPSULE}.get(part.shape, ROUND)
    a, b = float(part.size[0]), float(part.size[1]) if kind != ROUND else 0.0
    both, union = _sums(
        kind, a, b, pose, *window.across, np.asarray(window.camera.centre, float), np.array(faces(window.camera, part)),
        float(window.scale), mask, told, float(margin),
    )  # fmt: skip
    return both / union if union > 1.0 else 0.0


@compiled
def _sums(kind, a, b, pose, across, up, centre, factors, scale, mask, told, margin):  # type: ignore[no-untyped-def]
    """Sums of the least and of the largest of silhouette and mask."""
    cos, sin = math.cos(pose[2]), math.sin(pose[2])
    both = union = 0.0
    for row in range(len(up)):
        for column in range(len(across)):
            weight = told[row, column]
            if weight == 0.0:
                continue
            shown = 0.0
            for factor in factors:
                dx = across[column] * factor + centre[0] - pose[0]
                dz = up[row] * factor + centre[1] - pose[1]
                covered = 0.5 - _distance(kind, a, b, cos * dx + sin * dz, cos * dz - sin * dx) * scale
                shown = max(shown, min(covered, 1.0))
            dx, dz = across[column] + centre[0] - pose[0], up[row] + centre[1] - pose[1]
            seen = mask[row, column]
            both += weight * min(shown, seen)
            if _distance(kind, a, b, cos * dx + sin * dz, cos * dz - sin * dx) * scale >= margin:
                seen = 0.0
            union += weight * max(shown, seen)
    return both, union


@compiled
def _distance(kind, a, b, u, w):  # type: ignore[no-untyped-def]
    """Signed distance of a point, in the part's own axes, from its cross-section."""
    if kind == BOX:
        along, across = abs(u) - a, abs(w) - b
        return math.hypot(max(along, 0.0), max(across, 0.0)) + min(max(along, across), 0.0)
    if kind == CAPSULE:
        return math.hypot(u, max(abs(w) - b, 0.0)) - a
    return math.hypot(u, w) - a

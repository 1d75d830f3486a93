"""The definition of `measure`, plainly: its oracle, some hundred times slower."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.measure import FloatArray, Measured, min_area, to_world
from wmenv.worlds.discs.scan import CORE, COVERED, FAINT, MAX_OBJECTS, MAX_REGIONS, PAD
from wmenv.worlds.discs.world import Edge


def measure_reference(
    frames: NDArray[np.uint8], colours: NDArray[np.uint8], smallest_radius: float, edge: Edge = "area"
) -> Measured:
    """The definition of `measure` in plain Python and numpy, some hundred times slower."""
    size = frames.shape[1]
    found = np.full((len(frames), MAX_OBJECTS, 8), np.nan)
    count = np.zeros(len(frames), dtype=np.int64)
    masks = np.zeros((len(frames), 2, 3))
    deficits = 255.0 - colours.astype(np.float64)
    hues = deficits / np.linalg.norm(deficits, axis=1, keepdims=True)
    rows, columns = np.mgrid[0:size, 0:size]
    for t, frame in enumerate(frames):
        red, green, blue = frame[..., 0], frame[..., 1], frame[..., 2]
        for ball, mask in enumerate(
            [(red > 127) & (green < 127) & (blue < 127), (red < 127) & (green < 127) & (blue > 127)]
        ):
            masks[t, ball] = mask.sum(), columns[mask].sum(), rows[mask].sum()
        deficit = 255.0 - frame
        cover = deficit.max(axis=-1)
        hue_class = np.argmax(deficit @ hues.T, axis=-1)
        regions = _flood(np.where(cover > COVERED, hue_class, -1))
        if regions is None:
            count[t] = -1
            continue
        kept = [region for region in regions if len(region) >= min_area(smallest_radius, size, edge)]
        count[t] = len(kept)
        boxes, peaks = [], []
        for region in kept[:MAX_OBJECTS]:
            at = tuple(np.array(region).T)
            core = cover[at] >= CORE
            peaks.append(deficit[at][core].mean(axis=0) if core.any() else deficit[at].mean(axis=0))
            boxes.append((at[0].min() - PAD, at[0].max() + PAD, at[1].min() - PAD, at[1].max() + PAD))
        centres = [np.mean(region, axis=0) for region in kept[:MAX_OBJECTS]]
        for k, (top, bottom, left, right) in enumerate(boxes):
            weight = np.zeros((size, size))
            for i in range(max(top, 0), min(bottom, size - 1) + 1):
                for j in range(max(left, 0), min(right, size - 1) + 1):
                    others = [
                        other
                        for other, box in enumerate(boxes)
                        if other != k and box[0] <= i <= box[1] and box[2] <= j <= box[3]
                    ]
                    alpha = _weights(deficit[i, j], peaks[k], peaks[others[0]] if others else None)
                    if alpha is None:  # two objects of one hue: the pixel belongs to the nearer one
                        alpha = _weights(deficit[i, j], peaks[k], None) or 0.0
                        distance = [
                            ((i - centres[o][0]) ** 2 + (j - centres[o][1]) ** 2) / len(kept[o]) for o in (k, others[0])
                        ]
                        alpha = alpha if distance[0] <= distance[1] else 0.0
                    weight[i, j] = alpha if alpha >= FAINT else 0.0
            mass = weight.sum()
            x, y = (weight * columns).sum() / mass, (weight * rows).sum() / mass
            moment = (weight * (columns**2 + rows**2)).sum() - mass * (x * x + y * y + 1 / 6)
            compact = mass * mass / (2 * np.pi * max(moment, 1e-9))
            first = hue_class[kept[k][0]]
            found[t, k] = x, y, mass, compact, *(255.0 - peaks[k]), first
    return to_world(found[:, : max(int(count.max(initial=1)), len(colours))], count, masks, size, edge)


def _flood(label: NDArray[np.int64]) -> list[list[tuple[int, int]]] | None:
    """4-connected regions of equal non-negative label in raster order of their first pixel; None if over the limit."""
    size = len(label)
    seen = label < 0
    regions: list[list[tuple[int, int]]] = []
    for start in map(tuple, np.argwhere(label >= 0).tolist()):
        if seen[start]:
            continue
        if len(regions) == MAX_REGIONS:
            return None
        region, stack = [], [start]
        seen[start] = True
        while stack:
            i, j = stack.pop()
            region.append((i, j))
            for p, q in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if 0 <= p < size and 0 <= q < size and not seen[p, q] and label[p, q] == label[i, j]:
                    seen[p, q] = True
                    stack.append((p, q))
        regions.append(region)
    return regions


def _weights(pixel: FloatArray, own: FloatArray, other: FloatArray | None) -> float | None:
    """Coverage of a pixel by the object of deficit `own`; None where `other` has nearly the same hue."""
    own_own, own_pixel = float(own @ own), float(own @ pixel)
    alpha = own_pixel / own_own
    if other is not None:
        other_other, own_other, other_pixel = float(other @ other), float(own @ other), float(other @ pixel)
        if own_other**2 > 0.95 * own_own * other_other:
            return None
        determinant = own_own * other_other - own_other**2
        alpha = (other_other * own_pixel - own_other * other_pixel) / determinant
        rest = (own_own * other_pixel - own_other * own_pixel) / determinant
        if rest < 0.0:
            alpha = own_pixel / own_own
    return min(max(alpha, 0.0), 1.0)

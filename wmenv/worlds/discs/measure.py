"""From pixels back to discs: where they are, how large, of which colour, and how many.

Per frame:

1. Coverage of a pixel is 255 minus its smallest channel (0 on white, 255 for a saturated colour). Pixels of
   coverage over 127 form components (4-connected, of one *hue class*: the nearest of the case's own colours, so
   that a red and a blue disc that touch stay two).
2. A component's colour c (as deficit from white) is the mean of its pixels of coverage of at least 230.
3. Inside the component's bounding box plus two pixels every pixel gets the soft weight
   alpha = clip(d . c / |c|^2, 0, 1), d its deficit from white; where the boxes of two components overlap both
   weights are solved for together. Mass = sum of alpha, centre = alpha-weighted mean on the grid on which clips
   are drawn, radius = sqrt(mass / (pi (1 - 0.03 / 2))), compactness = mass^2 / (2 pi I) with I the second
   moment less that of a pixel, mass / 6: 1 for a disc of any size; `least_compactness` says what counts as one.

The same scan counts the official hard masks (a channel over 127, the others under), for the official variant.
`measure` is compiled; `measure_reference` states the definition plainly and is its oracle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.draw import pixel_centres
from wmenv.worlds.discs.scan import BLUE, COMPACTNESS, HUE_CLASS, MASS, MAX_OBJECTS, RED, X, scan
from wmenv.worlds.discs.world import EDGE_SOFTNESS, VIEW, Edge

ROUND, BLURRED, BLUR = 0.75, 0.5, 1.5
"""An object of smaller compactness than the first is no disc (noise that fills a picture has 0.72, a 2:1 ellipse 0.8),
unless a blur of so many pixels (standard deviation) explains it and it is over the second: see `least_compactness`."""
MIN_AREA_SHARE = 0.15
"""A component smaller than this share of the smallest expected disc is a speck, not an object."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found in T frames, up to O objects a frame (O is at least the number of expected discs).

    Attributes:
        count: (T,) number of objects, -1 where the picture falls into too many regions to be read (noise).
        position: (T, O, 2) world units; NaN beyond the count.
        radius: (T, O) world units.
        compactness: (T, O), 1 for a disc.
        colour: (T, O, 3) RGB in [0, 255].
        hue_class: (T, O) index of the nearest of the case's colours, -1 beyond the count.
        official: (T, 2, 3) pixel count, mean column and mean row (from the bottom) of the official red and blue
            masks; the means are NaN where the mask is empty.
        step: World units from one pixel to the next.
    """

    count: NDArray[np.int64]
    position: FloatArray
    radius: FloatArray
    compactness: FloatArray
    colour: FloatArray
    hue_class: NDArray[np.int64]
    official: FloatArray
    step: float

    @property
    def disc(self) -> NDArray[np.bool_]:
        """(T, O) which objects are discs: compact, and not a picture filled with one colour."""
        edge = self.radius[..., None]
        whole = ((self.position >= edge) & (self.position <= VIEW - edge)).all(axis=-1)
        least = np.where(whole, least_compactness(self.radius / self.step), ROUND)  # a cut is no blur
        return (self.compactness >= least) & (self.radius < VIEW / 2)


def least_compactness(radius: FloatArray) -> FloatArray:
    """What a disc may be blurred to and still count as one.

    A disc of radius r whose blur has standard deviation b has compactness 1 / (1 + 2 b^2 / r^2). In a small picture a
    blur that nobody would call a loss makes much of a small ball: with r of 2.2 pixels one pixel makes 0.71.

    Args:
        radius: Pixels.

    Returns:
        As the radii, in [BLURRED, ROUND].
    """
    return np.clip(1.0 / (1.0 + 2.0 * (BLUR / radius) ** 2), BLURRED, ROUND)


def measure(
    frames: NDArray[np.uint8], colours: NDArray[np.uint8], smallest_radius: float, edge: Edge = "area"
) -> Measured:
    """Find the discs in every frame.

    Args:
        frames: (T, S, S, 3) uint8 RGB, row 0 at the top.
        colours: (B, 3) the case's own disc colours.
        smallest_radius: Radius of the smallest expected disc, world units.
        edge: The grid of the picture, see `draw`.
    """
    size = frames.shape[1]
    frames = np.ascontiguousarray(frames)
    block = frames.reshape(len(frames), size, size * 3)
    words = block.view(np.uint64) if size % 8 == 0 else np.empty((len(frames), size, 0), dtype=np.uint64)
    found = np.full((len(frames), MAX_OBJECTS, 8), np.nan)
    count = np.zeros(len(frames), dtype=np.int64)
    masks = np.zeros((len(frames), 2, 3))
    deficits = 255.0 - colours.astype(np.float64)
    hues = deficits / np.linalg.norm(deficits, axis=1, keepdims=True)
    scan(frames, words, hues, min_area(smallest_radius, size, edge), found, count, masks)
    return to_world(found[:, : max(int(count.max(initial=1)), len(colours))], count, masks, size, edge)


def min_area(smallest_radius: float, size: int, edge: Edge) -> float:
    """Least number of pixels of an object."""
    step = pixel_centres(size, edge)[1] - pixel_centres(size, edge)[0]
    return float(max(1.0, MIN_AREA_SHARE * np.pi * (smallest_radius / step) ** 2))


def to_world(found: FloatArray, count: NDArray[np.int64], masks: FloatArray, size: int, edge: Edge) -> Measured:
    """Pixels to world units: columns of `scan` to the fields of `Measured`."""
    grid = pixel_centres(size, edge)
    origin, step = grid[0], grid[1] - grid[0]
    position = found[..., :2] * [step, -step] + [origin, origin + (size - 1) * step]
    official = masks / np.where(masks[..., :1] > 0, masks[..., :1], np.nan)
    official[..., 0] = masks[..., 0]
    official[..., 2] = size - 1 - official[..., 2]
    return Measured(
        count=count,
        position=position,
        radius=np.sqrt(found[..., MASS] * (step * step / (np.pi * (1 - EDGE_SOFTNESS / 2)))),
        compactness=found[..., COMPACTNESS],
        colour=found[..., RED : BLUE + 1],
        hue_class=np.where(np.isnan(found[..., X]), -1, found[..., HUE_CLASS]).astype(np.int64),
        official=official,
        step=float(step),
    )

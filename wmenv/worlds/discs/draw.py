"""The picture of discs, squares and rings: uint8 RGB, row 0 at the top.

At 256 pixels and above the official formulas are drawn as they are; pixel i lies at i / (W - 1) of the view. A disc
covers alpha = clip((r^2 - d^2) / (0.03 r^2), 0, 1) of a pixel at distance d (phyworld/phyworld ee0e473,
`vectorized_draw_balls`). A square covers the pixels in [x - r, x + r] x [y - r, y + r] wholly, with no soft edge
(`one_object_uniform_motion_*.py`). A ring is a disc with a hole: alpha of the disc of radius r times 1 - alpha of the
disc of radius 0.4 r. Then frame = (1 - alpha) frame + alpha colour in float64, ball after ball, truncated once at the
end. Below 256 pixels a picture is the area average of the 256-pixel picture (`edge="area"`) or the formula at that
size (`edge="official"`, for comparison: its edge is narrower than a pixel and aliases).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.discs import Discs, joined
from wmenv.worlds.discs.laws import Starts
from wmenv.worlds.discs.paint import draw_averaged, draw_direct
from wmenv.worlds.discs.world import DISC, EDGE_SOFTNESS, PICTURE, RING, RING_HOLE, SQUARE, VIEW, Edge, Mode

Frames = NDArray[np.uint8]


def averages(size: int, edge: Edge) -> bool:
    """Whether pictures of this size are area averages of the 256-pixel picture."""
    return edge == "area" and size < PICTURE


def pixel_centres(size: int, edge: Edge = "area") -> NDArray[np.float64]:
    """World x of the pixel columns, (size,) in [0, 10]; the grid on which clips are drawn *and* parsed."""
    if averages(size, edge):
        return ((np.arange(size) + 0.5) * (PICTURE / size) - 0.5) / (PICTURE - 1) * VIEW
    return np.arange(size) / (size - 1) * VIEW


def draw(discs: Discs, size: int = PICTURE, edge: Edge = "area", out: Frames | None = None) -> Frames:
    """Draw a clip with the compiled kernel; equal to `draw_reference` to the bit.

    Args:
        discs: T frames of discs.
        size: Side of the square picture in pixels.
        edge: How sizes below 256 are made.
        out: Buffer (T, size, size, 3) uint8, C-contiguous, to draw into; a new one otherwise.

    Returns:
        (T, size, size, 3) uint8, the buffer if one was given.
    """
    if out is None:
        out = np.empty((len(discs), size, size, 3), dtype=np.uint8)
    elif out.shape != (len(discs), size, size, 3) or out.dtype != np.uint8 or not out.flags.c_contiguous:
        raise ValueError(
            f"out must be C-contiguous uint8 of shape {(len(discs), size, size, 3)}, got {out.dtype} {out.shape}"
        )
    out.fill(255)
    grid = np.linspace(0, 1, PICTURE if averages(size, edge) else size)
    state = (discs.position / VIEW, discs.radius / VIEW, discs.colour, discs.present, discs.shape)
    if averages(size, edge):
        draw_averaged(out, grid, *state, np.full((PICTURE, PICTURE, 3), 255, dtype=np.uint8))
    else:
        draw_direct(out, grid, *state)
    return out


def draw_clips(
    starts: Starts,
    times: NDArray[np.float64],
    size: int = PICTURE,
    edge: Edge = "area",
    mode: Mode = "exact",
    out: Frames | None = None,
) -> Frames:
    """Draw the true clips of many cases in their own colours and shapes, in one call of the kernel.

    Args:
        starts: N initial states.
        times: (T,) seconds.
        size: Side of the square picture in pixels.
        edge: How sizes below 256 are made.
        mode: `exact` or `box2d`.
        out: Buffer (N, T, size, size, 3) uint8, C-contiguous, to draw into; a new one otherwise.

    Returns:
        (N, T, size, size, 3) uint8, the buffer if one was given.
    """
    shape = (len(starts), len(times), size, size, 3)
    if out is not None and (out.shape != shape or not out.flags.c_contiguous):
        raise ValueError(f"out must be C-contiguous uint8 of shape {shape}, got {out.dtype} {out.shape}")
    flat = None if out is None else out.reshape(shape[0] * shape[1], size, size, 3)
    drawn = draw(joined(starts, times, mode), size, edge, flat).reshape(shape)
    return drawn if out is None else out


def draw_reference(discs: Discs, size: int = PICTURE, edge: Edge = "area") -> Frames:
    """The same picture as one vectorised float64 pass a ball over (T, H, W): the oracle and the speed baseline."""
    if averages(size, edge):
        return _area_average(draw_reference(discs, PICTURE, "official"), size)
    grid = np.linspace(0, 1, size)
    frames = np.full((len(discs), size, size, 3), 255.0)
    for ball in range(discs.position.shape[1]):
        x, y = discs.position[:, ball, 0, None, None] / VIEW, discs.position[:, ball, 1, None, None] / VIEW
        radius = discs.radius[:, ball, None, None] / VIEW
        column, row = grid[None, None, :], grid[None, :, None]
        away = (column - x) * (column - x) + (row - y) * (row - y)
        disc = _soft(radius, away)
        ring = disc * (1 - _soft(RING_HOLE * radius, away))
        square = (x - radius <= column) & (column <= x + radius) & (y - radius <= row) & (row <= y + radius)
        look = discs.shape[:, ball, None, None]
        alpha = np.select([look == DISC, look == SQUARE, look == RING], [disc, square.astype(np.float64), ring])
        alpha = (alpha * discs.present[:, ball, None, None])[..., None]
        frames = (1 - alpha) * frames + alpha * discs.colour[:, ball, None, None, :]
    return frames.astype(np.uint8)[:, ::-1]


def _soft(radius: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coverage by a soft disc at squared distances from its centre."""
    squared = radius**2
    alpha: NDArray[np.float64] = np.clip((squared - away) / (squared * EDGE_SOFTNESS), 0, 1)
    return alpha


def _area_average(frames: Frames, size: int) -> Frames:
    """Area average of square pictures, half rounded up; exact in integers for every size.

    In units of 1 / size pixel, source pixel i covers [i size, (i + 1) size) and target pixel j covers
    [j source, (j + 1) source).
    """
    source = frames.shape[1]
    left = np.arange(source) * size
    cell = np.arange(size)[:, None] * source
    weight = np.clip(np.minimum(left + size, cell + source) - np.maximum(left, cell), 0, None)
    total = np.einsum("yi,xj,tijc->tyxc", weight, weight, frames.astype(np.int64), optimize=True)
    average: Frames = ((total + source * source // 2) // (source * source)).astype(np.uint8)
    return average

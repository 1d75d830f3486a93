"""The picture of the discs: uint8 RGB, row 0 at the top.

At 256 pixels and above the official formula is drawn as it is: pixel i lies at i / (W - 1) of the view,
alpha = clip((r^2 - d^2) / (0.03 r^2), 0, 1), frame = (1 - alpha) frame + alpha colour in float64, ball after
ball, truncated once at the end (phyworld/phyworld ee0e473, `vectorized_draw_balls`). Below 256 pixels a picture
is the area average of the 256-pixel picture (`edge="area"`) or the formula at that size (`edge="official"`,
for comparison: its edge is narrower than a pixel and aliases).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.compiled import compiled
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.world import EDGE_SOFTNESS, PICTURE, VIEW, Edge

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
    state = (discs.position / VIEW, discs.radius / VIEW, discs.colour, discs.present)
    if averages(size, edge):
        _draw_averaged(out, grid, *state, np.full((PICTURE, PICTURE, 3), 255, dtype=np.uint8))
    else:
        _draw_direct(out, grid, *state)
    return out


def draw_reference(discs: Discs, size: int = PICTURE, edge: Edge = "area") -> Frames:
    """The same picture as one vectorised float64 pass a ball over (T, H, W): the oracle and the speed baseline."""
    if averages(size, edge):
        return _area_average(draw_reference(discs, PICTURE, "official"), size)
    grid = np.linspace(0, 1, size)
    frames = np.full((len(discs), size, size, 3), 255.0)
    for ball in range(discs.position.shape[1]):
        dx = grid[None, None, :] - discs.position[:, ball, 0, None, None] / VIEW
        dy = grid[None, :, None] - discs.position[:, ball, 1, None, None] / VIEW
        squared = (discs.radius[:, ball, None, None] / VIEW) ** 2
        alpha = np.clip((squared - (dx * dx + dy * dy)) / (squared * EDGE_SOFTNESS), 0, 1)
        alpha = (alpha * discs.present[:, ball, None, None])[..., None]
        frames = (1 - alpha) * frames + alpha * discs.colour[:, ball, None, None, :]
    return frames.astype(np.uint8)[:, ::-1]


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


@compiled
def _alpha(dx: float, dy: float, squared: float) -> float:
    alpha = (squared - (dx * dx + dy * dy)) / (squared * EDGE_SOFTNESS)
    return min(max(alpha, 0.0), 1.0)


@compiled
def _span(centre: float, half_width: float, size: int) -> tuple[int, int]:
    """Columns that may lie within half_width of the centre, one to spare on each side, clipped to the picture."""
    first = int(np.floor((centre - half_width) * (size - 1))) - 1
    last = int(np.ceil((centre + half_width) * (size - 1))) + 1
    return max(first, 0), min(last, size - 1)


@compiled
def _draw_frame(picture, grid, position, radius, colour, present):  # type: ignore[no-untyped-def]
    """Draw the discs of one frame into a white picture (S, S, 3); only their bounding boxes are touched."""
    size = len(grid)
    for ball in range(len(radius)):
        squared = radius[ball] * radius[ball]
        if not present[ball] or squared <= 0.0:
            continue
        x, y = position[ball]
        first_row, last_row = _span(y, radius[ball], size)
        for row in range(first_row, last_row + 1):
            dy = grid[row] - y
            outer = squared - dy * dy
            if outer <= 0.0:
                continue
            line = picture[size - 1 - row]
            first, last = _span(x, np.sqrt(outer), size)
            # Columns whose alpha is surely 1: two pixels inside the contour of alpha = 1.
            solid_first, solid_last = last + 1, last
            inner = (1.0 - EDGE_SOFTNESS) * squared - dy * dy
            if inner > 0.0:
                half = np.sqrt(inner)
                left = max(int(np.ceil((x - half) * (size - 1))) + 1, 0)
                right = min(int(np.floor((x + half) * (size - 1))) - 1, size - 1)
                if left <= right:
                    solid_first, solid_last = left, right
                    red, green, blue = colour[ball]
                    for column in range(left, right + 1):
                        line[column, 0] = red
                        line[column, 1] = green
                        line[column, 2] = blue
            column = first
            while column <= last:
                if column == solid_first:
                    column = solid_last + 1
                    continue
                own = _alpha(grid[column] - x, dy, squared)
                if own > 0.0:
                    for channel in range(3):
                        value = 255.0
                        for below in range(ball):
                            if present[below]:
                                dx = grid[column] - position[below, 0]
                                alpha = _alpha(dx, grid[row] - position[below, 1], radius[below] * radius[below])
                                value = (1.0 - alpha) * value + alpha * colour[below, channel]
                        line[column, channel] = np.uint8((1.0 - own) * value + own * colour[ball, channel])
                column += 1


@compiled
def _draw_direct(out, grid, position, radius, colour, present):  # type: ignore[no-untyped-def]
    for frame in range(len(out)):
        _draw_frame(out[frame], grid, position[frame], radius[frame], colour[frame], present[frame])


@compiled
def _draw_averaged(out, grid, position, radius, colour, present, picture):  # type: ignore[no-untyped-def]
    """Draw each frame at full size into a scratch picture, average the boxes that were touched, wipe them."""
    source, size = len(grid), out.shape[1]
    unit = source * source
    for frame in range(len(out)):
        _draw_frame(picture, grid, position[frame], radius[frame], colour[frame], present[frame])
        for ball in range(radius.shape[1]):
            if not present[frame, ball]:
                continue
            x, y, r = position[frame, ball, 0], position[frame, ball, 1], radius[frame, ball]
            first_column, last_column = _span(x, r, source)
            low_row, high_row = _span(y, r, source)
            first_row, last_row = source - 1 - high_row, source - 1 - low_row
            for row in range(first_row * size // source, min(last_row * size // source, size - 1) + 1):
                for column in range(first_column * size // source, min(last_column * size // source, size - 1) + 1):
                    red, green, blue = 0, 0, 0
                    for i in range(row * source // size, min(-(-(row + 1) * source // size), source)):
                        high = min((i + 1) * size, (row + 1) * source) - max(i * size, row * source)
                        for j in range(column * source // size, min(-(-(column + 1) * source // size), source)):
                            wide = min((j + 1) * size, (column + 1) * source) - max(j * size, column * source)
                            red += high * wide * picture[i, j, 0]
                            green += high * wide * picture[i, j, 1]
                            blue += high * wide * picture[i, j, 2]
                    out[frame, row, column, 0] = (red + unit // 2) // unit
                    out[frame, row, column, 1] = (green + unit // 2) // unit
                    out[frame, row, column, 2] = (blue + unit // 2) // unit
        for ball in range(radius.shape[1]):
            first_column, last_column = _span(position[frame, ball, 0], radius[frame, ball], source)
            low_row, high_row = _span(position[frame, ball, 1], radius[frame, ball], source)
            for row in range(source - 1 - high_row, source - low_row):
                for column in range(first_column, last_column + 1):
                    picture[row, column, 0] = 255
                    picture[row, column, 1] = 255
                    picture[row, column, 2] = 255

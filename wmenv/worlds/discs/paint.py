"""The compiled brush: frames of discs, squares and rings, at full size or as exact area averages of it.

What it computes is defined in `draw` and stated plainly in `draw_reference`.

Compiled kernels are cached on disk by the text of this file: where a constant imported here changes, so must this file,
or kernels with the old one are used on. Constants here: edge softness 0.03, hole of a ring 0.4.
"""

from __future__ import annotations

import numpy as np

from wmenv.worlds.compiled import compiled
from wmenv.worlds.discs.world import DISC, EDGE_SOFTNESS, RING, RING_HOLE, SQUARE


@compiled
def _soft(squared: float, away: float) -> float:
    """Coverage by a soft disc of radius^2 `squared` at distance^2 `away`."""
    alpha = (squared - away) / (squared * EDGE_SOFTNESS)
    return min(max(alpha, 0.0), 1.0)


@compiled
def _alpha(shape, px, py, x, y, radius):  # type: ignore[no-untyped-def]
    """Coverage of the pixel at (px, py) by an object."""
    if shape == SQUARE:
        return 1.0 if x - radius <= px and px <= x + radius and y - radius <= py and py <= y + radius else 0.0
    dx, dy = px - x, py - y
    away = dx * dx + dy * dy
    alpha = _soft(radius * radius, away)
    if shape == RING:
        hole = RING_HOLE * radius
        alpha = alpha * (1.0 - _soft(hole * hole, away))
    return alpha


@compiled
def _span(centre: float, half_width: float, size: int) -> tuple[int, int]:
    """Columns that may lie within half_width of the centre, one to spare on each side, clipped to the picture."""
    first = int(np.floor((centre - half_width) * (size - 1))) - 1
    last = int(np.ceil((centre + half_width) * (size - 1))) + 1
    return max(first, 0), min(last, size - 1)


@compiled
def _row(shape, x, dy, radius, size):  # type: ignore[no-untyped-def]
    """Columns of a row, `dy` from the centre, that an object may touch, and those among them that it surely fills.

    Returns:
        First and last touched column, first and last filled one; the range is empty where first > last.
    """
    if shape == SQUARE:
        first, last = _span(x, radius, size)
        if first + 3 > last - 3:
            return first, last, last + 1, last
        return first, last, first + 3, last - 3
    squared = radius * radius
    outer = squared - dy * dy
    if outer <= 0.0:
        return 1, 0, 1, 0
    first, last = _span(x, np.sqrt(outer), size)
    inner = (1.0 - EDGE_SOFTNESS) * squared - dy * dy
    hole = RING_HOLE * radius
    if inner > 0.0 and (shape == DISC or dy * dy >= hole * hole):
        # Columns whose alpha is surely 1: two pixels inside the contour of alpha = 1.
        half = np.sqrt(inner)
        left = max(int(np.ceil((x - half) * (size - 1))) + 1, 0)
        right = min(int(np.floor((x + half) * (size - 1))) - 1, size - 1)
        if left <= right:
            return first, last, left, right
    return first, last, last + 1, last


@compiled
def draw_frame(picture, grid, position, radius, colour, present, shape):  # type: ignore[no-untyped-def]
    """Draw the objects of one frame into a white picture (S, S, 3); only their bounding boxes are touched."""
    size = len(grid)
    for ball in range(len(radius)):
        if not present[ball] or radius[ball] * radius[ball] <= 0.0:
            continue
        x, y = position[ball]
        first_row, last_row = _span(y, radius[ball], size)
        for row in range(first_row, last_row + 1):
            if shape[ball] == SQUARE and not (y - radius[ball] <= grid[row] and grid[row] <= y + radius[ball]):
                continue
            line = picture[size - 1 - row]
            first, last, solid_first, solid_last = _row(shape[ball], x, grid[row] - y, radius[ball], size)
            if solid_first <= solid_last:
                red, green, blue = colour[ball]
                for column in range(solid_first, solid_last + 1):
                    line[column, 0] = red
                    line[column, 1] = green
                    line[column, 2] = blue
            column = first
            while column <= last:
                if column == solid_first:
                    column = solid_last + 1
                    continue
                own = _alpha(shape[ball], grid[column], grid[row], x, y, radius[ball])
                if own > 0.0:
                    for channel in range(3):
                        value = 255.0
                        for below in range(ball):
                            if present[below] and radius[below] > 0.0:
                                under_x, under_y = position[below]
                                alpha = _alpha(shape[below], grid[column], grid[row], under_x, under_y, radius[below])
                                value = (1.0 - alpha) * value + alpha * colour[below, channel]
                        line[column, channel] = np.uint8((1.0 - own) * value + own * colour[ball, channel])
                column += 1


@compiled
def draw_direct(out, grid, position, radius, colour, present, shape):  # type: ignore[no-untyped-def]
    """Draw every frame at its own size."""
    for frame in range(len(out)):
        draw_frame(out[frame], grid, position[frame], radius[frame], colour[frame], present[frame], shape[frame])


@compiled
def _box(x, y, radius, source, size):  # type: ignore[no-untyped-def]
    """Rows and columns of the small picture that an object may touch: top, bottom, left, right."""
    first_column, last_column = _span(x, radius, source)
    low_row, high_row = _span(y, radius, source)
    return (
        (source - 1 - high_row) * size // source,
        min((source - 1 - low_row) * size // source, size - 1),
        first_column * size // source,
        min(last_column * size // source, size - 1),
    )


@compiled
def _alone(ball, position, radius, present, source, size):  # type: ignore[no-untyped-def]
    """Whether no other object of the frame may touch a pixel of the small picture that this one may touch."""
    top, bottom, left, right = _box(position[ball, 0], position[ball, 1], radius[ball], source, size)
    for other in range(len(radius)):
        if other != ball and present[other]:
            t, b, l, r = _box(position[other, 0], position[other, 1], radius[other], source, size)  # noqa: E741
            if t <= bottom and b >= top and l <= right and r >= left:
                return False
    return True


@compiled
def _darken(sums, from_column, to_column, high, size, source, red, green, blue):  # type: ignore[no-untyped-def]
    """Add a run of equal full-size pixels, as deficits from white, to the sums of the small pixels it covers.

    In units of 1 / size of a full-size pixel, full-size pixel j covers [j size, (j + 1) size) and small pixel c
    covers [c source, (c + 1) source); `high` is the height of the row in the same units.
    """
    start, end = from_column * size, (to_column + 1) * size
    cell = start // source
    while start < end:
        stop = min((cell + 1) * source, end)
        area = high * (stop - start)
        sums[cell, 0] += area * red
        sums[cell, 1] += area * green
        sums[cell, 2] += area * blue
        start = stop
        cell += 1


@compiled
def _average_one(picture, grid, x, y, radius, colour, shape, sums):  # type: ignore[no-untyped-def]
    """Add one object that is alone to a small white picture, summing its full-size pixels row by row, exactly."""
    source, size = len(grid), len(picture)
    unit = source * source
    top, bottom, left, right = _box(x, y, radius, source, size)
    red, green, blue = np.int64(255) - colour[0], np.int64(255) - colour[1], np.int64(255) - colour[2]
    for small in range(top, bottom + 1):
        for column in range(left, right + 1):
            sums[column, 0], sums[column, 1], sums[column, 2] = 0, 0, 0
        for flipped in range(small * source // size, min(-(-(small + 1) * source // size), source)):
            row = source - 1 - flipped
            if shape == SQUARE and not (y - radius <= grid[row] and grid[row] <= y + radius):
                continue
            high = min((flipped + 1) * size, (small + 1) * source) - max(flipped * size, small * source)
            first, last, solid_first, solid_last = _row(shape, x, grid[row] - y, radius, source)
            if solid_first <= solid_last:
                _darken(sums, solid_first, solid_last, high, size, source, red, green, blue)
            column = first
            while column <= last:
                if column == solid_first:
                    column = solid_last + 1
                    continue
                own = _alpha(shape, grid[column], grid[row], x, y, radius)
                if own > 0.0:
                    r = np.int64((1.0 - own) * 255.0 + own * colour[0])
                    g = np.int64((1.0 - own) * 255.0 + own * colour[1])
                    b = np.int64((1.0 - own) * 255.0 + own * colour[2])
                    _darken(sums, column, column, high, size, source, 255 - r, 255 - g, 255 - b)
                column += 1
        line = picture[small]
        for column in range(left, right + 1):
            for channel in range(3):
                line[column, channel] = (255 * unit - sums[column, channel] + unit // 2) // unit


@compiled
def draw_averaged(out, grid, position, radius, colour, present, shape, picture):  # type: ignore[no-untyped-def]
    """Draw each frame as the area average of a full-size one.

    An object that is alone is summed row by row; objects that may share a pixel are drawn at full size into a
    scratch picture, whose touched boxes are averaged and wiped.
    """
    source, size = len(grid), out.shape[1]
    sums = np.zeros((size, 3), np.int64)
    for frame in range(len(out)):
        shared = False
        for ball in range(radius.shape[1]):
            if not present[frame, ball] or radius[frame, ball] * radius[frame, ball] <= 0.0:
                continue
            if not _alone(ball, position[frame], radius[frame], present[frame], source, size):
                shared = True
                continue
            x, y = position[frame, ball]
            look = shape[frame, ball]
            _average_one(out[frame], grid, x, y, radius[frame, ball], colour[frame, ball], look, sums)
        if shared:
            _average_all(
                out[frame], grid, position[frame], radius[frame], colour[frame], present[frame], shape[frame], picture
            )


@compiled
def _average_all(small, grid, position, radius, colour, present, shape, picture):  # type: ignore[no-untyped-def]
    """Draw a frame at full size into a white scratch picture, average the boxes that were touched, wipe them."""
    source, size = len(grid), len(small)
    unit = source * source
    draw_frame(picture, grid, position, radius, colour, present, shape)
    for ball in range(len(radius)):
        if not present[ball]:
            continue
        top, bottom, left, right = _box(position[ball, 0], position[ball, 1], radius[ball], source, size)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                red, green, blue = 0, 0, 0
                for i in range(row * source // size, min(-(-(row + 1) * source // size), source)):
                    high = min((i + 1) * size, (row + 1) * source) - max(i * size, row * source)
                    for j in range(column * source // size, min(-(-(column + 1) * source // size), source)):
                        wide = min((j + 1) * size, (column + 1) * source) - max(j * size, column * source)
                        red += high * wide * picture[i, j, 0]
                        green += high * wide * picture[i, j, 1]
                        blue += high * wide * picture[i, j, 2]
                small[row, column, 0] = (red + unit // 2) // unit
                small[row, column, 1] = (green + unit // 2) // unit
                small[row, column, 2] = (blue + unit // 2) // unit
    for ball in range(len(radius)):
        first_column, last_column = _span(position[ball, 0], radius[ball], source)
        low_row, high_row = _span(position[ball, 1], radius[ball], source)
        for row in range(source - 1 - high_row, source - low_row):
            for column in range(first_column, last_column + 1):
                picture[row, column, 0] = 255
                picture[row, column, 1] = 255
                picture[row, column, 2] = 255

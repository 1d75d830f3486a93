"""The compiled eye: one pass over the pixels for regions, one over their boxes for soft moments.

What it computes is defined in `measure` and stated plainly in `measure_reference`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.compiled import compiled

MAX_OBJECTS = 8
MAX_REGIONS = 4096
COVERED, CORE, FAINT = 127, 230, 0.03
PAD = 2
"""Coverage over which a pixel belongs to a region, coverage of a core pixel, least soft weight, padding of boxes."""

# Columns of a measured object.
X, Y, MASS, COMPACTNESS, RED, GREEN, BLUE, HUE_CLASS = range(8)

# Columns of a region's (and of a run's) additive statistics, then of its box.
PIXELS, CORES, CORE_RGB, ALL_RGB, ROWS, COLUMNS, SUMS = 0, 1, 2, 5, 8, 9, 10
TOP, BOTTOM, LEFT, RIGHT = range(4)

ZERO: Any = np.int64(0)
NONE: Any = np.int64(-1)
"""Typed constants: numba would compile a second version of a kernel for a literal 0 or -1."""


@compiled
def scan(frames, words, hues, min_area, found, count, masks):  # type: ignore[no-untyped-def]
    """Fill `found`, `count` and `masks` for all frames; scratch memory is shared between them."""
    size = frames.shape[1]
    parent = np.empty(MAX_REGIONS, np.int64)
    region_hue = np.empty(MAX_REGIONS, np.int64)
    box = np.empty((MAX_REGIONS, 4), np.int64)
    sums = np.empty((MAX_REGIONS, SUMS), np.int64)
    runs = np.empty((2, size, 4), np.int64)  # start, end, hue class, region; this row's and the last row's
    run = np.empty(SUMS, np.int64)
    kept = np.empty(MAX_OBJECTS, np.int64)
    peak = np.empty((MAX_OBJECTS, 3))
    for t in range(len(frames)):
        regions, above = ZERO, ZERO
        for row in range(size):
            words_here = words[t, row]
            if _blank(words_here):
                above = ZERO
                continue
            # The runs of even and odd rows take turns in `runs`.
            line, here = frames[t, row], ZERO
            start, hue, column = NONE, ZERO, ZERO
            while column <= size and regions < MAX_REGIONS:
                # One step takes a span of equal pixels.
                span, pixel_hue = 1, -1
                red, green, blue = np.int64(255), np.int64(255), np.int64(255)
                if column < size:
                    red, green, blue = np.int64(line[column, 0]), np.int64(line[column, 1]), np.int64(line[column, 2])
                    span = _alike(line, words_here, column, size)
                if min(red, green, blue) < 255 - COVERED:
                    pixel_hue = _hue_class(255 - red, 255 - green, 255 - blue, hues)
                    if green < 127 and (red > 127) != (blue > 127) and red != 127 and blue != 127:
                        mask = 0 if red > 127 else 1
                        masks[t, mask, 0] += span
                        masks[t, mask, 1] += (2 * column + span - 1) * span // 2
                        masks[t, mask, 2] += row * span
                if start >= 0 and pixel_hue != hue:
                    regions = _close(
                        runs, row % 2, above, here, start, column, hue, row, run, parent, regions, box, sums
                    )
                    region_hue[runs[row % 2, here, 3]] = hue
                    here += 1
                    start = NONE
                if pixel_hue >= 0:
                    if start < 0:
                        start, hue = column, pixel_hue
                        for c in range(SUMS):
                            run[c] = 0
                    core = 1 if min(red, green, blue) <= 255 - CORE else 0
                    run[PIXELS] += span
                    run[CORES] += span * core
                    run[ROWS] += row * span
                    run[COLUMNS] += (2 * column + span - 1) * span // 2
                    run[ALL_RGB] += red * span
                    run[ALL_RGB + 1] += green * span
                    run[ALL_RGB + 2] += blue * span
                    run[CORE_RGB] += red * span * core
                    run[CORE_RGB + 1] += green * span * core
                    run[CORE_RGB + 2] += blue * span * core
                column += span
            above = here
        if regions == MAX_REGIONS:
            count[t] = -1
            continue
        objects = 0
        for region in range(regions):
            if parent[region] == region and sums[region, PIXELS] >= min_area:
                if objects < MAX_OBJECTS:
                    kept[objects] = region
                    cores = sums[region, CORES]
                    for c in range(3):
                        mean = sums[region, ALL_RGB + c] / sums[region, PIXELS]
                        if cores > 0:
                            mean = sums[region, CORE_RGB + c] / cores
                        peak[objects, c] = 255.0 - mean
                        found[t, objects, RED + c] = mean
                    found[t, objects, HUE_CLASS] = region_hue[region]
                objects += 1
        count[t] = objects
        for k in range(min(objects, MAX_OBJECTS)):
            _weigh(frames[t], words[t], box, sums, kept, peak, k, min(objects, MAX_OBJECTS), found[t, k])


@compiled
def _blank(words):  # type: ignore[no-untyped-def]
    """Whether a row, as 8-byte words, is white throughout; False for sizes that do not come in words."""
    every = ~np.uint64(0)
    for word in words:
        every &= word
    return len(words) > 0 and every == ~np.uint64(0)


@compiled
def _alike(line, words, column, end):  # type: ignore[no-untyped-def]
    """How many pixels from `column` on have its colour: one by one, or eight (three words) at a time."""
    red, green, blue = line[column, 0], line[column, 1], line[column, 2]
    at = column + 1
    if len(words) > 0 and end - column > 12:
        one = np.uint64(red) | np.uint64(green) << np.uint64(8) | np.uint64(blue) << np.uint64(16)
        first = one | one << np.uint64(24) | one << np.uint64(48)
        second = one >> np.uint64(16) | one << np.uint64(8) | one << np.uint64(32) | one << np.uint64(56)
        third = one >> np.uint64(8) | one << np.uint64(16) | one << np.uint64(40)
        while at < end and at % 8 != 0:
            if line[at, 0] != red or line[at, 1] != green or line[at, 2] != blue:
                return at - column
            at += 1
        k = at // 8 * 3
        while at + 8 <= end and words[k] == first and words[k + 1] == second and words[k + 2] == third:
            at += 8
            k += 3
    while at < end and line[at, 0] == red and line[at, 1] == green and line[at, 2] == blue:
        at += 1
    return at - column


@compiled
def _hue_class(red, green, blue, hues):  # type: ignore[no-untyped-def]
    """Index of the hue nearest in direction to a deficit."""
    best, index = -1.0, 0
    for c in range(len(hues)):
        along = red * hues[c, 0] + green * hues[c, 1] + blue * hues[c, 2]
        if along > best:
            best, index = along, c
    return index


@compiled
def _root(parent, label):  # type: ignore[no-untyped-def]
    while parent[label] != label:
        label = parent[label]
    return label


@compiled
def _close(runs, now, above, here, start, end, hue, row, run, parent, regions, box, sums):  # type: ignore[no-untyped-def]
    """End a run: give it the region of the runs it touches in the row above, or a new one. Returns the regions."""
    region = -1
    for other in range(above):
        if runs[1 - now, other, 0] < end and runs[1 - now, other, 1] > start and runs[1 - now, other, 2] == hue:
            root = _root(parent, runs[1 - now, other, 3])
            if region >= 0 and root != region:
                low, high = min(root, region), max(root, region)
                parent[high], root = low, low
                for c in range(SUMS):
                    sums[low, c] += sums[high, c]
                box[low, TOP] = min(box[low, TOP], box[high, TOP])
                box[low, LEFT] = min(box[low, LEFT], box[high, LEFT])
                box[low, RIGHT] = max(box[low, RIGHT], box[high, RIGHT])
            region = root
    if region < 0:
        region = regions
        regions += 1
        parent[region] = region
        box[region, TOP], box[region, LEFT], box[region, RIGHT] = row, start, end - 1
        for c in range(SUMS):
            sums[region, c] = 0
    for c in range(SUMS):
        sums[region, c] += run[c]
    box[region, BOTTOM] = row
    box[region, LEFT] = min(box[region, LEFT], start)
    box[region, RIGHT] = max(box[region, RIGHT], end - 1)
    runs[now, here, 0], runs[now, here, 1], runs[now, here, 2], runs[now, here, 3] = start, end, hue, region
    return regions


@compiled
def _weigh(frame, words, box, sums, kept, peak, k, objects, result):  # type: ignore[no-untyped-def]
    """Soft moments of object k inside its padded box."""
    size = len(frame)
    own = box[kept[k]]
    red, green, blue = peak[k]
    own_own = red * red + green * green + blue * blue
    top, bottom = max(own[TOP] - PAD, 0), min(own[BOTTOM] + PAD, size - 1)
    left, right = max(own[LEFT] - PAD, 0), min(own[RIGHT] + PAD, size - 1)
    alone = True
    for o in range(objects):
        if o != k:
            other = box[kept[o]]
            apart = other[TOP] - PAD > bottom or other[BOTTOM] + PAD < top
            alone &= apart or other[LEFT] - PAD > right or other[RIGHT] + PAD < left
    mass, sum_x, sum_y, squares = 0.0, 0.0, 0.0, 0.0
    for row in range(top, bottom + 1):
        line, words_here = frame[row], words[row]
        column = left
        while column <= right:
            # Weights depend on the colour alone where no other object is near: take equal pixels together.
            span = _alike(line, words_here, column, right + 1) if alone else 1
            d_r, d_g, d_b = 255.0 - line[column, 0], 255.0 - line[column, 1], 255.0 - line[column, 2]
            own_pixel = d_r * red + d_g * green + d_b * blue
            alpha = own_pixel / own_own
            if not alone and own_pixel > 0.0:
                alpha = _shared(row, column, d_r, d_g, d_b, box, sums, kept, peak, k, objects, alpha)
            alpha = min(max(alpha, 0.0), 1.0)
            if alpha >= FAINT:
                last = column + span - 1
                mass += alpha * span
                sum_x += alpha * ((column + last) * span // 2)
                sum_y += alpha * (row * span)
                up_to = last * (last + 1) * (2 * last + 1) - (column - 1) * column * (2 * column - 1)
                squares += alpha * (up_to // 6 + row * row * span)
            column += span
    x, y = sum_x / mass, sum_y / mass
    result[X], result[Y], result[MASS] = x, y, mass
    result[COMPACTNESS] = mass * mass / (2 * np.pi * max(squares - mass * (x * x + y * y + 1 / 6), 1e-9))


@compiled
def _shared(row, column, d_r, d_g, d_b, box, sums, kept, peak, k, objects, alone):  # type: ignore[no-untyped-def]
    """Weight of object k at a pixel that may also show another object (the first whose padded box holds it)."""
    for o in range(objects):
        b = box[kept[o]]
        beside = row < b[TOP] - PAD or row > b[BOTTOM] + PAD or column < b[LEFT] - PAD or column > b[RIGHT] + PAD
        if o == k or beside:
            continue
        own, other = peak[k], peak[o]
        own_own = own[0] * own[0] + own[1] * own[1] + own[2] * own[2]
        own_pixel = d_r * own[0] + d_g * own[1] + d_b * own[2]
        other_other = other[0] * other[0] + other[1] * other[1] + other[2] * other[2]
        own_other = own[0] * other[0] + own[1] * other[1] + own[2] * other[2]
        other_pixel = d_r * other[0] + d_g * other[1] + d_b * other[2]
        if own_other * own_other > 0.95 * own_own * other_other:
            a, b_ = sums[kept[k]], sums[kept[o]]
            mine = (row - a[ROWS] / a[PIXELS]) ** 2 + (column - a[COLUMNS] / a[PIXELS]) ** 2
            its = (row - b_[ROWS] / b_[PIXELS]) ** 2 + (column - b_[COLUMNS] / b_[PIXELS]) ** 2
            return alone if mine / a[PIXELS] <= its / b_[PIXELS] else 0.0
        if own_own * other_pixel - own_other * own_pixel < 0.0:
            return alone
        return (other_other * own_pixel - own_other * other_pixel) / (own_own * other_other - own_other * own_other)
    return alone

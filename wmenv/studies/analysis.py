"""What the splits of the analysis experiments hold, and how surely their shapes are read."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wmenv.studies.blocks import markdown
from wmenv.studies.parser import floor
from wmenv.studies.splits import scored_pairs_of
from wmenv.worlds.discs.draw import draw_clips
from wmenv.worlds.discs.measure import measure
from wmenv.worlds.discs.regions import RADII, SPEEDS, Interval, Region
from wmenv.worlds.discs.shapes import read_shapes
from wmenv.worlds.discs.splits import analysis_splits, draw_starts, regions_of
from wmenv.worlds.discs.truth import split_mean_speed
from wmenv.worlds.discs.world import COLOURS, DISC, RING, SHAPES, SQUARE, Law, frame_times

LAW: Law = "uniform_motion"
CLIPS = 90
FRAMES = 16
PICTURES = ((32, 0.0), (32, 0.5), (64, 0.0), (64, 0.5), (256, 0.0))
"""Sizes and blurs (standard deviation), pixels."""
BINS = (Interval(0.7, 0.9), Interval(0.9, 1.15), Interval(1.15, 1.4))
_SPLIT_OF = {SQUARE: "conflict_size_shape_all", RING: "conflict_size_ring_all"}


def analysis_table() -> str:
    """The splits; how often a shape is read right, by size, radius and blur; the floor of the velocity error."""
    return "\n\n".join((_splits(), _reliability(), _floors()))


def _splits() -> str:
    rows = []
    for split in analysis_splits(LAW):
        if split.endswith("_all"):
            continue  # train and test together
        pairs = scored_pairs_of(LAW, split)
        speed = split_mean_speed(LAW, split, "code", "exact")
        drawn = ", ".join(_told(region) for region in regions_of(LAW, split) or ())
        rows.append([f"`{split}`", drawn, f"{pairs.mean():.1f}", str(pairs.min()), f"{speed:.2f}"])
    header = ["split", "levels", "scored pairs, mean", "least", "mean true speed"]
    return (
        markdown(header, rows, words=2) + "\n\n2000 cases a split. Where nothing is said: r 0.7-1.4, v 1-4, red discs."
    )


def _told(region: Region) -> str:
    """A region's name and what it narrows."""
    sides = (("r", region.radius, RADII), ("v", region.speed, SPEEDS))
    bounds = [f"{name} {own.low:g}-{own.high:g}" for name, own, whole in sides if own != whole]
    return f"`{region.name}`" + (f" ({', '.join(bounds)})" if bounds else "")


def _reliability() -> str:
    rows = []
    for shape in (DISC, SQUARE, RING):
        for size, blur in PICTURES:
            frames, clips, radius = np.array(reliability(shape, size, blur)).T
            name = f"{SHAPES[shape]}, {size} px{f', blurred by {blur:g} px' if blur else ''}"
            cells = [f"{100 * share:.1f}" for share in (*frames, *clips, radius.mean())]
            rows.append([name, *cells])
    ranges = [f"r {low:g}-{high:g}" for low, high in BINS]
    header = ["shape", *(f"frames, {r}" for r in ranges), *(f"clips, {r}" for r in ranges), "radius off by, %"]
    note = (
        f"Per cent read as what they are: single frames, and clips by the median share over {FRAMES} frames. {CLIPS} "
        "true clips a shape; discs are told from squares. The radius of a clip is the median over its frames."
    )
    return f"{markdown(header, rows)}\n\n{note}"


@lru_cache(maxsize=64)
def reliability(shape: int, size: int, blur: float) -> tuple[tuple[float, float, float], ...]:
    """How surely a shape is read off true clips.

    Args:
        shape: Index in `world.SHAPES`.
        size: Side of the picture, pixels.
        blur: Standard deviation of a Gaussian blur, pixels.

    Returns:
        For each bin of radii: share of frames and share of clips read right, mean |r / r_true - 1| of clips.
    """
    other = SQUARE if shape == DISC else shape
    starts, _ = draw_starts(LAW, _SPLIT_OF[other], np.arange(20 * CLIPS, dtype=np.uint64))
    starts = starts[np.flatnonzero(starts.shapes[:, 0] == shape)]
    radii = starts.radii[:, 0]
    found: list[list[tuple[float, float, float]]] = [[] for _ in BINS]
    for bin_, (low, high) in zip(found, BINS, strict=True):
        for k in np.flatnonzero((low <= radii) & (radii < high))[: CLIPS // len(BINS)]:
            frames = draw_clips(starts[k : k + 1], frame_times(FRAMES), size)[0]
            if blur:
                frames = blurred(frames, blur)
            shapes = read_shapes(frames, measure(frames, COLOURS[:1], RADII.low))
            right = shapes.kind[:, 0] == shape
            share = np.nanmedian(shapes.share(DISC, other)[:, 0])
            radius = np.nanmedian(np.where(right, shapes.radius[:, 0], np.nan)) if right.any() else 0.0
            bin_.append((right.mean(), float((share > 0.5) == (shape != DISC)), abs(radius / radii[k] - 1)))
    return tuple(tuple(np.mean(bin_, axis=0).tolist()) for bin_ in found)


def blurred(frames: NDArray[np.uint8], width: float) -> NDArray[np.uint8]:
    """Frames (T, S, S, 3) under a Gaussian blur of a standard deviation in pixels, as soft as generators draw."""
    weight = np.exp(-0.5 * (np.arange(-4, 5) / width) ** 2)
    weight /= weight.sum()
    soft = np.pad(frames.astype(np.float64), ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    for axis, size in ((1, frames.shape[1]), (2, frames.shape[2])):
        soft = np.sum([w * soft.take(range(k, k + size), axis=axis) for k, w in enumerate(weight)], axis=0)
    return np.rint(soft).astype(np.uint8)


def _floors() -> str:
    """Velocity error of the physics judger on true clips of each shape: hard-edged squares jump from pixel to pixel."""
    sizes = (256, 128, 64, 32)
    rows = []
    for shape in (DISC, SQUARE, RING):
        split = _SPLIT_OF[SQUARE if shape == DISC else shape]
        seeds = np.arange(400, dtype=np.uint64)
        starts, _ = draw_starts(LAW, split, seeds)
        ids = tuple(f"{split}-{seed:012x}" for seed in seeds[starts.shapes[:, 0] == shape][:100].tolist())
        rows.append([SHAPES[shape], *(f"{floor(LAW, ids, size, 'area')['wmenv']:.4f}" for size in sizes)])
    header = ["velocity error of true clips, units/s", *(f"{size} px" for size in sizes)]
    return f"{markdown(header, rows)}\n\n100 true clips a cell, criterion `velocity` of judger `physics`."

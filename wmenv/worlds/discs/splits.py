"""Which cases a split holds, and how a case is drawn from its seed.

Names: `id`; `ood_low`, `ood_high`, `ood_cross` (every official level of that side, each equally likely); and one
split a level, such as `ood_high_v` or `ood_low_r1_r2`. A level says which parameters leave the training range;
the others stay inside it. `cross` sends ball 1 low and ball 2 high, `r2_r1` the radii the other way round.

Uniform motion has more, listed by `analysis_splits`: training and test splits of the analysis experiments, declared
in `attributes` (colour, size, velocity and shape in conflict) and `gaps` (velocities left out, directions flipped), and
those of `wide` for alignment. They are drawn from regions of their own, the same under either setting of `ranges`.

Source of levels, ranges and start positions: phyworld/phyworld commit ee0e473 (`one_ball_*.py`,
`two_balls_collision.py`); of the paper's ranges: arXiv 2411.02385, appendix A.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.counter_rng import uniforms
from wmenv.worlds.discs.attributes import CONFLICT_SPLITS
from wmenv.worlds.discs.gaps import GAP_SPLITS
from wmenv.worlds.discs.laws import Starts
from wmenv.worlds.discs.place import between, place_collision, place_one_ball, scorable
from wmenv.worlds.discs.regions import Interval, Region, draw_regions
from wmenv.worlds.discs.wide import WIDE_SPLITS
from wmenv.worlds.discs.world import BALLS, Law, Mode, Ranges

__all__ = [
    "SEED_BITS", "analysis_splits", "draw_starts", "level_sides", "levels", "parameter_ranges", "regions_of",
    "scorable", "split_levels", "split_names",
]  # fmt: skip

FloatArray = NDArray[np.float64]
Side = Literal["id", "low", "high"]
SIDES: tuple[Side, ...] = ("id", "low", "high")

SEED_BITS = 48
MAX_ATTEMPTS = 2000


_GROUPS: tuple[Literal["low", "high", "cross"], ...] = ("low", "high", "cross")


_PAPER: dict[str, dict[Side, Interval]] = {
    "r": {"id": Interval(0.7, 1.5), "low": Interval(0.3, 0.6), "high": Interval(1.5, 2.0)},
    "v": {"id": Interval(1.0, 4.0), "low": Interval(0.0, 0.8), "high": Interval(4.5, 6.0)},
}
_CODE_ONE_BALL: dict[str, dict[Side, Interval]] = {"r": {**_PAPER["r"], "id": Interval(0.7, 1.4)}, "v": _PAPER["v"]}
_CODE_COLLISION: dict[str, dict[Side, Interval]] = {
    "r": {"id": Interval(0.5, 1.5), "low": Interval(0.3, 0.4), "high": Interval(1.7, 2.0)},
    "v": _PAPER["v"],
}

_ONE_BALL_LEVELS = ("r", "v", "r_v")
_COLLISION_LEVELS = ("r1", "v1", "r1_r2", "v1_v2", "r1_v1", "r1_r2_v1_v2")
_COLLISION_CROSS_LEVELS = ("r1_r2", "v1_v2", "r1_r2_v1_v2", "r2_r1_v1_v2")

CROWDED_LEVELS = ("ood_high_v1_v2", "ood_high_r1_v1", "ood_high_r1_r2_v1_v2", "ood_cross_r1_r2_v1_v2")
"""Official collision levels that (nearly) never fit: 8 frames before contact need more room than the view has.
The official generator tries them and discards the draws, so its OOD set hardly holds any either."""


def parameter_ranges(law: Law, ranges: Ranges) -> dict[str, dict[Side, Interval]]:
    """Ranges of radius `r` (world units) and speed `v` (units/s) by side: the official code's or the paper's."""
    if ranges == "paper":
        return _PAPER
    return _CODE_COLLISION if law == "collision" else _CODE_ONE_BALL


def levels(law: Law, group: Literal["low", "high", "cross"]) -> tuple[str, ...]:
    """Full names (such as `ood_low_v`) of the official levels of a group that can be drawn."""
    short: tuple[str, ...]
    if law != "collision":
        short = ("r_v", "v_r") if group == "cross" else _ONE_BALL_LEVELS
    else:
        short = _COLLISION_CROSS_LEVELS if group == "cross" else _COLLISION_LEVELS
    full = (f"ood_{group}_{name}" for name in short)
    return tuple(name for name in full if law != "collision" or name not in CROWDED_LEVELS)


_ANALYSIS: dict[str, tuple[Region, ...]] = {**CONFLICT_SPLITS, **GAP_SPLITS, **WIDE_SPLITS}


def analysis_splits(law: Law) -> tuple[str, ...]:
    """The splits of the analysis experiments, none of them a headline or an OOD group; uniform motion alone has any."""
    return tuple(_ANALYSIS) if law == "uniform_motion" else ()


def regions_of(law: Law, split: str) -> tuple[Region, ...] | None:
    """The regions that a split of the analysis experiments is drawn from; None for every other split."""
    return _ANALYSIS.get(split) if law == "uniform_motion" else None


@lru_cache(maxsize=256)
def split_levels(law: Law, split: str) -> tuple[str, ...] | None:
    """The levels a split draws from, or None where there is no such split.

    Full names such as `ood_low_v`; in the analysis experiments names of regions such as `red_large`.
    """
    regions = regions_of(law, split)
    if regions is not None:
        return tuple(region.name for region in regions)
    if split == "id":
        return ("id",)
    for group in _GROUPS:
        if split == f"ood_{group}":
            return levels(law, group)
        if split in levels(law, group):
            return (split,)
    return None


def split_names(law: Law) -> tuple[str, ...]:
    """All splits of a law: the four headline splits first, then one a level, the analysis experiments last."""
    official = (name for group in _GROUPS for name in levels(law, group))
    return ("id", *(f"ood_{group}" for group in _GROUPS), *official, *analysis_splits(law))


@lru_cache(maxsize=64)
def level_sides(law: Law, level: str) -> tuple[Side, ...]:
    """Side of each parameter at a level, ordered (r, v) or (r1, r2, v1, v2).

    Raises:
        ValueError: The level is none of these; levels of the analysis experiments are regions, not sides.
    """
    names = ("r", "v") if law != "collision" else ("r1", "r2", "v1", "v2")
    if level == "id":
        return tuple("id" for _ in names)
    if not level.startswith("ood_"):
        raise ValueError(f"{level!r} has no sides: levels of the analysis experiments are regions, see `regions_of`")
    _, group, out = level.split("_", 2)
    moved = out.split("_")
    if group != "cross":
        side: Side = "low" if group == "low" else "high"
        return tuple(side if name in moved else "id" for name in names)
    if law != "collision":
        # ood_cross_r_v: radius low, speed high; ood_cross_v_r: speed low, radius high.
        first: Side = "low" if moved[0] == "r" else "high"
        return (first, "high" if first == "low" else "low")
    ball_1: dict[str, Side] = {"r1": "low", "r2": "high", "v1": "low", "v2": "high"}
    if moved[:2] == ["r2", "r1"]:
        ball_1 |= {"r1": "high", "r2": "low"}
    return tuple(ball_1[name] if name in moved else "id" for name in names)


def draw_starts(
    law: Law,
    split: str,
    seeds: Sequence[int] | NDArray[np.uint64],
    *,
    ranges: Ranges = "code",
    mode: Mode = "exact",
    only_scorable: bool = True,
) -> tuple[Starts, list[str]]:
    """Draw one case a seed; a case depends on its own seed alone.

    The level is drawn once; radii, speeds and places are drawn again (next attempt of the same seed) when the
    official code would discard them (a collision without room for 8 frames before contact) or when fewer than
    two frame pairs after the contact could be scored.

    Args:
        law: The law.
        split: A name of `split_names(law)`.
        seeds: N integers in [0, 2^48).
        ranges: `code` or `paper`.
        mode: The law's mode; it decides which frames could be scored.
        only_scorable: Whether to draw again where fewer than two frame pairs could be scored.

    Returns:
        The N starts, and the level of each. Starts of the analysis experiments say colour and shape where a split
        has others than red discs.

    Raises:
        ValueError: No such split.
    """
    names = split_levels(law, split)
    if names is None:
        raise ValueError(f"no split {split!r} for {law}; splits are {', '.join(split_names(law))}")
    seeds = np.asarray(seeds, dtype=np.uint64)
    regions = regions_of(law, split)
    if regions is not None:
        return draw_regions(law, regions, seeds)
    sides = np.array([[SIDES.index(side) for side in level_sides(law, name)] for name in names])
    bounds = parameter_ranges(law, ranges)
    kinds = ["r", "v"] if law != "collision" else ["r", "r", "v", "v"]
    table = np.array([[bounds[kind][side] for side in SIDES] for kind in kinds])  # (P, side, 2)

    count, balls = len(seeds), BALLS[law]
    result = Starts(law, np.empty((count, balls)), np.empty((count, balls, 2)), np.empty((count, balls, 2)))
    level = (uniforms(seeds, 0, 1)[:, 0] * len(names)).astype(np.int64)
    place = place_collision if law == "collision" else place_one_ball
    waiting = np.arange(count)
    for attempt in range(1, MAX_ATTEMPTS):
        numbers = uniforms(seeds[waiting], attempt, len(kinds) + 3)
        limits = table[np.arange(len(kinds)), sides[level[waiting]]]  # (n, P, 2)
        values = between(limits[..., 0], limits[..., 1], numbers[:, 3:])
        starts, fits = place(law, values, numbers[:, :3])
        if law == "collision" and only_scorable:
            fits &= scorable(starts, mode)
        done = waiting[fits]
        result.radii[done], result.position[done] = starts.radii[fits], starts.position[fits]
        result.velocity[done] = starts.velocity[fits]
        waiting = waiting[~fits]
        if not len(waiting):
            return result, [names[index] for index in level]
    raise RuntimeError(f"{len(waiting)} of {count} draws of {law} {split} found no room in {MAX_ATTEMPTS} attempts")

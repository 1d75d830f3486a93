"""Velocities left out of training, and directions: does a generator interpolate, or recall the nearest clips?

Source: phyworld/phyworld commit ee0e473, `one_ball_uniform_motion_square_out_v0.py` (its `--left`, `--right`,
`--n_train`, `--extrapolate`); arXiv 2411.02385, section 5 (gaps, islands, flipped training clips).
"""

from __future__ import annotations

from itertools import pairwise

from wmenv.worlds.discs.regions import SPEEDS, Interval, Region, speed_regions

GAPS: dict[str, Interval] = {
    "large": Interval(1.25, 3.75),
    "medium": Interval(1.5, 3.5),
    "small": Interval(1.75, 3.25),
}
"""Speeds left out of training, units/s."""

ISLANDS: dict[str, tuple[Interval, ...]] = {
    "3": (Interval(1.0, 1.25), Interval(2.375, 2.625), Interval(3.75, 4.0)),
    "4": (Interval(1.0, 1.25), Interval(1.875, 2.125), Interval(2.875, 3.125), Interval(3.75, 4.0)),
}
"""The only speeds trained on, units/s."""

BEYOND = (Interval(0.0, 1.0), Interval(4.0, 6.0))
"""Speeds outside every training split here, units/s."""

FAST_HALF, SLOW_HALF = Interval(2.5, 4.0), Interval(1.0, 2.5)
"""Memorisation: trained on the fast half, tested on the slow one, units/s."""


def _without(gap: Interval) -> tuple[Interval, Interval]:
    return Interval(SPEEDS.low, gap.low), Interval(gap.high, SPEEDS.high)


def _between(islands: tuple[Interval, ...]) -> tuple[Interval, ...]:
    return tuple(Interval(left.high, right.low) for left, right in pairwise(islands))


_RIGHT, _LEFT = Region("right", speed=FAST_HALF), Region("left", speed=FAST_HALF, moves="left")

GAP_SPLITS: dict[str, tuple[Region, ...]] = {
    **{f"gap_{name}_train": speed_regions(*_without(gap)) for name, gap in GAPS.items()},
    **{f"gap_{name}_test": speed_regions(gap) for name, gap in GAPS.items()},
    **{f"islands_{name}_train": speed_regions(*islands) for name, islands in ISLANDS.items()},
    **{f"islands_{name}_test": speed_regions(*_between(islands)) for name, islands in ISLANDS.items()},
    "beyond_test": speed_regions(*BEYOND),
    "memory_right_train": (_RIGHT,),
    "memory_flipped_train": (_RIGHT, _LEFT),
    "memory_right_test": (Region("right", speed=SLOW_HALF),),
    "memory_left_test": (Region("left", speed=SLOW_HALF, moves="left"),),
}
"""Training splits and their tests: inside a gap, between islands, beyond all training speeds, and the slow half."""

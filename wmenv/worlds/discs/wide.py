"""Speeds for alignment: a wide range to draw prompts from, and one beyond it that no prompt has shown."""

from __future__ import annotations

from wmenv.worlds.discs.regions import Interval, Region, speed_regions

PROMPTED = Interval(1.0, 6.0)
"""Training speeds and those of `ood_high_v` together, units/s: aligned on the fast ones alone, a generator learns to
move everything fast."""

FASTER = Interval(6.5, 8.0)
"""Speeds beyond, units/s; the official code has none."""

WIDE_SPLITS: dict[str, tuple[Region, ...]] = {
    "wide_v": speed_regions(PROMPTED),
    "faster_v": speed_regions(FASTER),
}

"""What the splits of PhyWorld hold."""

from __future__ import annotations

import numpy as np

from wmenv.studies.blocks import markdown
from wmenv.worlds.discs.laws import contact_time, inside_view, positions, scored_pairs
from wmenv.worlds.discs.splits import draw_starts, level_sides, parameter_ranges, regions_of, split_levels, split_names
from wmenv.worlds.discs.truth import split_mean_speed
from wmenv.worlds.discs.world import FRAMES, GIVEN_FRAMES, LAWS, Law, frame_times

CASES = 2000


def splits_table() -> str:
    """Ranges, scored frame pairs and mean speed of every split, official code's ranges."""
    rows = []
    for law in LAWS:
        for split in split_names(law):
            if regions_of(law, split):
                continue  # the analysis experiments have a table of their own
            levels = split_levels(law, split) or ()
            ranges = _ranges(law, levels[0]) if len(levels) == 1 else f"{len(levels)} levels, equally likely"
            pairs = scored_pairs_of(law, split)
            speed = split_mean_speed(law, split, "code", "exact")
            rows.append([f"{law} `{split}`", ranges, f"{pairs.mean():.1f}", str(pairs.min()), f"{speed:.2f}"])
    header = ["split", "radii and speeds", "scored pairs, mean", "least", "mean true speed"]
    return markdown(header, rows, words=2) + f"\n\n{CASES} cases a split, ranges of the official code, mode exact."


def _ranges(law: Law, level: str) -> str:
    names = ("r", "v") if law != "collision" else ("r1", "r2", "v1", "v2")
    bounds = parameter_ranges(law, "code")
    told = []
    for name, side in zip(names, level_sides(law, level), strict=True):
        low, high = bounds[name[0]][side]
        told.append(f"{name} {low:g}-{high:g}")
    return ", ".join(told)


def scored_pairs_of(law: Law, split: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(2000,) number of scored frame pairs in each of 2,000 cases of a split."""
    starts, _ = draw_starts(law, split, np.arange(CASES, dtype=np.uint64))
    times = frame_times(FRAMES)
    inside = inside_view(positions(starts, times), starts.radii)
    before, after = scored_pairs(inside, times, contact_time(starts, "exact"), float(times[GIVEN_FRAMES - 1]))
    counts: np.ndarray[tuple[int], np.dtype[np.int64]] = (after if law == "collision" else before).sum(axis=1)
    return counts

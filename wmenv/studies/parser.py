"""How exact is the eye of the physics judger? True clips, every size, beside the official parser."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np

from wmenv.studies.blocks import markdown
from wmenv.worlds.discs.official_parser import official_track
from wmenv.worlds.discs.splits import draw_starts
from wmenv.worlds.discs.world import LAWS, Edge, Law

CLIPS = 200
SIZES = (256, 128, 64, 32)
USUAL_RADIUS = 0.7


def parser_table() -> str:
    """Mean velocity error (paper's formula) of the true clip, by law, radius and size."""
    rows = []
    for law in LAWS:
        usual, small = usual_cases(law, CLIPS), small_cases(law, CLIPS)
        lines: list[tuple[str, tuple[str, ...], Edge, str]] = [
            ("radii from 0.7", usual, "area", "wmenv"),
            ("radii from 0.7, edge official", usual, "official", "wmenv"),
            ("radii from 0.7: official parser, mean of absolute", usual, "official", "official"),
            (
                "radii from 0.7: official parser and formula (mean, then absolute)",
                usual,
                "official",
                "official_formula",
            ),
            ("smaller radii", small, "area", "wmenv"),
        ]
        for label, ids, edge, by in lines:
            rows.append([f"{law}, {label}", *(f"{floor(law, ids, size, edge)[by]:.4f}" for size in SIZES)])
    note = (
        f"\n\n{CLIPS} true clips a cell, split `id` (smaller radii: `ood_low_r`, `ood_low_r1_r2`), mean velocity error"
    )
    return markdown(["case", *(f"{s} px" for s in SIZES)], rows) + f"{note} in units/s."


def usual_cases(law: Law, count: int) -> tuple[str, ...]:
    """Ids of in-distribution cases whose radii are all at least 0.7."""
    seeds = np.arange(4 * count, dtype=np.uint64)
    starts, _ = draw_starts(law, "id", seeds)
    usual = seeds[(starts.radii >= USUAL_RADIUS).all(axis=1)][:count]
    return tuple(f"id-{seed:012x}" for seed in usual.tolist())


def small_cases(law: Law, count: int) -> tuple[str, ...]:
    """Ids of cases with the smallest discs there are."""
    split = "ood_low_r1_r2" if law == "collision" else "ood_low_r"
    return tuple(f"{split}-{seed:012x}" for seed in range(count))


@lru_cache(maxsize=64)
def floor(law: Law, ids: tuple[str, ...], size: int, edge: Edge) -> dict[str, float]:
    """Mean velocity error of true clips, units/s.

    Args:
        law: The law.
        ids: The cases.
        size: Side of the picture.
        edge: How pictures under 256 pixels are made.

    Returns:
        By `wmenv` (the judger), `official` (the official parser, the paper's formula) and `official_formula` (the
        official parser and formula).
    """
    env: Any = gym.make(f"PhyWorld-{law}-v0", size=size, edge=edge).unwrapped
    errors: dict[str, list[float | None]] = {"wmenv": [], "official": [], "official_formula": []}
    for case in env.cases(ids):
        clip = env.true_clip(case)
        (judgement,) = env.score([case], [clip])
        errors["wmenv"].append(judgement["velocity"].native)
        errors["official"].append(official_track(clip.frames, case.truth))
        errors["official_formula"].append(judgement["velocity_official"].native)
    return {name: float(np.mean([e for e in found if e is not None])) for name, found in errors.items()}

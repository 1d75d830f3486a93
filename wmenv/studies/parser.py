"""How exact is the eye of the physics judger? True clips, every size, beside the official parser."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from wmenv.core.statistics import bootstrap_mean
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
        for label, ids in (("radii from 0.7", usual_cases(law, CLIPS)), ("smaller radii", small_cases(law, CLIPS))):
            for edge in ("area", "official") if label == "radii from 0.7" else ("area",):
                rows.append([f"{law}, {label}" + (", edge official" if edge == "official" else "")])
                rows[-1] += [floor(law, ids, size, edge)["wmenv"] for size in SIZES]  # type: ignore[arg-type]
            if label == "radii from 0.7":
                rows.append([f"{law}, {label}: official parser, mean of absolute"])
                rows[-1] += [floor(law, ids, size, "official")["official"] for size in SIZES]
                rows.append([f"{law}, {label}: official parser and formula (mean, then absolute)"])
                rows[-1] += [floor(law, ids, size, "official")["official_formula"] for size in SIZES]
    note = (
        f"\n\n{CLIPS} true clips a cell, split `id` (smaller radii: `ood_low_r`, `ood_low_r1_r2`), mean velocity error"
    )
    return markdown(["case", *(f"{s} px" for s in SIZES)], rows) + f"{note} in units/s."


def usual_cases(law: Law, count: int) -> list[str]:
    """Ids of in-distribution cases whose radii are all at least 0.7."""
    seeds = np.arange(4 * count, dtype=np.uint64)
    starts, _ = draw_starts(law, "id", seeds)
    return [f"id-{seed:012x}" for seed in seeds[(starts.radii >= USUAL_RADIUS).all(axis=1)][:count].tolist()]


def small_cases(law: Law, count: int) -> list[str]:
    """Ids of cases with the smallest discs there are."""
    split = "ood_low_r1_r2" if law == "collision" else "ood_low_r"
    return [f"{split}-{seed:012x}" for seed in range(count)]


def floor(law: Law, ids: list[str], size: int, edge: Edge) -> dict[str, str]:
    """Velocity error of true clips: by the judger, by the official parser, by the official formula."""
    env: Any = gym.make(f"PhyWorld-{law}-v0", size=size, edge=edge).unwrapped
    ours, masks, formula = [], [], []
    for case in env.cases(ids):
        clip = env.true_clip(case)
        (judgement,) = env.score([case], [clip])
        ours.append(judgement["velocity"].native)
        masks.append(official_track(clip.frames, case.truth))
        formula.append(judgement["velocity_official"].native)
    return {"wmenv": _cell(ours), "official": _cell(masks), "official_formula": _cell(formula)}


def _cell(errors: list[float | None]) -> str:
    seen = [e for e in errors if e is not None]
    estimate = bootstrap_mean(seen, [str(k) for k in range(len(seen))])
    return "-" if estimate is None else f"{estimate.mean:.4f}"

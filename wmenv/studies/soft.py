"""How near is `physics-soft` to `physics`? True clips, imperfect clips, and what each term sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.correlation import spearman
from wmenv.core.registries import AGENTS, JUDGERS
from wmenv.studies.blocks import markdown
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.faults import FAULTS
from wmenv.worlds.discs.world import FPS, LAWS, frame_times

CLIPS = 200
"""True clips a cell."""
IMPERFECT = 48
"""Cases a split whose clips are ranked."""
SIZES = (64, 32)
SPLITS = ("id", "ood_high", "ood_low")
SEED = 31


def soft_table() -> str:
    """Differences on true clips, then ranks of generated ones."""
    true = [_true_row(law, split) for law in LAWS for split in SPLITS]
    head = [f"{name}, {size} px" for size in SIZES for name in ("mean difference", "95 %")]
    ranks = [row for law in LAWS for row in _rank_rows(law)]
    return (
        f"{markdown(['true clips', *head], true)}\n\n{CLIPS} clips a cell: velocity error of `physics-soft` minus that "
        "of `physics`, units/s, and the 95th percentile of its absolute value.\n\n"
        + markdown(["imperfect clips", "clips", "lost", "error", "soft error", "Spearman", "of the reward"], ranks)
        + f"\n\n32 px, 16 frames; {IMPERFECT} cases a split, those that can be scored. `lost`: clips that forfeit the "
        "velocity under `physics`; errors are means, units/s; the rank correlations are those of the soft error, and "
        "of minus the soft reward, with the error of `physics`; - where all forfeit alike."
    )


def _true_row(law: str, split: str) -> list[str]:
    row = [f"{law}, `{split}`"]
    for size in SIZES:
        suite: Any = gym.make(f"PhyWorld-{law}-v0", size=size).unwrapped
        cases = suite.cases(suite.case_ids(CLIPS, np.random.default_rng(SEED), split))
        exact, soft, _, _ = _judged(suite, cases, [suite.true_clip(case) for case in cases])
        apart = np.array(soft) - np.array(exact)
        row += [f"{apart.mean():+.4f}", f"{np.quantile(abs(apart), 0.95):.4f}"]
    return row


def _rank_rows(law: str) -> list[list[str]]:
    """One row a source of clips: the flow model where one ships, agents that move discs wrongly, planted faults."""
    suite: Any = gym.make(f"PhyWorld-{law}-v0", size=32, frames=16).unwrapped
    fast = "ood_high_v1" if law == "collision" else "ood_high_v"
    low = "ood_low_v1" if law == "collision" else "ood_low_v"
    small = "ood_low_r1" if law == "collision" else "ood_low_r"
    sources: list[tuple[str, str, tuple[str, ...]]] = [
        ("nearest-neighbour", "nearest-neighbour", ("id", fast, low)),
        ("steered", "steered", ("id", fast, low)),
    ]
    if suite.observe(suite.draw(1, np.random.default_rng(0)))[0].prompt in _shipped():
        sources = [("flow", "flow", ("id", fast, low)), ("flow, small balls", "flow", (small,)), *sources]
    rows = []
    for label, agent, splits in sources:
        found: tuple[list[float], list[float], list[float], list[bool]] = ([], [], [], [])
        for split in splits:
            cases = suite.cases(suite.case_ids(IMPERFECT, np.random.default_rng(SEED), split))
            clips = AGENTS.create(agent).act(suite.observe(cases), list(range(len(cases))))
            _extend(found, _judged(suite, cases, clips))
        rows.append(_rank_row(f"{law}: {label}", found))
    found = ([], [], [], [])
    cases = suite.cases(suite.case_ids(IMPERFECT, np.random.default_rng(SEED), "id"))
    for fault in FAULTS.values():
        planted = [_planted(suite, case, fault, k) for k, case in enumerate(cases)] if law in fault.laws else []
        chosen = [k for k, clip in enumerate(planted) if clip is not None]
        _extend(found, _judged(suite, [cases[k] for k in chosen], [c for c in planted if c is not None]))
    return [*rows, _rank_row(f"{law}: planted faults", found)]


def _shipped() -> tuple[str, ...]:
    agent: Any = AGENTS.create("flow")
    return tuple(agent.folders)


def _planted(suite: Any, case: Case, fault: Any, seed: int) -> Clip | None:
    discs = fault.plant(case.truth, frame_times(case.truth.frames), np.random.default_rng(seed))
    return None if discs is None else Clip(draw(discs, suite.size, suite.edge), FPS)


def _judged(
    suite: Any, cases: Sequence[Case], clips: Sequence[Any]
) -> tuple[list[float], list[float], list[float], list[bool]]:
    """Exact errors, soft errors, costs (1 / score = 1 + cost^2; forfeits last), and which clips lost a ball.

    Cases in which no velocity can be scored within the length of the clip are left out.
    """
    judged = zip(suite.score(cases, clips), JUDGERS.create("physics-soft").judge(cases, clips), strict=True)
    pairs = [(exact["velocity"], soft["velocity"]) for exact, soft in judged]
    kept = [(exact, soft) for exact, soft in pairs if exact.native is not None and soft.native is not None]
    return (
        [float(exact.native or 0.0) for exact, _ in kept],
        [float(soft.native or 0.0) for _, soft in kept],
        [_cost(soft.score) for _, soft in kept],
        [exact.state == "forfeited" for exact, _ in kept],
    )


def _cost(score: float | None) -> float:
    return float(np.sqrt(1.0 / score - 1.0)) if score else float("inf")


def _extend(found: tuple[list[Any], ...], more: tuple[list[Any], ...]) -> None:
    for total, part in zip(found, more, strict=True):
        total += part


def _rank_row(label: str, found: tuple[list[float], list[float], list[float], list[bool]]) -> list[str]:
    exact, soft, cost, lost = found
    return [
        label,
        str(len(exact)),
        str(sum(lost)),
        f"{np.mean(exact):.3f}",
        f"{np.mean(soft):.3f}",
        *("-" if np.isnan(rank) else f"{rank:.3f}" for rank in (spearman(exact, soft), spearman(exact, cost))),
    ]

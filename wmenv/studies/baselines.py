"""Baseline agents in and out of distribution."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

from wmenv.runs.demo import evaluate_demo
from wmenv.runs.evaluate import evaluate
from wmenv.runs.results import Results
from wmenv.studies.blocks import markdown

CASES = 500
AGENTS = ("law", "nearest-neighbour", "constant-velocity", "copy-last")
SPLITS = ("id", "ood_low", "ood_high", "ood_cross")


def baselines_table() -> str:
    """500 cases a split of uniform motion: velocity error, slope and reward."""
    return results_table(run_baselines()) + f"\n\n`PhyWorld-uniform_motion-v0`, {CASES} cases a split, seed 0."


@lru_cache(maxsize=1)
def run_baselines() -> Results:
    """Evaluate the baseline agents on uniform motion."""
    with tempfile.TemporaryDirectory() as folder:
        return evaluate(
            "PhyWorld-uniform_motion-v0",
            AGENTS,
            splits=SPLITS,
            episodes=CASES,
            out=Path(folder) / "run",
            keep="none",
            batch=50,
        )


def demo_table() -> str:
    """The run of `wmenv demo`."""
    with tempfile.TemporaryDirectory() as folder:
        return results_table(evaluate_demo(Path(folder) / "demo"))


def results_table(results: Results) -> str:
    """One row an agent and split: the error that decides the reward, its slope, the reward."""
    headline = next(c["id"] for c in results.protocol["criteria"] if c["weight"] > 0)
    rows = []
    for row in results.rows:
        criterion = row.criteria[headline]
        privileged = any(a.name == row.agent and a.privileged for a in results.agents)
        slopes = [f"{value:.2f}" for value in criterion.slopes.values()]
        cells = [f"{v.mean:.3f} [{v.low:.3f}, {v.high:.3f}]" if v else "-" for v in (criterion.native, row.reward)]
        name = f"{row.agent}{' (privileged)' if privileged else ''}, `{row.split}`"
        rows.append([name, str(row.cases), cells[0], slopes[0] if slopes else "-", cells[1], f"{row.forfeited}"])
    for split in results.splits:
        of_split = next(r for r in results.rows if r.split == split).criteria[headline]
        for name, value in of_split.baselines.items():
            rows.append(
                [f"computed: {name.replace('_', ' ')}, `{split}`", str(value.cases), f"{value.mean:.3f}", "", "", ""]
            )
    return markdown(["agent, split", "cases", f"{headline} error", "slope", "reward", "forfeited"], rows)

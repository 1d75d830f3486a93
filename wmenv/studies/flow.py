"""The `flow` models that ship: error in and out of distribution on fresh cases, and how they were trained."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.statistics import BOOTSTRAP_SEED, REPLICATES
from wmenv.runs.evaluate import evaluate
from wmenv.runs.results import Results
from wmenv.runs.store import stored_run
from wmenv.studies.blocks import markdown
from wmenv.worlds.discs.world import LAWS, Law

CASES = 512
SEED = 11
"""Decides the cases; no card's held-out figures were made from it."""

MOST_POINTS = 6
"""Points of a learning curve that are printed: the last, and others evenly before it."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two means with its 95 % interval over cases."""

    value: float
    low: float
    high: float


def flow_table(others: Path) -> str:
    """Errors of the shipped models and of other training seeds, learning curves, and the commands that made them.

    Args:
        others: Folder of the cards of models that do not ship; it need not exist.
    """
    from wmenv.agents.flow.checkpoint import WEIGHTS, read_card
    from wmenv.agents.flow.family import SHIPPED

    folders = {law: SHIPPED / law for law in LAWS if (SHIPPED / law).is_dir()}
    cards = {law: read_card(folder) for law, folder in folders.items()}
    errors, curves = [], []
    for law, card in cards.items():
        errors += _error_rows(law)
        curves += _curve_rows(law, card["curve"])
    made = "\n".join(
        f"- `{card['command']}`: {card['parameters']:,} parameters, "
        f"{(folders[law] / WEIGHTS).stat().st_size:,} bytes, {card['cpu_seconds']:,.0f} CPU-seconds, "
        f"torch {card['versions']['torch']}"
        for law, card in cards.items()
    )
    repeated = [_repeat_row(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(others.glob("*.json"))]
    repeats = markdown(["command", "error, `id`", "slope", "error, faster", "slope, faster"], repeated)
    first = markdown(["law, split", "velocity error", "slope", "error / error in distribution", "forfeited"], errors)
    second = markdown(["law, step", "CPU-s", "error, `id`", "error, faster", "slope, faster"], curves)
    return (
        f"{first}\n\n{CASES} cases a split at 32 px and 16 frames, none of them in training or in the choice of a "
        f"setting; intervals over cases: they speak of these weights, not of the method.\n\nThe same from other "
        f"training seeds, whose weights do not ship (their cards; {CASES} other cases a split):\n\n{repeats}\n\n"
        f"Learning curves, from the cards:\n\n{second}\n\nMade by:\n\n{made}"
    )


def _error_rows(law: Law) -> list[list[str]]:
    from wmenv.agents.flow.held_out import FAST

    splits = ("id", FAST[law])
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        results = evaluate(
            f"PhyWorld-{law}", ["flow"], splits=splits, episodes=CASES, seed=SEED, out=run, keep="none", batch=64,
            size=32, frames=16,
        )  # fmt: skip
        errors = {split: case_errors(run, split) for split in splits}
    return [_error_row(law, split, results, errors) for split in splits]


def _error_row(law: Law, split: str, results: Results, errors: dict[str, list[float]]) -> list[str]:
    row = results.row("flow", split)
    velocity = row.criteria["velocity"]
    mean, slope = velocity.native, velocity.slopes.get("speed")
    against = "" if split == "id" else _told(ratio_of_means(errors[split], errors["id"]))
    return [
        f"{law.replace('_', ' ')}, `{split}`",
        f"{mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}]" if mean else "-",
        "-" if slope is None else f"{slope:.2f}",
        against,
        f"{row.forfeited}",
    ]


def _repeat_row(card: Mapping[str, Any]) -> list[str]:
    inside, fast = card["held_out"]
    numbers = [inside["error"], inside["slope"], fast["error"], fast["slope"]]
    return [f"`{card['command']}`", *("-" if n is None else f"{n:.3f}" for n in numbers)]


def _told(ratio: Ratio) -> str:
    return f"{ratio.value:.1f} [{ratio.low:.1f}, {ratio.high:.1f}]"


def _curve_rows(law: Law, curve: Sequence[dict[str, Any]]) -> list[list[str]]:
    step = -(-len(curve) // MOST_POINTS)
    rows = []
    for point in reversed(curve[::-1][::step]):
        held = point["held_out"]
        rows.append(
            [
                f"{law.replace('_', ' ')}, {point['step']:,}",
                f"{point['cpu_seconds']:.0f}",
                *(f"{one['error']:.3f}" for one in held),
                "-" if held[-1]["slope"] is None else f"{held[-1]['slope']:.2f}",
            ]
        )
    return rows


def case_errors(run: Path, split: str) -> list[float]:
    """Velocity error of every case of a split, units/s, in order of case id."""
    finals = [rollout.final for rollout in stored_run(run)[1] if rollout.split == split and rollout.final]
    return [value for final in finals if (value := final["velocity"].native) is not None]


def ratio_of_means(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Mean of one sample over the mean of another, with the percentile interval of resampling both.

    Args:
        above: N values, one a case.
        below: M values, one a case, their mean above 0.
    """
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    means = []
    for values in (np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)):
        means.append(values[rng.integers(len(values), size=(REPLICATES, len(values)))].mean(axis=1))
    low, high = np.quantile(means[0] / means[1], [0.025, 0.975])
    return Ratio(float(np.mean(above) / np.mean(below)), float(low), float(high))

"""How often does the alarm of an alignment's guard sound for nothing? Bootstrapped traces of runs that were sound.

`python -m wmenv.studies.alarm docs/alarm.json` trains the runs and keeps what their looks saw; the study resamples it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.alarm import Looks, Rule, alarm_of
from wmenv.core.files import write_whole
from wmenv.core.registries import METHODS, make_env
from wmenv.core.statistics import wilson
from wmenv.studies.blocks import markdown

ENV, FORM = "PhyWorld-uniform_motion-v0", {"size": 32, "frames": 16}
AGENT = "flow,steps=4"
SETTINGS: dict[str, Any] = {
    "prompts": "id:2,ood_high_v:1", "updates": 60, "cases": 16, "look_every": 10, "precision": "float32",
}  # fmt: skip
TRACES = 2000
"""Of sound runs together, and of each unsound one."""
SEED = 41
DIGITS = 5
"""Significant digits of what is kept."""


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """A run whose looks are resampled.

    Attributes:
        name: In tables and in the file.
        sound: Whether nothing is wrong with it by construction: an alarm is a false one.
        method: By name.
        judger: Gives the reward.
        settings: Beside `SETTINGS`.
    """

    name: str
    sound: bool
    method: str
    judger: str
    settings: Mapping[str, Any]


RUNS = (
    TrainedRun("true clips, seed 21", True, "supervised", "physics-soft", {"seed": 21}),
    TrainedRun("true clips, seed 22", True, "supervised", "physics-soft", {"seed": 22}),
    TrainedRun("next to no change", True, "supervised", "physics-soft", {"seed": 23, "learning_rate": 1e-5}),
    TrainedRun("DRaFT-1, seed 21", True, "reward-gradient", "physics-soft", {"seed": 21, "learning_rate": 1e-3}),
    TrainedRun("DRaFT-1, seed 22", True, "reward-gradient", "physics-soft", {"seed": 22, "learning_rate": 1e-3}),
    TrainedRun(
        "no price on mass", False, "reward-gradient", "physics-soft,mass=0", {"seed": 21, "learning_rate": 1e-3}
    ),
)
"""The numbers of the rule were chosen on runs with seeds 0 to 13."""


def alarm_table(path: Path) -> str:
    """Share of bootstrapped traces that give an alarm, by run.

    Args:
        path: docs/alarm.json, which need not exist.
    """
    if not path.is_file():
        return "No runs are kept: `python -m wmenv.studies.alarm docs/alarm.json` trains them."
    kept = json.loads(path.read_text(encoding="utf-8"))["runs"]
    sound = sum(run["sound"] for run in kept)
    counts = {run["name"]: TRACES // sound if run["sound"] else TRACES for run in kept}
    alarms = {run["name"]: alarms_of(run["looks"], counts[run["name"]]) for run in kept}
    rows = [[_named(run), *_rate(alarms[run["name"]], counts[run["name"]])] for run in kept]
    names = [run["name"] for run in kept if run["sound"]]
    total = _rate(sum(alarms[name] for name in names), sum(counts[name] for name in names))
    rows.insert(len(names), ["**all sound runs**", *(f"**{cell}**" for cell in total)])
    looks = len(kept[0]["looks"])
    cases = len(next(iter(kept[0]["looks"][0][1]["splits"].values()))["by_case"]["reward"])
    return (
        markdown(["looks of", "traces", "alarms", "rate, Wilson 95 %"], rows)
        + f"\n\n{AGENT}, {ENV}, {SETTINGS['prompts']}, {looks} looks at {cases} cases a split; a trace draws the cases "
        "of each split anew with replacement, the same for all its looks, so that it keeps how each case went on from "
        "look to look. Runs on true clips are sound by construction, no reward enters; those along `physics-soft` "
        "count as sound since the held-out reward ends far above its start. The interval is over cases: how often a "
        "run with another training seed alarms, these runs do not say."
    )


def alarms_of(looks: Looks, count: int, rule: Rule | None = None, seed: int = SEED) -> int:
    """Alarms in so many bootstrapped traces of one run.

    Args:
        looks: Of the run.
        count: Of traces.
        rule: The rule; the usual one by default.
        seed: Of the resampling.
    """
    rng = np.random.default_rng(seed)
    return sum(alarm_of(resampled(looks, rng), rule or Rule()) is not None for _ in range(count))


def resampled(looks: Looks, rng: np.random.Generator) -> list[tuple[int, dict[str, Any]]]:
    """A trace with the cases of each split drawn anew, the same ones for all looks."""
    drawn = {
        split: rng.integers(len(one["by_case"]["reward"]), size=len(one["by_case"]["reward"]))
        for split, one in looks[0][1]["splits"].items()
    }
    return [
        (update, _look({s: _chosen(one, drawn[s].tolist()) for s, one in look["splits"].items()}))
        for update, look in looks
    ]


def keep(path: Path) -> None:
    """Train the runs and write what their looks saw.

    Args:
        path: The file, docs/alarm.json.
    """
    kept = []
    for run in RUNS:
        env = make_env(ENV, **FORM)
        method = METHODS.load(run.method)(env, AGENT, run.judger, "physics", **SETTINGS, **run.settings)
        method.learn()
        looks = [(one["update"], _trimmed(one["look"])) for one in method.history if one["look"] is not None]
        protocol = {"method": run.method, "judger": method.suite.judger.card["identity"], "settings": run.settings}
        kept.append({"name": run.name, "sound": run.sound, **protocol, "looks": looks})
        print(f"{run.name}: {method.cpu:.0f} CPU-s, alarm: {alarm_of(looks, Rule())}", flush=True)
        write_whole(path, (json.dumps({"runs": kept}, separators=(",", ":")) + "\n").encode())


def _trimmed(look: Mapping[str, Any]) -> dict[str, Any]:
    """Of a look what the rule reads."""
    return _look(
        {
            split: {"by_case": {name: [_short(v) for v in values] for name, values in one["by_case"].items()}}
            for split, one in look["splits"].items()
        }
    )


def _chosen(split: Mapping[str, Any], cases: Sequence[int]) -> dict[str, Any]:
    return {"by_case": {name: [values[k] for k in cases] for name, values in split["by_case"].items()}}


def _look(splits: dict[str, dict[str, Any]]) -> dict[str, Any]:
    held = [[v for v in one["by_case"]["held_out"] if v is not None] for one in splits.values()]
    means = [float(np.mean(values)) for values in held if values]
    return {"held_out": float(np.mean(means)) if means else None, "splits": splits}


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


def _named(run: Mapping[str, Any]) -> str:
    return run["name"] if run["sound"] else f"{run['name']} (unsound: alarms are right)"


def _rate(alarms: int, traces: int) -> list[str]:
    low, high = wilson(alarms, traces)
    return [f"{traces:,}", f"{alarms:,}", f"{alarms / traces:.2%} [{low:.2%}, {high:.2%}]"]


if __name__ == "__main__":
    keep(Path(sys.argv[1]))

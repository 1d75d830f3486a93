"""From cells to an outcome: means over seeds and verdicts."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from wmenv.core.canonical import digest
from wmenv.studies.training.declare import Experiment, TrainingStudy
from wmenv.studies.training.interval import seed_interval
from wmenv.studies.training.outcome import SCHEMA, Failure, Outcome, Row, Seeds
from wmenv.studies.training.verdict import judge_claim

AVERAGED = (
    "error", "at_mean_speed", "slope", "bias", "pull", "reversed", "margin", "least_kept", "forfeited",
    "score", "reward", "second",
)  # fmt: skip
"""Read-outs of which the table of runs shows means over seeds."""

TIMES = ("cpu_seconds", "learning_cpu_seconds")
"""Of a cell; they differ from machine to machine."""


def summarise(
    study: TrainingStudy,
    experiment: Experiment,
    cells: Mapping[tuple[str, int], Mapping[str, Any]],
    failures: Sequence[Failure],
    environment: Mapping[str, Any],
    analysis_before: Sequence[str] = (),
) -> Outcome:
    """Compute the outcome of a study from the cells that are there.

    Args:
        study: The study.
        experiment: What was run.
        cells: Cells by run and seed, as `AnyRun.make` returns them.
        failures: Cells that failed.
        environment: The environment block; the cells' CPU time is added.
        analysis_before: Digests of earlier analyses of these cells.
    """
    present = [cells[run.name, seed] for run, seed in experiment.cells() if (run.name, seed) in cells]
    by_seed = {
        seed: {cell["run"]: cell["splits"] for cell in present if cell["seed"] == seed} for seed in experiment.seeds
    }
    plain = experiment.plain()
    return Outcome(
        schema=SCHEMA,
        study=study.name,
        question=study.question,
        hypothesis=study.hypothesis,
        experiment=plain,
        experiment_digest=digest(plain),
        analysis_digest=study.analysis_digest(),
        analysis_before=list(analysis_before),
        complete=len(present) == len(list(experiment.cells())),
        claims=[judge_claim(claim, experiment.seeds, by_seed) for claim in study.claims],
        rows=[
            _row(run.name, split, [cells.get((run.name, seed)) for seed in experiment.seeds])
            for run in experiment.runs
            for split in run.tests
        ],
        cells=[{key: value for key, value in cell.items() if key not in TIMES} for cell in present],
        failures=list(failures),
        environment={
            **environment,
            "cpu_seconds": round(sum(cell["cpu_seconds"] for cell in present)),
            **_learning(present),
        },
    )


def _learning(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """CPU seconds of learning by run and seed, where cells state them."""
    spent: dict[str, dict[str, float]] = {}
    for cell in cells:
        if "learning_cpu_seconds" in cell:
            spent.setdefault(cell["run"], {})[str(cell["seed"])] = cell["learning_cpu_seconds"]
    return {"learning_cpu_seconds": spent} if spent else {}


def _row(run: str, split: str, cells: Sequence[Mapping[str, Any] | None]) -> Row:
    """Means over all seeds; a mean over those that happen to be there would not compare with the others."""
    found = {}
    for name in AVERAGED:
        values = [None if cell is None else cell["splits"][split].get(name) for cell in cells]
        interval = seed_interval([value for value in values if value is not None])
        if interval is not None and interval.seeds == len(cells):
            found[name] = Seeds(**interval.plain())
    return Row(run=run, split=split, readouts=found)


def machine(command: str, jobs: int) -> dict[str, Any]:
    """The environment block: command, versions, processor."""
    import os

    return {
        "command": command,
        "jobs": jobs,
        **{name: _version(name) for name in ("wmenv", "torch", "diffusers", "numpy")},
        "python": platform.python_version(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor_name() -> str:
    """Model name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()

"""A cell with an aligned generator: align it by its run and seed, test the last weights, read them out."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wmenv.core.files import write_whole
from wmenv.core.protocols import Judger
from wmenv.core.registries import AGENTS, METHODS, make_env
from wmenv.runs.evaluate import evaluate
from wmenv.studies.alignment.critics import exams, taught
from wmenv.studies.alignment.run import A_LOOK, Alignment
from wmenv.studies.training.declare import Experiment
from wmenv.studies.training.kinds import Told
from wmenv.studies.training.readout import read_run

LEARNING = "learning.json"
"""What is known of a model's learning; a model folder that has it is finished."""


def align_cell(experiment: Experiment, run: Alignment, seed: int, out: Path, told: Told) -> dict[str, Any]:
    """Align, evaluate and read one generator; see `wmenv.studies.training.kinds.AnyRun.make`.

    Test cases are the same for all rows of a seed and others for every seed, so that the interval over seeds holds for
    other cases, too. They are drawn by another seed than those of prompts and looks.
    """
    started = time.process_time()
    critics = taught(run.critics, seed, out, experiment.precision, lambda line, done: told(line, 0.5 * done))
    begun = 0.5 if critics else 0.0
    share = begun + (0.9 - begun) * bool(run.method)
    folder = out / "models" / f"{run.name}-{seed}"
    learning = _learnt(
        experiment, run, seed, folder, critics, lambda line, done: told(line, begun + (share - begun) * done)
    )
    agent = AGENTS.load(run.agent)(*([str(folder)] if run.method else []), steps=experiment.sampler_steps)
    splits = _tested(
        experiment, run, seed, out, agent, critics, lambda line, done: told(line, share + (1.0 - share) * done)
    )
    return {
        "run": run.name,
        "seed": seed,
        "updates": run.updates,
        "splits": splits,
        "cpu_seconds": round(max(time.process_time() - started, learning.get("learning_cpu_seconds", 0.0)), 1),
        **({"exams": exams(critics)} if critics else {}),
        **({"curve": []} | learning),
    }


Critics = Mapping[str, Judger]


def _learnt(
    experiment: Experiment, run: Alignment, seed: int, folder: Path, critics: Critics, told: Told
) -> dict[str, Any]:
    """What is known of learning, which is done where it has not been; nothing of a row that does not learn."""
    if not run.method:
        return {}
    path = folder / LEARNING
    if not path.is_file():
        learning = _learn(experiment, run, seed, folder, critics, told)
        write_whole(path, (json.dumps(learning) + "\n").encode())
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _learn(
    experiment: Experiment, run: Alignment, seed: int, folder: Path, critics: Critics, told: Told
) -> dict[str, Any]:
    """Align without a guard, and keep the weights after the last update: no judge has chosen them."""
    import torch

    shared = {
        "seed": seed,
        "prompts": run.prompts,
        "precision": experiment.precision,
        "look_every": max(1, run.updates // experiment.points),
        "look_cases": A_LOOK,
        "look_samples": 1,
    }
    method: Any = METHODS.load(run.method)(
        _env(run, "physics"),
        f"{run.agent},steps={run.rollout_steps or experiment.sampler_steps}",
        critics.get(run.judger, run.judger) or None,
        critics.get(run.held_out, run.held_out) or None,
        **{**shared, **run.settings},
    )
    curve: list[dict[str, Any]] = []

    def updated(method: Any, record: Any) -> None:
        line = ""
        if record.look is not None:
            curve.append(_point(record.update, record.look))
            figures = ", ".join(f"{name} {value}" for name, value in curve[-1].items() if name in FIGURES)
            line = f"update {record.update}/{run.updates}  {figures}"
        told(line, record.update / run.updates)

    method.learn(callbacks=[updated])
    with torch.no_grad():
        for name, weight in method.weights.items():
            weight.copy_(method.average[name])
    folder.mkdir(parents=True, exist_ok=True)
    method.generator.export(folder, method.facts())
    return {"curve": curve, "learning_cpu_seconds": round(method.cpu, 1)}


FIGURES = ("reward", "held_out", "kl")
"""Of a look, what a point of the curve has beside the velocity errors and the mass of each split."""


def _point(update: int, look: Any) -> dict[str, Any]:
    """A look as a point of the learning curve."""
    figures = {name: getattr(look, name) for name in FIGURES}
    errors = {split: one.native.get("velocity") for split, one in look.splits.items()}
    masses = {split: one.mass for split, one in look.splits.items()}
    return {
        "step": update,
        **{name: _short(value) for name, value in figures.items() if value is not None},
        "error": {split: _short(value) for split, value in errors.items() if value is not None},
        "mass": {split: _short(value) for split, value in masses.items() if value is not None},
    }


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _tested(
    experiment: Experiment, run: Alignment, seed: int, out: Path, agent: Any, critics: Critics, told: Told
) -> dict[str, dict[str, Any]]:
    """Read-outs by split: those of the exact judger with its mean `score`, and mean scores of the other judges."""
    judges = {"score": "physics", **run.judges}
    splits: dict[str, dict[str, Any]] = {}
    for k, (name, judger) in enumerate(judges.items()):
        env = _env(run, critics.get(judger, judger))
        place = out / "runs" / (f"{run.name}-{seed}" + ("" if k == 0 else f"-{name}"))
        results = evaluate(
            env,
            [agent],
            splits=run.tests,
            episodes=experiment.cases,
            seed=experiment.cases_seed + seed,
            out=place,
            resume=True,
            retry_failed=True,
            batch=16,
            keep="none" if k else "worst",
            progress=lambda tick, before=k: told("", (before + tick.done / tick.total) / len(judges)),  # type: ignore[misc]
        )
        if results.failed:
            reasons = [failure.reason for failure in results.failures] or ["the evaluation is incomplete"]
            raise RuntimeError(f"{len(reasons)} rollouts failed, the first: {reasons[0]}")
        if k == 0:
            splits = read_run(place, results, env.unwrapped, run.law, run.train)
        for row in results.rows:
            splits[row.split][name] = None if row.reward is None else round(row.reward.mean, 6)
    return splits


def _env(run: Alignment, judger: str | Judger) -> Any:
    return make_env(f"PhyWorld-{run.law}", size=run.size, frames=run.frames, scheme=run.asked, judger=judger)

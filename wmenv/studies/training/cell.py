"""A cell with a flow model: train it by its run and seed, test it, read it out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from wmenv.core.registries import make_env
from wmenv.runs.evaluate import evaluate
from wmenv.studies.training.declare import Experiment, Run
from wmenv.studies.training.kinds import Told
from wmenv.studies.training.readout import read_run

SAVE_EVERY = 250


def run_cell(experiment: Experiment, run: Run, seed: int, out: Path, told: Told) -> dict[str, Any]:
    """Train, evaluate and read one flow model; see `wmenv.studies.training.kinds.AnyRun.make`."""
    from wmenv.agents.flow.generator import FlowGenerator
    from wmenv.agents.flow.network import Architecture
    from wmenv.agents.flow.training import Recipe, Schedule, Tick, train

    folder, run_folder = (out / kind / f"{run.name}-{seed}" for kind in ("models", "runs"))
    recipe = Recipe(
        law=run.law,
        steps=run.steps,
        seed=seed,
        split=run.train,
        clips=run.clips,
        batch=run.batch,
        architecture=Architecture(run.size, run.FRAMES, run.GIVEN, run.PATCH, run.widths),
        precision=experiment.precision,
    )
    schedule = Schedule(points=experiment.points, clips=64, final_clips=0, save_every=SAVE_EVERY)
    share = run.steps / (run.steps + 0.15 * experiment.cases * len(run.tests))

    def trained(tick: Tick) -> None:
        line = ""
        if tick.point is not None:
            errors = "  ".join(f"{one.split} {one.error:.3f}" for one in tick.point.held_out)
            line = f"step {tick.step}/{tick.steps}  velocity error: {errors}"
        told(line, share * tick.step / tick.steps)

    started = time.process_time()
    card = train(recipe, folder, resume=True, schedule=schedule, progress=trained)
    trained_seconds = max(time.process_time() - started, float(card["cpu_seconds"]))
    started = time.process_time()
    options: dict[str, Any] = {"size": run.size, "frames": run.FRAMES, "given": run.GIVEN}
    if run.scheme == "attributes":
        options |= {"scheme": "attributes", "judger": "attribute-conflict"}
    env = make_env(f"PhyWorld-{run.law}", **options)
    agent: Any = FlowGenerator.read(folder, steps=experiment.sampler_steps)
    results = evaluate(
        env,
        [agent],
        splits=run.tests,
        episodes=experiment.cases,
        seed=experiment.cases_seed,
        out=run_folder,
        resume=True,
        retry_failed=True,
        batch=16,
        progress=lambda tick: told("", share + (1.0 - share) * tick.done / tick.total),
    )
    if results.failed:
        reasons = [failure.reason for failure in results.failures] or ["the evaluation is incomplete"]
        raise RuntimeError(f"{len(reasons)} rollouts failed, the first: {reasons[0]}")
    splits = read_run(run_folder, results, env.unwrapped, run.law, run.train)
    return {
        "run": run.name,
        "seed": seed,
        "parameters": card["parameters"],
        "steps": card["steps_done"],
        "curve": [_point(point) for point in card["curve"]],
        "splits": splits,
        "cpu_seconds": round(trained_seconds + time.process_time() - started, 1),
    }


def _point(point: dict[str, Any]) -> dict[str, Any]:
    """A point of the learning curve without its time."""
    errors = {one["split"]: round(one["error"], 4) for one in point["held_out"]}
    return {"step": point["step"], "loss": round(point["loss"], 5), "error": errors}

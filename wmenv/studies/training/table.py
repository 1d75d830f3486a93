"""Training studies as Markdown: what was declared, and what came out."""

from __future__ import annotations

from pathlib import Path

from wmenv.core.canonical import digest
from wmenv.studies.blocks import markdown
from wmenv.studies.training.declare import Experiment, Run, TrainingStudy
from wmenv.studies.training.outcome import ClaimResult, Outcome, Seeds

LABELS = {
    "error": "velocity error",
    "at_mean_speed": "of the mean speed",
    "slope": "slope",
    "bias": "bias",
    "pull": "pull",
    "reversed": "reversed",
    "margin": "margin",
    "least_kept": "least kept",
    "forfeited": "forfeited",
}
NOT_RUN = "not yet run"


def study_block(study: TrainingStudy, path: Path) -> str:
    """The block of the documentation: the committed outcome, or the declaration where there is none yet.

    Args:
        study: The study.
        path: Its committed `study.json`.
    """
    if not path.is_file():
        rows = [[*_declared(claim.plain()), NOT_RUN] for claim in study.claims]
        return f"{runs_table(study.experiment('real'))}\n\n{markdown([*_HEAD, 'verdict'], rows, words=4)}"
    return outcome_tables(Outcome.read(path), study)


def outcome_tables(outcome: Outcome, study: TrainingStudy | None = None) -> str:
    """Verdicts, means by run and split, and how they were made.

    Args:
        outcome: The outcome.
        study: The study as it is declared now; where it has changed since, a line says so.
    """
    parts = [provenance(outcome)]
    if study is not None:
        parts += [f"**{line}**" for line in changes(outcome, study)]
    parts += [f"**Failed:** {one.run}, seed {one.seed}: {one.reason}" for one in outcome.failures]
    experiment = Experiment.of(outcome.experiment)
    return "\n\n".join([*parts, claims_table(outcome), runs_table(experiment), means_table(outcome)])


def provenance(outcome: Outcome) -> str:
    """Command, seeds, machine and versions in two sentences."""
    e = outcome.environment
    seeds = ", ".join(map(str, outcome.seeds))
    versions = ", ".join(f"{name} {e[name]}" for name in ("wmenv", "torch", "diffusers", "numpy") if e.get(name))
    state = "" if outcome.complete else " **Incomplete: cells are missing.**"
    return (
        f"`{e['command']}`: {len(outcome.cells)} models, {len(outcome.seeds)} training seeds ({seeds}), "
        f"{outcome.experiment['cases']} test cases a split, {outcome.experiment['precision']}.{state} "
        f"{e['cpu_seconds'] / 60:.0f} CPU-minutes on {e['processor']}, {e['cores']} cores; {versions}."
    )


def changes(outcome: Outcome, study: TrainingStudy) -> list[str]:
    """How the declaration of a study has changed since an outcome was made; empty is the rule."""
    now = study.experiment(outcome.experiment["size"], outcome.experiment["precision"])
    told = []
    if digest(now.plain()) != outcome.experiment_digest:
        told.append("The table of runs has changed since these results were made.")
    if study.analysis_digest() != outcome.analysis_digest:
        told.append("The analysis has changed since these results were made.")
    if outcome.analysis_before:
        told.append(f"These cells were judged under {len(outcome.analysis_before)} other analyses before.")
    return told


_HEAD = ("claim", "the paper", "number", "holds if")


def claims_table(outcome: Outcome) -> str:
    """One row a claim."""
    rows = []
    for claim in outcome.claims:
        values = ", ".join(_number(claim.values[str(s)]) if str(s) in claim.values else "-" for s in outcome.seeds)
        verdict = f"**{claim.verdict}**" + (f" ({claim.reason})" if claim.reason else "")
        rows.append([*_declared(claim.model_dump()), mean_text(claim.interval), values, verdict])
    return markdown([*_HEAD, "mean [95 % interval]", "by seed", "verdict"], rows, words=4)


def _declared(claim: dict[str, object]) -> list[str]:
    sign = ">" if claim["side"] == "above" else "<"
    statement = f"{'Premise: ' if claim['premise'] else ''}{claim['statement']}"
    return [statement, str(claim["paper"]), f"`{claim['quantity']}`", f"{sign} {claim['threshold']:g}"]


def runs_table(experiment: Experiment) -> str:
    """One row a run: how its models are trained."""
    rows = [
        [
            f"`{run.name}`",
            run.law.replace("_", " "),
            f"`{run.train}`",
            "new ones for ever" if run.clips is None else f"{run.clips:,}",
            "-".join(map(str, run.widths)),
            f"{run.steps:,} x {run.batch}",
            ", ".join(f"`{split}`" for split in run.tests),
        ]
        for run in experiment.runs
    ]
    return markdown(["run", "law", "trained on", "clips", "widths", "steps x batch", "tested on"], rows, words=7)


def means_table(outcome: Outcome) -> str:
    """One row a run and split: means over training seeds."""
    names = [name for name in LABELS if any(name in row.readouts for row in outcome.rows)]
    rows = [
        [f"`{row.run}`, `{row.split}`", *(mean_text(row.readouts.get(name)) for name in names)] for row in outcome.rows
    ]
    return markdown(["run, split", *(LABELS[name] for name in names)], rows)


def mean_text(one: Seeds | None) -> str:
    """Mean and interval as text."""
    if one is None:
        return "-"
    return _number(one.mean) + (f" [{_number(one.low)}, {_number(one.high)}]" if one.low < one.high else "")


def _number(value: float) -> str:
    text = f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 10 else f"{value:.3f}"
    return text if float(text) else text.lstrip("-")


def verdict_counts(claims: list[ClaimResult]) -> str:
    """Such as `5 agree, 1 disagrees, 2 undecided`, premises left out."""
    decided = [claim.verdict for claim in claims if not claim.premise]
    agree, against, open_ = (decided.count(word) for word in ("agrees", "disagrees", "undecided"))
    return (
        f"{agree} {'agrees' if agree == 1 else 'agree'}, {against} {'disagrees' if against == 1 else 'disagree'}, "
        f"{open_} undecided"
    )


def describe(study: TrainingStudy) -> str:
    """What `wmenv study NAME` prints before anything is run."""
    real, smoke = study.experiment("real"), study.experiment("smoke")
    cells = list(real.cells())
    minutes = sum(real.cpu_seconds(run) for run, _ in cells) / 60
    claims = "\n".join(
        f"  {'premise: ' if c.premise else ''}{c.statement}\n"
        f"    {c.quantity.told} {'>' if c.side == 'above' else '<'} {c.threshold:g}; the paper: {c.paper}"
        for c in study.claims
    )
    limits = "\n".join(f"  {line}" for line in study.limits)
    return (
        f"{study.name}\n\nQuestion\n  {study.question}\n\nHypothesis\n  {study.hypothesis}\n\n"
        f"Claims, each decided by the 95 % interval over {len(real.seeds)} training seeds (Student's t)\n{claims}\n\n"
        f"Runs\n{_plain_runs(real)}\n\n"
        f"Limits\n{limits}\n\n"
        f"Cost\n  --real   {len(cells)} models, about {minutes:.0f} CPU-minutes\n"
        f"  --smoke  {len(list(smoke.cells()))} tiny models, under a minute; its numbers mean nothing\n\n"
        f"Run it\n  wmenv study {study.name} --real --out study-{study.name}-real\n"
        "  The same command again goes on after an interruption."
    )


def _plain_runs(experiment: Experiment) -> str:
    return "\n".join(f"  {_plain_run(run)}; tested on {', '.join(run.tests)}" for run in experiment.runs)


def _plain_run(run: Run) -> str:
    clips = "new clips for ever" if run.clips is None else f"{run.clips:,} clips"
    widths = "-".join(map(str, run.widths))
    return f"{run.name}: {run.law} `{run.train}`, {clips}, {run.steps:,} steps of {run.batch}, widths {widths}"

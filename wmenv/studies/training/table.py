"""Training studies as Markdown: what was declared, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wmenv.studies.blocks import markdown
from wmenv.studies.training.declare import Experiment, TrainingStudy
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
    "score": "score",
    "reward": "of the judger that rewards",
    "second": "of the second critic",
}
SIGNS = {"above": ">", "below": "<", "not below": "not <"}
NOT_RUN = "not yet run"


def study_block(study: TrainingStudy, path: Path) -> str:
    """The block of the documentation: the committed outcome, or the declaration where there is none yet.

    Args:
        study: The study.
        path: Its committed `study.json`.
    """
    if not path.is_file():
        rows = [[*_declared(claim.plain()), NOT_RUN] for claim in study.claims]
        head = [*_head(study.source), "verdict"]
        return f"{runs_table(study.experiment('real'))}\n\n{markdown(head, rows, words=4)}"
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
        parts += [f"**{line}**" for line in conclusion(outcome, study)]
    parts += [f"**Failed:** {one.run}, seed {one.seed}: {one.reason}" for one in outcome.failures]
    source = "the paper" if study is None else study.source
    notes = {} if study is None else study.split_notes
    parts += [claims_table(outcome, source), runs_table(Experiment.of(outcome.experiment))]
    parts += [means_table(outcome, notes)]
    parts += [seeds_table(outcome, name, notes) for name in (() if study is None else study.by_seed)]
    return "\n\n".join([*parts, *learning_times(outcome)])


def conclusion(outcome: Outcome, study: TrainingStudy) -> list[str]:
    """What it comes to, if the study has a sentence for that and the rows it needs are there."""
    return [] if study.conclude is None or not outcome.complete else [study.conclude(outcome)]


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
    if now.plain() != Experiment.of(outcome.experiment).plain():  # fields that came later have their defaults
        told.append("The table of runs has changed since these results were made.")
    if study.analysis_digest() != outcome.analysis_digest:
        told.append("The analysis has changed since these results were made.")
    if outcome.analysis_before:
        told.append(f"These cells were judged under {len(outcome.analysis_before)} other analyses before.")
    return told


def _head(source: str) -> tuple[str, ...]:
    return ("claim", source, "number", "holds if")


def claims_table(outcome: Outcome, source: str = "the paper") -> str:
    """One row a claim; `source` heads the column that says where it comes from."""
    rows = []
    for claim in outcome.claims:
        values = ", ".join(_number(claim.values[str(s)]) if str(s) in claim.values else "-" for s in outcome.seeds)
        verdict = f"**{claim.verdict}**" + (f" ({claim.reason})" if claim.reason else "")
        rows.append([*_declared(claim.model_dump()), mean_text(claim.interval), values, verdict])
    return markdown([*_head(source), "mean [95 % interval]", "by seed", "verdict"], rows, words=4)


def _declared(claim: dict[str, object]) -> list[str]:
    sign = SIGNS[str(claim["side"])]
    statement = f"{'Premise: ' if claim['premise'] else ''}{claim['statement']}"
    return [statement, str(claim["paper"]), f"`{claim['quantity']}`", f"{sign} {claim['threshold']:g}"]


def runs_table(experiment: Experiment) -> str:
    """One row a run: how its models are made."""
    rows = [run.columns() for run in experiment.runs]
    return markdown(list(rows[0]), [list(row.values()) for row in rows], words=len(rows[0]))


def means_table(outcome: Outcome, notes: Mapping[str, str] | None = None) -> str:
    """One row a run and split: means over training seeds; `notes` say what a reader must know of a split."""
    names = [name for name in LABELS if any(name in row.readouts for row in outcome.rows)]
    rows = [
        [
            f"`{row.run}`, {noted(row.split, notes, '`')}",
            *(mean_text(row.readouts.get(name)) for name in names),
        ]
        for row in outcome.rows
    ]
    return markdown(["run, split", *(LABELS[name] for name in names)], rows)


def seeds_table(outcome: Outcome, readout: str, notes: Mapping[str, str] | None = None) -> str:
    """A read-out of every run and split, seed by seed."""
    found = {
        (cell["run"], split, cell["seed"]): values.get(readout)
        for cell in outcome.cells
        for split, values in cell["splits"].items()
    }
    rows = []
    for row in outcome.rows:
        values = [found.get((row.run, row.split, seed)) for seed in outcome.seeds]
        shown = ["-" if value is None else _number(value) for value in values]
        rows.append([f"`{row.run}`, {noted(row.split, notes, '`')}", *shown])
    return markdown([f"{LABELS[readout]} by seed", *map(str, outcome.seeds)], rows)


def learning_times(outcome: Outcome) -> list[str]:
    """A table of the CPU seconds that learning took, where its runs state them."""
    spent = outcome.environment.get("learning_cpu_seconds", {})
    if not spent:
        return []
    seeds = [str(seed) for seed in outcome.seeds]
    rows = [[f"`{run}`", *(f"{one[s]:.0f}" if s in one else "-" for s in seeds)] for run, one in spent.items()]
    return [markdown(["CPU-s of learning, looks included, by seed", *seeds], rows)]


def noted(split: str, notes: Mapping[str, str] | None, quote: str = "") -> str:
    """A split with what a reader must know of it."""
    note = (notes or {}).get(split, "")
    return f"{quote}{split}{quote}" + (f" ({note})" if note else "")


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
        f"    {c.quantity.told} {SIGNS[c.side]} {c.threshold:g}; {study.source}: {c.paper}"
        for c in study.claims
    )
    limits = "\n".join(f"  {line}" for line in study.limits)
    return (
        f"{study.name}\n\nQuestion\n  {study.question}\n\nHypothesis\n  {study.hypothesis}\n\n"
        f"Claims, each decided by the 95 % interval over {len(real.seeds)} training seeds (Student's t)\n{claims}\n\n"
        f"Runs\n{_plain_runs(real)}\n\n"
        f"Limits\n{limits}\n\n"
        f"Cost\n  --real   {len(cells)} models, about {minutes:.0f} CPU-minutes, "
        "twice as many without bfloat16 arithmetic\n"
        f"  --smoke  {len(list(smoke.cells()))} tiny models, under a minute; its numbers mean nothing\n\n"
        f"Run it\n  wmenv study {study.name} --real --out study-{study.name}-real\n"
        "  The same command again goes on after an interruption."
    )


def _plain_runs(experiment: Experiment) -> str:
    return "\n".join(f"  {run.told()}; tested on {', '.join(run.tests)}" for run in experiment.runs)

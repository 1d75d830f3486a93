"""A training study as one HTML file, and its verdicts as a table for the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from rich import box
from rich.table import Table

from wmenv.core.errors import RunFolderError
from wmenv.core.files import write_whole
from wmenv.report.study_chart import StudyChart, curve_chart, readout_chart, speed_chart
from wmenv.report.tables import escape
from wmenv.studies.training.declare import Experiment, TrainingStudy
from wmenv.studies.training.outcome import ClaimResult, Outcome
from wmenv.studies.training.table import (
    LABELS,
    SIGNS,
    changes,
    conclusion,
    mean_text,
    noted,
    provenance,
    verdict_counts,
)

HERE = Path(__file__).parent
TEMPLATE = "study.html.j2"


@dataclass(frozen=True, slots=True)
class MeansRow:
    """One run on one split, as text.

    Attributes:
        run: Name of the run.
        split: The split.
        values: Means with intervals, in the order of the table's columns.
    """

    run: str
    split: str
    values: tuple[str, ...]


def write_study_report(outcome: Outcome, path: Path, study: TrainingStudy) -> Path:
    """Write the report of a study; it needs no network and no other file.

    Args:
        outcome: The outcome.
        path: The file.
        study: The declaration; it says what is drawn, and whether it has changed since the outcome was made.

    Returns:
        The path.

    Raises:
        RunFolderError: The file cannot be written.
    """
    try:
        write_whole(path, render_study(outcome, study).encode())
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}; choose another --out") from error
    return path


def render_study(outcome: Outcome, study: TrainingStudy) -> str:
    """The page as text; a function of its arguments alone."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    names = [name for name in LABELS if any(name in row.readouts for row in outcome.rows)]
    rows = [
        MeansRow(
            row.run, noted(row.split, study.split_notes), tuple(mean_text(row.readouts.get(name)) for name in names)
        )
        for row in outcome.rows
    ]
    return environment.get_template(TEMPLATE).render(
        outcome=outcome,
        study=study,
        runs=[
            {heading: text.replace("`", "") for heading, text in run.columns().items()}
            for run in Experiment.of(outcome.experiment).runs
        ],
        counts=verdict_counts(outcome.claims),
        provenance=provenance(outcome).replace("**", "").replace("`", ""),
        changes=changes(outcome, study),
        conclusion=conclusion(outcome, study),
        spent=outcome.environment.get("learning_cpu_seconds", {}),
        signs=SIGNS,
        labels=[LABELS[name] for name in names],
        rows=rows,
        charts=study_charts(outcome, study),
        mean_text=mean_text,
        style=Markup((HERE / "report.css").read_text("utf-8") + (HERE / "study.css").read_text("utf-8")),
    )


def study_charts(outcome: Outcome, study: TrainingStudy) -> list[StudyChart]:
    """What there is to draw: the declared read-outs, generated against true speed, learning curves."""
    found = [readout_chart(outcome, plot) for plot in study.plots]
    found += [speed_chart(outcome, run) for run in dict.fromkeys(cell["run"] for cell in outcome.cells)]
    found.append(curve_chart(outcome))
    return [chart for chart in found if chart is not None]


def claims_terminal_table(outcome: Outcome) -> Table:
    """Verdicts as a table that `rich` prints."""
    table = Table(
        title=escape(f"{outcome.study}, {outcome.size}: {verdict_counts(outcome.claims)}"),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in ("claim", "holds if", "mean [95 % over seeds]", "verdict"):
        table.add_column(name)
    for claim in outcome.claims:
        table.add_row(
            escape(("premise: " if claim.premise else "") + claim.name),
            f"{SIGNS[claim.side]} {claim.threshold:g}",
            escape(mean_text(claim.interval)),
            _styled(claim),
        )
    return table


def _styled(claim: ClaimResult) -> str:
    colour = {"agrees": "green", "disagrees": "red", "undecided": "yellow"}[claim.verdict]
    return f"[{colour}]{claim.verdict}[/{colour}]" + (f" ({escape(claim.reason)})" if claim.reason else "")

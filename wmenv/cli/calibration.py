"""What `wmenv judge calibrate` prints and writes."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from wmenv.cli.console import escape, out
from wmenv.judgers.wrappers.temperatures import write
from wmenv.official.files import sha256
from wmenv.runs.folder import on_disk
from wmenv.studies.calibration import Fit, fit


def calibrate(run: Path, labels: Path, target: Path, agent: str | None) -> None:
    """Fit, print and write.

    Args:
        run: Run folder.
        labels: See `wmenv.studies.labelled.WANTED`.
        target: The file to write.
        agent: Only this agent's clips.
    """
    found, fits = fit(run, labels, agent)
    table = Table(box=None, pad_edge=False)
    table.add_column("criterion")
    for column in ("n", "temperature", "log loss", "after", "Brier", "after", "ECE", "after"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in fits:
        table.add_row(escape(one.name), str(one.n), f"{one.temperature:.3f}", *_cells(one))
    facts = {"labels": labels.name, "criteria": [one.plain() for one in fits]}
    if labels.is_file():
        facts["sha256"] = sha256(labels)
    with on_disk(target):
        write(target, found, facts)
    out().print(escape(f"{found.judger}, by the labels of {labels.name}"), style="bold", soft_wrap=True)
    out().print(table)
    out().print(escape(f"written  {target}  (--judger calibrated:JUDGER,file={target})"), soft_wrap=True)


def _cells(one: Fit) -> list[str]:
    cells = []
    for name in ("log_loss", "brier", "error"):
        cells += [f"{getattr(one.before, name):.3f}", "-" if one.after is None else f"{getattr(one.after, name):.3f}"]
    return cells

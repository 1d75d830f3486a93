"""What `wmenv judge agree` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from wmenv.cli.console import escape, out
from wmenv.core.statistics import Estimate
from wmenv.studies.agreement import Agreement, agreement
from wmenv.studies.labelled import judged, labelled, unread


def print_agreement(run: Path, labels: Path, agent: str | None) -> int:
    """Print two tables; returns 1 where a labelled clip was not judged.

    Args:
        run: Run folder.
        labels: See `wmenv.studies.labelled.WANTED`.
        agent: Only this agent's clips.
    """
    found = judged(run, agent)
    criteria = [agreement(one) for one in labelled(found, labels)]
    out().print(
        escape(f"{found.name}, judged by {found.identity}, against {labels.name}"), style="bold", soft_wrap=True
    )
    left_out = unread(labels)
    if left_out:
        out().print(f"{left_out} rows are left out: their target is neither a clear yes or no nor a number")
    out().print(_answers(criteria))
    out().print(_scores(criteria))
    return int(any(one.missing for one in criteria))


def _answers(criteria: Sequence[Agreement]) -> Table:
    flips = any(one.flips is not None for one in criteria)
    table = _table("answers", "n", "missing", "majority", "accuracy", "balanced", "kappa", "alpha", *["flips"] * flips)
    for one in criteria:
        n = 0 if one.accuracy is None else one.accuracy.n
        cells = [str(n), str(one.missing), _number(one.majority), _interval(one.accuracy), _interval(one.balanced)]
        cells += [_interval(one.kappa), _number(one.alpha)]
        table.add_row(escape(one.name), *cells, *[_flips(one.flips)] * flips)
    return table


def _scores(criteria: Sequence[Agreement]) -> Table:
    table = _table("scores", "n", "AUROC", "Spearman", "Kendall", "Brier", "ECE")
    for one in criteria:
        cells = [_interval(one.auroc), _interval(one.spearman), _number(one.kendall), _number(one.brier)]
        table.add_row(escape(one.name), str(one.compared), *cells, _number(one.calibration))
    return table


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"


def _interval(found: Estimate | None) -> str:
    return "-" if found is None else f"{found.mean:.3f} [{found.low:.2f}, {found.high:.2f}]"


def _flips(found: Estimate | None) -> str:
    return "-" if found is None else f"{found.mean:.1%} of {found.n}"

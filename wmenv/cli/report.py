"""`wmenv report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def report(
    runs: list[Path],
    /,
    *,
    out: Path | None = None,
    clips_per_group: int = 3,
    card: Annotated[list[Path] | None, Parameter(negative="", consume_multiple=False)] = None,
) -> None:
    """Write one self-contained HTML file on one or several runs.

    Args:
        runs: Run folders.
        out: The file; report.html in the run folder of a single run.
        clips_per_group: How many clips to embed for each agent and split, worst first.
        card: Card of a run's judger, written by wmenv judge exam, repeatable: its key figures stand beside the scores.
            A card of another judger is refused.
    """
    from wmenv.cli.console import say_path
    from wmenv.report.html import write_report

    say_path(write_report(runs, out, clips_per_group=clips_per_group, cards=card or []))

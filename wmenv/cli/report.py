"""`wmenv report`."""

from __future__ import annotations

from pathlib import Path


def report(runs: list[Path], /, *, out: Path | None = None, clips_per_group: int = 3) -> None:
    """Write one self-contained HTML file on one or several runs.

    Args:
        runs: Run folders.
        out: The file; report.html in the run folder of a single run.
        clips_per_group: How many clips to embed for each agent and split, worst first.
    """
    from wmenv.cli.console import say_path
    from wmenv.report.html import write_report

    say_path(write_report(runs, out, clips_per_group=clips_per_group))

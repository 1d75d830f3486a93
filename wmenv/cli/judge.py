"""`wmenv judge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

judge = App(name="judge", help="Judge clips.")


@judge.command(name="run")
def judge_run(
    run: Path, /, *, judger: str, out: Path | None = None, resume: Annotated[bool, Parameter(negative="")] = False
) -> int:
    """Score the kept clips of a run again, without generating, into a run folder of its own.

    Args:
        run: Run folder whose clips are judged; evaluate with --keep-clips all to have them all.
        judger: Judger; see wmenv list judgers.
        out: New run folder; RUN-JUDGER by default.
        resume: Go on with an interrupted rejudging.
    """
    from wmenv.cli.console import out as console
    from wmenv.cli.console import progress
    from wmenv.cli.evaluate import finish
    from wmenv.runs.rejudge import rejudge

    target = out or run.with_name(f"{run.name}-{judger.partition(':')[0]}")
    with progress() as show:
        results = rejudge(run, judger, target, resume=resume, progress=show)
    status = finish(results, target, True, console())
    if not results.complete:
        console().print("incomplete: only kept clips could be judged; evaluate with --keep-clips all for the rest")
    return status

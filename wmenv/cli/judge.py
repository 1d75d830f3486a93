"""`wmenv judge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

judge = App(name="judge", help="Judge clips.")


@judge.command(name="run")
def judge_run(
    run: Path,
    /,
    *,
    judger: str,
    out: Path | None = None,
    max_requests: int | None = None,
    max_cost: float | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    retry_failed: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Score the kept clips of a run again, without generating, into a run folder of its own.

    For example: wmenv judge run runs/first --judger server:http://localhost:8000/v1 --max-requests 5000

    Args:
        run: Run folder whose clips are judged; evaluate with --keep-clips all to have them all.
        judger: Judger; see wmenv list judgers. Options of server:URL, such as key_env=VARIABLE, are in docs/judgers.md.
        out: New run folder; RUN-JUDGER by default.
        max_requests: Requests that server:URL may send in all, resumptions included; what it cannot ask has failed.
        max_cost: What they may cost in all; needs server:URL,price_in=P,price_out=Q, prices of a million tokens.
        resume: Go on with an interrupted rejudging.
        retry_failed: With --resume, judge again what could not be judged; answers that came are not asked for again.
    """
    from wmenv.cli.console import out as console
    from wmenv.cli.console import progress, within_budget
    from wmenv.cli.evaluate import finish
    from wmenv.runs.rejudge import rejudge

    asked = within_budget(judger, max_requests, max_cost) or judger
    target = out or run.with_name(f"{run.name}-{judger.partition(':')[0]}")
    with progress() as show:
        results = rejudge(run, asked, target, resume=resume, retry_failed=retry_failed, progress=show)
    status = finish(results, target, True, console())
    if not results.complete:
        console().print("incomplete: only kept clips could be judged; evaluate with --keep-clips all for the rest")
    return status

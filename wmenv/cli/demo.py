"""`wmenv demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def demo(*, out: Path = Path("wmenv-demo"), force: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Is this video model a world model? Judge it and baselines on thrown discs, and write a report. Offline, seconds.

    Args:
        out: Run folder.
        force: Replace the demo run that is already there.
    """
    from wmenv.cli.console import escape, progress
    from wmenv.cli.console import out as console
    from wmenv.cli.evaluate import finish
    from wmenv.runs.demo import GENERATOR, demo_agents, evaluate_demo
    from wmenv.runs.remove import remove_run

    if force:
        remove_run(out)
    screen = console()
    screen.print(
        "Which of these agents predicts how a thrown disc falls? Each sees 3 frames and draws the other 13.\n"
        "id: speeds as in training; ood_high_v: faster than any training clip shows."
    )
    if GENERATOR not in demo_agents():
        screen.print(escape(f"Without {GENERATOR}, the trained video model: it needs pip install 'wmenv[gen]'"))
    with progress() as show:
        results = evaluate_demo(out, show)
    status = finish(results, out, True, screen)
    screen.print("next     wmenv list, wmenv show PhyWorld-parabola, wmenv evaluate --help")
    return status

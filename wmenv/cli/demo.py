"""`wmenv demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def demo(*, out: Path = Path("wmenv-demo"), force: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Judge several agents on elastic collisions, in and out of distribution, and write a report. Offline, seconds.

    Args:
        out: Run folder.
        force: Replace the demo run that is already there.
    """
    from wmenv.cli.console import out as console
    from wmenv.cli.console import progress
    from wmenv.cli.evaluate import finish
    from wmenv.runs.demo import evaluate_demo
    from wmenv.runs.remove import remove_run

    if force:
        remove_run(out)
    screen = console()
    screen.print(
        "Which of these agents predicts how two discs collide? Each sees 3 frames and draws the other 29.\n"
        "id: speeds and sizes as in training; ood_high: faster or larger discs than any training clip shows."
    )
    with progress() as show:
        results = evaluate_demo(out, show)
    status = finish(results, out, True, screen)
    screen.print("next     wmenv list, wmenv show PhyWorld-collision, wmenv evaluate --help")
    return status

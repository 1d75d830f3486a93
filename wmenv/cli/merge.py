"""`wmenv merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def merge(
    shards: Annotated[list[Path], Parameter(negative="")],
    /,
    *,
    out: Path,
    partial: Annotated[bool, Parameter(negative="")] = False,
    report: bool = True,
) -> int:
    """Put the shards of a run together into the run folder that one process would have written.

    For example: wmenv merge runs/shard-1 runs/shard-2 runs/shard-3 --out runs/whole, where each machine ran
    wmenv evaluate ... --shard 1/3 --out runs/shard-1 and so on.

    Rows, kept clips and results.json are those of a run of one process, to the bit, but for the environment block.
    Shards of other settings, the same shard twice, missing shards and unfinished ones are refused. The exit status is
    1 when anything failed or is missing, 2 when the command was refused.

    Args:
        shards: Run folders of all shards, in any order.
        out: New run folder.
        partial: Merge what is there though shards or rollouts are missing; go on later with wmenv evaluate --resume.
        report: Write report.html.
    """
    from wmenv.cli.console import out as console
    from wmenv.cli.evaluate import finish
    from wmenv.runs.merge import merge as put_together

    return finish(put_together(shards, out, partial=partial), out, report, console())

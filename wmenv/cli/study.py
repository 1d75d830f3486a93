"""`wmenv study`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def study(
    name: str | None = None,
    /,
    *,
    docs: Annotated[list[Path] | None, Parameter(negative="", consume_multiple=True)] = None,
    check: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Make a table of the documentation anew: parser accuracy, planted faults, baselines, deviations.

    Args:
        name: Name of the study, or all; without a name the studies are listed.
        docs: Files or folders whose marked blocks are rewritten; without them the tables are only printed.
        check: Do not write; exit with 1 if a block differs from what is printed now.
    """
    from wmenv.cli.console import out
    from wmenv.studies.blocks import differing_blocks, write_blocks
    from wmenv.studies.registry import STUDIES, run_study

    if name is None:
        for one in STUDIES.values():
            out().print(f"[bold]{one.name:<22}[/bold] {one.summary}")
        return 0
    tables = run_study(name)
    for title, text in tables.items():
        print(f"\n{title}\n\n{text}")
    if docs and check:
        different = differing_blocks(docs, tables)
        for line in different:
            print(f"differs: {line}")
        return 1 if different else 0
    if docs:
        for line in write_blocks(docs, tables):
            print(f"wrote {line}")
    return 0

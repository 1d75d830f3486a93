"""`wmenv list`."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

Kind = Literal["envs", "agents", "judgers", "methods"]


def list_names(
    kind: Kind | None = None,
    /,
    *,
    tag: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
) -> int:
    """List environments, agents, judgers and alignment methods, plugins included.

    Args:
        kind: Only this kind.
        tag: Only entries with this tag, as KEY or KEY=VALUE, repeatable.
    """
    from rich.table import Table

    from wmenv.cli.console import escape, out
    from wmenv.core.registries import AGENTS, JUDGERS, METHODS, SUITES

    found = 0
    for name, registry in (("envs", SUITES), ("agents", AGENTS), ("judgers", JUDGERS), ("methods", METHODS)):
        if kind not in (None, name):
            continue
        entries = [e for e in registry.entries() if all(_has(dict(e.tags), one) for one in tag or [])]
        found += len(entries)
        table = Table(title=name, title_justify="left", box=None, pad_edge=False)
        table.add_column("name", style="bold", no_wrap=True)
        table.add_column("what")
        table.add_column("tags", style="dim")
        for e in entries:
            tags = "  ".join(f"{key}={value}" for key, value in e.tags.items())
            table.add_row(escape(e.name), escape(e.summary), escape(tags))
        out().print(table if entries else f"{name}: none{' with that tag' if tag else ' registered'}")
    return 0 if found or tag is None else 1


def _has(tags: dict[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in tags and (not equals or tags[key] == value)

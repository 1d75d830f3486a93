"""`wmenv show`."""

from __future__ import annotations


def show(env: str, /) -> None:
    """Show what an environment asks, how it scores, and what can be set.

    Args:
        env: Environment, with or without its version.
    """
    import inspect
    import json

    from rich.table import Table

    from wmenv.cli.console import escape, out
    from wmenv.core.canonical import digest
    from wmenv.core.registries import SUITES, make_env, newest_id

    env_id = newest_id(env)
    suite = make_env(env_id).unwrapped
    protocol = suite.protocol()
    console = out()
    console.print(f"[bold]{escape(env_id)}[/bold]  {escape(protocol['case_set'])}  protocol {digest(protocol)}")
    console.print(escape("  ".join(f"{key}={value}" for key, value in SUITES.entry(env_id).tags.items())), style="dim")
    console.print(_lines(inspect.cleandoc(type(suite).__doc__ or "")))
    console.print(f"\nsplits: {', '.join(suite.splits())}")
    table = Table(title="criteria", title_justify="left", box=None, pad_edge=False)
    for column in ("id", "weight", "unit", "question"):
        table.add_column(column)
    for c in protocol["criteria"]:
        table.add_row(c["id"], f"{c['weight']:g}", c["unit"], escape(c["text"]))
    console.print(table)
    options = inspect.signature(type(suite).__init__).parameters.values()
    settable = [f"{o.name}={o.default}" for o in options if o.kind is o.KEYWORD_ONLY and o.name != "render_mode"]
    console.print(f"\noptions (--set KEY=VALUE, with defaults): {escape(', '.join(settable))}")
    rest = {key: value for key, value in protocol.items() if key != "criteria"}
    console.print(f"\nprotocol: {_lines(json.dumps(rest, indent=1))}")


def _lines(text: str) -> str:
    """Text of several lines, each of them inert."""
    from wmenv.cli.console import escape

    return "\n".join(escape(line) for line in text.splitlines())

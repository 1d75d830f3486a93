"""Results as a table for the terminal."""

from __future__ import annotations

from rich import box, markup
from rich.table import Table

from wmenv.core.errors import printable
from wmenv.report.numbers import ABSENT, number, spread
from wmenv.report.rows import Line, headline, split_tables
from wmenv.runs.card import Examined
from wmenv.runs.results import Results


def terminal_table(results: Results) -> Table:
    """Agents of a run split by split, with computed baselines dimmed below them.

    Args:
        results: The results of a run.

    Returns:
        A table that `rich` prints; names that came from outside are escaped, so that they style nothing.
    """
    first = headline(results)
    tables = split_tables(results)
    table = Table(
        title=escape(results.title),
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("agent", min_width=18)
    table.add_column("split")
    table.add_column("n", justify="right")
    for name in ("reward", escape(first.label) if first else "error", "slope"):
        table.add_column(name, justify="right", no_wrap=True)  # an interval belongs on one line
    for name in ("coverage", "forfeited", "failed"):
        table.add_column(name, justify="right")
    for group in tables:
        for line in group.lines:
            table.add_row(*_agent(line, group.split))
        for line in group.sanity:
            table.add_row(*_agent(line, group.split), style="dim")
        for line in group.baselines:
            table.add_row(*_baseline(line, group.split), style="dim")
        table.add_section()
    table.caption = "\n".join(_notes(results, [group.ranked for group in tables])) or None
    return table


def escape(text: str) -> str:
    """Text that neither styles nor moves the cursor: rich's markup escaped, control characters replaced."""
    return markup.escape(printable(text))


def _agent(line: Line, split: str) -> list[str]:
    assert line.row is not None
    row = line.row
    reward = [_pair(line.reward_text), escape(line.total)]
    return [
        escape(line.name) + ("*" if line.privileged else ""),
        escape(split),
        str(row.rollouts),
        "\n".join(text for text in reward if text),
        _pair(line.error_text),
        line.slope_text,
        number(row.coverage, 2),
        str(row.forfeited),
        str(row.failed),
    ]


def _baseline(line: Line, split: str) -> list[str]:
    n = line.error.n if line.error else 0
    return [escape(line.name), escape(split), str(n), ABSENT, _pair(line.error_text), *[ABSENT] * 4]


def _pair(texts: tuple[str, str]) -> str:
    return escape(" ".join(text for text in texts if text))


def _notes(results: Results, ranked: list[bool]) -> list[str]:
    """What a reader must know to read the table."""
    notes = []
    if any(agent.privileged for agent in results.agents):
        notes.append("* privileged: the agent sees the truth of the case")
    if any(agent.sanity for agent in results.agents):
        notes.append("sanity rows are clips to try the judger with; they are not ranked among agents")
    if any(result.baselines for row in results.rows for result in row.criteria.values()):
        dim = "other dim rows" if any(agent.sanity for agent in results.agents) else "dim rows"
        notes.append(f"{dim} are computed from the truth, no pictures drawn")
    if not all(ranked):
        notes.append("rows have different maxima and are not ranked")
    if not results.complete:
        notes.append("incomplete: not every planned rollout has a row")
    if results.failures:
        notes.append(f"{len(results.failures)} rollouts failed")
    if results.examined is not None:
        notes += _believed(results.examined)
    return notes


def _believed(examined: Examined) -> list[str]:
    """How far the judger is to be believed, by its card."""
    known = [(name, one.balanced) for name, one in examined.criteria.items() if one.balanced is not None]
    figures = ", ".join(f"{name} {number(one.mean, 2)} {spread(one, 2)} of {one.n}" for name, one in known)
    told = [f"judger examined on {examined.on}; balanced accuracy: {figures or ABSENT}"]
    if examined.differs:
        told.append(f"it was examined on other clips than it scores here: {'; '.join(examined.differs)}")
    return [escape(line) for line in told]

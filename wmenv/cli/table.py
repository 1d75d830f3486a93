"""`wmenv table`."""

from __future__ import annotations

from pathlib import Path


def table(run: Path, /, *, by: str = "domain") -> None:
    """Print the results of a run by a fact about its cases, with the number of cases beside each mean.

    Where a criterion does not concern a case it leaves total and maximum; the last columns count it as met instead, as
    the published protocol does, which asks every question of every clip.

    Args:
        run: Run folder.
        by: Tag of the cases: domain, subdomain, level, ...
    """
    from rich.table import Table

    from wmenv.cli.console import escape, out
    from wmenv.report.numbers import number
    from wmenv.runs.groups import grouped

    groups = grouped(run, by)
    criteria = list(dict.fromkeys(name for group in groups for name in group.criteria))
    shown = Table(box=None, pad_edge=False)
    shown.add_column("agent", min_width=18, overflow="fold")
    shown.add_column(escape(by))
    spared = any(group.passing_maximum != group.maximum for group in groups)
    for column in ("n", "cases", "reward", "total", "of", *(("all asked", "of") if spared else ()), *criteria):
        shown.add_column(escape(column), justify="right")
    for one in groups:
        reward = "-" if one.reward is None else f"{one.reward.mean:.3f} [{one.reward.low:.3f}, {one.reward.high:.3f}]"
        totals = [one.total, one.maximum, *((one.passing, one.passing_maximum) if spared else ())]
        cells = [str(one.n), str(one.cases), reward, *("-" if v is None else number(v) for v in totals)]
        cells += ["-" if one.criteria.get(name) is None else number(one.criteria[name] or 0.0) for name in criteria]
        shown.add_row(escape(one.agent), escape(one.value or "all"), *map(escape, cells))
    out().print(shown)

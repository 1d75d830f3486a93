"""`wmenv compare`."""

from __future__ import annotations


def compare(first: str, second: str, /, *, measure: str | None = None, pair: str | None = None) -> None:
    """Print paired differences between two runs, second minus first, with 95 % intervals over cases.

    Refuses runs of different protocols (suite, ranges, picture, scheme or judger).

    Args:
        first: Run folder, FOLDER:AGENT, or the file of a baseline (docs/regression.md).
        second: Run folder, or FOLDER:AGENT; may be the same folder.
        measure: Only this measure: reward, or the id of a criterion.
        pair: Entry of the protocol in which the runs may differ, such as condition (text against image).
    """
    from rich.table import Table

    from wmenv.cli.console import escape, out
    from wmenv.core.errors import InvalidArgument
    from wmenv.runs.compare import compare as paired

    differences = paired(first, second, pair=pair)
    known = list(dict.fromkeys(d.measure for d in differences))
    if measure is not None and measure not in known:
        raise InvalidArgument(f"no measure {measure!r}; there are {', '.join(known)}")
    table = Table(title="paired differences, second minus first; * interval leaves out 0", title_justify="left")
    for column in ("first", "second", "split", "measure"):
        table.add_column(column)
    for column in ("difference", "95 % interval", "pairs", "unpaired"):
        table.add_column(column, justify="right")
    for d in differences:
        if measure in (None, d.measure):
            e = d.estimate
            numbers = ("-", "-") if e is None else (f"{e.mean:+.4f}", f"[{e.low:+.4f}, {e.high:+.4f}]")
            mark = " *" if d.significant else ""
            cells = (
                d.first,
                d.second,
                d.split,
                d.measure,
                numbers[0] + mark,
                numbers[1],
                str(d.pairs),
                str(d.unpaired),
            )
            table.add_row(*map(escape, cells))
    out().print(table)

"""`wmenv answers`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

answers = App(name="answers", help="Recorded answers: result files of official scripts, labels of people.")


@answers.command
def score(
    file: Path,
    /,
    *,
    official: Annotated[bool, Parameter(negative="")] = False,
    both: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Score a result file of WorldModelBench, VideoVerse or WorldReasonBench.

    By default answers are read strictly: what could mean two things is missing, and the coverage says how much is.
    With --official they are read and totalled exactly as the benchmark's own script does, denominators included.

    Args:
        file: The result file, as the script wrote it.
        official: The script's own reading and totals.
        both: The two side by side.
    """
    from rich.table import Table

    from wmenv.cli.console import escape, out
    from wmenv.studies.answers import score_file

    found = score_file(file)
    strictly = both or not official
    title = f"{found.benchmark.title}, {file.name}: {found.clips} of {found.published} clips"
    title += f", {found.coverage:.1%} of answers readable" if strictly else ""
    out().print(escape(title), style="bold", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for column in (*(["official"] if official or both else []), *(["strict", "unread"] if strictly else [])):
        table.add_column(column, justify="right")
    for line in found.lines:
        numbers = [*([line.official] if official or both else []), *([line.strict] if strictly else [])]
        if any(value is not None for value in numbers) or line.unread:
            table.add_row(escape(line.name), *map(_number, numbers), *([str(line.unread)] if strictly else []))
    out().print(table)


@answers.command
def export(run: Path, /, *, data: Path, out: Path, agent: str | None = None) -> int:
    """Write a run as a result file that the benchmark's own script reads.

    Clips on which an answer is missing are left out, as the scripts leave out missing videos; the exit status is
    then 1.

    Args:
        run: Run folder of a suite on published cases.
        data: Your copy of the benchmark.
        out: The file to write.
        agent: The agent, where the run has several.
    """
    from wmenv.core.errors import printable
    from wmenv.core.files import write_whole
    from wmenv.runs.folder import on_disk
    from wmenv.runs.official import export as exported

    text, written, judged = exported(run, data, agent)
    with on_disk(out):
        write_whole(out, text.encode())
    print(f"{printable(str(out))}: {written} of {judged} clips")
    return 0 if written == judged else 1


@answers.command
def agree(table: Path, /) -> None:
    """Print how much people agree: equal labels, Krippendorff's alpha, majority baseline, totals, winners.

    Args:
        table: CSV with columns clip, criterion, annotator, value, and perhaps group (clips that are compared).
    """
    from rich.table import Table

    from wmenv.cli.console import escape, out
    from wmenv.official.agreement import TOLERANCE, agreement_of
    from wmenv.official.labels import load

    found = agreement_of(load(table))
    shown = Table(box=None, pad_edge=False)
    shown.add_column("criterion")
    for column in ("clips", "labels", "equal", "pairs", "alpha", "majority baseline"):
        shown.add_column(column, justify="right")
    for one in found.criteria:
        numbers = (_number(one.equal.value), str(one.equal.n), _number(one.alpha), _number(one.baseline.value))
        shown.add_row(escape(one.criterion), str(one.clips), str(one.labels), *numbers)
    out().print(shown)
    print(f"complete votes {found.votes}")
    print(f"totals within {TOLERANCE:g} points {_number(found.close.value)} of {found.close.n} pairs of votes")
    print(f"same winner {_number(found.pairwise.value)} of {found.pairwise.n} comparisons of two clips")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")

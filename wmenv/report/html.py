"""`write_report`: runs as one HTML file that needs nothing else: no network and no other file."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wmenv.core.errors import InvalidArgument, RunFolderError
from wmenv.core.files import taking_apart, write_whole
from wmenv.report.chart import Chart, error_chart
from wmenv.report.clips import Gallery, read_gallery
from wmenv.report.numbers import ABSENT, number, spread, words
from wmenv.report.overview import overview
from wmenv.report.rows import Headline, SplitTable, headline, split_tables
from wmenv.runs.card import examined_by, read_card
from wmenv.runs.results import FILE as RESULTS_FILE
from wmenv.runs.results import Results
from wmenv.runs.store import RunStore
from wmenv.runs.summary import summarise

FILE = "report.html"
HERE = Path(__file__).parent
MOST_FAILURES = 50
"""Longer lists of failures are cut; results.json has them all."""


@dataclass(frozen=True, slots=True)
class RunView:
    """One run as the template sees it.

    Attributes:
        label: Name of its folder.
        anchor: Id of its section.
        results: What it amounts to.
        first: The headline criterion.
        tables: The main table, split by split.
        chart: The chart, where there is something to draw.
        gallery: Kept clips.
        planned: Number of rollouts that a complete run has.
        done: Number of rollouts that it has.
        protocol: The protocol as text.
    """

    label: str
    anchor: str
    results: Results
    first: Headline | None
    tables: list[SplitTable]
    chart: Chart | None
    gallery: Gallery
    planned: int
    done: int
    protocol: str

    @property
    def ranked(self) -> bool:
        """Whether the rows of every split are in an order."""
        return all(table.ranked for table in self.tables)


def write_report(
    runs: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    clips_per_group: int = 3,
    cards: Sequence[str | os.PathLike[str]] = (),
) -> Path:
    """Write a report of one run or several.

    The file holds everything: tables, charts, drawings and clips. It is a function of the run folders alone,
    so that writing it twice gives the same bytes. A run that was interrupted is reported as incomplete.

    Args:
        runs: Run folders.
        out: The file; `report.html` in the run folder by default, required for several runs.
        clips_per_group: Most clips of each agent on each split, worst first; 0 for none.
        cards: Cards of judgers (`wmenv judge exam`), each for the runs of its judger, in place of one that a run keeps.

    Returns:
        Path of the file.

    Raises:
        InvalidArgument: No run, several runs without `out`, or a negative `clips_per_group`.
        ProtocolMismatch: A card is of a judger of none of the runs.
        RunFolderError: A folder holds no run, or the file cannot be written.
    """
    folders = [Path(runs)] if isinstance(runs, str | os.PathLike) else [Path(run) for run in runs]
    if not folders:
        raise InvalidArgument("a report needs at least one run folder, got none")
    if out is None and len(folders) > 1:
        raise InvalidArgument(f"expected out=FILE for a report of {len(folders)} runs; one run has a default")
    if clips_per_group < 0:
        raise InvalidArgument(f"clips_per_group must be at least 0, got {clips_per_group}")
    path = folders[0] / FILE if out is None else Path(out)
    labels = _labels(folders)
    found = _with_cards([_results(folder) for folder in folders], [Path(card) for card in cards])
    views = [
        _view(folder, label, k, clips_per_group, results)
        for k, (folder, label, results) in enumerate(zip(folders, labels, found, strict=True))
    ]
    return _write(path, render(views))


def render(views: Sequence[RunView]) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, spread=spread, words=words)
    named = [(view.label, view.anchor, view.results) for view in views]
    script = (HERE / "report.js").read_text("utf-8")
    return environment.get_template("report.html.j2").render(
        runs=views,
        protocols=overview(named) if len(named) > 1 else [],
        absent=ABSENT,
        most_failures=MOST_FAILURES,
        style=Markup((HERE / "report.css").read_text("utf-8")),
        script=Markup(script),
        # The page's own script and no other may run: a second wall behind the escaping.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _with_cards(found: Sequence[Results], cards: Sequence[Path]) -> list[Results]:
    """Results with the key figures of their judger's card, where there is one."""
    judgers = [str(results.protocol.get("judger", "unknown")) for results in found]
    known = {card.judger: card for card in (read_card(path, _one_of(path, judgers)) for path in cards)}
    return [
        results.model_copy(update={"examined": examined_by(known[judger], results.protocol)})
        if judger in known
        else results
        for results, judger in zip(found, judgers, strict=True)
    ]


def _one_of(path: Path, judgers: Sequence[str]) -> str:
    """The judger that a card must be of: its own where a run has it, else the first run's, which is then told."""
    own = read_card(path).judger
    return own if own in judgers else judgers[0]


def _view(folder: Path, label: str, index: int, clips: int, results: Results) -> RunView:
    with taking_apart(folder, RunFolderError):
        return _seen(folder, label, index, clips, results)


def _seen(folder: Path, label: str, index: int, clips: int, results: Results) -> RunView:
    return RunView(
        label=label,
        anchor=f"run-{index + 1}",
        results=results,
        first=headline(results),
        tables=split_tables(results),
        chart=error_chart(results),
        gallery=read_gallery(folder, results, clips),
        planned=sum(results.splits.values()) * results.samples * len(results.agents),
        done=sum(row.rollouts for row in results.rows),
        protocol=json.dumps(results.protocol, indent=1, ensure_ascii=False, sort_keys=True),
    )


def _results(folder: Path) -> Results:
    """The results as written at the end of a run, or of its rows so far."""
    if (folder / RESULTS_FILE).is_file():
        return Results.read(folder)
    store = RunStore(folder)
    try:
        return summarise(store, {})
    finally:
        store.close()


def _labels(folders: Sequence[Path]) -> list[str]:
    """Folder names; whole paths where two folders have one name."""
    names = [folder.resolve().name for folder in folders]
    return [
        name if names.count(name) == 1 else str(folder.resolve()) for name, folder in zip(names, folders, strict=True)
    ]


def _write(path: Path, text: str) -> Path:
    """Write the file whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}; choose another --out") from error
    return path

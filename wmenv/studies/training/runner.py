"""Run a training study: every run with every seed, finished cells stored and never repeated."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from wmenv.core.errors import InvalidArgument, MissingExtra
from wmenv.studies.training.declare import Experiment, TrainingStudy
from wmenv.studies.training.folder import StudyFolder
from wmenv.studies.training.outcome import Failure, Outcome
from wmenv.studies.training.pool import News, work
from wmenv.studies.training.summary import machine, summarise

NEEDED = ("torch", "diffusers", "safetensors")


def run_training_study(
    study: TrainingStudy,
    experiment: Experiment,
    out: Path,
    *,
    jobs: int | None = None,
    command: str = "",
    reanalyse: bool = False,
    told: Callable[[str], None] = lambda line: None,
    worker: Sequence[str] = (),
) -> Outcome:
    """Train and test what is not there yet, and write `study.json` after every cell.

    A study that was killed goes on where it stopped when it is called again on the same folder, trainings from their
    last saved state, and comes to the same outcome. Failed cells are tried again.

    Args:
        study: The study.
        experiment: One of its experiments.
        out: The folder: `study.json`, `declaration.json`, `cells/`, `models/`, `runs/`, `logs/`.
        jobs: Cells at once, each a process with one thread; the number of cores by default.
        command: What was typed, for the record.
        reanalyse: Whether to judge the cells of a folder that was made under another analysis.
        told: Called with lines of progress.
        worker: Command of a worker process, for tests.

    Returns:
        The outcome.

    Raises:
        MissingExtra: torch or diffusers is not installed.
        InvalidArgument: `jobs` is not positive.
        ProtocolMismatch: `out` holds another study, size, precision or analysis.
        RunFolderError: `out` holds something else, is in use, or cannot be written.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtra(f"study {study.name} trains and needs {', '.join(missing)}: pip install 'wmenv[gen]'")
    jobs = os.cpu_count() or 1 if jobs is None else jobs
    if jobs < 1:
        raise InvalidArgument(f"jobs must be at least 1, got {jobs}")
    with StudyFolder(out, study, experiment, reanalyse=reanalyse) as folder:
        environment = machine(command, jobs)
        cells, failures = folder.cells(), list[Failure]()
        todo = [(run.name, seed) for run, seed in experiment.cells() if (run.name, seed) not in cells]
        # The longest first, so that no core waits for a long one at the end.
        todo.sort(key=lambda cell: -experiment.cpu_seconds(experiment.run(cell[0])))
        if cells:
            told(f"{len(cells)} of {len(cells) + len(todo)} cells were there")
        outlook = _Outlook(experiment, todo, len(cells))
        for news in work(experiment, todo, out, jobs, worker):
            if news.cell is not None:
                folder.add(news.cell)
                cells[news.run, news.seed] = news.cell
            if news.failed:
                failures.append(Failure(run=news.run, seed=news.seed, reason=news.failed))
            line = outlook.line(news)
            if line:
                told(line)
            if news.cell is not None:
                summarise(study, experiment, cells, failures, environment, folder.analysis_before).write(out)
        order = {run.name: k for k, run in enumerate(experiment.runs)}
        failures.sort(key=lambda failure: (order[failure.run], failure.seed))
        outcome = summarise(study, experiment, cells, failures, environment, folder.analysis_before)
        outcome.write(out)
    return outcome


class _Outlook:
    """How much is done and how long the rest will take, by the declared cost of the cells."""

    def __init__(self, experiment: Experiment, todo: Sequence[tuple[str, int]], there: int) -> None:
        self.cost = {cell: experiment.cpu_seconds(experiment.run(cell[0])) for cell in todo}
        self.share = dict.fromkeys(self.cost, 0.0)
        self.there, self.done, self.started = there, there, time.monotonic()

    def line(self, news: News) -> str:
        """A line on a piece of news; empty where there is nothing to show."""
        cell = (news.run, news.seed)
        self.share[cell] = 1.0 if news.final else news.share
        name = f"{news.run}-{news.seed}"
        if news.failed:
            return f"failed {name}: {news.failed}"
        if news.cell is not None:
            self.done += 1
            read = {split: one.get("error", one.get("margin")) for split, one in news.cell["splits"].items()}
            shown = "  ".join(f"{split} {'-' if value is None else f'{value:.3f}'}" for split, value in read.items())
            return f"[{self.done}/{self.there + len(self.cost)}] {name}: {shown}; {self._left()}"
        return f"  {name}  {news.line}; {self._left()}" if news.line else ""

    def _left(self) -> str:
        total = sum(self.cost.values())
        done = sum(self.cost[cell] * share for cell, share in self.share.items())
        if not done:
            return "time left unknown"
        left = (time.monotonic() - self.started) * (total - done) / done
        return "finished" if total == done else f"about {left / 60:.0f} min left" if left > 90 else f"{left:.0f} s left"

"""Cells in processes of their own, one torch thread each; a process that dies costs its cell and no other."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from wmenv.studies.training.declare import Experiment

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
LOG_TAIL = 300


@dataclass(frozen=True, slots=True)
class News:
    """What a worker says about a cell.

    Attributes:
        run: The cell's run.
        seed: Its seed.
        share: How much of it is done, 0 to 1.
        line: A line to show; empty where there is none.
        cell: The finished cell.
        failed: Why the cell failed; empty where it did not.
    """

    run: str
    seed: int
    share: float = 0.0
    line: str = ""
    cell: dict[str, Any] | None = None
    failed: str = ""

    @property
    def final(self) -> bool:
        """Whether the cell is over."""
        return self.cell is not None or bool(self.failed)


def work(
    experiment: Experiment, cells: Sequence[tuple[str, int]], out: Path, jobs: int, python: Sequence[str] = ()
) -> Iterator[News]:
    """Work off cells and tell what happens, until every one is finished or failed.

    Closing the iterator (Ctrl-C in the caller) stops the processes; trainings keep what they saved.

    Args:
        experiment: What the cells belong to.
        cells: (run, seed) in the order in which they are begun.
        out: Folder of the study.
        jobs: Processes at once.
        python: Command of a worker instead of this interpreter's.
    """
    todo: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
    for cell in cells:
        todo.put(cell)
    news: queue.SimpleQueue[News] = queue.SimpleQueue()
    (out / "logs").mkdir(exist_ok=True)
    command = list(python) or [sys.executable, "-m", "wmenv.studies.training.worker"]
    workers = [_Worker(command, experiment, out, k, todo, news) for k in range(min(jobs, len(cells)))]
    for worker in workers:
        worker.start()
    waiting = len(cells)
    try:
        while waiting:
            one = news.get()
            waiting -= one.final
            yield one
    finally:
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join()


class _Worker(threading.Thread):
    """One process at a time, and the thread that talks with it."""

    def __init__(
        self,
        command: list[str],
        experiment: Experiment,
        out: Path,
        index: int,
        todo: queue.SimpleQueue[tuple[str, int]],
        news: queue.SimpleQueue[News],
    ) -> None:
        super().__init__(daemon=True)
        self.command, self.experiment, self.out = command, experiment, out
        self.log = out / "logs" / f"worker-{index}.log"
        self.todo, self.news = todo, news
        self.stopped = False
        self.process: subprocess.Popen[str] | None = None

    def stop(self) -> None:
        """Stop the process at once."""
        self.stopped = True
        process = self.process  # the thread may let go of it meanwhile
        if process is not None:
            process.terminate()

    def run(self) -> None:
        """Give out cells until none is left."""
        with self.log.open("ab") as log:
            while not self.stopped:
                try:
                    run, seed = self.todo.get_nowait()
                except queue.Empty:
                    break
                try:
                    self._one(run, seed, log)
                except Exception as error:
                    self._end()  # what speaks no JSON does not get the next cell
                    self.news.put(News(run, seed, failed=f"{type(error).__name__}: {error}"))
            if self.process is not None:
                assert self.process.stdin is not None and self.process.stdout is not None
                self.process.stdin.close()
                self.process.wait()
                self.process.stdout.close()

    def _one(self, run: str, seed: int, log: IO[bytes]) -> None:
        if self.process is None or self.process.poll() is not None:
            self._end()
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=os.environ | THREADS,
                start_new_session=True,  # Ctrl-C goes to the parent alone, which then stops its processes
            )
            if self.stopped:
                self.process.terminate()
        assert self.process.stdin is not None and self.process.stdout is not None
        order = {"experiment": self.experiment.plain(), "run": run, "seed": seed, "out": str(self.out)}
        begun = log.tell()
        try:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died between two cells: reading says so
        for line in self.process.stdout:
            answer = json.loads(line)
            if "told" in answer:
                self.news.put(News(run, seed, share=answer["share"], line=answer["told"]))
                continue
            self.news.put(News(run, seed, cell=answer.get("done"), failed=answer.get("failed", "")))
            return
        status = self.process.wait()
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        self.news.put(News(run, seed, failed=f"its process ended {how}: {self._tail(begun)}"))

    def _end(self) -> None:
        """Let go of a process that is of no use any more."""
        if self.process is None:
            return
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process = None

    def _tail(self, begun: int) -> str:
        """The last line that the process left in its log."""
        with self.log.open("rb") as log:
            log.seek(begun)
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][-LOG_TAIL:] if lines else "it left no message"

"""Worker processes on one machine: they play batches, this process alone writes the run folder.

The folder is that of a run of one process, whatever the number of workers; it may be resumed with another number. A
worker that dies costs nothing that was finished: its batch goes to another process. A batch of which two processes
died is played case by case, and a case of which a process dies then is recorded as failed.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from wmenv.core import errors
from wmenv.core.canonical import canonical_json
from wmenv.core.errors import InvalidArgument, WmenvError, WorkerFailed
from wmenv.core.registry import parse_spec
from wmenv.runs.devices import Seat, seats
from wmenv.runs.fill import Filling
from wmenv.runs.keep import Key
from wmenv.runs.plan import Planned
from wmenv.runs.store import RolloutRow, row_of

TRIES = 2
"""Processes that may die of a batch before it is played case by case."""
DEATHS = 12
"""Deaths without a finished batch in between after which a run gives up; what is left stays missing."""


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """What a worker is told first.

    Attributes:
        env: Environment id.
        agents: Specifications.
        settings: Arguments of `wmenv.runs.prepare.prepare`.
        out: The run folder.
    """

    env: str
    agents: list[str]
    settings: dict[str, Any]
    out: Path


@dataclass(slots=True)
class _Job:
    """A batch, and how many processes died of it."""

    members: list[Planned]
    deaths: int = 0


def work_order(env: Any, agents: Any, settings: dict[str, Any], out: Path) -> WorkOrder:
    """See to it that workers can make environment and agents themselves.

    Raises:
        InvalidArgument: An object was given where a worker needs a name.
    """
    if not isinstance(env, str):
        raise InvalidArgument(f"workers make the environment themselves: name it, such as {_example(env)!r}")
    named = None if isinstance(agents, Mapping) else list(agents)
    if named is None or not all(isinstance(one, str) for one in named):
        raise InvalidArgument(
            "workers make the agents themselves: give specifications such as 'law'; an agent of your own gets a name "
            "by an entry point of the group wmenv.agents"
        )
    try:
        canonical_json(settings)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"options of the environment must be plain JSON for workers: {error}") from error
    return WorkOrder(env, named, settings, out)


def _example(env: Any) -> str:
    return env.spec.id if getattr(env, "spec", None) is not None else "PhyWorld-collision"


class Workers:
    """A crew of worker processes.

    Attributes:
        identity: Of the run, as all workers state it.
        cases: Ids by split.
    """

    identity: dict[str, Any]
    cases: dict[str, list[str]]

    def __init__(
        self, order: WorkOrder, workers: int | None, devices: Sequence[str], told: Callable[[str], None]
    ) -> None:
        """Plan the crew; `with` starts it.

        Args:
            order: What is evaluated.
            workers: Number of processes; one a device by default.
            devices: Where their models go, in turn.
            told: Called with a line for every death.

        Raises:
            InvalidArgument: The numbers do not fit, or an agent names a device while `devices` does, too.
        """
        self.order, self.told = order, told
        self.seats = seats(workers, devices)
        specs = [*order.agents, order.settings["options"].get("judger")]
        if devices and (twice := [s for s in specs if isinstance(s, str) and "device" in parse_spec(s)[2]]):
            raise InvalidArgument(f"{twice[0]} names a device, and so does --devices; say it once")
        self.events: queue.SimpleQueue[tuple[_Process, dict[str, Any] | None]] = queue.SimpleQueue()
        self.crew: list[_Process] = []
        self.jobs: deque[_Job] = deque()
        self.deaths = 0

    def __enter__(self) -> Workers:
        try:
            for seat in self.seats:
                self._start(seat)
            waiting = len(self.crew)
            while waiting:
                process, message = self.events.get()
                self._admit(process, message)
                waiting -= 1
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def work(self, filling: Filling) -> None:
        """Have every missing batch made.

        Raises:
            WmenvError: A worker cannot write clips, or broke outside of agent and judger.
        """
        if threads := self.seats[0].environment.get("OMP_NUM_THREADS"):
            self.told(f"{len(self.seats)} workers, {threads} thread(s) each; OMP_NUM_THREADS decides otherwise")
        self.jobs = deque(_Job(members) for members in filling.todo())
        for process in self.crew:
            self._give(process)
        while self.crew and (self.jobs or any(process.job for process in self.crew)):
            process, message = self.events.get()
            if process not in self.crew:
                continue  # the last words of one that is buried
            if message is not None and "rows" in message:
                self._commit(process, message, filling)
            elif message is not None and "ready" in message:
                self._admit(process, message)
                self._give(process)
            elif message is None:
                self._bury(process, filling)
            else:
                raise _error(process.seat, message)
        if self.jobs:
            left = sum(len(job.members) for job in self.jobs)
            self.told(f"gave up after {self.deaths} deaths in a row: {left} rollouts were not made")

    def _start(self, seat: Seat) -> None:
        process = _Process(seat, self.events)
        self.crew.append(process)
        process.send(
            env=self.order.env,
            agents=self.order.agents,
            settings=self.order.settings,
            out=str(self.order.out),
            device=seat.device,
            told=seat.told,
        )

    def _admit(self, process: _Process, message: dict[str, Any] | None) -> None:
        """Take in a worker that has made environment and agents; all must have made the same."""
        if message is None:
            raise WorkerFailed(f"{process.seat} died while it was starting, {process.ended()}")
        if "ready" not in message:
            raise _error(process.seat, message)
        found = message["ready"]
        if not hasattr(self, "identity"):
            self.identity, self.cases = found["identity"], found["cases"]
        known = {"identity": self.identity, "cases": self.cases}
        if canonical_json(found) != canonical_json(known):
            differs = [k for k, v in self.identity.items() if canonical_json(v) != canonical_json(found["identity"][k])]
            raise WorkerFailed(f"{process.seat} made another run than the others: {', '.join(differs) or 'cases'}")

    def _give(self, process: _Process) -> None:
        """The next batch for an idle worker, if there is one."""
        process.job = self.jobs.popleft() if self.jobs else None
        if process.job is not None:
            process.send(play=[[p.agent, p.split, p.case_id, p.sample] for p in process.job.members])

    def _commit(self, process: _Process, message: dict[str, Any], filling: Filling) -> None:
        def write(rows: Sequence[RolloutRow]) -> dict[Key, str | None]:
            process.send(keep=[row.key for row in rows])
            written = process.clips.get()
            if written is None:
                raise _Died
            return {(agent, case, sample): folder for (agent, case, sample), folder in written}

        try:
            filling.commit([row_of(one) for one in message["rows"]], write)
        except _Died:
            return  # its last event says so again, and has it buried
        self.deaths = 0
        self._give(process)

    def _bury(self, process: _Process, filling: Filling) -> None:
        """Pass on the batch of a dead worker, and put another process in its place while that makes sense."""
        self.crew.remove(process)
        self.deaths += 1
        how, job = process.ended(), process.job
        process.stop()
        self.told(f"{process.seat} died, {how}")
        if job is not None:
            job.deaths += 1
            if len(job.members) == 1 and job.deaths >= TRIES:
                (one,) = job.members
                reason = f"agent {one.agent}: the process that made it died, {how}"
                row = RolloutRow(one.agent, one.split, one.case_id, one.sample, "agent_failed", reason)
                filling.commit([row], lambda rows: {})
            elif job.deaths >= TRIES:
                self.jobs.extendleft(_Job([p], TRIES - 1) for p in reversed(job.members))
            else:
                self.jobs.appendleft(job)
        if self.deaths >= DEATHS:
            for other in self.crew:
                self.jobs += [] if other.job is None else [other.job]
            self._stop()
        elif self.jobs:
            idle = [one for one in self.crew if one.job is None and one.ready]
            if idle:
                self._give(idle[0])
            self._start(process.seat)

    def _stop(self) -> None:
        for process in self.crew:
            process.stop()
        self.crew.clear()


class _Died(Exception):
    """A worker died while it wrote clips."""


class _Process:
    """One worker process and the thread that hears it."""

    def __init__(self, seat: Seat, events: queue.SimpleQueue[Any]) -> None:
        self.seat, self.events = seat, events
        self.job: _Job | None = None
        self.ready = False
        self.clips: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
        # The parent's own search path, and not the folder in which the command runs.
        path = os.pathsep.join(dict.fromkeys(entry or os.getcwd() for entry in sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "wmenv.runs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path, **seat.environment},
            start_new_session=True,  # Ctrl-C goes to the parent alone, which then stops its processes
        )
        self.thread = threading.Thread(target=self._hear, daemon=True)
        self.thread.start()

    def send(self, **content: Any) -> None:
        """Send an order; a process that is gone says so by the end of its answers."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(content) + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def ended(self) -> str:
        """How the process ended, in words."""
        status = self.process.wait()
        return f"by signal {-status}" if status < 0 else f"with status {status}"

    def stop(self) -> None:
        """End the process at once, whatever it does."""
        self.process.kill()
        self.process.wait()
        self.thread.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:  # an order that it never read
                    pass

    def _hear(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                message = json.loads(line)
            except ValueError:  # cut off by its death
                break
            self.ready = True
            if "clips" in message:
                self.clips.put(message["clips"])
            else:
                if "refused" in message:
                    self.clips.put(None)
                self.events.put((self, message))
        self.clips.put(None)
        self.events.put((self, None))


def _error(seat: Seat, message: dict[str, Any]) -> WmenvError:
    """What a worker refused, as the error that one process would have raised."""
    name, text = message["refused"]
    kind = getattr(errors, name, WorkerFailed)
    if not (isinstance(kind, type) and issubclass(kind, WmenvError)):
        kind = WorkerFailed
    return kind(f"{seat}: {text}" if kind is WorkerFailed else text)

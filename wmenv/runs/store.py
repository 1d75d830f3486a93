"""The run store: one SQLite file (WAL) with every judged step, committed rollout by rollout.

Tables:

- `meta(key, value)`: the run's identity (`run`), written once.
- `rollouts(agent, split, case_id, sample, state, reason, clip, final)`: `state` is `judged` or `agent_failed`,
  `final` the final judgement as JSON, `clip` the path of the kept clip, if any.
- `steps(agent, case_id, sample, step, kind, digest, spec, judgement)`: one row a step, `judgement` with evidence.

A batch's rows appear together or not at all, so a killed run loses at most the batch in flight.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.errors import RunFolderError
from wmenv.core.files import taking_apart
from wmenv.core.verdict import Judgement, Verdict

FILE = "run.sqlite"

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rollouts (
  agent TEXT, split TEXT, case_id TEXT, sample INTEGER, state TEXT NOT NULL, reason TEXT NOT NULL,
  clip TEXT, final TEXT, PRIMARY KEY (agent, case_id, sample)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS steps (
  agent TEXT, case_id TEXT, sample INTEGER, step INTEGER, kind TEXT NOT NULL, digest TEXT NOT NULL,
  spec TEXT NOT NULL, judgement TEXT NOT NULL, PRIMARY KEY (agent, case_id, sample, step)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class StepRow:
    """One judged step."""

    step: int
    kind: str
    digest: str
    spec: Mapping[str, Any]
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """One episode as stored.

    Attributes:
        agent: Name of the agent.
        split: Split the case came from.
        case_id: The case.
        sample: Index of the answer.
        state: `judged`, or `agent_failed` where the agent raised.
        reason: Why it failed; empty otherwise.
        clip: Path of the kept clip below the run folder, or None.
        final: Final judgement without evidence; None where the agent failed.
        steps: The steps, where they were asked for.
    """

    agent: str
    split: str
    case_id: str
    sample: int
    state: str
    reason: str = ""
    clip: str | None = None
    final: Judgement | None = None
    steps: tuple[StepRow, ...] = ()

    @property
    def key(self) -> tuple[str, str, int]:
        """(agent, case id, sample)."""
        return self.agent, self.case_id, self.sample


class RunStore:
    """Rows of one run folder."""

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        """Open the store of a run folder.

        Args:
            folder: The run folder.
            write: Whether rows will be added; the file is made if it is missing.

        Raises:
            RunFolderError: No run there, no permission, no space, or a file that is no run store.
        """
        self.folder, self._write = folder, write
        path = folder / FILE
        if not write and not path.is_file():
            raise RunFolderError(f"{folder} is not a run folder: it has no {FILE}")
        with self._guard():
            # A folder on a read-only disk can still be read: `immutable` needs no lock or WAL file.
            self._db = sqlite3.connect(path, isolation_level=None) if write else _connect_to_read(path)
        try:
            with self._guard():
                if write:
                    self._make_tables()
                self._db.execute("SELECT value FROM meta LIMIT 1")
        except RunFolderError:
            self._db.close()
            raise

    def _make_tables(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        with self._transaction():
            for statement in filter(str.strip, _TABLES.split(";")):
                self._db.execute(statement)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise RunFolderError(_explain(self.folder, error)) from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """As `_guard`, for code that also takes stored JSON apart: what was damaged on disk is no bug."""
        with self._guard(), taking_apart(self.folder / FILE, RunFolderError, "choose another --out"):
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guard():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; a writer leaves it as one plain file, so that whoever reads it next changes nothing."""
        if self._write:
            # Not possible while somebody reads, or on a full disk: then the -wal file stays, which is as good.
            with suppress(sqlite3.Error):
                self._db.execute("PRAGMA busy_timeout=100")
                self._db.execute("PRAGMA journal_mode=DELETE")
        self._db.close()

    def identity(self) -> dict[str, Any] | None:
        """The run's identity, or None before it was written."""
        with self._reading():
            row = self._db.execute("SELECT value FROM meta WHERE key = 'run'").fetchone()
            return None if row is None else _identity(json.loads(row[0]))

    def write_identity(self, identity: Mapping[str, Any]) -> None:
        """Write the run's identity."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('run', ?)", (json.dumps(identity),))

    def add(self, rows: Sequence[RolloutRow], dropped: Sequence[tuple[str, str, int]] = ()) -> None:
        """Add the rows of a batch and note whose clips had to go for them, all or none.

        Args:
            rows: The rows; one of the same key is replaced.
            dropped: Keys of rollouts, of this batch or before, whose clip is no longer kept.
        """
        with self._transaction():
            for row in rows:
                final = None if row.final is None else _dump(row.final, evidence=False)
                self._db.execute("DELETE FROM steps WHERE agent = ? AND case_id = ? AND sample = ?", row.key)
                self._db.execute(
                    "INSERT OR REPLACE INTO rollouts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (row.agent, row.split, row.case_id, row.sample, row.state, row.reason, row.clip, final),
                )
                for s in row.steps:
                    spec = json.dumps(s.spec, sort_keys=True)
                    values = (*row.key, s.step, s.kind, s.digest, spec, _dump(s.judgement, evidence=True))
                    self._db.execute("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            self._db.executemany(
                "UPDATE rollouts SET clip = NULL WHERE agent = ? AND case_id = ? AND sample = ?", dropped
            )

    def done(self) -> dict[tuple[str, str, int], str]:
        """State of every stored rollout by key."""
        with self._guard():
            return {(a, c, s): state for a, c, s, state in self._db.execute(
                "SELECT agent, case_id, sample, state FROM rollouts")}  # fmt: skip

    def each(self, *, steps: bool = False) -> Iterator[RolloutRow]:
        """Rollouts in order of (agent, case id, sample), one at a time; with their steps and evidence if asked."""
        with self._reading():
            rows = self._db.execute(
                "SELECT agent, split, case_id, sample, state, reason, clip, final FROM rollouts "
                "ORDER BY agent, case_id, sample"
            )
            for agent, split, case_id, sample, state, reason, clip, final in rows:
                _check_texts(agent, split, case_id, state, reason, clip or "")
                _check_whole(sample)
                yield RolloutRow(
                    agent,
                    split,
                    case_id,
                    sample,
                    state,
                    reason,
                    clip,
                    final=None if final is None else _load(final),
                    steps=tuple(self.steps(agent, case_id, sample)) if steps else (),
                )

    def rollouts(self, *, steps: bool = False) -> list[RolloutRow]:
        """As `each`, all at once."""
        return list(self.each(steps=steps))

    def clips(self) -> list[str]:
        """Paths of the kept clips below the run folder, in order."""
        with self._reading():
            found = [clip for (clip,) in self._db.execute("SELECT clip FROM rollouts WHERE clip IS NOT NULL")]
            _check_texts(*found)
            return sorted(found)

    def steps(self, agent: str, case_id: str, sample: int) -> list[StepRow]:
        """Steps of one rollout, evidence included."""
        with self._reading():
            rows = self._db.execute(
                "SELECT step, kind, digest, spec, judgement FROM steps WHERE agent = ? AND case_id = ? AND sample = ? "
                "ORDER BY step",
                (agent, case_id, sample),
            ).fetchall()
            return [StepRow(n, kind, digest, json.loads(spec), _load(text)) for n, kind, digest, spec, text in rows]


def plain_row(row: RolloutRow) -> dict[str, Any]:
    """A row as JSON values, as it would be stored; `row_of` reads it again."""
    return {
        "row": [row.agent, row.split, row.case_id, row.sample, row.state, row.reason],
        "final": None if row.final is None else _dump(row.final, evidence=False),
        "steps": [[s.step, s.kind, s.digest, dict(s.spec), _dump(s.judgement, evidence=True)] for s in row.steps],
    }


def row_of(plain: Mapping[str, Any]) -> RolloutRow:
    """The row that `plain_row` wrote; which clip is kept is no part of it."""
    final = None if plain["final"] is None else _load(plain["final"])
    agent, split, case_id, sample, state, reason = plain["row"]
    steps = tuple(StepRow(n, kind, digest, spec, _load(text)) for n, kind, digest, spec, text in plain["steps"])
    return RolloutRow(agent, split, case_id, sample, state, reason, final=final, steps=steps)


def stored_identity(folder: Path) -> dict[str, Any] | None:
    """Identity of the run in a folder, None where none was written yet; changes nothing in the folder.

    Raises:
        RunFolderError: The file is no run store.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        db = _connect_to_read(path)
        try:
            if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return None  # killed before its tables were there
        finally:
            db.close()
    except sqlite3.Error as error:
        raise RunFolderError(_explain(folder, error)) from error
    store = RunStore(folder)
    try:
        return store.identity()
    finally:
        store.close()


def _connect_to_read(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        connection.execute("SELECT value FROM meta LIMIT 1")
    except sqlite3.OperationalError:
        connection.close()
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)
    return connection


def _explain(folder: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "full" in text:
        return f"no space left for {folder / FILE}: finished rows are safe; free space and run again with --resume"
    if "readonly" in text or "unable to open" in text:
        return f"cannot write {folder / FILE} ({text}): the folder is read-only; choose another --out"
    if "not a database" in text or "malformed" in text or "no such table" in text:
        return f"{folder / FILE} is not a wmenv run store ({text})"
    return f"{folder / FILE}: {text}"


def _plain(value: Any) -> Any:
    """As JSON: NaN and infinity become null; what JSON has no words for becomes text, and stops no run."""
    if value is None or isinstance(value, int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.ndarray):
        return _plain(np.round(value, 5).tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


def _dump(judgement: Judgement, *, evidence: bool) -> str:
    plain = {name: getattr(judgement, name) for name in Judgement.__slots__}
    verdicts = [{name: getattr(one, name) for name in Verdict.__slots__} for one in judgement.verdicts]
    if not evidence:
        verdicts = [{**one, "evidence": {}} for one in verdicts]
    return json.dumps(_plain({**plain, "verdicts": verdicts}), sort_keys=True, allow_nan=False)


def _load(text: str) -> Judgement:
    """A stored judgement.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: It is none; somebody may have written the file.
    """
    plain = json.loads(text)
    verdicts = tuple(Verdict(**verdict) for verdict in plain["verdicts"])
    found = Judgement(**{**plain, "verdicts": verdicts})
    _check_texts(found.scheme, found.judger, *(text for v in verdicts for text in (v.criterion, v.state, v.reason)))
    numbers = [found.total, found.maximum, found.coverage]
    for number in (*numbers, *(number for v in verdicts for number in (v.score, v.native, v.probability))):
        if number is not None and not (isinstance(number, int | float) and abs(number) < 1e300):
            raise ValueError(f"{number!r} is no number")
    if not found.maximum >= 0 or not 0 <= found.coverage <= 1 or (found.total is not None and not found.maximum):
        raise ValueError(f"a maximum is {found.maximum!r}, a coverage {found.coverage!r}")
    if not all(isinstance(v.evidence, dict) for v in verdicts):
        raise ValueError("evidence is no object")
    return found


def _check_texts(*values: Any) -> None:
    for value in values:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no text")


def _check_whole(*values: Any) -> None:
    for value in values:
        if type(value) is not int:
            raise ValueError(f"{value!r} is no whole number")


def _identity(plain: dict[str, Any]) -> dict[str, Any]:
    """The identity of a run, if it has the form of one; what runs have it for is in `wmenv.runs.prepare`."""
    names = [agent["name"] for agent in plain["agents"]]
    _check_texts(plain["env_id"], *names, *plain["splits"], *(one["id"] for one in plain["protocol"]["criteria"]))
    _check_whole(plain["seed"], plain["samples"], *plain["splits"].values())
    for value in (plain["env_options"], plain["protocol"], *(agent["card"] for agent in plain["agents"])):
        if not isinstance(value, dict):
            raise ValueError(f"{value!r} is no object")
    return plain


def stored_run(folder: Path, *, steps: bool = False) -> tuple[dict[str, Any], list[RolloutRow]]:
    """Identity and rollouts of the run in a folder, the latter in order of (agent, case id, sample).

    Args:
        folder: The run folder.
        steps: Whether with their steps and evidence.

    Raises:
        RunFolderError: The folder is no run, or holds none yet.
    """
    store = RunStore(folder)
    try:
        identity, rows = store.identity(), store.rollouts(steps=steps)
    finally:
        store.close()
    if identity is None:
        raise RunFolderError(f"{folder} holds no run yet")
    return identity, rows

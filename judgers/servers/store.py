"""Replies on disk: one SQLite file, so that no question is asked twice after success, whatever stops the process.

Tables: `replies(key, reply)`, a reply as JSON by the hash of clip, judger and question; `spent`, one row with what all
who used the file have spent.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from wmenv.core.errors import RunFolderError, told
from wmenv.core.files import FORM
from wmenv.judgers.servers.reply import Reply

FILE = "answers.sqlite"
BUSY = 60.0
"""Seconds to wait for another process that writes into the same file."""

_TABLES = (
    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS spent (id INTEGER PRIMARY KEY CHECK (id = 0), requests INTEGER NOT NULL, "
    "tokens_read INTEGER NOT NULL, tokens_written INTEGER NOT NULL, cost REAL NOT NULL)",
    "INSERT OR IGNORE INTO spent VALUES (0, 0, 0, 0, 0.0)",
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent.

    Attributes:
        requests: Requests sent, repeated ones included.
        tokens_read: Tokens that the server read, as it says.
        tokens_written: Tokens that it wrote.
        cost: In the unit of the prices.
    """

    requests: int = 0
    tokens_read: int = 0
    tokens_written: int = 0
    cost: float = 0.0


class Store:
    """A file of replies, or none yet: until `move` they are kept in memory."""

    def __init__(self, path: Path | None = None) -> None:
        """Open a file, made if missing.

        Raises:
            RunFolderError: It cannot be written, or is no such file.
        """
        self._lock, self._path = threading.RLock(), path
        self._db = _connected(path)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """While rows are read and taken apart, what is odd about them is an error that names the file."""
        try:
            yield
        except (sqlite3.Error, *FORM) as error:
            raise RunFolderError(f"{self._path} cannot be read ({told(error)}); if it is damaged, remove it") from error

    def get(self, key: str) -> Reply | None:
        """The reply to a question, or None.

        Raises:
            RunFolderError: The file cannot be read.
        """
        with self._lock, self._reading():
            row = self._db.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            return None if row is None else Reply.of(json.loads(row[0]))

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, json.dumps(reply.plain())))

    def spent(self) -> Spent:
        """What was spent, by all processes that used the file.

        Raises:
            RunFolderError: The file cannot be read.
        """
        with self._lock, self._reading():
            return Spent(*self._db.execute("SELECT requests, tokens_read, tokens_written, cost FROM spent").fetchone())

    def spend(self, more: Spent) -> None:
        """Add to what was spent."""
        with self._lock:
            self._db.execute(
                "UPDATE spent SET requests = requests + ?, tokens_read = tokens_read + ?, "
                "tokens_written = tokens_written + ?, cost = cost + ?",
                astuple(more),
            )

    def move(self, path: Path) -> None:
        """Keep everything in a file from now on, what there is included.

        Raises:
            RunFolderError: It cannot be written, or is no such file.
        """
        with self._lock:
            fresh, self._path = _connected(path), path
            rows = self._db.execute("SELECT key, reply FROM replies").fetchall()
            spent = self.spent()
            self._db.close()
            self._db = fresh
            self._db.executemany("INSERT OR REPLACE INTO replies VALUES (?, ?)", rows)
            self.spend(spent)

    def close(self) -> None:
        """Close the file and leave it as one plain file; what comes later is kept in memory."""
        with self._lock:
            with suppress(sqlite3.Error):  # somebody else may be using it
                self._db.execute("PRAGMA journal_mode=DELETE")
            self._db.close()
            self._db = _connected(None)

    def __del__(self) -> None:
        with suppress(AttributeError, sqlite3.Error):  # it was never opened
            self._db.close()


def _connected(path: Path | None) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path or ":memory:", BUSY, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            for statement in _TABLES:
                db.execute(statement)
        except sqlite3.Error:
            db.close()
            raise
    except sqlite3.Error as error:
        raise RunFolderError(
            f"answers cannot be kept in {path} ({error}); choose another place by cache=FILE"
        ) from error
    return db

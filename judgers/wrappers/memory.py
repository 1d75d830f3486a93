"""Verdicts by key, in memory and in a file; what cannot be written as it is, is not kept."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.errors import InvalidArgument, told
from wmenv.core.files import FORM
from wmenv.core.verdict import Judgement, Verdict

_TABLE = "CREATE TABLE IF NOT EXISTS judgements (key TEXT PRIMARY KEY, verdicts TEXT NOT NULL) WITHOUT ROWID"
_AT_ONCE = 500
"""Keys of one query; SQLite takes 999."""


class Memory:
    """Verdicts by key."""

    def __init__(self, path: Path | None) -> None:
        """Open a memory.

        Args:
            path: The file; None keeps everything in memory alone.

        Raises:
            InvalidArgument: It cannot be opened, or is no such file.
        """
        self.path = path
        self._here: dict[str, str] = {}
        self._db: sqlite3.Connection | None = None
        self._process = 0
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._connected().execute("SELECT key, verdicts FROM judgements LIMIT 1")
            except (OSError, sqlite3.Error) as error:
                raise InvalidArgument(
                    f"cached: {path} cannot be used ({error}); name a file that cached:JUDGER,path=FILE has made, or "
                    "one that does not exist yet"
                ) from error

    def get(self, keys: Sequence[str]) -> dict[str, tuple[Verdict, ...]]:
        """Verdicts of those keys that are known.

        Raises:
            InvalidArgument: The file cannot be read.
        """
        try:
            return self._known(keys)
        except (sqlite3.Error, *FORM) as error:
            raise InvalidArgument(
                f"cached: {self.path} cannot be read ({told(error)}); if it is damaged, remove it"
            ) from error

    def _known(self, keys: Sequence[str]) -> dict[str, tuple[Verdict, ...]]:
        found = {key: self._here[key] for key in keys if key in self._here}
        if self.path is not None:
            wanted = sorted(set(keys) - found.keys())
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                query = f"SELECT key, verdicts FROM judgements WHERE key IN ({marks})"
                found |= dict(self._connected().execute(query, some).fetchall())
        return {key: tuple(_verdict(one) for one in json.loads(text)) for key, text in found.items()}

    def put(self, new: Mapping[str, Judgement]) -> None:
        """Keep judgements.

        A file that cannot be written is no reason to lose a judgement: it is told once, and what follows is kept in
        memory.
        """
        rows = {key: text for key, one in new.items() if (text := _text(one.verdicts)) is not None}
        if self.path is None:
            self._here |= rows
        elif rows:
            try:
                with self._connected() as db:  # all rows of a batch in one transaction
                    db.executemany("INSERT OR REPLACE INTO judgements VALUES (?, ?)", rows.items())
            except sqlite3.Error as error:
                warnings.warn(f"cached: {self.path} cannot be written ({error}); kept in memory", stacklevel=3)
                self._here |= rows

    def close(self) -> None:
        """Let go of the file; it is opened again when needed."""
        if self._db is not None and self._process == os.getpid():
            self._db.close()
        self._db = None

    def _connected(self) -> sqlite3.Connection:
        """A connection of this process: one that was open before a fork belongs to the parent."""
        if self._db is None or self._process != os.getpid():
            assert self.path is not None
            self._db = sqlite3.connect(self.path, timeout=60.0, check_same_thread=False)
            self._process = os.getpid()
            self._db.execute(_TABLE)
        return self._db

    def __del__(self) -> None:
        self.close()


def _text(verdicts: Iterable[Verdict]) -> str | None:
    """Verdicts as JSON, arrays included; None where they hold what JSON cannot give back."""
    try:
        return json.dumps([{name: _plain(getattr(one, name)) for name in Verdict.__slots__} for one in verdicts])
    except TypeError:
        return None


def _verdict(plain: Mapping[str, Any]) -> Verdict:
    return Verdict(**{name: _whole(value) for name, value in plain.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"array": [value.dtype.str, list(value.shape), data]}
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("keys that are no text")
        return {"dict": {key: _plain(one) for key, one in value.items()}}
    if isinstance(value, tuple):
        return {"tuple": [_plain(one) for one in value]}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be written")


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        dtype, shape, data = content
        return np.frombuffer(base64.b64decode(data), dtype=np.dtype(dtype)).reshape(shape).copy()
    if kind == "tuple":
        return tuple(_whole(one) for one in content)
    return {key: _whole(one) for key, one in content.items()}

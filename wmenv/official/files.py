"""Reading somebody's files: found under several names, taken apart with messages that name file and record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidCase


def find(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of several relative paths that is a file in a folder, or None."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def found(folder: Path, names: Sequence[str], repository: str) -> Path:
    """As `find`, for a file that must be there.

    Raises:
        InvalidCase: It is not.
    """
    path = find(folder, names)
    if path is None:
        raise InvalidCase(
            f"{folder} has no {' or '.join(names)}; data= (--data) wants your copy of github.com/{repository}"
        )
    return path


def read_json(path: Path) -> Any:
    """The content of a JSON file; NaN and infinity, which official scripts write, are let through.

    Raises:
        InvalidCase: No such file, or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidCase(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidCase(f"{path} is not JSON: {error}") from error


def typed(value: Any, kind: type, where: str) -> Any:
    """Return the value if it is of a type.

    Raises:
        InvalidCase: It is not; `where` names file and record.
    """
    if not isinstance(value, kind):
        raise InvalidCase(f"{where} should be a {kind.__name__}, got {type(value).__name__}")
    return value


def entry(record: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    """The value of a record's key, of a type.

    Raises:
        InvalidCase: The key is missing, or its value has another type.
    """
    if key not in record:
        raise InvalidCase(f"{where} has no {key!r}; it has {', '.join(map(repr, record)) or 'nothing'}")
    return typed(record[key], kind, f"{key!r} of {where}")


def refuse_duplicates(ids: Iterable[str], where: str) -> None:
    """Refuse ids that come twice.

    Raises:
        InvalidCase: One does.
    """
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise InvalidCase(f"{where} has two records with the id {one!r}; clips could not be told apart")
        seen.add(one)


def sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

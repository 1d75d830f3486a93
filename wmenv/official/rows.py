"""Rows of a file: CSV with a head, JSON lines, or a JSON list, with messages that name file and row."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidCase
from wmenv.official.files import read_json, typed

SUFFIXES = (".csv", ".jsonl", ".json")


def load(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Rows of a file with where each stands, for messages.

    Args:
        path: `.csv` (UTF-8, one line of names), `.jsonl` (an object a line) or `.json` (a list of objects).

    Raises:
        InvalidCase: No such file, another kind of file, damaged, or empty.
    """
    if path.suffix not in SUFFIXES or not path.is_file():
        raise InvalidCase(f"expected a file of rows ({', '.join(SUFFIXES)}), got {path}")
    if path.suffix == ".csv":
        rows = _table(path)
    elif path.suffix == ".json":
        content = typed(read_json(path), list, str(path))
        rows = [(f"record {k} of {path}", one) for k, one in enumerate(content)]
    else:
        rows = _lines(path)
    if not rows:
        raise InvalidCase(f"{path} holds no row")
    return [(where, typed(row, dict, where)) for where, row in rows]


def _table(path: Path) -> list[tuple[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restkey="more", restval="")
            return [
                (
                    f"line {reader.line_num} of {path}",
                    {k: v.strip() for k, v in row.items() if isinstance(v, str) and v},
                )
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidCase(f"cannot read the table {path}: {error}") from error


def _lines(path: Path) -> list[tuple[str, Any]]:
    rows = []
    try:
        for k, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                rows.append((f"line {k} of {path}", json.loads(line)))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCase(f"cannot read {path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidCase(f"line {k} of {path} is not JSON: {error}") from error
    return rows


def number(row: Mapping[str, Any], key: str, where: str) -> float:
    """A finite number of a row, which a table has as text.

    Raises:
        InvalidCase: The key is missing, or its value is no finite number.
    """
    value = row.get(key)
    try:
        found = math.nan if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise InvalidCase(f"{key!r} of {where} should be a finite number, got {value!r}")
    return found


def text(row: Mapping[str, Any], key: str, where: str) -> str:
    """A text of a row that is not empty; a number is taken as it is written.

    Raises:
        InvalidCase: The key is missing, or its value is something else.
    """
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise InvalidCase(f"{where} should have a text {key!r}; it has {', '.join(map(repr, row)) or 'nothing'}")
    return str(value).strip()

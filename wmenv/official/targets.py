"""Rows that say what a clip should get: `video_path`, `t2v_prompt`, `dimension`, `question`, `target`.

It is the form in which teachers' and people's answers about VideoVerse's dimensions are passed on. One row is one
question about one clip; several rows of a dimension are its questions, whose targets are averaged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from wmenv.core.errors import InvalidCase
from wmenv.core.reading import read_yes_no
from wmenv.official import rows
from wmenv.official.videoverse.cases import CHECKS

COLUMNS = ("video_path", "dimension", "target")


@dataclass(frozen=True, slots=True)
class Targets:
    """What a file of rows says.

    Attributes:
        values: Clip (the stem of its path) -> criterion -> question -> target: 1 yes, 0 no, or a number.
        unread: Rows whose target is neither a clear yes or no nor a number; they say nothing.
    """

    values: Mapping[str, Mapping[str, Mapping[str, float]]]
    unread: int


def is_targets(row: Mapping[str, Any]) -> bool:
    """Whether a row is of this form."""
    return all(name in row for name in COLUMNS)


def load(path: Path) -> Targets:
    """Targets of a file (.csv, .jsonl, .json).

    Names of dimensions are VideoVerse's own, such as `Camera Control`, or those of criteria.

    Raises:
        InvalidCase: A column is missing, or a question about a clip comes twice.
    """
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    unread, seen = 0, set[tuple[str, str, str]]()
    for where, row in rows.load(path):
        clip = PurePosixPath(rows.text(row, "video_path", where)).stem
        dimension = rows.text(row, "dimension", where)
        criterion, question = CHECKS.get(dimension, dimension), str(row.get("question", "")).strip()
        if (clip, criterion, question) in seen:
            raise InvalidCase(f"{where} asks {question!r} ({dimension}) of {clip} a second time")
        seen.add((clip, criterion, question))
        target = _target(row, where)
        if target is None:
            unread += 1
        else:
            found[clip][criterion][question] = target
    return Targets(found, unread)


def _target(row: Mapping[str, Any], where: str) -> float | None:
    if "target" not in row:
        raise InvalidCase(f"{where} has no 'target'; it has {', '.join(map(repr, row)) or 'nothing'}")
    value = row["target"]
    if isinstance(value, bool):
        return float(value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        said = read_yes_no(value) if isinstance(value, str) else None
        return None if said is None else float(said)
    return number if abs(number) < float("inf") else None

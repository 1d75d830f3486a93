"""Rows that say what a clip should get: `video_path`, `t2v_prompt`, `dimension`, `question`, `target`.

It is the form in which teachers' and people's answers about VideoVerse's dimensions are passed on. One row is one
question about one clip; several rows of a dimension are its questions, whose targets are averaged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
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


@dataclass(frozen=True, slots=True)
class Target:
    """One row.

    Attributes:
        where: It stands, for messages.
        video: Path of the clip.
        prompt: What the clip was asked to show; empty where the row does not say.
        criterion: What is asked about.
        question: In words; perhaps empty.
        target: 1 yes, 0 no, or a number; None where it says nothing.
    """

    where: str
    video: str
    prompt: str
    criterion: str
    question: str
    target: float | None

    @property
    def clip(self) -> str:
        """The stem of the path."""
        return PurePosixPath(self.video).stem


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
    for one in entries(path):
        if (one.clip, one.criterion, one.question) in seen:
            raise InvalidCase(f"{one.where} asks {one.question!r} ({one.criterion}) of {one.clip} a second time")
        seen.add((one.clip, one.criterion, one.question))
        if one.target is None:
            unread += 1
        else:
            found[one.clip][one.criterion][one.question] = one.target
    return Targets(found, unread)


def entries(path: Path) -> Iterator[Target]:
    """Rows of a file; several clips may have one stem here.

    Raises:
        InvalidCase: A column is missing, or a question about a path comes twice.
    """
    seen = set[tuple[str, str, str]]()
    for where, row in rows.load(path):
        video = rows.text(row, "video_path", where)
        dimension = rows.text(row, "dimension", where)
        criterion, question = CHECKS.get(dimension, dimension), str(row.get("question", "")).strip()
        one = Target(where, video, str(row.get("t2v_prompt", "")).strip(), criterion, question, _target(row, where))
        if (video, criterion, question) in seen:
            raise InvalidCase(f"{where} asks {question!r} ({dimension}) of {video} a second time")
        seen.add((video, criterion, question))
        yield one


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

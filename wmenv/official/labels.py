"""Labels that people gave to clips: tables of (clip, criterion, annotator, value).

A table is CSV with these four columns in any order, and perhaps `group`: clips of one group, such as those of one
prompt, are compared with each other.
"""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wmenv.core.errors import InvalidCase
from wmenv.official.reply import Replies, Reply
from wmenv.official.worldmodelbench.results import GROUPS, PRINTED

COLUMNS = ("clip", "criterion", "annotator", "value")
WORLDMODELBENCH = {
    criterion: (0.0, 3.0 if group == "instruction" else 1.0) for group, names in GROUPS.items() for criterion in names
}
"""Criterion -> range of labels. 1 says that there is no violation. The script's words `penetration` and `framewise` for
impenetrability and quality are understood too."""


@dataclass(frozen=True, slots=True)
class Label:
    """One label."""

    clip: str
    criterion: str
    annotator: str
    value: float
    group: str = ""


def load(path: Path, ranges: Mapping[str, tuple[float, float]] = WORLDMODELBENCH) -> list[Label]:
    """Labels of a table, in file order.

    Args:
        path: The table, CSV in UTF-8.
        ranges: Least and largest label by criterion; a criterion that is not in it may have any finite one.

    Raises:
        InvalidCase: A column is missing, a value is no number or out of range, somebody labelled something twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restkey="more", restval="")
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                raise InvalidCase(f"{path} has no column {', '.join(missing)}; expected {', '.join(COLUMNS)}")
            found = [_label(row, f"line {reader.line_num} of {path}", ranges) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidCase(f"cannot read the table {path}: {error}") from error
    counts = Counter((one.clip, one.criterion, one.annotator) for one in found)
    for (clip, criterion, annotator), times in counts.items():
        if times > 1:
            raise InvalidCase(f"{annotator} labelled {criterion} of {clip} {times} times in {path}; expected once")
    if not found:
        raise InvalidCase(f"{path} holds no label")
    return found


def _label(row: Mapping[str, str], where: str, ranges: Mapping[str, tuple[float, float]]) -> Label:
    clip, criterion, annotator, text = (row[name].strip() for name in COLUMNS)
    if not (clip and criterion and annotator):
        raise InvalidCase(f"{where} leaves clip, criterion or annotator empty")
    try:
        value = float(text)
    except ValueError:
        raise InvalidCase(f"the value in {where} should be a number, got {text!r}") from None
    criterion = PRINTED.get(criterion, criterion)
    low, high = ranges.get(criterion, (-math.inf, math.inf))
    if not math.isfinite(value) or not low <= value <= high:
        raise InvalidCase(f"the value in {where} should lie in {low:g} to {high:g} for {criterion}, got {text}")
    return Label(clip, criterion, annotator, value, (row.get("group") or "").strip())


def replies(labels: Sequence[Label]) -> Replies:
    """One label a clip and criterion: the mean of its grades, or what most say where all are 0 or 1.

    Where as many say 0 as 1 there is no label.
    """
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in labels:
        found[one.clip][one.criterion].append(one.value)
    graded = {one.criterion for one in labels if one.value not in (0, 1)} | {"instruction"}
    return {
        clip: {criterion: (_together(values, criterion in graded),) for criterion, values in by.items()}
        for clip, by in found.items()
    }


def _together(values: Sequence[float], graded: bool) -> Reply:
    mean = sum(values) / len(values)
    if graded:
        return Reply(label=mean)
    if mean == 0.5:
        return Reply(reason=f"{len(values)} annotators are divided")
    return Reply(label=float(mean > 0.5))

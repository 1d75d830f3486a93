"""Files of recorded answers: result files of official scripts, tables of labels, and wmenv's own lines."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.core.files import taking_apart
from wmenv.official import labels, videoverse, worldmodelbench, worldreasonbench
from wmenv.official.benchmarks import benchmark
from wmenv.official.files import entry, read_json, sha256, typed
from wmenv.official.reply import Replies, Reply


@dataclass(frozen=True, slots=True)
class Answers:
    """A file of recorded answers.

    Attributes:
        path: The file.
        benchmark: Whose result file it is; empty where it is none's.
        replies: What it holds.
        digest: First 16 digits of its SHA-256.
        opposite: Replies to questions in their opposite wording, of files of lines.
    """

    path: Path
    benchmark: str
    replies: Replies
    digest: str
    opposite: Replies = field(default_factory=dict)


def load(path: Path) -> Answers:
    """Recorded answers of a file; what it is follows from its name and content.

    `.csv` is a table of labels (`wmenv.official.labels`). `.jsonl` has one answer a line: `case_id`, `criterion`,
    `answer` (words) or `value` (a grade, or 0 to 1), and perhaps `question` (its index, 0 by default), `clip` (the
    digest of the clip judged) and `opposite` (true of a reply to the question's opposite wording). `.json` is the
    result file of an official script.

    Raises:
        InvalidCase: It is none of these, or damaged.
    """
    if not path.is_file():
        raise InvalidArgument(f"no file at {path}; answers:FILE wants a result file, a .csv of labels or a .jsonl")
    if path.suffix == ".csv":
        return Answers(path, "", labels.replies(labels.load(path)), sha256(path)[:16])
    if path.suffix == ".jsonl":
        return Answers(path, "", _lines(path, False), sha256(path)[:16], _lines(path, True))
    name = told_apart(read_json(path), path)
    results = benchmark(name).module("results")
    with taking_apart(path, InvalidCase):
        return Answers(path, name, results.replies(results.load(path)), sha256(path)[:16])


def told_apart(content: Any, path: Path) -> str:
    """Name of the benchmark whose result file some JSON is.

    Raises:
        InvalidCase: Of none that is known.
    """
    if isinstance(content, dict):
        if "preds" in content:
            return worldmodelbench.__name__.rpartition(".")[2]
        if "per_video" in content:
            return worldreasonbench.__name__.rpartition(".")[2]
        if any(isinstance(one, dict) and "t2v_eval_event_info" in one for one in content.values()):
            return videoverse.__name__.rpartition(".")[2]
    raise InvalidCase(f"{path} is no result file of WorldModelBench, VideoVerse or WorldReasonBench")


def _lines(path: Path, opposite: bool) -> Replies:
    """Replies to questions as they are asked, or in their opposite wording."""
    found: dict[str, dict[str, dict[int, Reply]]] = defaultdict(lambda: defaultdict(dict))
    with taking_apart(path, InvalidCase):
        lines = path.read_text(encoding="utf-8").splitlines()
    for k, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"line {k} of {path}"
        try:
            row = typed(json.loads(line), dict, where)
        except (ValueError, RecursionError) as error:
            raise InvalidCase(f"{where} is not JSON: {error}") from error
        case_id, criterion = (entry(row, key, str, where) for key in ("case_id", "criterion"))
        if typed(row.get("opposite", False), bool, f"'opposite' of {where}") is not opposite:
            continue
        index = typed(row.get("question", 0), int, f"'question' of {where}")
        if index in found[case_id][criterion]:
            raise InvalidCase(f"{where} answers question {index} of {criterion} of {case_id} a second time")
        found[case_id][criterion][index] = _reply(row, where)
    return {
        case_id: {criterion: _in_order(given, f"{criterion} of {case_id} in {path}") for criterion, given in by.items()}
        for case_id, by in found.items()
    }


def _reply(row: Mapping[str, Any], where: str) -> Reply:
    clip = typed(row.get("clip", ""), str, f"'clip' of {where}")
    if ("answer" in row) == ("value" in row):
        raise InvalidCase(f"{where} should have either an 'answer' in words or a 'value'")
    if "answer" in row:
        return Reply(entry(row, "answer", str, where), clip=clip)
    value = row["value"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
        raise InvalidCase(f"the value in {where} should be a finite number, got {value!r}")
    return Reply(label=float(value), clip=clip)


def _in_order(given: Mapping[int, Reply], where: str) -> tuple[Reply, ...]:
    if sorted(given) != list(range(len(given))):
        raise InvalidCase(f"the questions answered on {where} are {sorted(given)}; expected 0, 1, 2, ... without a gap")
    return tuple(given[k] for k in range(len(given)))

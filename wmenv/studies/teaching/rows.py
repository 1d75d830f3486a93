"""Rows `video_path`, `t2v_prompt`, `dimension`, `question`, `target`, as items and as a file."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.core.files import write_whole
from wmenv.core.question import Question
from wmenv.core.video import read_clip
from wmenv.envs.videoverse.criteria import SCHEMES
from wmenv.official.targets import Target, entries
from wmenv.studies.teaching.items import Item


def of_rows(path: Path) -> Iterator[Item]:
    """The clips that rows are about. Several questions of a dimension about a clip are averaged.

    Clips of one prompt are one case; without prompts each clip is one. The generator is the folder that a clip lies in.

    Args:
        path: `.csv`, `.jsonl` or `.json`; paths of videos are relative to its folder. Targets are probabilities of
            yes, and yes is good; rows whose target says nothing are left out.

    Raises:
        InvalidCase: A row is damaged, or a target lies outside [0, 1].
        VideoUnreadable: A clip cannot be read.
    """
    by_clip: dict[str, list[Target]] = defaultdict(list)
    for entry in entries(path):
        if entry.target is not None:
            if not 0 <= entry.target <= 1:
                raise InvalidCase(
                    f"the target in {entry.where} should be a probability of yes in [0, 1], got {entry.target}"
                )
            by_clip[entry.video].append(entry)
    missing = [video for video in by_clip if not (path.parent / video).is_file()]
    if missing:
        raise InvalidCase(f"{len(missing)} of {len(by_clip)} clips of {path} are not there, such as {missing[0]}")
    for video, rows in by_clip.items():
        asked: dict[str, list[Target]] = defaultdict(list)
        for row in rows:
            asked[row.criterion].append(row)
        clip = read_clip(path.parent / video)
        length, height, width, _ = clip.frames.shape
        prompt = rows[0].prompt
        known = blake2b((prompt or video).encode(), digest_size=8).hexdigest()
        request = Request(known, prompt, clip.frames[:0], ClipSpec(length, height, width, clip.fps))
        criteria = tuple(
            Criterion(
                name,
                name,
                each[0].question,
                "binary",
                1,
                questions=tuple(Question(one.question) for one in each if one.question),
            )
            for name, each in asked.items()
        )
        targets = {name: float(np.mean([one.target for one in each])) for name, each in asked.items()}
        generator = Path(video).parent.name or path.stem
        yield Item(
            clip, Case(request, criteria, SCHEMES["points"]), targets, generator, source=str(path.parent / video)
        )


def export(items: Iterable[Item], path: Path) -> int:
    """Write items as rows, one a clip and criterion, which `of_rows` reads again; returns their number.

    A question to which no is good is put in its opposite wording, so that yes is good in every row.

    Raises:
        InvalidArgument: Not a `.jsonl`, or a criterion has no question with a good yes.
    """
    if path.suffix != ".jsonl":
        raise InvalidArgument(f"rows are written as .jsonl, got {path.name}")
    lines = []
    for item in items:
        asked = {criterion.id: criterion for criterion in item.case.criteria}
        for name, target in item.targets.items():
            row: dict[str, Any] = {
                "video_path": _relative(item.source, path),
                "t2v_prompt": item.case.request.prompt,
                "dimension": name,
                "question": _worded(asked[name]),
                "target": round(target, 6),
            }
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    write_whole(path, "".join(lines).encode())
    return len(lines)


def _worded(criterion: Criterion) -> str:
    for question in criterion.questions:
        if question.answer == "binary" and question.polarity > 0:
            return question.text
        if question.answer == "binary" and question.complement:
            return question.complement
    return criterion.text


def _relative(source: str, path: Path) -> str:
    found = Path(source)
    if found.is_dir():
        found = next(iter(sorted(found.glob("step_*.npz"))), found)
    if not found.is_file():
        raise InvalidArgument(f"{source or 'a clip'} is no file, and rows name files; write clips first")
    return os.path.relpath(found, path.parent)

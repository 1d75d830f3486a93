"""Copies of published benchmarks: whether their files are the published ones, what is missing, what they count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wmenv.core.errors import InvalidArgument, WmenvError
from wmenv.official.benchmarks import Benchmark, PublishedFile, benchmark
from wmenv.official.files import find, sha256

State = Literal["ok", "changed", "missing", "wrong", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check: what was looked at, how it is, and what to do about it."""

    state: State
    what: str
    detail: str = ""

    @property
    def bad(self) -> bool:
        """Whether something is to be done."""
        return self.state not in ("ok", "note")


def check(name: str, folder: Path) -> list[Finding]:
    """Look a copy over: files, counts, first frames, question templates.

    Args:
        name: Name of the benchmark.
        folder: The copy.

    Raises:
        InvalidArgument: No such benchmark, no such folder.
    """
    known = benchmark(name)
    if not folder.is_dir():
        raise InvalidArgument(f"no folder at {folder}; --path wants your copy of github.com/{known.repository}")
    found = [_file(one, folder) for one in known.files]
    try:
        counted = known.count(folder)
        images = known.images(folder)
    except WmenvError as error:
        return [*found, Finding("wrong", "cases", str(error)), _templates(known, folder)]
    for what, expected in known.counts.items():
        told = f"{counted[what]}" if counted[what] == expected else f"{counted[what]}, published are {expected}"
        found.append(Finding("ok" if counted[what] == expected else "wrong", what, told))
    return [*found, *([_images(images, folder)] if images else []), _templates(known, folder)]


def changed_files(name: str, folder: Path) -> list[str]:
    """Case files of a copy that are not the published ones; a missing one included."""
    wanted = [one for one in benchmark(name).files if one.role == "cases"]
    return [finding.what for finding in (_file(one, folder) for one in wanted) if finding.bad]


def templates(name: str, folder: Path) -> Any | None:
    """The question templates of a copy, or None where it has no script.

    Raises:
        InvalidCase: The script is not the published one, and its templates cannot be told.
    """
    known = benchmark(name)
    (script,) = (one for one in known.files if one.role == "templates")
    path = find(folder, script.names)
    return None if path is None else known.module("templates").load(path)


def _file(one: PublishedFile, folder: Path) -> Finding:
    path = find(folder, one.names)
    if path is None:
        needed = {
            "cases": "nothing works without it",
            "templates": "the judge's own words come from it",
            "more": "absent",
        }
        return Finding("note" if one.role == "more" else "missing", one.names[0], needed[one.role])
    digest = sha256(path)
    if digest != one.sha256:
        return Finding("changed", one.names[0], f"sha256 {digest[:16]}..., published {one.sha256[:16]}...")
    return Finding("ok", one.names[0], f"sha256 {digest[:16]}...")


def _images(images: list[tuple[str, str]], folder: Path) -> Finding:
    absent = [name for name, _ in images if not (folder / name).is_file()]
    if absent:
        brief = ", ".join(absent[:3]) + (", ..." if len(absent) > 3 else "")
        published = any(start for _, start in images)
        told = f"{len(absent)} of {len(images)}, for condition image" + ("" if published else "; not in the repository")
        return Finding("missing" if published else "note", "first frames", f"{told}: {brief}")
    other = [name for name, start in images if start and not sha256(folder / name).startswith(start)]
    if other:
        brief = ", ".join(other[:3]) + (", ..." if len(other) > 3 else "")
        return Finding("changed", "first frames", f"{len(other)} of {len(images)}: {brief}")
    return Finding("ok", "first frames", str(len(images)))


def _templates(known: Benchmark, folder: Path) -> Finding:
    try:
        found = templates(known.name, folder)
    except WmenvError as error:
        return Finding("wrong", "question templates", str(error))
    if found is None:
        return Finding("missing", "question templates", "the script is not there; wmenv's own wording is used")
    return Finding("ok", "question templates", "read from the script's syntax tree, not run")

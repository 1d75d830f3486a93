"""What `--on` names: where labelled clips come from."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from wmenv.core.errors import InvalidArgument
from wmenv.core.registry import parse_spec
from wmenv.official.rows import SUFFIXES
from wmenv.runs.store import FILE as RUN_FILE
from wmenv.studies.teaching.items import Item
from wmenv.studies.teaching.judged import of_run
from wmenv.studies.teaching.planted import of_discs, of_scenes
from wmenv.studies.teaching.rows import of_rows
from wmenv.worlds.folders import MANIFEST

WANTED = (
    "planted:PhyWorld-LAW (drawn here), a folder of wmenv data violations, a run folder (its judger is the teacher), "
    "RUN=LABELS (people's labels of its clips), or rows of video_path, dimension, question, target (.csv, .jsonl, "
    ".json)"
)
PLANTED = "planted:"


def items_of(source: str) -> Iterator[Item]:
    """Labelled clips of a source, see `WANTED`; nothing is read before the first is asked for.

    Raises:
        InvalidArgument: It is nothing of the kind.
    """
    if source.startswith(PLANTED):
        _, suite, options = parse_spec(source)
        try:
            inspect.signature(of_discs).bind(suite, **options)
        except TypeError as error:
            raise InvalidArgument(f"{source!r}: {error}") from error
        return of_discs(str(suite), **options)
    path = Path(source).expanduser()
    if (path / RUN_FILE).is_file():
        return of_run(path)
    if (path / MANIFEST).is_file():
        return of_scenes(path)
    if path.is_file() and path.suffix in SUFFIXES:
        return of_rows(path)
    run, equals, labels = source.rpartition("=")
    if equals and (Path(run).expanduser() / RUN_FILE).is_file():
        return of_run(Path(run).expanduser(), Path(labels).expanduser())
    raise InvalidArgument(f"expected {WANTED}; got {source}")

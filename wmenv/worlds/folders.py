"""Folders of data sets: settings that are kept, parts that appear whole or not at all, errors that say what to do."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wmenv.core.errors import ProtocolMismatch, RunFolderError
from wmenv.core.files import write_whole

MANIFEST = "manifest.json"


@contextmanager
def data_folder(folder: Path, settings: Mapping[str, Any], parts: str = "shards") -> Iterator[None]:
    """Open the folder of a data set for writing; a new one gets a manifest, a known one must have the same settings.

    Args:
        folder: The folder; made if missing.
        settings: Everything that decides the data, as plain JSON values.
        parts: What appears whole, for messages.

    Raises:
        ProtocolMismatch: The folder holds another data set.
        RunFolderError: It cannot be written, also later, within the block; what is whole stays, and the same call
            goes on.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        manifest = folder / MANIFEST
        if manifest.exists():
            _refuse_others(folder, _read(manifest), json.loads(json.dumps(settings)))
        else:
            write_whole(manifest, json.dumps(settings, indent=1).encode())
        yield
    except OSError as error:
        way = "free space and run the same command again" if error.errno == 28 else "choose another --out"
        raise RunFolderError(f"cannot write in {folder}: {error.strerror}; whole {parts} are safe; {way}") from error


def _read(manifest: Path) -> Mapping[str, Any]:
    try:
        known = json.loads(manifest.read_text("utf-8"))
        if not isinstance(known, dict):
            raise ValueError(f"expected an object, got {type(known).__name__}")
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{manifest} is damaged: {error}; remove it or choose another --out") from error
    return known


def _refuse_others(folder: Path, known: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    different = [key for key in {**known, **wanted} if known.get(key) != wanted.get(key)]
    if different:
        changes = "; ".join(f"{key} is {_short(known.get(key))}, not {_short(wanted.get(key))}" for key in different)
        raise ProtocolMismatch(
            f"{folder} holds another data set: {changes} (see {folder / MANIFEST}); choose another --out"
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder that appears whole or not at all: fill the one that is yielded; it is moved to `path` at the end."""
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        yield partial
        os.replace(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise

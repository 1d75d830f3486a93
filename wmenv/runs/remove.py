"""Removing a run folder, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from wmenv.core.errors import RunFolderError
from wmenv.runs.lock import FolderLock
from wmenv.runs.results import FILE as RESULTS
from wmenv.runs.store import FILE as STORE

KNOWN = {STORE, f"{STORE}-wal", f"{STORE}-shm", RESULTS, f".{RESULTS}.partial", "report.html", "clips", ".lock"}


def remove_run(folder: Path) -> None:
    """Remove a run folder if it is one: all its entries are a run's. A missing folder is fine.

    Raises:
        RunFolderError: It holds anything else, or another process is writing to it.
    """
    if not folder.exists():
        return
    strange = sorted(path.name for path in folder.iterdir() if path.name not in KNOWN)
    if strange:
        held = ", ".join(strange[:3])
        raise RunFolderError(f"{folder} is not only a run folder (it holds {held}); remove it yourself")
    lock = FolderLock(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise RunFolderError(f"cannot remove {folder}: {error.strerror}") from error
    finally:
        lock.release()

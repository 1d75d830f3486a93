"""One writer a run folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from wmenv.core.errors import RunFolderError


class FolderLock:
    """An operating-system lock on `<folder>/.lock`; a killed process releases it by dying."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            RunFolderError: Another process holds it, or the folder cannot be written.
        """
        self._file: IO[bytes] | None = None
        path = folder / ".lock"
        try:
            # Unbuffered: on a full disk a buffered file would fail a second time when it is closed.
            file = open(path, "r+b" if path.exists() else "w+b", buffering=0)
        except OSError as error:
            raise RunFolderError(f"cannot write in {folder}: {error.strerror}; choose another --out") from error
        if not _lock(file):
            owner = file.read().decode("ascii", "replace").strip() or "unknown"
            file.close()
            raise RunFolderError(
                f"another process (pid {owner}) is writing to {folder}; wait for it, or choose another --out"
            )
        try:
            file.truncate()
            file.write(str(os.getpid()).encode())
        except OSError as error:
            file.close()
            way = "free space or choose another --out"
            raise RunFolderError(f"cannot write in {folder}: {error.strerror}; {way}") from error
        self._file = file

    def release(self) -> None:
        """Give the lock back and leave its file empty, as it was; harmless when called twice."""
        if self._file is not None:
            # A folder that was only refused must not change.
            self._file.truncate(0)
            self._file.close()
            self._file = None


def _lock(file: IO[bytes]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

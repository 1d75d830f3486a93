"""A run folder held open: locked, of one identity, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wmenv.core.canonical import canonical_json
from wmenv.core.errors import ProtocolMismatch, RunFolderError
from wmenv.core.protocols import Judger, RemoteJudger
from wmenv.runs.lock import FolderLock
from wmenv.runs.store import RunStore, stored_identity


class open_run:  # lower case: used as a context manager
    """Lock a run folder and open its store.

    A new run writes its identity; a resumed one must have the same.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], *, resume: bool) -> None:
        self.folder, self.identity, self.resume = folder, identity, resume

    def __enter__(self) -> RunStore:
        with on_disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self.folder)
        self._store: RunStore | None = None
        try:
            known = stored_identity(self.folder)
            if known is not None and not self.resume:
                raise RunFolderError(
                    f"{self.folder} holds a run already; go on with it (--resume) or choose another --out"
                )
            if known is not None:
                _check_same(self.folder, known, self.identity)
            self._store = RunStore(self.folder, write=True)
            if known is None:
                self._store.write_identity(self.identity)
        except BaseException:
            self.__exit__()
            raise
        return self._store

    def __exit__(self, *_: object) -> None:
        if self._store is not None:
            self._store.close()
        self._lock.release()


@contextmanager
def answers_kept(judger: Judger | None, folder: Path) -> Iterator[None]:
    """While a run is under way, its judger keeps in the run folder what it pays for."""
    if not isinstance(judger, RemoteJudger):
        yield
        return
    try:
        judger.keep_answers(folder)
        yield
    finally:
        judger.close()


def _check_same(folder: Path, known: dict[str, Any], wanted: dict[str, Any]) -> None:
    if told := differing(known, wanted, "was", "now"):
        raise ProtocolMismatch(f"{folder} holds a run made otherwise: {told}. Choose another --out")


def differing(first: dict[str, Any], second: dict[str, Any], one: str, other: str) -> str:
    """The entries in which two identities differ, in words; empty where there are none.

    Args:
        first: An identity.
        second: Another.
        one: What stands before a value of the first, such as `was`.
        other: What stands before a value of the second.
    """
    keys = [k for k in {**second, **first} if canonical_json(first.get(k)) != canonical_json(second.get(k))]
    return "; ".join(f"{k} {one} {_short(first.get(k))}, {other} {_short(second.get(k))}" for k in keys)


def _short(value: Any) -> str:
    text = canonical_json(value)
    return text if len(text) <= 160 else f"{text[:157]}..."


class on_disk:  # lower case: used as a context manager
    """Turn an operating-system error on the run folder into a RunFolderError that says what to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            free = "finished rows are safe; free space and run again with --resume"
            way = free if error.errno == 28 else "choose another --out"
            raise RunFolderError(f"cannot write in {self.folder}: {error.strerror}; {way}") from error

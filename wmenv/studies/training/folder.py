"""The folder of a study: its declaration, its finished cells, and the lock of whoever fills it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wmenv.core.canonical import canonical_json
from wmenv.core.errors import ProtocolMismatch, RunFolderError
from wmenv.core.files import write_whole
from wmenv.runs.folder import on_disk
from wmenv.runs.lock import FolderLock
from wmenv.studies.training.declare import Experiment, TrainingStudy

DECLARATION = "declaration.json"


class StudyFolder:
    """A study's folder, locked while it is open: `with StudyFolder(...) as folder`."""

    def __init__(self, path: Path, study: TrainingStudy, experiment: Experiment, *, reanalyse: bool = False) -> None:
        """Name the folder; nothing is touched before `__enter__`.

        Args:
            path: The folder; made if missing.
            study: The study.
            experiment: The experiment; a folder of another one is refused.
            reanalyse: Whether a folder made under another analysis is taken; the change is recorded.
        """
        self.path, self.study, self.experiment, self.reanalyse = path, study, experiment, reanalyse
        self.analysis_before: list[str] = []

    def __enter__(self) -> StudyFolder:
        """Lock, check and declare.

        Raises:
            ProtocolMismatch: The folder holds another study, size, precision or analysis.
            RunFolderError: It holds something else, is in use, or cannot be written.
        """
        known = self._known()
        if known is None and self.path.is_dir() and any(p.name != ".lock" for p in self.path.iterdir()):
            raise RunFolderError(f"{self.path} is not empty and holds no study; choose another --out")
        with on_disk(self.path):
            (self.path / "cells").mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self.path)
        try:
            self._declare(known)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Give the lock back."""
        self._lock.release()

    def cells(self) -> dict[tuple[str, int], dict[str, Any]]:
        """The finished cells by run and seed."""
        found = {}
        for run, seed in self.experiment.cells():
            path = self._cell(run.name, seed)
            if path.is_file():
                found[run.name, seed] = _read(path)
        return found

    def add(self, cell: dict[str, Any]) -> None:
        """Store a finished cell, whole or not at all."""
        with on_disk(self.path):
            write_whole(self._cell(cell["run"], cell["seed"]), (json.dumps(cell) + "\n").encode())

    def _cell(self, run: str, seed: int) -> Path:
        return self.path / "cells" / f"{run}-{seed}.json"

    def _known(self) -> dict[str, Any] | None:
        path = self.path / DECLARATION
        return _read(path) if path.is_file() else None

    def _declare(self, known: dict[str, Any] | None) -> None:
        now: dict[str, Any] = {
            "experiment": self.experiment.plain(),
            "hypothesis": self.study.hypothesis,
            "analysis": self.study.analysis(),
            "analysis_digest": self.study.analysis_digest(),
            "analysis_before": self.analysis_before,
        }
        if known is not None:
            _check_experiment(self.path, known["experiment"], now["experiment"])
            self.analysis_before += known["analysis_before"]
            if known["analysis_digest"] != now["analysis_digest"]:
                if not self.reanalyse:
                    raise ProtocolMismatch(
                        f"{self.path} was made under another analysis of {self.study.name} (hypothesis, claims or "
                        "thresholds have changed since). Choose another --out, or judge its cells anew with "
                        "--reanalyse, which is recorded in study.json"
                    )
                self.analysis_before.append(known["analysis_digest"])
        with on_disk(self.path):
            text = json.dumps(now, indent=1, ensure_ascii=False) + "\n"
            write_whole(self.path / DECLARATION, text.encode())


def _check_experiment(path: Path, known: dict[str, Any], now: dict[str, Any]) -> None:
    different = [key for key in now if canonical_json(known.get(key)) != canonical_json(now[key])]
    if different:
        told = "; ".join(
            f"{key} {'differ' if key == 'runs' else f'was {known.get(key)}, now {now[key]}'}" for key in different
        )
        raise ProtocolMismatch(f"{path} holds another study: {told}. Choose another --out")


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunFolderError(f"{path} is damaged ({error}); remove it, its cell is then made anew") from error
    return found

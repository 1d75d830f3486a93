"""Agents of another package, as a plugin brings them: what worker processes are tried with."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wmenv.agents.still import CopyLast
from wmenv.core.clip import Response


class Mortal(CopyLast):
    """Its process is killed when it sees a case of `deadly.json` in its folder (case id -> how often)."""

    name = "mortal"

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.file = Path(folder) / "deadly.json"

    def act(self, requests: Sequence[Any], seeds: Sequence[int]) -> list[Response]:
        deadly = json.loads(self.file.read_text())
        for request in requests:
            for k in range(deadly.get(request.case_id, deadly.get("all", 0))):
                death = self.file.with_name(f"{request.case_id.replace('/', '-')}.{k}")
                if not death.exists():
                    death.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
        return super().act(requests, seeds)


class Cut(CopyLast):
    """Its process is killed in the middle of writing a clip, once, if there is a file `cut` in its folder."""

    name = "cut"

    def __init__(self, folder: str) -> None:
        super().__init__()
        worker = sys.modules["__main__"]
        write = getattr(worker, "write_clips", None)  # there is none in a process that is no worker

        def cut(run: Path, row: Any, rollout: Any) -> Any:
            written = write(run, row, rollout)  # type: ignore[misc]
            if (Path(folder) / "cut").exists():
                (Path(folder) / "cut").unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            return written

        if write is not None:
            worker.write_clips = cut  # type: ignore[attr-defined]


class Placed(CopyLast):
    """Loads a model, so to speak: leaves a note on where."""

    name = "placed"

    def __init__(self, folder: str, device: str = "cpu") -> None:
        super().__init__()
        note = f"{device} {os.environ.get('CUDA_VISIBLE_DEVICES', '-')} {os.environ.get('OMP_NUM_THREADS', '-')}"
        (Path(folder) / f"{os.getpid()}.txt").write_text(note)


class Unready(CopyLast):
    """Kills its process while it is made."""

    name = "unready"

    def __init__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

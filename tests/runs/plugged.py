"""Agents of another package, as a plugin brings them: what worker processes are tried with."""

from __future__ import annotations

import json
import os
import signal
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
            left = deadly.get(request.case_id, deadly.get("all", 0))
            if left:
                deadly[request.case_id] = left - 1
                self.file.write_text(json.dumps(deadly))
                os.kill(os.getpid(), signal.SIGKILL)
        return super().act(requests, seeds)


class Placed(CopyLast):
    """Loads a model, so to speak: leaves a note on where; slow enough for every worker to get a batch."""

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

"""Requests on disk: what a generator elsewhere needs to answer the cases of a run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym

from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument
from wmenv.core.files import write_whole
from wmenv.core.protocols import Suite
from wmenv.core.video import write_clip
from wmenv.runs.folder import on_disk
from wmenv.runs.plan import planned_cases

FILE = "requests.jsonl"


def write_requests(
    env: gym.Env[Any, Any],
    out: str | os.PathLike[str],
    splits: Sequence[str] | None = None,
    episodes: int = 100,
    seed: int = 0,
) -> Path:
    """Write the requests of the cases that `evaluate` draws with the same arguments.

    `requests.jsonl` has one line a case: `case_id`, `split`, `prompt`, `spec` (frames, height, width, fps) and
    `given`, the file of its conditioning frames (lossless `.npz`; None without any). Name the answers
    `<case_id>.mp4` and hand their folder to `videos:DIR`. The truth of a case is not written.

    Args:
        env: An environment of wmenv.
        out: Folder; made if missing, files of the same name are replaced.
        splits: Splits to draw from; the environment's own split by default.
        episodes: Cases a split.
        seed: Decides which cases are drawn.

    Returns:
        Path of `requests.jsonl`.

    Raises:
        RunFolderError: The folder cannot be written.
        InvalidArgument: The suite states no frame rate for its conditioning frames.
    """
    suite: Suite = env.unwrapped  # type: ignore[assignment]
    folder = Path(out)
    lines = []
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for split, ids in planned_cases(suite, splits, episodes, seed).items():
            for request in suite.observe(suite.cases(ids)):
                given = None
                if len(request.frames):
                    if request.spec.fps is None:
                        raise InvalidArgument(f"case {request.case_id} states no frame rate for its given frames")
                    given = f"{request.case_id}.npz"
                    write_clip(folder / given, Clip(request.frames, request.spec.fps))
                lines.append(
                    {
                        "case_id": request.case_id,
                        "split": split,
                        "prompt": request.prompt,
                        "spec": request.spec.plain(),
                        "given": given,
                    }
                )
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_whole(folder / FILE, text.encode())
    return folder / FILE

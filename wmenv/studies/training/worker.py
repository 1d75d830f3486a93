"""A process that works off cells: `python -m wmenv.studies.training.worker`, orders on stdin, answers on stdout.

An order is a line of JSON (`experiment`, `run`, `seed`, `out`), an answer one of `told` (a line and the
share done), `done` (the cell) or `failed` (the reason). One torch thread; the parent sets OMP_NUM_THREADS.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import IO, Any

from wmenv.core.errors import told as one_line
from wmenv.studies.training.declare import Experiment

LEAST_PAUSE = 0.5
"""Seconds between two answers that only say how far a cell is."""


def main() -> None:
    """Read orders until stdin closes."""
    import torch

    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints does not get between the answers
    for line in sys.stdin:
        _obey(json.loads(line), answers)


def _obey(order: dict[str, Any], answers: IO[str]) -> None:
    said = 0.0

    def answer(**content: Any) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    def told(text: str, share: float) -> None:
        # A parent that is gone shows here, as a broken pipe, and ends this process.
        nonlocal said
        if text or time.monotonic() - said >= LEAST_PAUSE:
            said = time.monotonic()
            answer(told=text, share=share)

    try:
        experiment = Experiment.of(order["experiment"])
        cell = experiment.run(order["run"]).make(experiment, order["seed"], Path(order["out"]), told)
    except BrokenPipeError:
        raise
    except Exception as error:
        traceback.print_exc()
        answer(failed=one_line(error))
    else:
        answer(done=cell)


if __name__ == "__main__":
    main()

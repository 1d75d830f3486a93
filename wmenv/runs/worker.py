"""A process that plays episodes: `python -m wmenv.runs.worker`, orders on stdin, answers on stdout, as lines of JSON.

The first order says what is evaluated; the answer is `ready` (identity and cases) or `refused`. Then, for each batch:
`play` is answered by its `rows`, and `keep` (whose clips to write) by `clips` (where they lie). The parent alone
writes rows. When it is gone, stdin ends, and so does this process, in the middle of whatever it does.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument, WmenvError, told
from wmenv.core.placement import place_on
from wmenv.core.protocols import RemoteJudger
from wmenv.core.rollout import Rollout
from wmenv.runs.fill import write_clips
from wmenv.runs.plan import Planned
from wmenv.runs.play import play
from wmenv.runs.prepare import Prepared, prepare
from wmenv.runs.store import RolloutRow, plain_row


def main() -> None:
    """Obey until stdin closes."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints does not get between the answers
    orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()

    def answer(**content: Any) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    try:
        order = orders.get()
        run = _prepared(order)
        answer(ready={"identity": run.identity, "cases": run.cases})
        while True:
            _one(run, Path(order["out"]), int(order["settings"]["seed"]), orders, answer)
    except BrokenPipeError:
        pass  # the parent is gone
    except WmenvError as error:
        answer(refused=[type(error).__name__, str(error)])
    except Exception as error:
        traceback.print_exc()
        answer(refused=["WorkerFailed", told(error)])


def _listen(orders: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    os._exit(0)


def _prepared(order: dict[str, Any]) -> Prepared:
    device = order["device"]
    if device is not None and device.startswith("cuda"):
        _check_gpu(order["told"])
    place_on(device)
    run = prepare(order["env"], order["agents"], **order["settings"])
    if isinstance(run.suite.judger, RemoteJudger):
        raise InvalidArgument(
            f"{run.suite.judger.spec} keeps its answers and its budget in one process, and asks in parallel by itself: "
            "leave out --workers and --devices, and set parallel=N on it"
        )
    return run


def _check_gpu(told_device: str) -> None:
    try:
        import torch
    except ModuleNotFoundError:
        return  # models of another library: they will say what they miss
    if not torch.cuda.is_available():
        raise InvalidArgument(f"device {told_device}: torch {torch.__version__} sees no such GPU here; use cpu")


def _one(run: Prepared, out: Path, seed: int, orders: queue.SimpleQueue[dict[str, Any]], answer: Any) -> None:
    """Play one batch, then write the clips that are asked for."""
    todo = [Planned(*one) for one in orders.get()["play"]]
    made = play(run.suite, run.agents[todo[0].agent], todo, seed)
    answer(rows=[plain_row(row) for row, _ in made])
    rollouts: dict[tuple[str, str, int], tuple[RolloutRow, Rollout | None]] = {row.key: (row, r) for row, r in made}
    clips = []
    for key in orders.get()["keep"]:
        row, rollout = rollouts[tuple(key)]
        assert rollout is not None
        clips.append([key, write_clips(out, row, rollout)])
    answer(clips=clips)


if __name__ == "__main__":
    main()

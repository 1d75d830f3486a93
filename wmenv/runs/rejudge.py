"""Judge the kept clips of a run again, without generating: another judger, or the same after a repair."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from wmenv.core.clip import Response, Unreadable
from wmenv.core.errors import RunFolderError, VideoUnreadable
from wmenv.core.protocols import Suite
from wmenv.core.registries import make_env
from wmenv.core.rollout import Rollout, Step
from wmenv.core.video import read_clip
from wmenv.runs.folder import open_run
from wmenv.runs.progress import Progress, Tick
from wmenv.runs.results import Results, environment_block, summarise
from wmenv.runs.store import RolloutRow, RunStore, StepRow

BATCH = 16


def rejudge(
    run: str | os.PathLike[str],
    judger: str,
    out: str | os.PathLike[str],
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> Results:
    """Score the kept clips of a run by a judger, into a run folder of its own.

    Rollouts whose clips were not kept have no row in the new run; its results say that they are incomplete.

    Args:
        run: The run folder whose clips are judged.
        judger: Specification of the judger.
        out: The new run folder.
        resume: Go on with an interrupted rejudging; nothing is repeated.
        progress: Called after every batch.

    Raises:
        RunFolderError: `run` is no run or kept no clips; `out` cannot be written.
    """
    source = Path(run)
    store = RunStore(source)
    identity, kept = store.identity(), [row for row in store.rollouts() if row.clip]
    if identity is None or not kept:
        raise RunFolderError(f"{source} kept no clips to judge; evaluate with --keep-clips all")
    options = {**identity["env_options"], "judger": judger}
    suite: Suite = make_env(identity["env_id"], **options).unwrapped
    wanted = {**identity, "env_options": options, "protocol": suite.protocol(), "judged_again": _origin(identity)}
    with open_run(Path(out), wanted, resume=resume) as fresh:
        done = fresh.done()
        todo = [row for row in kept if row.key not in done]
        for start in range(0, len(todo), BATCH):
            rows = todo[start : start + BATCH]
            fresh.add([_judge_again(suite, store, source, row, Path(out)) for row in rows])
            if progress is not None:
                count = len(done) + start + len(rows)
                progress(Tick(rows[-1].agent, rows[-1].split, count, len(kept), None, 0))
        store.close()
        results = summarise(fresh, environment_block())
        results.write(Path(out))
    return results


def _origin(identity: dict[str, Any]) -> str:
    return str(identity["protocol"].get("judger", "unknown"))


def _judge_again(suite: Suite, store: RunStore, source: Path, row: RolloutRow, out: Path) -> RolloutRow:
    """Judge every kept step of a rollout in its order."""
    (case,) = suite.cases([row.case_id])
    steps: list[Step] = []
    rows: list[StepRow] = []
    for old in store.steps(*row.key):
        response = _stored(source / str(row.clip) / f"step_{old.step}.npz", old.digest)
        (judgement,) = suite.score([case], [response])
        steps.append(Step(case, response, judgement))
        rows.append(StepRow(old.step, response.kind, response.digest, response.spec(), judgement))
        (following,) = suite.advance([Rollout(steps[0].case, tuple(steps))])
        if following is None:
            break
        case = following
    clip = os.path.relpath(source / str(row.clip), out)
    final = Rollout(steps[0].case, tuple(steps)).judgement
    return replace(row, state="judged", reason="", final=final, steps=tuple(rows), clip=clip)


def _stored(path: Path, digest: str) -> Response:
    """A kept clip, checked against the hash of the clip that was judged first."""
    try:
        clip = read_clip(path)
    except VideoUnreadable as error:
        return Unreadable(str(error))
    if clip.digest != digest:
        return Unreadable(f"{path} has changed since the run: its hash is {clip.digest}, not {digest}")
    return clip

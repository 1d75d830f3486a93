"""Judge the kept clips of a run again, without generating: another judger, or the same after a repair."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from wmenv.core.case import Case
from wmenv.core.clip import Response, Unreadable
from wmenv.core.errors import RunFolderError, VideoUnreadable
from wmenv.core.protocols import RemoteJudger, Suite
from wmenv.core.registries import make_env
from wmenv.core.rollout import Rollout, Step
from wmenv.core.video import read_clip
from wmenv.runs.card import KEPT, read_card
from wmenv.runs.folder import answers_kept, open_run
from wmenv.runs.progress import Progress, Tick
from wmenv.runs.results import Results, environment_block
from wmenv.runs.store import RolloutRow, RunStore, StepRow
from wmenv.runs.summary import summarise

BATCH = 16


def rejudge(
    run: str | os.PathLike[str],
    judger: str,
    out: str | os.PathLike[str],
    *,
    resume: bool = False,
    retry_failed: bool = False,
    card: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Results:
    """Score the kept clips of a run by a judger, into a run folder of its own.

    Rollouts whose clips were not kept have no row in the new run; its results say that they are incomplete.

    Args:
        run: The run folder whose clips are judged.
        judger: Specification of the judger.
        out: The new run folder.
        resume: Go on with an interrupted rejudging; nothing is repeated.
        retry_failed: With `resume`, judge again what could not be judged.
        card: Card of the judger (`wmenv judge exam`), whose key figures stand beside the scores; kept in the folder.
        progress: Called after every batch.

    Raises:
        ProtocolMismatch: The card is of another judger.
        RunFolderError: `run` is no run or kept no clips; `out` cannot be written.
    """
    source = Path(run)
    store = RunStore(source)
    identity, kept = store.identity(), [row for row in store.rollouts() if row.clip]
    if identity is None or not kept:
        raise RunFolderError(f"{source} kept no clips to judge; evaluate with --keep-clips all")
    options = {**identity["env_options"], "judger": judger}
    suite: Suite = make_env(identity["env_id"], **options).unwrapped
    if isinstance(suite.judger, RemoteJudger):
        options["judger"] = suite.judger.spec
    wanted = {**identity, "env_options": options, "protocol": suite.protocol(), "judged_again": _origin(identity)}
    known = None if card is None else read_card(Path(card), str(wanted["protocol"]["judger"]))
    with open_run(Path(out), wanted, resume=resume) as fresh, answers_kept(suite.judger, Path(out)):
        if known is not None:
            known.write(Path(out), KEPT)
        done = set(fresh.done())
        if retry_failed:
            done -= {row.key for row in fresh.rollouts() if row.final is not None and row.final.coverage < 1}
        todo = [row for row in kept if row.key not in done]
        for start in range(0, len(todo), BATCH):
            rows = todo[start : start + BATCH]
            fresh.add(_judge_again(suite, store, source, rows, Path(out)))
            if progress is not None:
                count = len(done) + start + len(rows)
                progress(Tick(rows[-1].agent, rows[-1].split, count, len(kept), None, 0))
        store.close()
        results = summarise(fresh, environment_block())
        results.write(Path(out))
    return results


def _origin(identity: dict[str, Any]) -> str:
    return str(identity["protocol"].get("judger", "unknown"))


def _judge_again(
    suite: Suite, store: RunStore, source: Path, rows: Sequence[RolloutRow], out: Path
) -> list[RolloutRow]:
    """Judge every kept step of some rollouts in its order, the k-th steps of all together."""
    kept = [store.steps(*row.key) for row in rows]
    asked: list[Case | None] = list(suite.cases([row.case_id for row in rows]))
    steps: list[list[Step]] = [[] for _ in rows]
    judged: list[list[StepRow]] = [[] for _ in rows]
    for k in range(max(map(len, kept), default=0)):
        live = [(n, case) for n, case in enumerate(asked) if case is not None and k < len(kept[n])]
        olds = [kept[n][k] for n, _ in live]
        responses = [
            _stored(source / str(rows[n].clip) / f"step_{old.step}.npz", old.digest)
            for (n, _), old in zip(live, olds, strict=True)
        ]
        judgements = suite.score([case for _, case in live], responses)
        for (n, case), old, response, judgement in zip(live, olds, responses, judgements, strict=True):
            steps[n].append(Step(case, response, judgement))
            judged[n].append(StepRow(old.step, response.kind, response.digest, response.spec(), judgement))
        following = suite.advance([Rollout(steps[n][0].case, tuple(steps[n])) for n, _ in live])
        for (n, _), case_after in zip(live, following, strict=True):
            asked[n] = case_after
    return [
        replace(
            row,
            state="judged",
            reason="",
            final=Rollout(steps[n][0].case, tuple(steps[n])).judgement,
            steps=tuple(judged[n]),
            clip=os.path.relpath(source / str(row.clip), out),
        )
        for n, row in enumerate(rows)
    ]


def _stored(path: Path, digest: str) -> Response:
    """A kept clip, checked against the hash of the clip that was judged first."""
    try:
        clip = read_clip(path)
    except VideoUnreadable as error:
        return Unreadable(str(error))
    if clip.digest != digest:
        return Unreadable(f"{path} has changed since the run: its hash is {clip.digest}, not {digest}")
    return clip

"""Evaluate agents on a suite: the loop that fills a run folder.

A run is planned from its seed alone: cases of each split, samples of each case, one seed a rollout. It is worked
off in fixed batches, each committed at once, so that an interrupted run resumes at the first missing batch and
ends in the same `results.json`. The same batches are dealt to shards and to worker processes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym

from wmenv.core.protocols import Agent, Judger, RemoteJudger
from wmenv.runs.card import KEPT, read_card
from wmenv.runs.fill import Filling, write_clips
from wmenv.runs.folder import answers_kept, on_disk, open_run
from wmenv.runs.form import told_form
from wmenv.runs.keep import Keeper, Policy
from wmenv.runs.plan import batches, planned_rollouts
from wmenv.runs.play import play
from wmenv.runs.prepare import Prepared, prepare
from wmenv.runs.progress import Progress
from wmenv.runs.results import Results, environment_block
from wmenv.runs.shard import Shard
from wmenv.runs.summary import summarise
from wmenv.runs.workers import Workers, work_order

DEFAULT_BATCH = 8


def evaluate(
    env: str | gym.Env[Any, Any],
    agents: Sequence[str | Agent] | Mapping[str, Agent],
    *,
    splits: Sequence[str] | None = None,
    episodes: int = 100,
    samples: int = 1,
    seed: int = 0,
    out: str | os.PathLike[str],
    resume: bool = False,
    retry_failed: bool = False,
    keep: Keeper | Policy = "worst",
    batch: int = DEFAULT_BATCH,
    sanity: bool = False,
    shard: str | None = None,
    card: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    devices: Sequence[str] = (),
    progress: Progress | None = None,
    told: Callable[[str], None] | None = None,
    **env_options: Any,
) -> Results:
    """Evaluate agents and fill a run folder.

    Args:
        env: Environment id, or an environment. An id is made in the form of clips that the agents state.
        agents: Specifications such as `law` or `videos:clips`, or agent objects; or agents by name.
        splits: Splits to draw from; the environment's own split by default.
        episodes: Cases a split; fewer where the suite has fewer.
        samples: Answers a case, each with its own seed.
        seed: Decides which cases are drawn and every agent's seeds.
        out: The run folder; made if missing.
        resume: Go on with the run in `out`; nothing finished is repeated.
        retry_failed: With `resume`, try failed rollouts again.
        keep: Which clips to keep.
        batch: Rollouts handed to an agent at once, and committed at once.
        sanity: Add the sanity panel: the true clip, and clips that no judger may take for it. They are marked, not
            ranked, and the results warn where the judger cannot tell them apart.
        shard: Make only a share of the run, such as `2/4`; `wmenv.merge` puts the shards together.
        card: Card of the judger (`wmenv judge exam`), whose key figures stand beside the scores; kept in the folder.
        workers: Processes that play episodes at once; with neither workers nor devices this process plays them.
            Workers make environment and agents themselves, so that both are given by name.
        devices: Where the workers' models go, in turn: `cpu`, `cuda`, `cuda:1`; one worker a device by default.
        progress: Called after every batch.
        told: Called with lines on what is evaluated, and on workers that died.
        **env_options: Passed to `gymnasium.make`.

    Returns:
        The results, also written to `<out>/results.json`.

    Raises:
        RunFolderError: `out` holds a run already (without `resume`), is locked, read-only or full.
        ProtocolMismatch: `out` holds a run of another protocol, seed, set of agents or shard; the card is of another
            judger.
        InvalidArgument: An argument is out of range, two agents have one name, or one cannot make clips of the form
            that is asked for; workers are wanted for what has no name.
        WorkerFailed: A worker cannot start.
    """
    part = None if shard is None else Shard.parse(shard)
    keeper = keep if isinstance(keep, Keeper) else Keeper(keep)
    say = told or (lambda line: None)
    settings: dict[str, Any] = {
        "splits": None if splits is None else list(splits),
        "episodes": episodes,
        "samples": samples,
        "seed": seed,
        "batch": batch,
        "sanity": sanity,
        "options": env_options,
    }

    def fill(
        identity: dict[str, Any],
        cases: Mapping[str, Sequence[str]],
        work: Callable[[Filling], None],
        judger: Judger | None = None,
    ) -> Results:
        say(f"{identity['protocol']['case_set']}: {identity['env_id']}{'' if part is None else f', shard {part}'}")
        say(told_form(identity["protocol"]))
        whole = batches(planned_rollouts([one["name"] for one in identity["agents"]], cases, samples), batch)
        share = whole if part is None else part.share(whole)
        known = None if card is None else read_card(Path(card), str(identity["protocol"]["judger"]))
        full = identity if part is None else {**identity, "shard": part.block(cases, keeper)}
        with open_run(Path(out), full, resume=resume) as store, answers_kept(judger, Path(out)):
            started = time.time()
            if known is not None:
                with on_disk(Path(out)):
                    known.write(Path(out), KEPT)
            filling = Filling(store, keeper, whole, share, retry_failed=retry_failed, progress=progress)
            work(filling)
            filling.sweep()
            block = environment_block(started=round(started, 3), seconds=round(time.time() - started, 3))
            results = summarise(store, block)
            with on_disk(Path(out)):
                results.write(Path(out))
        return results

    if workers is None and not devices:
        run = prepare(env, agents, **settings)
        if isinstance(run.suite.judger, RemoteJudger):
            say(run.suite.judger.told)
        return fill(run.identity, run.cases, lambda filling: _work(run, filling, seed), run.suite.judger)
    order = work_order(env, agents, settings, Path(out))
    with Workers(order, workers, devices, say) as crew:
        return fill(crew.identity, crew.cases, crew.work)


def _work(run: Prepared, filling: Filling, seed: int) -> None:
    """Make every rollout that is missing, in this process."""
    for todo in filling.todo():
        made = play(run.suite, run.agents[todo[0].agent], todo, seed)
        rollouts = {row.key: rollout for row, rollout in made if rollout is not None}
        folder = filling.store.folder
        filling.commit(
            [row for row, _ in made],
            lambda rows: {row.key: write_clips(folder, row, rollouts[row.key]) for row in rows},  # noqa: B023 - called at once
        )

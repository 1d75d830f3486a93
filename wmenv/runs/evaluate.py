"""Evaluate agents on a suite: the loop that fills a run folder.

A run is planned from its seed alone: cases of each split, samples of each case, one seed a rollout. It is worked
off in fixed batches, each committed at once, so that an interrupted run resumes at the first missing batch and
ends in the same `results.json`.
"""

from __future__ import annotations

import os
import shutil
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym

from wmenv.core.canonical import canonical_json
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Agent, RemoteJudger, Suite
from wmenv.core.rollout import Rollout
from wmenv.core.video import write_clip
from wmenv.runs.folder import answers_kept, on_disk, open_run
from wmenv.runs.form import check_suited, make_suited
from wmenv.runs.keep import Keeper, Key, Policy
from wmenv.runs.plan import Planned, crew_of, grouped, planned_cases
from wmenv.runs.play import play
from wmenv.runs.progress import Progress, Tick
from wmenv.runs.results import Results, environment_block, summarise
from wmenv.runs.sanity import sanity_panel
from wmenv.runs.store import RolloutRow, RunStore

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
    progress: Progress | None = None,
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
        progress: Called after every batch.
        **env_options: Passed to `gymnasium.make`.

    Returns:
        The results, also written to `<out>/results.json`.

    Raises:
        RunFolderError: `out` holds a run already (without `resume`), is locked, read-only or full.
        ProtocolMismatch: `out` holds a run of another protocol, seed or set of agents.
        InvalidArgument: An argument is out of range, two agents have one name, or one cannot make clips of the form
            that is asked for.
    """
    if min(episodes, samples, batch) < 1:
        raise InvalidArgument(f"episodes, samples and batch must be at least 1, got {episodes}, {samples}, {batch}")
    named = dict(agents) if isinstance(agents, Mapping) else crew_of(agents)
    made = make_suited(env, named, **env_options) if isinstance(env, str) else env
    suite: Suite = made.unwrapped  # type: ignore[assignment]
    check_suited(suite, named)
    env_id = made.spec.id if made.spec is not None else type(suite).__name__
    cases = planned_cases(suite, splits, episodes, seed)
    panel, left_out = sanity_panel(suite, cases) if sanity else ({}, {})
    if twice := sorted(set(named) & set(panel)):
        raise InvalidArgument(f"the sanity panel has {', '.join(twice)} already; leave it out of the agents")
    named |= panel
    identity = {
        "env_id": env_id,
        "env_options": _plain_options(made),
        "protocol": suite.protocol(),
        "seed": seed,
        "samples": samples,
        "splits": {split: len(ids) for split, ids in cases.items()},
        "agents": [_entry(name, agent) for name, agent in named.items()],
        "batch": batch,
        **({"sanity": {"left_out": left_out}} if sanity else {}),
    }
    try:
        canonical_json(identity)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"protocol, options and agents' cards must be plain JSON: {error}") from error
    keeper = keep if isinstance(keep, Keeper) else Keeper(keep)
    with open_run(Path(out), identity, resume=resume) as store, answers_kept(suite.judger, Path(out)):
        drawn = [(split, case_id) for split, ids in cases.items() for case_id in ids]
        plan = [Planned(agent, *case, k) for agent in named for case in drawn for k in range(samples)]
        run = _Run(suite, named, store, keeper, seed, progress, len(plan))
        started = time.time()
        run.work(plan, batch, retry_failed)
        block = environment_block(started=round(started, 3), seconds=round(time.time() - started, 3))
        results = summarise(store, block)
        with on_disk(Path(out)):
            results.write(Path(out))
    return results


def _entry(name: str, agent: Agent) -> dict[str, Any]:
    """An agent in the identity of a run."""
    entry = {"name": name, "privileged": agent.privileged, "card": dict(agent.card)}
    return {**entry, "sanity": True} if getattr(agent, "sanity", False) else entry


def _plain_options(env: gym.Env[Any, Any]) -> dict[str, Any]:
    """What makes the same environment again: the options beyond those its id stands for; objects by their name."""
    if env.spec is None:
        return {}
    own = gym.registry[env.spec.id].kwargs if env.spec.id in gym.registry else {}
    options = {key: value for key, value in env.spec.kwargs.items() if key not in own or own[key] != value}
    judger = getattr(env.unwrapped, "judger", None)
    if "judger" in options and isinstance(judger, RemoteJudger):
        options["judger"] = judger.spec
    plain = (str, int, float, bool, list, tuple, dict, type(None))
    return {k: v if isinstance(v, plain) else str(getattr(v, "name", type(v).__name__)) for k, v in options.items()}


class _Run:
    """The loop."""

    def __init__(
        self,
        suite: Suite,
        agents: dict[str, Agent],
        store: RunStore,
        keeper: Keeper,
        seed: int,
        progress: Progress | None,
        total: int,
    ) -> None:
        self.suite, self.agents, self.store, self.keeper = suite, agents, store, keeper
        self.seed, self.progress, self.total = seed, progress, total
        self.done, self.failed = 0, 0

    def work(self, plan: Sequence[Planned], batch: int, retry_failed: bool) -> None:
        """Make every rollout of the plan that is not in the store."""
        states = self.store.done()
        finished = {key for key, state in states.items() if not (retry_failed and state == "agent_failed")}
        if retry_failed:
            finished -= {r.key for r in self.store.rollouts() if r.final is not None and r.final.coverage < 1}
        rewards: dict[tuple[str, str], list[float]] = {}
        for group, members in grouped(plan):
            self.keeper.plan(group, [p.key for p in members])
        for row in self.store.rollouts():
            if row.key in finished:
                self._count(row, rewards)
                if row.final is not None:  # where the agent failed there was no clip to offer
                    self.keeper.recall((row.agent, row.split), [(row.key, row.final.reward)])
        for group, members in grouped(plan):
            for start in range(0, len(members), batch):
                todo = [p for p in members[start : start + batch] if p.key not in finished]
                if not todo:
                    continue
                self._commit(group, play(self.suite, self.agents[group[0]], todo, self.seed), rewards)
                if self.progress is not None:
                    so_far = rewards.get(group, [])
                    mean = sum(so_far) / len(so_far) if so_far else None
                    self.progress(Tick(*group, self.done, self.total, mean, self.failed))
        self._sweep()

    def _sweep(self) -> None:
        """Remove clips that no row names: what a process wrote or was about to remove when it was killed."""
        kept = {self.store.folder / row.clip for row in self.store.rollouts() if row.clip}
        for folder in self.store.folder.glob("clips/*/*"):
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)
        for folder in self.store.folder.glob("clips/*"):
            if not any(folder.iterdir()):
                folder.rmdir()

    def _count(self, row: RolloutRow, rewards: dict[tuple[str, str], list[float]]) -> None:
        self.done += 1
        self.failed += row.final is None or row.final.coverage < 1
        if row.final is not None and row.final.reward is not None:
            rewards.setdefault((row.agent, row.split), []).append(row.final.reward)

    def _commit(
        self,
        group: tuple[str, str],
        made: Sequence[tuple[RolloutRow, Rollout | None]],
        rewards: dict[tuple[str, str], list[float]],
    ) -> None:
        """Write the clips to be kept, then rows and evictions at once, then remove the clips that had to go.

        A process killed in between leaves at most clips that no row names; `_sweep` removes them.
        """
        kept: set[Key] = set()
        dropped: set[Key] = set()
        for row, rollout in made:
            if rollout is not None and row.final is not None:
                keep, gone = self.keeper.offer(group, row.key, row.final.reward)
                kept |= {row.key} if keep else set()
                dropped |= {gone} if gone is not None else set()
        rows = []
        for row, rollout in made:  # a clip that the same batch drops again is never written
            write = rollout is not None and row.key in kept - dropped
            rows.append(replace(row, clip=self._write_clips(row, rollout) if write and rollout is not None else None))
            self._count(row, rewards)
        dropped -= kept
        self.store.add(rows, sorted(dropped))
        for key in sorted(dropped):
            shutil.rmtree(self.store.folder / clip_folder(key), ignore_errors=True)

    def _write_clips(self, row: RolloutRow, rollout: Rollout) -> str | None:
        """Write a rollout's clips without loss; returns their folder below the run folder, or None without clips."""
        folder = clip_folder(row.key)
        clips = [(k, s.response) for k, s in enumerate(rollout.steps) if isinstance(s.response, Clip)]
        with on_disk(self.store.folder):
            for k, clip in clips:
                (self.store.folder / folder).mkdir(parents=True, exist_ok=True)
                write_clip(self.store.folder / folder / f"step_{k}.npz", clip)
        return folder if clips else None


def clip_folder(key: tuple[str, str, int]) -> str:
    """Folder of a rollout's kept clips, relative to the run folder."""
    agent, case_id, sample = key
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in agent)[:48].lstrip(".")
    return f"clips/{safe}-{zlib.crc32(agent.encode()):08x}/{case_id}_{sample}"

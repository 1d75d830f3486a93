"""Evaluate agents on a suite: the loop that fills a run folder.

A run is planned from its seed alone: cases of each split, samples of each case, one seed a rollout. It is worked
off in fixed batches, each committed at once, so that an interrupted run resumes at the first missing batch and
ends in the same `results.json`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from wmenv.core.canonical import canonical_json
from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response, Unreadable, describe
from wmenv.core.errors import InvalidArgument, InvalidResponse, ProtocolMismatch, RunFolderError, told
from wmenv.core.protocols import Agent, Suite
from wmenv.core.registries import AGENTS, make_env
from wmenv.core.registry import parse_spec
from wmenv.core.rollout import Rollout, Step
from wmenv.core.video import write_clip
from wmenv.runs.keep import Keeper, Key, Policy
from wmenv.runs.lock import FolderLock
from wmenv.runs.results import Results, environment_block, summarise
from wmenv.runs.store import RolloutRow, RunStore, StepRow, stored_identity

Progress = Callable[["Tick"], None]
DEFAULT_BATCH = 8
MAX_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Tick:
    """Progress of a run after a batch.

    Attributes:
        agent: Agent at work.
        split: Split at work.
        done: Rollouts finished, resumed ones included.
        total: Rollouts planned.
        reward: Mean reward of the agent on the split so far; None before the first.
        failed: Rollouts failed so far.
    """

    agent: str
    split: str
    done: int
    total: int
    reward: float | None
    failed: int


@dataclass(frozen=True, slots=True)
class _Planned:
    """One rollout to be made."""

    agent: str
    split: str
    case_id: str
    sample: int

    @property
    def key(self) -> tuple[str, str, int]:
        return self.agent, self.case_id, self.sample


def evaluate(
    env: str | gym.Env[Any, Any],
    agents: Sequence[str | Agent],
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
    progress: Progress | None = None,
    **env_options: Any,
) -> Results:
    """Evaluate agents and fill a run folder.

    Args:
        env: Environment id, or an environment.
        agents: Specifications such as `law` or `videos:clips`, or agent objects.
        splits: Splits to draw from; the environment's own split by default.
        episodes: Cases a split; fewer where the suite has fewer.
        samples: Answers a case, each with its own seed.
        seed: Decides which cases are drawn and every agent's seeds.
        out: The run folder; made if missing.
        resume: Go on with the run in `out`; nothing finished is repeated.
        retry_failed: With `resume`, try failed rollouts again.
        keep: Which clips to keep.
        batch: Rollouts handed to an agent at once, and committed at once.
        progress: Called after every batch.
        **env_options: Passed to `gymnasium.make`.

    Returns:
        The results, also written to `<out>/results.json`.

    Raises:
        RunFolderError: `out` holds a run already (without `resume`), is locked, read-only or full.
        ProtocolMismatch: `out` holds a run of another protocol, seed or set of agents.
        InvalidArgument: An argument is out of range, or two agents have one name.
    """
    if min(episodes, samples, batch) < 1:
        raise InvalidArgument(f"episodes, samples and batch must be at least 1, got {episodes}, {samples}, {batch}")
    made = make_env(env, **env_options) if isinstance(env, str) else env
    suite: Suite = made.unwrapped  # type: ignore[assignment]
    env_id = made.spec.id if made.spec is not None else type(suite).__name__
    named = _crew(agents)
    cases = planned_cases(suite, splits, episodes, seed)
    identity = {
        "env_id": env_id,
        "env_options": _plain_options(made),
        "protocol": suite.protocol(),
        "seed": seed,
        "samples": samples,
        "splits": {split: len(ids) for split, ids in cases.items()},
        "agents": [
            {"name": name, "privileged": agent.privileged, "card": dict(agent.card)} for name, agent in named.items()
        ],
        "batch": batch,
    }
    try:
        canonical_json(identity)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"protocol, options and agents' cards must be plain JSON: {error}") from error
    keeper = keep if isinstance(keep, Keeper) else Keeper(keep)
    with open_run(Path(out), identity, resume=resume) as store:
        drawn = [(split, case_id) for split, ids in cases.items() for case_id in ids]
        plan = [_Planned(agent, *case, k) for agent in named for case in drawn for k in range(samples)]
        run = _Run(suite, named, store, keeper, seed, progress, len(plan))
        started = time.time()
        run.work(plan, batch, retry_failed)
        block = environment_block(started=round(started, 3), seconds=round(time.time() - started, 3))
        results = summarise(store, block)
        with _disk(Path(out)):
            results.write(Path(out))
    return results


def planned_cases(
    env: gym.Env[Any, Any] | Suite, splits: Sequence[str] | None = None, episodes: int = 100, seed: int = 0
) -> dict[str, list[str]]:
    """Ids of the cases that `evaluate` draws with the same arguments; for clips that are made elsewhere.

    Args:
        env: An environment of wmenv.
        splits: Splits to draw from; the environment's own split by default.
        episodes: Cases a split; fewer where the suite has fewer.
        seed: Decides which cases are drawn.

    Returns:
        Split -> ids, without repetition.
    """
    suite: Suite = env.unwrapped if isinstance(env, gym.Env) else env  # type: ignore[assignment]
    chosen = dict.fromkeys(splits or (suite.default_split,))
    return {split: _distinct(suite.case_ids(episodes, _split_rng(seed, split), split)) for split in chosen}


def _plain_options(env: gym.Env[Any, Any]) -> dict[str, Any]:
    """What makes the same environment again: the options beyond those its id stands for; objects by their name."""
    if env.spec is None:
        return {}
    own = gym.registry[env.spec.id].kwargs if env.spec.id in gym.registry else {}
    options = {key: value for key, value in env.spec.kwargs.items() if key not in own or own[key] != value}
    plain = (str, int, float, bool, list, tuple, dict, type(None))
    return {k: v if isinstance(v, plain) else str(getattr(v, "name", type(v).__name__)) for k, v in options.items()}


def _crew(agents: Sequence[str | Agent]) -> dict[str, Agent]:
    """Agents by the name of their rows: the specification where one was given, else the agent's own name.

    A target (the folder of `videos:DIR`) is no part of the name, so that results do not depend on where things lie.
    """
    crew: dict[str, Agent] = {}
    for spec in agents:
        agent = AGENTS.create(spec) if isinstance(spec, str) else spec
        name = spec if isinstance(spec, str) and parse_spec(spec)[1] is None else agent.name
        if not name.isprintable() or not name:
            raise InvalidArgument(f"an agent's name must be one line of printable text, got {name!r}")
        if name in crew:
            raise InvalidArgument(f"two agents are called {name!r}; give each its own name")
        crew[name] = agent
    return crew


def _distinct(ids: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def _split_rng(seed: int, split: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(split.encode())])


def rollout_seed(seed: int, case_id: str, sample: int) -> int:
    """Seed of one answer, in [0, 2^63): the same for every agent of a run, so that comparisons are paired."""
    text = f"{seed}\n{case_id}\n{sample}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


class open_run:  # lower case: used as a context manager
    """Lock a run folder and open its store.

    A new run writes its identity; a resumed one must have the same.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], *, resume: bool) -> None:
        self.folder, self.identity, self.resume = folder, identity, resume

    def __enter__(self) -> RunStore:
        with _disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self.folder)
        self._store: RunStore | None = None
        try:
            known = stored_identity(self.folder)
            if known is not None and not self.resume:
                raise RunFolderError(
                    f"{self.folder} holds a run already; go on with it (--resume) or choose another --out"
                )
            if known is not None:
                _check_same(self.folder, known, self.identity)
            self._store = RunStore(self.folder, write=True)
            if known is None:
                self._store.write_identity(self.identity)
        except BaseException:
            self.__exit__()
            raise
        return self._store

    def __exit__(self, *_: object) -> None:
        if self._store is not None:
            self._store.close()
        self._lock.release()


def _check_same(folder: Path, known: dict[str, Any], wanted: dict[str, Any]) -> None:
    plain = {key: canonical_json(value) for key, value in wanted.items()}
    different = [key for key in {**plain, **known} if canonical_json(known.get(key)) != plain.get(key, "null")]
    if different:
        list_of = "; ".join(f"{key} was {_short(known.get(key))}, now {_short(wanted.get(key))}" for key in different)
        raise ProtocolMismatch(f"{folder} holds a run made otherwise: {list_of}. Choose another --out")


def _short(value: Any) -> str:
    text = canonical_json(value)
    return text if len(text) <= 160 else f"{text[:157]}..."


class _disk:  # lower case: used as a context manager
    """Turn an operating-system error on the run folder into a RunFolderError that says what to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            free = "finished rows are safe; free space and run again with --resume"
            way = free if error.errno == 28 else "choose another --out"
            raise RunFolderError(f"cannot write in {self.folder}: {error.strerror}; {way}") from error


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

    def work(self, plan: Sequence[_Planned], batch: int, retry_failed: bool) -> None:
        """Make every rollout of the plan that is not in the store."""
        states = self.store.done()
        finished = {key for key, state in states.items() if not (retry_failed and state == "agent_failed")}
        if retry_failed:
            finished -= {r.key for r in self.store.rollouts() if r.final is not None and r.final.coverage < 1}
        rewards: dict[tuple[str, str], list[float]] = {}
        for group, members in _grouped(plan):
            self.keeper.plan(group, [p.key for p in members])
        for row in self.store.rollouts():
            if row.key in finished:
                self._count(row, rewards)
                if row.final is not None:  # where the agent failed there was no clip to offer
                    self.keeper.recall((row.agent, row.split), [(row.key, row.final.reward)])
        for group, members in _grouped(plan):
            for start in range(0, len(members), batch):
                todo = [p for p in members[start : start + batch] if p.key not in finished]
                if not todo:
                    continue
                self._commit(group, self._make(todo), rewards)
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

    def _make(self, todo: Sequence[_Planned]) -> list[tuple[RolloutRow, Rollout | None]]:
        """Play the episodes of one batch to their end."""
        agent = self.agents[todo[0].agent]
        cases = self.suite.cases([p.case_id for p in todo])
        open_cases: list[Case | None] = [_sampled(case, p) for case, p in zip(cases, todo, strict=True)]
        steps: list[list[Step]] = [[] for _ in todo]
        failures: dict[int, str] = {}
        for _ in range(MAX_STEPS):
            live = [k for k, case in enumerate(open_cases) if case is not None]
            if not live:
                break
            asked = [case for case in open_cases if case is not None]
            seeds = [rollout_seed(self.seed, todo[k].case_id, todo[k].sample) + len(steps[k]) for k in live]
            answered: list[tuple[int, Case, Response]] = []
            for k, case, response in zip(live, asked, self._ask(agent, asked, seeds), strict=True):
                if isinstance(response, Exception):
                    failures[k] = f"agent {todo[k].agent}: {told(response)}"
                    open_cases[k] = None
                else:
                    answered.append((k, case, response))
            judged = self.suite.score([case for _, case, _ in answered], [r for _, _, r in answered])
            for (k, case, response), judgement in zip(answered, judged, strict=True):
                steps[k].append(Step(case, response, judgement))
            playing = [k for k, _, _ in answered]
            following = self.suite.advance([Rollout(steps[k][0].case, tuple(steps[k])) for k in playing])
            for k, case_after in zip(playing, following, strict=True):
                open_cases[k] = None if case_after is None else _sampled(case_after, todo[k])
        return [self._row(p, steps[k], failures.get(k)) for k, p in enumerate(todo)]

    def _ask(self, agent: Agent, cases: Sequence[Case], seeds: Sequence[int]) -> list[Response | Exception]:
        """Responses of a batch; where the agent raises, it is asked once more case by case."""
        requests: Sequence[Any] = cases if agent.privileged else self.suite.observe(cases)
        try:
            answers = list(agent.act(requests, seeds))
            if len(answers) != len(cases):
                raise InvalidResponse(f"expected {len(cases)} responses, got {len(answers)}")
        except Exception as error:
            if len(cases) == 1:
                return [error]
            return [self._ask(agent, [case], [seed])[0] for case, seed in zip(cases, seeds, strict=True)]
        return [_as_response(answer, case) for answer, case in zip(answers, cases, strict=True)]

    def _row(self, p: _Planned, steps: Sequence[Step], failure: str | None) -> tuple[RolloutRow, Rollout | None]:
        if failure is not None or not steps:
            reason = failure or f"the episode did not begin within {MAX_STEPS} steps"
            return RolloutRow(p.agent, p.split, p.case_id, p.sample, "agent_failed", reason), None
        rollout = Rollout(steps[0].case, tuple(steps))
        rows = tuple(
            StepRow(k, s.response.kind, s.response.digest, s.response.spec(), s.judgement) for k, s in enumerate(steps)
        )
        row = RolloutRow(p.agent, p.split, p.case_id, p.sample, "judged", final=rollout.judgement, steps=rows)
        return row, rollout

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
        with _disk(self.store.folder):
            for k, clip in clips:
                (self.store.folder / folder).mkdir(parents=True, exist_ok=True)
                write_clip(self.store.folder / folder / f"step_{k}.npz", clip)
        return folder if clips else None


def clip_folder(key: tuple[str, str, int]) -> str:
    """Folder of a rollout's kept clips, relative to the run folder."""
    agent, case_id, sample = key
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in agent)[:48].lstrip(".")
    return f"clips/{safe}-{zlib.crc32(agent.encode()):08x}/{case_id}_{sample}"


def _sampled(case: Case, p: _Planned) -> Case:
    """The case as this sample of it asks it."""
    return replace(case, request=replace(case.request, sample=p.sample))


def _as_response(answer: Any, case: Case) -> Response | Exception:
    """What an agent answered, as a response: arrays become clips at the case's rate, bad pixels are unreadable."""
    if not isinstance(answer, np.ndarray):
        return _checked(answer)
    fps = case.request.spec.fps
    if fps is None:
        return InvalidResponse("this suite states no frame rate; answer with Clip(frames, fps), not with an array")
    try:
        return Clip(answer, fps) if answer.dtype == np.uint8 else Clip.from_float(answer, fps)
    except InvalidResponse as error:
        return Unreadable(str(error))


def _checked(answer: Any) -> Response | Exception:
    """A response that says what the store will ask of it: a kind, a digest, a plain spec."""
    try:
        if not isinstance(answer, Response):
            form = "a response (a Clip, say) or an array of frames"
            return InvalidResponse(f"expected {form}, got {describe(answer)}")
        canonical_json([answer.kind, answer.digest, answer.spec()])
    except Exception as error:
        return InvalidResponse(f"a response must state kind, digest and a plain spec(): {told(error)}")
    return answer


def _grouped(plan: Sequence[_Planned]) -> Iterator[tuple[tuple[str, str], list[_Planned]]]:
    groups: dict[tuple[str, str], list[_Planned]] = {}
    for p in plan:
        groups.setdefault((p.agent, p.split), []).append(p)
    yield from groups.items()


__all__ = ["Tick", "clip_folder", "evaluate", "open_run", "planned_cases", "rollout_seed"]

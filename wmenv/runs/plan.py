"""What a run will do, decided by its seed alone: cases, agents, samples, seeds."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Agent, Suite
from wmenv.core.registries import AGENTS
from wmenv.core.registry import parse_spec
from wmenv.runs.keep import Group, Key


@dataclass(frozen=True, slots=True)
class Planned:
    """One rollout to be made."""

    agent: str
    split: str
    case_id: str
    sample: int

    @property
    def key(self) -> Key:
        """Key of its row."""
        return self.agent, self.case_id, self.sample


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


def _distinct(ids: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def _split_rng(seed: int, split: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(split.encode())])


def rollout_seed(seed: int, case_id: str, sample: int) -> int:
    """Seed of one answer, in [0, 2^63): the same for every agent of a run, so that comparisons are paired."""
    text = f"{seed}\n{case_id}\n{sample}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def crew_of(agents: Sequence[str | Agent]) -> dict[str, Agent]:
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


def grouped(plan: Sequence[Planned]) -> Iterator[tuple[Group, list[Planned]]]:
    """Rollouts by (agent, split), in order of the plan."""
    groups: dict[Group, list[Planned]] = {}
    for p in plan:
        groups.setdefault((p.agent, p.split), []).append(p)
    yield from groups.items()


def planned_rollouts(agents: Sequence[str], cases: Mapping[str, Sequence[str]], samples: int) -> list[Planned]:
    """Every rollout of a run, in its order.

    Args:
        agents: Names.
        cases: Ids by split.
        samples: Answers a case.
    """
    drawn = [(split, case_id) for split, ids in cases.items() for case_id in ids]
    return [Planned(agent, *case, k) for agent in agents for case in drawn for k in range(samples)]


def batches(plan: Sequence[Planned], batch: int) -> list[list[Planned]]:
    """The batches that agents are handed: of one agent and split each, the same ones however a run is worked off.

    A model may give other last bits in another batch; whoever interrupts, shards or spreads a run keeps to these.
    """
    return [members[start : start + batch] for _, members in grouped(plan) for start in range(0, len(members), batch)]

"""What a run is before anything is made: suite, agents, cases, and the identity that its folder keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from wmenv.core.canonical import canonical_json
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Agent, RemoteJudger, Suite
from wmenv.runs.form import check_suited, make_suited
from wmenv.runs.plan import crew_of, planned_cases
from wmenv.runs.sanity import sanity_panel


@dataclass(frozen=True, slots=True)
class Prepared:
    """A planned run.

    Attributes:
        suite: Where cases come from and who judges.
        agents: By name, the sanity panel included.
        cases: Ids by split.
        identity: All that decides the results, as plain JSON.
    """

    suite: Suite
    agents: Mapping[str, Agent]
    cases: Mapping[str, Sequence[str]]
    identity: dict[str, Any]


def prepare(
    env: str | gym.Env[Any, Any],
    agents: Sequence[str | Agent] | Mapping[str, Agent],
    *,
    splits: Sequence[str] | None,
    episodes: int,
    samples: int,
    seed: int,
    batch: int,
    sanity: bool,
    options: Mapping[str, Any],
) -> Prepared:
    """Make environment and agents and draw the cases; see `wmenv.evaluate` for the arguments.

    Raises:
        InvalidArgument: An argument is out of range, two agents have one name, or one cannot make clips of the form
            that is asked for.
    """
    if min(episodes, samples, batch) < 1:
        raise InvalidArgument(f"episodes, samples and batch must be at least 1, got {episodes}, {samples}, {batch}")
    named = dict(agents) if isinstance(agents, Mapping) else crew_of(agents)
    made = make_suited(env, named, **options) if isinstance(env, str) else env
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
    return Prepared(suite, named, cases, identity)


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

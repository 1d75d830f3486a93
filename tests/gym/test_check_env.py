"""Every registered id keeps Gymnasium's contract; new ids are covered without being named here."""

from __future__ import annotations

import warnings

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

import wmenv
from wmenv.core.registries import AGENTS, SUITES
from wmenv.envs.base import SuiteEnv
from wmenv.envs.prompted import PromptedEnv

IDS = [entry.name for entry in SUITES.entries()]
TAGS = ("level", "regime", "modality", "parity", "oracle", "chance", "licence")

HAPPENS = {"WorldModelBench": "instruction", "VideoVerse": "event_following", "WorldReasonBench": "process"}
"""Criterion of a prompted family that nothing but the right thing happening can win."""


def prompted(env_id: str) -> bool:
    return issubclass(SUITES.load(env_id), PromptedEnv)


def test_there_are_ids() -> None:
    assert {f"PhyWorld-{law}-v0" for law in ("uniform_motion", "parabola", "collision")} <= set(IDS)


def part(env_id: str) -> bool:
    """Whether it is a domain of another id: the same class at the same size."""
    return "domain" in gym.spec(env_id).kwargs


DEFAULTS = [pytest.param(one, {}, marks=[pytest.mark.slow] if part(one) else [], id=f"{one}-default") for one in IDS]
SMALL = [pytest.param(one, {"size": 32}, id=f"{one}-small") for one in IDS]


@pytest.mark.parametrize(("env_id", "options"), [*DEFAULTS, *SMALL])
def test_check_env_gives_no_warning(env_id: str, options: dict[str, int]) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        env = gym.make(f"wmenv:{env_id}", **options)
        check_env(env.unwrapped)
    assert [str(one.message) for one in told] == []


@pytest.mark.parametrize("env_id", IDS)
def test_id_with_and_without_version(env_id: str) -> None:
    name, _, version = env_id.rpartition("-v")
    assert name and version.isdigit(), "ids read Family-variant-vN"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        env = gym.make(f"wmenv:{env_id}", size=32)
        assert wmenv.make(name, size=32).spec.id == env_id
    assert told == []
    assert isinstance(env.unwrapped, SuiteEnv)
    with pytest.warns(UserWarning, match="latest versioned environment") as said:
        assert gym.make(f"wmenv:{name}", size=32).spec.id == env_id
    assert len(said) == 1


@pytest.mark.parametrize("env_id", IDS)
def test_id_declares_what_it_is(env_id: str) -> None:
    tags = SUITES.entry(env_id).tags
    assert [tag for tag in TAGS if not tags.get(tag)] == []
    assert tags["level"] in ("predictor", "simulator", "evolver")
    assert tags["parity"] in ("exact", "protocol", "inspired")
    assert AGENTS.create(tags["oracle"]).privileged
    assert not AGENTS.create(tags["chance"]).privileged


@pytest.mark.parametrize("env_id", IDS)
def test_anchors_bracket_the_scale(env_id: str) -> None:
    suite = gym.make(f"wmenv:{env_id}", **({} if prompted(env_id) else {"size": 64})).unwrapped
    cases = suite.cases(suite.case_ids(2 if prompted(env_id) else 8, gym.utils.seeding.np_random(0)[0]))
    seeds = list(range(len(cases)))
    tags = SUITES.entry(env_id).tags
    best = suite.score(cases, AGENTS.create(tags["oracle"]).act(cases, seeds))
    least = suite.score(cases, AGENTS.create(tags["chance"]).act(suite.observe(cases), seeds))
    assert min(one.reward for one in best) > 0.95
    mean = sum(one.reward for one in least) / len(least)
    if prompted(env_id):  # many points are for laws that a clip in which nothing happens does not break
        asked_to_happen = HAPPENS[suite.family]
        assert mean < 0.8 and {one[asked_to_happen].score for one in least} == {0.0}
    else:
        assert mean < 0.3


@pytest.mark.parametrize("env_id", IDS)
def test_spec_survives_json(env_id: str) -> None:
    spec = gym.make(f"wmenv:{env_id}", size=32).spec
    copy = gym.make(gym.envs.registration.EnvSpec.from_json(spec.to_json()))
    assert copy.unwrapped.protocol() == gym.make(f"wmenv:{env_id}", size=32).unwrapped.protocol()


def test_repr_names_the_case_set() -> None:
    env = gym.make("wmenv:PhyWorld-collision-v0", size=32).unwrapped
    assert env.case_set in repr(env)

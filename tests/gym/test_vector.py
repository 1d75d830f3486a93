"""Three ways to run environments side by side give the same episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidResponse, JudgeFailed
from wmenv.core.registries import AGENTS, JUDGERS
from wmenv.core.verdict import Judgement
from wmenv.envs.phyworld import PhyWorldEnv, PhyWorldVectorEnv
from wmenv.envs.wrappers import EncodePrompt

# The suites of this file cannot be imported by name, hence fork; Python 3.12 warns where a thread is running.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

N, STEPS, SIZE = 4, 3, 32
WAYS = ("sync", "async", "native")
PROMPTS = ("机器人把水倒进杯子里。", "A 🤖 throws a 🏀 👩‍🚀", "Ünïcödé, שלום, नमस्ते", "plain words")


class Counting:
    """The exact judger; notes what it was asked, and breaks where the clip ends in black."""

    accepts = ("clip",)
    reads_truth = True
    exact = True

    def __init__(self) -> None:
        self.real = JUDGERS.create("physics")
        self.name, self.card = self.real.name, self.real.card
        self.judged: list[str] = []
        self.calls = 0

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> Sequence[Judgement]:
        self.calls += 1
        if any(isinstance(one, Clip) and one.frames[-1].max() == 0 for one in responses):
            raise RuntimeError("out of memory on the judge's machine")
        self.judged += [case.id for case in cases]
        return self.real.judge(cases, responses)


class Speaking(PhyWorldEnv):
    """A suite whose prompts are in many scripts."""

    def cases(self, ids: Sequence[str]) -> list[Case]:
        """The cases with another prompt each."""
        return [
            replace(case, request=replace(case.request, prompt=PROMPTS[int(case.id[-4:], 16) % len(PROMPTS)]))
            for case in super().cases(ids)
        ]


class SpeakingVector(PhyWorldVectorEnv):
    """The same side by side."""

    suite_class = Speaking


@contextmanager
def side_by_side(
    way: str,
    law: str = "collision",
    make: Callable[..., gym.Env[Any, Any]] | None = None,
    native: type[PhyWorldVectorEnv] = PhyWorldVectorEnv,
    **options: Any,
) -> Iterator[VectorEnv[Any, Any, Any]]:
    def one() -> gym.Env[Any, Any]:
        if make is not None:
            return make(law, size=SIZE, **options)
        return gym.make(f"wmenv:PhyWorld-{law}-v0", size=SIZE, **options)

    mode = AutoresetMode.SAME_STEP
    envs: VectorEnv[Any, Any, Any]
    if way == "sync":
        envs = SyncVectorEnv([one] * N, autoreset_mode=mode)
    elif way == "async":
        envs = AsyncVectorEnv([one] * N, autoreset_mode=mode, shared_memory=False, context="fork")
    elif make is not None:
        envs = native(N, law=law, size=SIZE, **options)
    else:
        envs = gym.make_vec(
            f"wmenv:PhyWorld-{law}-v0",
            num_envs=N,
            vectorization_mode="vector_entry_point",
            size=SIZE,
            **options,
        )
    assert envs.metadata["autoreset_mode"] == mode
    try:
        yield envs
    finally:
        envs.close()


def history(envs: VectorEnv[Any, Any, Any], law: str, seed: Any) -> list[Any]:
    """What happens over three steps: cases, observations, rewards, scores; law and noise answer."""
    suite = gym.make(f"wmenv:PhyWorld-{law}-v0", size=SIZE).unwrapped
    agent, rng = AGENTS.create("law"), np.random.default_rng(0)
    observation, info = envs.reset(seed=seed)
    told: list[Any] = [
        info["case_id"].tolist(),
        observation["frames"].tobytes(),
        tuple(observation["prompt"]),
    ]
    for _ in range(STEPS):
        clips = agent.act(suite.observe(suite.cases(info["case_id"].tolist())), [0] * N)
        actions = np.stack([clip.frames for clip in clips])
        actions[0] = rng.integers(0, 256, actions[0].shape)
        observation, rewards, terminated, truncated, info = envs.step(actions)
        assert terminated.all() and not truncated.any()
        final = info["final_info"]
        told += [rewards.tolist(), info["case_id"].tolist(), observation["frames"].tobytes()]
        told += [[one["frames"].tobytes() for one in info["final_obs"]], sorted(final), sorted(info)]
        for key in sorted(final):
            if not key.startswith("_"):
                present = final[f"_{key}"]
                told.append((key, present.tolist(), np.asarray(final[key])[present].tolist()))
    return told


@pytest.mark.parametrize("law", ["uniform_motion", "collision"])
@pytest.mark.parametrize("seed", [7, [5, 1, 900, 3]], ids=["int", "list"])
def test_the_three_ways_agree(law: str, seed: Any) -> None:
    told = {}
    for way in WAYS:
        with side_by_side(way, law) as envs:
            told[way] = history(envs, law, seed)
    assert told["sync"] == told["native"]
    assert told["sync"] == told["async"]
    noise, *physics = told["native"][3]
    assert noise < 0.1 < 0.5 < max(physics), "the rewards that agree mean something"


def test_another_seed_gives_other_cases() -> None:
    with side_by_side("native") as envs:
        first = envs.reset(seed=0)[1]["case_id"].tolist()
        other = envs.reset(seed=100)[1]["case_id"].tolist()
        shifted = envs.reset(seed=1)[1]["case_id"].tolist()
        assert not set(first) & set(other)
        assert shifted[: N - 1] == first[1:], "environment i takes seed + i"
        assert not set(envs.reset()[1]["case_id"].tolist()) & set(shifted), "without a seed the stream goes on"


@pytest.mark.parametrize("way", ["sync", "native"])
def test_no_action_is_lost(way: str) -> None:
    judger = Counting()
    with side_by_side(way, "uniform_motion", judger=judger) as envs:
        envs.action_space.seed(0)
        asked = envs.reset(seed=0)[1]["case_id"].tolist()
        for _ in range(STEPS):
            info = envs.step(envs.action_space.sample())[4]
            asked += info["case_id"].tolist()
    assert judger.judged == asked[: STEPS * N]
    assert judger.calls == (STEPS if way == "native" else STEPS * N), "the native one judges in batches"


def test_final_info_belongs_to_the_judged_case() -> None:
    with side_by_side("native") as envs:
        before = envs.reset(seed=0)[1]["case_id"].tolist()
        info = envs.step(envs.action_space.sample())[4]
        assert info["final_info"]["case_id"].tolist() == before
        assert not set(info["case_id"].tolist()) & set(before)
        assert [r.case_id for r in envs.unwrapped.requests] == info["case_id"].tolist()
        assert envs.unwrapped.cases[0].truth is not None


@pytest.mark.parametrize("way", WAYS)
def test_prompts_survive_in_every_script(way: str) -> None:
    seen = set()
    with side_by_side(way, make=Speaking, native=SpeakingVector) as envs:
        observation, info = envs.reset(seed=0)
        for _ in range(4):
            expected = [PROMPTS[int(case_id[-4:], 16) % len(PROMPTS)] for case_id in info["case_id"]]
            assert list(observation["prompt"]) == expected
            seen |= set(expected)
            observation, _, _, _, info = envs.step(envs.action_space.sample())
    assert seen == set(PROMPTS)


def test_encoded_prompts_survive_shared_memory() -> None:
    def one() -> gym.Env[Any, Any]:
        return EncodePrompt(Speaking("collision", size=SIZE), max_bytes=64)

    seen = set()
    envs = AsyncVectorEnv([one] * N, autoreset_mode=AutoresetMode.SAME_STEP, shared_memory=True, context="fork")
    try:
        observation, info = envs.reset(seed=0)
        for _ in range(4):
            assert observation["prompt_utf8"].shape == (N, 64)
            expected = [PROMPTS[int(case_id[-4:], 16) % len(PROMPTS)] for case_id in info["case_id"]]
            assert [EncodePrompt.decode(row) for row in observation["prompt_utf8"]] == expected
            seen |= set(expected)
            observation, _, _, _, info = envs.step(envs.action_space.sample())
    finally:
        envs.close()
    assert seen == set(PROMPTS)


def answers(envs: VectorEnv[Any, Any, Any]) -> np.ndarray[Any, Any]:
    clips = AGENTS.create("law").act(envs.unwrapped.requests, [0] * N)
    return np.stack([clip.frames for clip in clips])


def test_a_failed_judge_leaves_a_hole_and_the_run_goes_on() -> None:
    with side_by_side("native", "uniform_motion", judger=Counting()) as envs:
        envs.reset(seed=0)
        actions = answers(envs)
        actions[2, -1] = 0
        _, rewards, terminated, _, info = envs.step(actions)
        whole = [True, True, False, True]
        assert np.isnan(rewards).tolist() == [not one for one in whole]
        assert (rewards[whole] > 0.5).all() and terminated.all()
        final = info["final_info"]
        assert final["_score/velocity"].tolist() == whole and final["_total"].tolist() == whole
        assert final["_case_id"].all()
        _, rewards, _, _, info = envs.step(answers(envs))
        assert np.isfinite(rewards).all() and info["final_info"]["_score/velocity"].all()


def test_a_judge_that_fails_everywhere() -> None:
    with side_by_side("native", "uniform_motion", judger=Counting()) as envs:
        envs.reset(seed=0)
        _, rewards, _, _, info = envs.step(np.zeros_like(envs.action_space.sample()))
        assert np.isnan(rewards).all() and "score/velocity" not in info["final_info"]


def test_a_failed_judge_raises_in_a_single_environment() -> None:
    env = gym.make("wmenv:PhyWorld-uniform_motion-v0", size=SIZE, judger=Counting())
    env.reset(seed=0)
    (clip,) = AGENTS.create("law").act([env.unwrapped.request], [0])
    with pytest.raises(JudgeFailed, match="out of memory on the judge's machine"):
        env.step(np.concatenate([clip.frames[:-1], np.zeros_like(clip.frames[:1])]))
    assert env.step(clip.frames)[1] > 0.5, "the same episode can be judged once the judge is back"


def test_wrong_actions_and_calls() -> None:
    with side_by_side("native") as envs:
        with pytest.raises(ResetNeeded):
            envs.step(envs.action_space.sample())
        envs.reset(seed=0)
        with pytest.raises(InvalidResponse, match="expected 4 actions, got 3"):
            envs.step(envs.action_space.sample()[:3])
        with pytest.raises(InvalidResponse, match="float64"):
            envs.step(envs.action_space.sample() / 255)
        with pytest.raises(ValueError, match="expected 4 seeds, got 2"):
            envs.reset(seed=[1, 2])


def test_cases_can_be_replayed() -> None:
    ids = ["id-0000000003e8", "ood_low-000000000001", "id-00000000000a", "ood_high-0000000000ff"]
    with side_by_side("native") as envs:
        assert envs.reset(options={"case_id": ids})[1]["case_id"].tolist() == ids

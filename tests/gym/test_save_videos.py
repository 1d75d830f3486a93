"""Every judged clip as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import wmenv
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument
from wmenv.core.registries import AGENTS
from wmenv.envs.wrappers import LatentAction, SaveVideos
from wmenv.runs.plan import planned_cases

ID = "wmenv:PhyWorld-uniform_motion-v0"


def law(env: gym.Env[Any, Any]) -> Clip:
    (clip,) = AGENTS.create("law").act([env.unwrapped.request], [0])
    return clip


def saved(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def off(one: Clip, other: Clip) -> float:
    """Mean difference in levels of 255; H.264 costs one or two."""
    return float(np.abs(one.frames.astype(int) - other.frames).mean())


def test_a_one_step_episode_is_kept_whole(tmp_path: Path) -> None:
    env, plain = SaveVideos(gym.make(ID, size=64), tmp_path / "new" / "clips"), gym.make(ID, size=64)
    observation, info = env.reset(seed=3)
    expected, _ = plain.reset(seed=3)
    assert np.array_equal(observation["frames"], expected["frames"])
    clip = law(env)
    *told, after = env.step(clip.frames)
    *right, _ = plain.step(clip.frames)
    assert told[1:] == right[1:]
    path = env.folder / f"{info['case_id']}_0.mp4"
    assert after["video"] == str(path) and saved(env.folder) == [path.name]
    kept = wmenv.read_clip(path)
    assert kept.frames.shape == clip.frames.shape and kept.fps == clip.fps and off(kept, clip) < 3


def test_nothing_is_overwritten_and_the_folder_is_judged_again(tmp_path: Path) -> None:
    """Two samples of five cases; `videos:` gives them the rewards that they had."""
    suite = gym.make(ID, size=64)
    (ids,) = planned_cases(suite.unwrapped, ("id",), 5, 0).values()
    rewards = []
    for agent in ("law", "copy-last"):
        env = SaveVideos(gym.make(ID, size=64), tmp_path / "clips")
        for case_id in ids:
            env.reset(options={"case_id": case_id})
            (clip,) = AGENTS.create(agent).act([env.unwrapped.request], [0])
            rewards.append(env.step(clip.frames)[1])
    assert saved(env.folder) == sorted(f"{case_id}_{sample}.mp4" for case_id in ids for sample in (0, 1))
    results = wmenv.evaluate(
        suite, [f"videos:{env.folder}"], episodes=5, seed=0, samples=2, splits=["id"], out=tmp_path / "run"
    )
    assert results.rows[0].reward.mean == pytest.approx(np.mean(rewards), abs=0.01) and results.rows[0].forfeited == 0


def test_the_clip_behind_a_latent_action(tmp_path: Path) -> None:
    for env in (
        SaveVideos(LatentAction(gym.make(ID, size=64), "steered"), tmp_path / "over"),
        LatentAction(SaveVideos(gym.make(ID, size=64), tmp_path / "under"), "steered"),
    ):
        env.reset(seed=1)
        env.step(np.zeros(2, np.float32))
        (path,) = (tmp_path / ("over" if isinstance(env, SaveVideos) else "under")).iterdir()
        assert len(wmenv.read_clip(path)) == 32


def test_episodes_are_chosen_by_number(tmp_path: Path) -> None:
    env = SaveVideos(gym.make(ID, size=32), tmp_path, episode_trigger=lambda episode: episode % 2 == 1)
    cases = []
    for episode in range(4):
        cases.append(env.reset(seed=episode)[1]["case_id"])
        after = env.step(law(env).frames)[4]
        assert ("video" in after) == (episode % 2 == 1)
    assert saved(tmp_path) == sorted(f"{cases[k]}_0.mp4" for k in (1, 3))


def test_side_by_side(tmp_path: Path) -> None:
    """The native vector environment is refused with the way out, which works."""
    with pytest.raises(InvalidArgument, match="single environment, got PhyWorldVectorEnv; wrap each one"):
        SaveVideos(gym.make_vec(ID, 2, size=32), tmp_path)  # type: ignore[arg-type]
    envs = gym.make_vec(ID, 3, vectorization_mode="sync", wrappers=[lambda env: SaveVideos(env, tmp_path)], size=32)
    observation, infos = envs.reset(seed=0)
    still = np.repeat(observation["frames"][:, -1:], 32, axis=1)
    envs.step(still)
    assert saved(tmp_path) == sorted(f"{case_id}_0.mp4" for case_id in infos["case_id"])


def test_other_environments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="SaveVideos expects an environment of wmenv, got CartPoleEnv"):
        SaveVideos(gym.make("CartPole-v1"), tmp_path / "none")
    assert not (tmp_path / "none").exists()

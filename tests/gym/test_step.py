"""reset, step and render of a single environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from wmenv.core.errors import InvalidArgument, InvalidCase, InvalidResponse
from wmenv.core.registries import AGENTS

SHAPE = (32, 32, 32, 3)
LAWS = ("uniform_motion", "parabola", "collision")


def make(law: str = "uniform_motion", **options: Any) -> gym.Env[Any, Any]:
    return gym.make(f"wmenv:PhyWorld-{law}-v0", **{"size": 32, **options})


BAD = {
    "dtype": (np.zeros(SHAPE, np.int64), "int64 array"),
    "shape": (np.zeros((31, 32, 32, 3), np.uint8), r"shape \(31, 32, 32, 3\)"),
    "channels": (np.zeros((32, 32, 32, 4), np.uint8), r"shape \(32, 32, 32, 4\)"),
    "list": ([[1, 2], [3, 4]], "got list"),
    "nan": (np.full(SHAPE, np.nan, np.float32), "float32 array"),
    "none": (None, "got NoneType"),
}


@pytest.mark.parametrize("bad", list(BAD))
def test_bad_action_is_refused_and_the_episode_goes_on(bad: str) -> None:
    env = make()
    env.reset(seed=3)
    before = env.unwrapped.request
    action, told = BAD[bad]
    with pytest.raises(InvalidResponse, match=rf"VideoSpace\(32, 32, 32, 3\), got .*{told.removeprefix('got ')}"):
        env.step(action)
    assert env.unwrapped.request is before
    (clip,) = AGENTS.create("law").act([before], [0])
    _, reward, terminated, truncated, info = env.step(clip.frames)
    assert (terminated, truncated) == (True, False)
    assert type(reward) is float and reward > 0.9
    assert info["score/velocity"] == pytest.approx(reward)


@pytest.mark.parametrize("unwrapped", [False, True])
def test_step_before_reset(unwrapped: bool) -> None:
    env = make()
    with pytest.raises(ResetNeeded):
        (env.unwrapped if unwrapped else env).step(np.zeros(SHAPE, np.uint8))
    with pytest.raises(ResetNeeded, match="reset"):
        env.unwrapped.request  # noqa: B018


@pytest.mark.parametrize("law", LAWS)
def test_case_id_replays_exactly(law: str) -> None:
    env = make(law)
    first, info = env.reset(seed=5)
    true = env.unwrapped.true_clip(env.unwrapped.case)
    again, same = make(law).reset(options={"case_id": info["case_id"]})
    assert same["case_id"] == info["case_id"]
    assert np.array_equal(first["frames"], again["frames"]) and first["prompt"] == again["prompt"]
    other = make(law)
    other.reset(options={"case_id": info["case_id"]})
    assert other.unwrapped.true_clip(other.unwrapped.case).digest == true.digest


def test_replaying_a_case_draws_nothing() -> None:
    env, twin = make(), make()
    env.reset(seed=9)
    twin.reset(seed=9)
    env.reset(options={"case_id": "id-0000000003e8"})
    assert env.reset()[1]["case_id"] == twin.reset()[1]["case_id"]


@pytest.mark.parametrize(
    "case_id",
    [
        "nonsense",
        "",
        "id-",
        "id-0000000003e",
        "id-0000000003E8",
        "id-0000000003e8\n",
        "ood_nowhere-0000000003e8",
        "ood_low_r1-0000000003e8",
        "../id-0000000003e8",
        "/etc/passwd",
        "id-0000000003e8/../../x",
        17,
    ],
)
def test_foreign_case_id(case_id: Any) -> None:
    env = make()
    _, info = env.reset(seed=1)
    with pytest.raises(InvalidCase, match="not one of PhyWorld protocol"):
        env.reset(options={"case_id": case_id})
    assert env.unwrapped.case.id == info["case_id"], "the running episode is untouched"


@pytest.mark.parametrize("law", LAWS)
def test_determined_by_the_seed(law: str) -> None:
    def episodes(seed: int) -> list[Any]:
        env = make(law)
        seen = []
        for k in range(3):
            observation, info = env.reset(seed=seed if k == 0 else None)
            env.action_space.seed(seed + k)
            _, reward, _, _, scores = env.step(env.action_space.sample())
            seen.append((info["case_id"], observation["frames"].tobytes(), reward, scores))
        return seen

    assert episodes(4) == episodes(4)
    assert len({case_id for case_id, *_ in episodes(4)} | {case_id for case_id, *_ in episodes(5)}) == 6


def test_observation_is_a_copy() -> None:
    env = make()
    observation, _ = env.reset(seed=0)
    observation["frames"][:] = 0
    assert env.unwrapped.request.frames.max() == 255


def test_info_holds_flat_numbers_and_words_only() -> None:
    env = make("collision", scheme="laws")
    _, before = env.reset(seed=0)
    (clip,) = AGENTS.create("law").act([env.unwrapped.request], [0])
    info = env.step(clip.frames)[4]
    assert before.items() <= info.items()
    assert all(type(value) in (str, np.float64) for value in info.values())
    assert {"case_id", "case_set", "record_id", "split", "level", "total", "coverage"} <= set(info)
    assert all(np.isfinite(value) for value in info.values() if not isinstance(value, str))


@pytest.mark.parametrize("size", [16, 48])
def test_render_shapes(size: int) -> None:
    sheet, film = make(size=size, render_mode="rgb_array"), make(size=size, render_mode="rgb_array_list")
    for env in (sheet, film):
        env.reset(seed=2)
        (clip,) = AGENTS.create("copy-last").act([env.unwrapped.request], [0])
        env.step(clip.frames)
    picture, frames = sheet.render(), film.render()
    assert picture.shape == (3 * size, 8 * size, 3) and picture.dtype == np.uint8
    assert len(frames) == 32 and all(frame.shape == (size, size, 3) for frame in frames)
    assert np.array_equal(np.stack(frames), clip.frames)
    predicted, true = picture[size : 2 * size], picture[2 * size :]
    assert np.array_equal(predicted[:, -size:], clip.frames[-1])
    assert not np.array_equal(predicted, true), "a standing disc is not the true clip"


def test_render_before_the_step_shows_the_given_frames() -> None:
    env = make(render_mode="rgb_array_list")
    observation, _ = env.reset(seed=2)
    assert np.array_equal(np.stack(env.render()), observation["frames"])


def test_render_without_a_mode_says_so() -> None:
    env = make().unwrapped
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.render() is None
    with pytest.raises(InvalidArgument, match="rgb_array"):
        type(env)("collision", render_mode="human")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"split": "ood_nowhere"}, "no split 'ood_nowhere'"),
        ({"size": 8}, "16 to 1024"),
        ({"given": 1}, "2 <= given"),
        ({"frames": 3}, "given=3, frames=3"),
        ({"scheme": "beauty"}, "velocity, laws"),
        ({"mode": "euler"}, "'exact', 'box2d'"),
    ],
)
def test_bad_options(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        make(**options)

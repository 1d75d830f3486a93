"""Wrappers for RL libraries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wmenv.core.case import Request
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, InvalidResponse, UnknownName
from wmenv.core.protocols import Agent, LatentGenerator
from wmenv.core.registries import AGENTS
from wmenv.envs.wrappers import DiscState, EncodePrompt, LatentAction, for_rl
from wmenv.worlds.discs.glimpse import glimpse
from wmenv.worlds.discs.laws import velocity_after

LAWS = ("uniform_motion", "parabola", "collision")
DISCS = {"uniform_motion": 1, "parabola": 1, "collision": 2}


def make(law: str = "uniform_motion", **options: Any) -> gym.Env[Any, Any]:
    return gym.make(f"wmenv:PhyWorld-{law}-v0", **{"size": 32, **options})


class Lengths:
    """A text encoder of three numbers."""

    dimension = 3

    def __call__(self, prompt: str) -> NDArray[np.float32]:
        return np.array([len(prompt), prompt.count("disc"), prompt.count(" ")], dtype=np.float32)


def brightness(frames: NDArray[np.uint8]) -> float:
    return float(frames.mean())


class Dimmer:
    """A generator of one number for any suite: the last given frame, dimmed."""

    def __init__(self, fps: Fraction | None = None, length: int = 0) -> None:
        self.fps, self.length = fps, length

    def latent_dimension(self, request: Request) -> int:
        return 1

    def decode(self, request: Request, latent: NDArray[np.float32]) -> Clip:
        assert latent.dtype == np.float32 and request.spec.frames is not None and request.spec.fps is not None
        future = request.spec.frames - len(request.frames) + self.length
        last = (request.frames[-1:] * ((1 + latent[0]) / 2)).astype(np.uint8)
        frames = np.concatenate([request.frames, np.repeat(last, future, axis=0)])
        return Clip(frames, self.fps or request.spec.fps)


@pytest.fixture
def seeds() -> Iterator[int]:
    return iter(range(20, 60))


# EncodePrompt


@given(st.text(max_size=60), st.integers(1, 80))
def test_bytes_give_the_prompt_back(prompt: str, room: int) -> None:
    array = EncodePrompt.encode(prompt, room)
    assert array.shape == (room,) and array.dtype == np.uint8
    plain = prompt.rstrip("\0")
    back = EncodePrompt.decode(array)
    assert prompt.startswith(back), "a cut is never inside a character"
    if len(prompt.encode()) <= room:
        assert back == plain
    else:
        assert len(back.encode()) > room - 4 or "\0" in prompt


def test_cut_prompts_and_halves_of_characters() -> None:
    assert EncodePrompt.decode(EncodePrompt.encode("机器人", 8)) == "机器"
    assert EncodePrompt.decode(EncodePrompt.encode("a🤖", 4)) == "a"
    assert EncodePrompt.decode(EncodePrompt.encode("half \ud83e", 16)) == "half ?"


def test_prompt_as_bytes() -> None:
    env = EncodePrompt(make())
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space and set(observation) == {"prompt_utf8", "frames"}
    assert observation["prompt_utf8"].shape == (512,)
    assert EncodePrompt.decode(observation["prompt_utf8"]) == env.unwrapped.request.prompt
    assert np.array_equal(observation["frames"], env.unwrapped.request.frames)


def test_prompt_as_embedding() -> None:
    env = EncodePrompt(make("collision"), encoder=Lengths())
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space and set(observation) == {"prompt_embedding", "frames"}
    prompt = env.unwrapped.request.prompt
    assert observation["prompt_embedding"].tolist() == [len(prompt), 2, prompt.count(" ")]
    lying = Lengths()
    lying.dimension = 4
    with pytest.raises(InvalidArgument, match=r"must give float32 \(4,\), got float32 array of shape \(3,\)"):
        EncodePrompt(make(), encoder=lying).reset()


def test_encode_prompt_wants_a_prompt() -> None:
    with pytest.raises(InvalidArgument, match="entry 'prompt'"):
        EncodePrompt(EncodePrompt(make()))
    with pytest.raises(InvalidArgument, match="at least 1, got 0"):
        EncodePrompt(make(), max_bytes=0)


# LatentAction and the steered agent


@pytest.mark.parametrize("law", LAWS)
def test_latent_action_is_the_generators_clip(law: str) -> None:
    env, plain = LatentAction(make(law), "steered"), make(law)
    assert env.action_space == gym.spaces.Box(-1, 1, (2 * DISCS[law],), np.float32)
    env.reset(seed=4)
    plain.reset(seed=4)
    latent = np.linspace(-0.5, 0.4, 2 * DISCS[law], dtype=np.float32)
    clip = AGENTS.create("steered").decode(plain.unwrapped.request, latent)
    assert np.array_equal(clip.frames[:3], plain.unwrapped.request.frames)
    assert env.step(latent)[1:] == plain.step(clip.frames)[1:]


def test_making_the_wrapper_draws_no_episode() -> None:
    wrapped, plain = make(), make()
    wrapped.reset(seed=6)
    plain.reset(seed=6)
    assert LatentAction(wrapped, "steered").reset()[1] == plain.reset()[1]


def test_true_velocities_are_the_best_action(seeds: Iterator[int]) -> None:
    env = LatentAction(make(size=64), "steered")
    right, off = [], []
    for seed in seeds:
        env.reset(seed=seed)
        velocity = env.unwrapped.case.truth.starts.velocity[0].ravel() / 6
        right.append(env.step(velocity)[1])
        off.append(env.step(velocity + np.float32(0.1))[1])
    assert np.mean(right) > 0.97
    assert np.max(off) < 0.2, "0.1 is 0.6 units/s an axis"


@pytest.mark.parametrize("law", LAWS)
def test_the_steered_agent_goes_straight_on(law: str) -> None:
    suite = make(law).unwrapped
    requests = suite.observe(suite.draw(10, np.random.default_rng(1)))
    steered, straight = AGENTS.create("steered"), AGENTS.create("constant-velocity")
    assert isinstance(steered, Agent) and isinstance(steered, LatentGenerator)
    for one, other in zip(steered.act(requests, range(10)), straight.act(requests, range(10)), strict=True):
        assert np.abs(one.frames.astype(int) - other.frames).max() <= 1, "up to a rounding of latent * 6"


def test_steering_moves_each_disc_by_its_own_pair() -> None:
    suite = make("collision", size=128).unwrapped
    (request,) = suite.observe(suite.draw(1, np.random.default_rng(3)))
    agent = AGENTS.create("steered")
    still = agent.decode(request, np.zeros(4)).frames
    red_up = agent.decode(request, np.array([0, 0.25, 0, 0])).frames
    blue_up = agent.decode(request, np.array([0, 0, 0, 0.25])).frames

    def row(frames: NDArray[np.uint8], channel: int) -> float:
        other = frames[-1, ..., 2 - channel] < 128  # red has no blue in it, blue no red
        return float(np.nonzero(other)[0].mean())

    for moved, own, fixed in ((red_up, 0, 2), (blue_up, 2, 0)):
        pixels = 0.25 * 6 * 2.9 / 10 * 128
        assert row(still, own) - row(moved, own) == pytest.approx(pixels, abs=1.5)
        assert row(still, fixed) == pytest.approx(row(moved, fixed), abs=0.01)


def test_the_true_outcome_of_a_collision_is_the_best_action_after_contact(seeds: Iterator[int]) -> None:
    env = LatentAction(make("collision", size=64), "steered,after=contact")
    right, through = [], []
    for seed in seeds:
        env.reset(seed=seed)
        starts = env.unwrapped.case.truth.starts
        after = np.clip(velocity_after(starts, "exact")[0].ravel() / 6, -1, 1).astype(np.float32)
        right.append(env.step(after)[1])
        through.append(env.step((starts.velocity[0].ravel() / 6).astype(np.float32))[1])
    assert np.mean(right) > 0.9 and np.mean(through) < 0.1, "faster than 6 units/s is out of reach"


def test_discs_go_on_as_seen_until_they_touch() -> None:
    suite = make("collision", size=64).unwrapped
    agent, straight = AGENTS.create("steered,after=contact"), AGENTS.create("constant-velocity")
    requests = suite.observe(suite.draw(20, np.random.default_rng(2)))
    for request, expected in zip(requests, straight.act(requests, [0] * 20), strict=True):
        contact = glimpse(request.frames).contact
        clip, before = agent.decode(request, np.zeros(4)), 3 + int(contact * 10)
        assert 0 < contact < 3
        assert np.array_equal(clip.frames[:before], expected.frames[:before])
        rest = clip.frames[before + 1 :]
        assert (rest == rest[0]).all(), "and at the velocity of the latent, here none, from then on"
    assert np.array_equal(agent.act(requests[:1], [0])[0].frames, straight.act(requests[:1], [0])[0].frames)


def test_one_disc_touches_no_other() -> None:
    with pytest.raises(InvalidArgument, match="a latent of at least one number"):
        LatentAction(make(), "steered,after=contact")
    with pytest.raises(InvalidArgument, match="given, contact, got 'lunch'"):
        AGENTS.create("steered,after=lunch")


def test_unreadable_frames_are_repeated() -> None:
    suite = make("collision").unwrapped
    (request,) = suite.observe(suite.draw(1, np.random.default_rng(3)))
    blank = replace(request, frames=np.full_like(request.frames, 255))
    agent = AGENTS.create("steered")
    assert agent.latent_dimension(blank) == 0
    (acted,) = agent.act([blank], [0])
    for clip in (acted, agent.decode(blank, np.zeros(4))):
        assert clip.frames.shape == (32, 32, 32, 3) and (clip.frames == 255).all()
    one_pair = agent.decode(request, np.zeros(2)).frames
    assert (one_pair == request.frames[-1]).all(axis=(1, 2, 3))[3:].all(), "a latent for one disc steers no two"
    for latent in (np.zeros(3), np.zeros((2, 2)), np.array([0.0, np.nan])):
        with pytest.raises(InvalidArgument, match="finite numbers"):
            agent.decode(request, latent)


@pytest.mark.parametrize(
    "latent",
    [
        np.zeros(3, np.float32),
        np.array([0, np.nan]),
        np.array([0, 1.01]),
        np.zeros((1, 2)),
        "left",
        None,
        [[0], [1, 2]],
    ],
    ids=str,
)
def test_bad_latents_are_refused_and_the_episode_goes_on(latent: Any) -> None:
    env = LatentAction(make(), "steered")
    env.reset(seed=0)
    with pytest.raises(InvalidResponse, match=r"latent action in Box\(-1.0, 1.0, \(2,\), float32\), got"):
        env.step(latent)
    assert env.step([0.5, 0.0])[2], "lists of numbers will do"


def test_any_generator_object_will_do() -> None:
    env = LatentAction(make(), Dimmer())
    env.reset(seed=0)
    assert env.action_space.shape == (1,)
    env.step(np.array([-1.0]))
    assert brightness(env.unwrapped.response.frames[3:]) == 0
    env.reset(seed=0)
    env.step(np.array([1.0]))
    assert brightness(env.unwrapped.response.frames[3:]) > 200


def test_a_generator_must_follow_the_spec() -> None:
    for generator, told in (
        (Dimmer(fps=Fraction(25)), "expected a clip at 10 fps, got 25"),
        (Dimmer(length=1), "33"),
    ):
        env = LatentAction(make(), generator)
        env.reset(seed=0)
        with pytest.raises(InvalidResponse, match=told):
            env.step(np.zeros(1))


def test_generators_that_do_not_fit() -> None:
    with pytest.raises(InvalidArgument, match="'law'; agents that have a latent: steered"):
        LatentAction(make(), "law")
    with pytest.raises(UnknownName, match="did you mean steered"):
        LatentAction(make(), "stered")
    with pytest.raises(InvalidArgument, match="latent_dimension"):
        LatentAction(make(), object())  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="environment of wmenv, got CartPoleEnv"):
        LatentAction(gym.make("CartPole-v1"), "steered")

    class Silent(Dimmer):
        def latent_dimension(self, request: Request) -> int:
            return 0

    with pytest.raises(InvalidArgument, match="a latent of at least one number"):
        LatentAction(make(), Silent())


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_latent_action_side_by_side() -> None:
    def one() -> gym.Env[Any, Any]:
        return for_rl(make("collision"), "steered")

    mode = gym.vector.AutoresetMode.SAME_STEP
    told: list[Any] = []
    for kind, options in ((gym.vector.SyncVectorEnv, {}), (gym.vector.AsyncVectorEnv, {"context": "fork"})):
        envs = kind([one] * 3, autoreset_mode=mode, **options)
        observation, _ = envs.reset(seed=0)
        rewards = envs.step(observation[:, [2, 3, 7, 8]])[1]
        told.append((observation.tolist(), rewards.tolist()))
        envs.close()
    assert told[0] == told[1] and np.shape(told[0][0]) == (3, 10)


# DiscState


@pytest.mark.parametrize("split", ["id", "ood_low", "ood_high"])
@pytest.mark.parametrize("law", LAWS)
def test_state_is_the_truth_up_to_pixels(law: str, split: str, seeds: Iterator[int]) -> None:
    env = DiscState(make(law, size=128, split=split))
    discs = DISCS[law]
    assert env.observation_space.shape == (5 * discs,) and env.discs == discs
    for seed in seeds:
        state, _ = env.reset(seed=seed)
        assert state in env.observation_space and np.abs(state).max() < 1.1
        truth = env.unwrapped.case.truth
        x, y, vx, vy, radius = state.reshape(discs, 5).T
        (now, before) = (truth.discs(np.array([t])).position[0] for t in (0.21, 0.11))
        assert np.stack([x, y], 1) * 5 + 5 == pytest.approx(now, abs=0.03)
        gravity = 2.5 * 0.05 if law == "parabola" else 0
        velocity = (now - before) / 0.1 - [0, gravity]
        assert np.stack([vx, vy], 1) * 6 == pytest.approx(velocity, abs=0.15)
        assert radius * 2 == pytest.approx(truth.starts.radii[0], abs=0.05)


def test_state_reads_no_truth() -> None:
    env = DiscState(make("collision"))
    expected, _ = env.reset(seed=1)
    case = env.unwrapped.case.without_truth("the wrapper")
    env.unwrapped.begin(case)
    assert np.array_equal(env.observation(case.request.observation()), expected)


def test_unreadable_frames_are_zeros() -> None:
    env = DiscState(make("collision"))
    observation = {"prompt": "", "frames": np.full((3, 32, 32, 3), 255, np.uint8)}
    assert env.observation(observation).tolist() == [0.0] * 10
    alone, _ = make("uniform_motion").reset(seed=0)
    assert env.observation(alone).tolist() == [0.0] * 10, "one disc where the suite has two"


def test_disc_state_wants_frames() -> None:
    with pytest.raises(InvalidArgument, match="at least two 'frames'"):
        DiscState(DiscState(make()))


# for_rl


@pytest.mark.parametrize("observation", ["state", "frames"])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
def test_check_env_on_the_stack(law: str, observation: Any) -> None:
    env = for_rl(make(law), "steered", observation)
    check_env(env)
    assert isinstance(env.observation_space, gym.spaces.Box) and isinstance(env.action_space, gym.spaces.Box)
    assert len(env.observation_space.shape) == 1 and env.action_space.shape == (2 * DISCS[law],)


def test_flat_observation_is_frames_then_prompt() -> None:
    env = for_rl(make(), "steered", "frames")
    flat, _ = env.reset(seed=2)
    request = env.unwrapped.request
    assert flat.dtype == np.uint8 and flat.shape == (3 * 32 * 32 * 3 + 512,)
    assert np.array_equal(flat[:-512], request.frames.ravel())
    assert EncodePrompt.decode(flat[-512:]) == request.prompt


def test_stack_is_made_again_from_its_spec() -> None:
    env = for_rl(make("collision"), "steered")
    again = gym.make(env.spec)
    first, second = env.reset(seed=3), again.reset(seed=3)
    assert np.array_equal(first[0], second[0]) and first[1] == second[1]
    generator = Dimmer()
    env = for_rl(make(), generator)
    assert LatentAction(make(), generator).generator is generator, "a loaded model is not copied"
    assert np.array_equal(gym.make(env.spec).reset(seed=1)[0], env.reset(seed=1)[0])


def test_for_rl_names_its_observations() -> None:
    with pytest.raises(InvalidArgument, match="'state' or 'frames', got 'pixels'"):
        for_rl(make(), "steered", "pixels")  # type: ignore[arg-type]

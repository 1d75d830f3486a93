"""Spaces for videos and prompts: the semantics of Box and Text, at no memory."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate
from hypothesis import given
from hypothesis import strategies as st

from wmenv.core.spaces import PromptSpace, VideoSpace

sides = st.integers(1, 6)
shapes = st.tuples(st.integers(0, 5), sides, sides)

MEMORY = """
import resource, sys, tracemalloc
import gymnasium as gym
import wmenv
from gymnasium.vector.utils import batch_space
from wmenv.core.spaces import PromptSpace, VideoSpace
from wmenv.envs.phyworld import PhyWorldEnv

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

PhyWorldEnv("collision", size=32)
tracemalloc.start()
before, traced = resident(), tracemalloc.get_traced_memory()[0]
envs = [gym.make("PhyWorld-collision-v0") for _ in range(64)]
held = [batch_space(envs[0].action_space, 64), batch_space(envs[0].observation_space, 64)]
film = VideoSpace(81, 480, 832, 3)
held += [film, batch_space(film, 4), batch_space(PromptSpace(), 64)]
print(envs[0].action_space.shape, resident() - before, tracemalloc.get_traced_memory()[1] - traced)
"""


def test_memory_of_many_environments() -> None:
    run = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    shape, _, numbers = run.stdout.rpartition(") ")
    resident, traced = map(int, numbers.split())
    assert shape == "(32, 256, 256, 3"
    assert resident < 20e6
    assert traced < 20e6


@pytest.mark.parametrize("space", [VideoSpace(81, 480, 832, 3), VideoSpace(64, 32, 256, 256, 3), PromptSpace()])
def test_pickling_and_copying_are_cheap(space: gym.Space[object]) -> None:
    space.seed(3)
    data = pickle.dumps(space)
    assert len(data) < 1000
    for twin in (pickle.loads(data), copy.deepcopy(space)):
        assert twin == space and hash(twin) == hash(space)
        assert twin.np_random.integers(1 << 30, size=4).tolist() == (
            pickle.loads(data).np_random.integers(1 << 30, size=4).tolist()
        )
    if isinstance(space, VideoSpace):
        twin = copy.deepcopy(space)
        assert twin.low.shape == space.shape and set(twin.low.strides) == {0} and set(twin.high.strides) == {0}
        assert twin.bounded_below.shape == space.shape and set(twin.bounded_above.strides) == {0}


def test_a_pickled_prompt_space_still_samples() -> None:
    space = PromptSpace(40, seed=5)
    twin = pickle.loads(pickle.dumps(space))
    assert [twin.sample() for _ in range(4)] == [space.sample() for _ in range(4)]


@given(shapes, st.integers(0, 2**32 - 1))
def test_video_space_behaves_as_box(shape: tuple[int, int, int], seed: int) -> None:
    space, box = VideoSpace(*shape, 3, seed=seed), Box(0, 255, (*shape, 3), np.uint8)
    value = space.sample()
    assert value in space and value in box and value.dtype == np.uint8
    assert np.array_equal(space.low, box.low) and np.array_equal(space.high, box.high)
    assert space.is_bounded("both") and space.dtype == box.dtype and space.shape == box.shape
    flat = gym.spaces.flatten(space, value)
    assert flat in gym.spaces.flatten_space(space)
    assert np.array_equal(gym.spaces.unflatten(space, flat), value)
    for wrong in (value.astype(np.float32), value[..., :2], value[None], value.tolist(), None, "clip"):
        assert wrong not in space


@given(shapes, st.integers(1, 4))
def test_batches_of_videos(shape: tuple[int, int, int], n: int) -> None:
    space = VideoSpace(*shape, 3, seed=0)
    batched = batch_space(space, n)
    assert isinstance(batched, VideoSpace) and batched.shape == (n, *shape, 3)
    assert set(batched.low.strides) == {0}
    values = batched.sample()
    items = list(iterate(batched, values))
    assert len(items) == n and all(item in space for item in items)
    out = create_empty_array(space, n)
    assert out.shape == batched.shape and out.dtype == np.uint8
    assert np.array_equal(concatenate(space, items, out), values)


def test_a_batch_is_not_batched_again() -> None:
    with pytest.raises(ValueError, match="batched already"):
        batch_space(batch_space(VideoSpace(2, 4, 4, 3), 2), 2)


@pytest.mark.parametrize("shape", [(4, 4, 3), (2, 4, 4, 4), (2, 0, 4, 3), (-1, 4, 4, 3), (1, 1, 1, 1, 1, 3)])
def test_shapes_that_are_no_video(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected a shape"):
        VideoSpace(*shape)


def test_video_samples_follow_the_seed() -> None:
    space = VideoSpace(2, 8, 8, 3)
    space.seed(1)
    first = space.sample()
    space.seed(1)
    assert np.array_equal(first, space.sample())
    assert not np.array_equal(first, space.sample())
    with pytest.raises(gym.error.Error, match="mask"):
        space.sample(mask=np.ones(3))  # type: ignore[arg-type]


def test_equality() -> None:
    assert VideoSpace(2, 4, 4, 3) == VideoSpace(2, 4, 4, 3) != VideoSpace(3, 4, 4, 3)
    assert PromptSpace(8) == PromptSpace(8) != PromptSpace(9)
    assert VideoSpace(2, 4, 4, 3) != Box(0, 255, (2, 4, 4, 3), np.uint8)


@given(st.text(max_size=40))
def test_any_script_is_a_prompt(prompt: str) -> None:
    assert prompt in PromptSpace(40)
    assert (prompt in PromptSpace(5)) == (len(prompt) <= 5)


def test_prompts() -> None:
    space = PromptSpace(6, seed=0)
    assert "机器人倒水" in space and "🤖🏀🌊" in space and "" in space
    assert "机器人正在倒水" not in space
    assert b"robot" not in space and None not in space and 3 not in space
    assert all(space.sample() in space for _ in range(50))
    batched = batch_space(space, 3)
    assert ("机", "🤖", "") in batched and ("机", "🤖") not in batched

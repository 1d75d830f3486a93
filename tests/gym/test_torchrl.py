"""TorchRL takes the environments as they are, one by one, in a row and in processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import wmenv
from wmenv.envs.wrappers import for_rl

torch = pytest.importorskip("torch")
envs = pytest.importorskip("torchrl.envs")
pytestmark = [
    pytest.mark.slow,
    # The bounds of a space of videos are views of one number; TorchRL reads them and says that it must not write.
    pytest.mark.filterwarnings("ignore:The given NumPy array is not writable"),
]

ID = "wmenv:PhyWorld-collision-v0"


def stack() -> Callable[[], Any]:
    """What makes the stack. A function inside a function reaches another process by value, whoever called the test."""

    def make() -> Any:
        import gymnasium as gym
        from torchrl.envs import GymWrapper

        from wmenv.envs.wrappers import for_rl

        return GymWrapper(for_rl(gym.make("wmenv:PhyWorld-collision-v0", size=32), "steered,after=contact"))

    return make


def test_a_suite_as_it_is() -> None:
    """The prompt becomes text beside tensors; the clip is judged as in Gymnasium."""
    env = envs.GymEnv(ID, size=32)
    envs.utils.check_env_specs(env)
    env.set_seed(3)
    first = env.reset()
    plain = gym.make(ID, size=32)
    still = np.repeat(first["frames"].numpy()[-1:], 32, axis=0)
    after = env.step(first.set("action", torch.from_numpy(still)))["next"]
    assert isinstance(first["prompt"], str) and bool(after["terminated"])
    case = env.unwrapped.case.id
    plain.reset(options={"case_id": case})
    assert float(after["reward"]) == pytest.approx(plain.step(still)[1])


def test_the_stack_rolls_out() -> None:
    env = stack()()
    envs.utils.check_env_specs(env)
    found = env.rollout(6, break_when_any_done=False)
    assert found["observation"].shape == (6, 10) and found["action"].shape == (6, 4)
    assert bool(found["next", "terminated"].all()), "every action is an episode, none is thrown away"
    assert len(found["observation"].unique(dim=0)) == 6
    rewards = found["next", "reward"]
    assert bool(((rewards >= 0) & (rewards <= 1)).all()) and len(rewards.unique()) > 2


@pytest.mark.parametrize("kind", ["SerialEnv", "ParallelEnv"])
def test_side_by_side(kind: str) -> None:
    env = getattr(envs, kind)(2, stack())
    env.set_seed(0)
    found = env.rollout(4, break_when_any_done=False)
    env.close()
    assert found["observation"].shape == (2, 4, 10)
    assert bool(found["next", "terminated"].all())
    assert not torch.equal(found["observation"][0], found["observation"][1]), "each has cases of its own"


def test_scores_reach_the_reader_of_infos() -> None:
    env = stack()()
    env = env.set_info_dict_reader(envs.gym_like.default_info_dict_reader(["score/velocity"]))
    found = env.rollout(2, break_when_any_done=False)
    assert torch.allclose(found["next", "score/velocity"].float().reshape(-1), found["next", "reward"].reshape(-1))


def test_the_stack_needs_an_environment_of_wmenv() -> None:
    with pytest.raises(wmenv.WmenvError):
        for_rl(gym.make("CartPole-v1"), "steered")

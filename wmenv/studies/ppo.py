"""Does a policy learn from the rewards of an environment? PPO of Stable-Baselines3, and a control that cannot.

`python -m wmenv.studies.ppo docs/ppo.json` trains the policies and keeps what they earn; the study prints it. A run
that is interrupted goes on with the policies that are missing.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from wmenv.core.files import write_whole
from wmenv.studies.blocks import markdown
from wmenv.studies.training.interval import SeedInterval, seed_interval

ENV, SIZE = "wmenv:PhyWorld-collision-v0", 32
GENERATOR = "steered,after=contact"
SEEDS = (0, 1, 2, 3, 4)
STEPS = 20_000
SIDE_BY_SIDE = 16
HELD_OUT = range(10_000, 10_200)
"""Seeds of the cases on which policies are compared; training draws from seeds below."""
POLICY: dict[str, Any] = {
    "n_steps": 25, "batch_size": 50, "learning_rate": lambda left: 3e-3 * left, "gamma": 0.0, "gae_lambda": 1.0,
    "policy_kwargs": {"net_arch": [32, 32], "log_std_init": -1.5},
}  # fmt: skip
"""One step an episode, so nothing to discount; little noise at first, since good answers are close together. The rate
falls to nothing: a constant one can throw off a policy that has become sure of itself, however late."""
LEARNT, SHUFFLED, UNTRAINED = "PPO", "PPO, shuffled rewards", "PPO, untrained"


def ppo_table(path: Path) -> str:
    """Mean reward of trained policies above that of random actions on the same cases, by kind of reward.

    Args:
        path: docs/ppo.json, which need not exist.
    """
    if not path.is_file():
        return "No policies are kept: `make ppo-table` trains them."
    kept = json.loads(path.read_text(encoding="utf-8"))
    rows = [["random actions", "-", _told(kept["random"]), "", ""]]
    for name in (LEARNT, SHUFFLED, UNTRAINED):
        runs = [one for one in kept["runs"] if one["name"] == name]
        gains = seed_interval([one["reward"] - kept["random"] for one in runs])
        if gains is not None:
            mean = sum(one["reward"] for one in runs) / len(runs)
            by_seed = ", ".join(_told(one["reward"]) for one in runs)
            rows.append([name, str(len(runs)), _told(mean), by_seed, _gain(gains)])
    header = ["actions", "training seeds", "mean reward", "by seed", "above random, 95 % interval over seeds"]
    seconds = sum(one["cpu_seconds"] for one in kept["runs"])
    versions = ", ".join(f"{name} {number}" for name, number in kept["versions"].items())
    return (
        markdown(header, rows) + f"\n\n{ENV.partition(':')[2]}, {SIZE} px, latent of `{GENERATOR}`, {kept['steps']:,} "
        f"steps a policy, {len(HELD_OUT)} cases that training does not see, actions without noise. Shuffled: each "
        f"episode is paid what the one beside it earned. {seconds / 60:.0f} CPU-minutes; {versions}."
    )


def keep(path: Path, steps: int = STEPS, seeds: tuple[int, ...] = SEEDS) -> None:
    """Train what is missing in the file.

    Args:
        path: The file, docs/ppo.json.
        steps: Steps, that is judged clips, of each policy.
        seeds: Training seeds, of policies and controls alike.
    """
    import stable_baselines3
    import torch

    torch.set_num_threads(1)
    versions = {one.__name__: str(one.__version__) for one in (stable_baselines3, torch, gym, np)}
    kept: dict[str, Any] = {"steps": steps, "versions": versions, "random": random_reward(), "runs": []}
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        if (before["steps"], before["versions"]) == (steps, versions):
            kept = before
    done = {(one["name"], one["seed"]) for one in kept["runs"]}
    names = (LEARNT, SHUFFLED, UNTRAINED)
    for name, seed in [(name, seed) for seed in seeds for name in names if (name, seed) not in done]:
        started = time.process_time()
        reward = trained_reward(seed, 0 if name == UNTRAINED else steps, shuffled=name == SHUFFLED)
        seconds = round(time.process_time() - started, 1)
        kept["runs"].append({"name": name, "seed": seed, "reward": round(reward, 6), "cpu_seconds": seconds})
        print(f"{name}, seed {seed}: reward {reward:.3f}, {seconds:.0f} CPU-s", flush=True)
        write_whole(path, (json.dumps(kept, indent=1) + "\n").encode())


def make() -> gym.Env[Any, Any]:
    """The environment of the study: the state of two discs in, the velocities after their contact out."""
    from wmenv.envs.wrappers import for_rl

    return for_rl(gym.make(ENV, size=SIZE), GENERATOR)


def random_reward() -> float:
    """Mean reward of uniform actions on the held-out cases."""
    env, rng = make(), np.random.default_rng(0)
    space = env.action_space
    assert isinstance(space, gym.spaces.Box)
    return _mean_reward(env, lambda state: rng.uniform(space.low, space.high).astype(np.float32))


def trained_reward(seed: int, steps: int, shuffled: bool) -> float:
    """Mean reward of a policy on the held-out cases, after training.

    Args:
        seed: Of weights, noise and training cases.
        steps: Clips that are judged; 0 leaves the policy as it was made.
        shuffled: Whether every episode is paid what the one beside it earned, so that nothing can be learnt.
    """
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, VecEnvWrapper

    class Neighbours(VecEnvWrapper):
        """The same rewards, one place on."""

        def reset(self) -> Any:
            return self.venv.reset()

        def step_wait(self) -> Any:
            observations, rewards, dones, infos = self.venv.step_wait()
            return observations, np.roll(rewards, 1), dones, infos

    envs: Any = DummyVecEnv([make] * SIDE_BY_SIDE)
    model = PPO("MlpPolicy", Neighbours(envs) if shuffled else envs, seed=seed, device="cpu", **POLICY)
    if steps:
        model.learn(steps)
    return _mean_reward(make(), lambda state: model.predict(state, deterministic=True)[0])


def _mean_reward(env: gym.Env[Any, Any], act: Any) -> float:
    rewards = []
    for seed in HELD_OUT:
        state, _ = env.reset(seed=seed)
        action: NDArray[np.float32] = act(state)
        rewards.append(float(env.step(action)[1]))
    return float(np.mean(rewards))


def _told(reward: float) -> str:
    return f"{reward:.3f}"


def _gain(gains: SeedInterval) -> str:
    return f"{gains.mean:.3f} [{gains.low:.3f}, {gains.high:.3f}]"


if __name__ == "__main__":
    keep(Path(sys.argv[1]))

"""Stable-Baselines3 learns to predict a collision: PPO steers two discs, the judge of the suite is the reward.

    pip install 'wmenv[rl]'
    python examples/ppo_latent.py
    python examples/ppo_latent.py --steps 20000

The policy sees the state of both discs in the given frames (x, y, vx, vy, r) and answers with the velocities they are
to have once they have touched; `steered` draws the clip. What it has to find is the law of elastic collisions, from
rewards alone. With training seeds and a control: `make ppo-table`, docs/rl.md.
"""

import argparse

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

import wmenv


def make() -> gym.Env:
    """A suite with flat observations and a latent action."""
    return wmenv.wrappers.for_rl(gym.make("wmenv:PhyWorld-collision-v0", size=32), "steered,after=contact")


def mean_reward(model: PPO, env: gym.Env, episodes: int = 50) -> float:
    """Mean reward of the policy without its noise, on cases that training does not see."""
    rewards = []
    for seed in range(10_000, 10_000 + episodes):
        observation, _ = env.reset(seed=seed)
        action, _ = model.predict(observation, deterministic=True)
        rewards.append(env.step(action)[1])
    return float(np.mean(rewards))


def main() -> None:
    """Train and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8000)
    arguments = parser.parse_args()

    # One step an episode: nothing to discount, hence gamma = 0. Little noise at first: the optimum is narrow.
    model = PPO(
        "MlpPolicy",
        DummyVecEnv([make] * 16),
        seed=0,
        device="cpu",
        n_steps=25,
        batch_size=50,
        learning_rate=3e-3,
        gamma=0.0,
        gae_lambda=1.0,
        policy_kwargs={"net_arch": [32, 32], "log_std_init": -1.5},
    )
    held_out = make()
    print(f"before: mean reward {mean_reward(model, held_out):.3f}")
    model.learn(arguments.steps)
    print(f"after {model.num_timesteps} episodes: mean reward {mean_reward(model, held_out):.3f}")


if __name__ == "__main__":
    main()

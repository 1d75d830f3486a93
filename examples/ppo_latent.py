"""Stable-Baselines3 learns to predict: PPO steers a generator, the judge of the suite is the reward.

    pip install 'wmenv[rl]'
    python examples/ppo_latent.py
    python examples/ppo_latent.py --steps 8192 --law collision

The policy sees the state of the disc in the given frames (x, y, vx, vy, r) and answers with the velocity it
is to have from then on; `steered` draws the clip. On uniform motion the best policy copies the velocity, and
4,096 episodes (half a minute on one core) come close: mean reward 0.02 before, 0.95 after.
"""

import argparse

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO

import wmenv


def make(law: str) -> gym.Env:
    """A suite with flat observations and a latent action."""
    return wmenv.wrappers.for_rl(gym.make(f"wmenv:PhyWorld-{law}-v0", size=32), "steered", observation="state")


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
    parser.add_argument("--law", default="uniform_motion")
    parser.add_argument("--steps", type=int, default=4096)
    arguments = parser.parse_args()

    env, held_out = make(arguments.law), make(arguments.law)
    # One step an episode: nothing to discount, hence gamma = 0. Little noise at first: the optimum is narrow.
    model = PPO(
        "MlpPolicy",
        env,
        seed=0,
        device="cpu",
        n_steps=256,
        learning_rate=3e-3,
        gamma=0.0,
        gae_lambda=1.0,
        policy_kwargs={"net_arch": [32, 32], "log_std_init": -1.5},
    )
    print(f"before: mean reward {mean_reward(model, held_out):.3f}")
    model.learn(arguments.steps)
    print(f"after {model.num_timesteps} episodes: mean reward {mean_reward(model, held_out):.3f}")


if __name__ == "__main__":
    main()

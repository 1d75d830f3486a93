"""PPO in one file, without a library: what happens between an environment of wmenv and a policy, line by line.

    pip install 'wmenv[rl]'
    python examples/ppo_plain.py
    python examples/ppo_plain.py --steps 20000 --seed 1

The task is that of `ppo_latent.py`: steer two discs after their collision. Sixteen environments run side by side with
SAME_STEP autoreset, so that every action is judged (NEXT_STEP, Gymnasium's default, throws away every second one of a
one-step suite). An episode is one step: its return is its reward, nothing is discounted.
"""

import argparse

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from torch import nn
from torch.distributions import Normal

import wmenv

ENVS, ROUNDS, EPOCHS, MINI_BATCH = 16, 25, 10, 50
RATE, CLIP, VALUE_WEIGHT = 3e-3, 0.2, 0.5


def make() -> gym.Env:
    """Flat observations, a latent action."""
    return wmenv.wrappers.for_rl(gym.make("wmenv:PhyWorld-collision-v0", size=32), "steered,after=contact")


def network(inputs: int, outputs: int) -> nn.Module:
    """Two hidden layers."""
    return nn.Sequential(nn.Linear(inputs, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, outputs))


class Policy(nn.Module):
    """A normal distribution around what the network says, and an estimate of the reward."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mean, self.value = network(inputs, outputs), network(inputs, 1)
        self.log_std = nn.Parameter(torch.full((outputs,), -1.5))  # little noise: good answers are close together

    def forward(self, states: torch.Tensor) -> Normal:
        """Of the action."""
        return Normal(self.mean(states), self.log_std.exp())


def update(policy: Policy, optimiser: torch.optim.Optimizer, batch: tuple[torch.Tensor, ...]) -> None:
    """PPO's clipped objective over several passes of one batch (arXiv 1707.06347, equations 7 and 9)."""
    states, actions, before, rewards = batch
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(states)).split(MINI_BATCH):
            ratio = (policy(states[rows]).log_prob(actions[rows]).sum(1) - before[rows]).exp()
            value = policy.value(states[rows])[:, 0]
            advantage = rewards[rows] - value.detach()
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            gain = torch.minimum(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage).mean()
            loss = VALUE_WEIGHT * (value - rewards[rows]).square().mean() - gain
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
            optimiser.step()


@torch.no_grad()
def mean_reward(policy: Policy, episodes: int = 50) -> float:
    """Of the policy without its noise, on cases that training does not see."""
    env, rewards = make(), []
    for seed in range(10_000, 10_000 + episodes):
        state, _ = env.reset(seed=seed)
        rewards.append(env.step(policy(torch.from_numpy(state)).mean.clamp(-1, 1).numpy())[1])
    return float(np.mean(rewards))


def main() -> None:
    """Train and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    envs = SyncVectorEnv([make] * ENVS, autoreset_mode=AutoresetMode.SAME_STEP)
    policy = Policy(envs.single_observation_space.shape[0], envs.single_action_space.shape[0])
    optimiser = torch.optim.Adam(policy.parameters(), lr=RATE)
    print(f"before: mean reward {mean_reward(policy):.3f}")
    states, _ = envs.reset(seed=arguments.seed)
    for _ in range(arguments.steps // (ENVS * ROUNDS)):
        seen = []
        for _ in range(ROUNDS):
            state = torch.from_numpy(states)
            with torch.no_grad():
                distribution = policy(state)
                action = distribution.sample()
            states, rewards, *_ = envs.step(action.clamp(-1, 1).numpy())  # states are those of the next episodes
            told = torch.from_numpy(rewards).float()
            seen.append((state, action, distribution.log_prob(action).sum(1), told))
        update(policy, optimiser, tuple(torch.cat(column) for column in zip(*seen, strict=True)))
    print(f"after {arguments.steps} episodes: mean reward {mean_reward(policy):.3f}")


if __name__ == "__main__":
    main()

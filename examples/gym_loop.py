"""The plain Gymnasium loop: a suite is an environment, a generator is the agent, a clip is the action.

    python examples/gym_loop.py
    python examples/gym_loop.py --env PhyWorld-collision-v0 --agent constant-velocity --split ood_high

Prints one line an episode: the case, the reward, and the velocity error behind it, units/s.
"""

import argparse

import gymnasium as gym

from wmenv.core.registries import AGENTS


def main() -> None:
    """Play a few episodes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="PhyWorld-parabola-v0")
    parser.add_argument("--agent", default="law")
    parser.add_argument("--split", default="id")
    parser.add_argument("--episodes", type=int, default=3)
    arguments = parser.parse_args()

    env = gym.make(f"wmenv:{arguments.env}", split=arguments.split)
    agent = AGENTS.create(arguments.agent)
    rewards = []
    for episode in range(arguments.episodes):
        # The observation is {"prompt": str, "frames": uint8 (3, 256, 256, 3)}; the request holds the same and
        # says what form the clip is to have.
        _, info = env.reset(seed=0 if episode == 0 else None)
        done = False
        while not done:
            (clip,) = agent.act([env.unwrapped.request], seeds=[episode])
            _, reward, terminated, truncated, scores = env.step(clip.frames)
            done = terminated or truncated
        rewards.append(reward)
        error = scores["native/velocity"]
        print(f"{info['case_id']}: reward {reward:.3f}, velocity error {error:.3f}")
    print(f"{agent.name} on {env.spec.id}: mean reward {sum(rewards) / len(rewards):.3f}")


if __name__ == "__main__":
    main()

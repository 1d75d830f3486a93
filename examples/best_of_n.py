"""Best of N with a judger: draw N clips a case, answer with the one that a judger likes most.

    python examples/best_of_n.py
    python examples/best_of_n.py --samples 16

What more samples buy at the time of use, the floor under every alignment method: little, where samples are alike. One
judger chooses, another one judges, so that the choice cannot profit from the faults of its own judge. `physics-soft`
reads the truth of a case, hence the agent is privileged and marked so; `critic:DIR` in its place reads none.
"""

import argparse
import tempfile

import numpy as np

import wmenv
from wmenv.core.registries import AGENTS, JUDGERS


class BestOf:
    """An agent around an agent."""

    privileged = True

    def __init__(self, agent, judger, samples):
        self.agent, self.judger, self.samples = agent, judger, samples
        self.name = f"best of {samples}"
        self.card = {**agent.card, "identity": f"best-of-{samples} by {judger.card['identity']}"}

    def act(self, cases, seeds):
        """The best of N clips of each case; the seed of a case decides all of them."""
        asked = [case for case in cases for _ in range(self.samples)]
        drawn = [int(s) for seed in seeds for s in np.random.default_rng(seed).integers(1 << 62, size=self.samples)]
        clips = self.agent.act([case.request for case in asked], drawn)
        rewards = [-np.inf if one.reward is None else one.reward for one in self.judger.judge(asked, clips)]
        best = np.reshape(rewards, (len(cases), self.samples)).argmax(axis=1)
        return [clips[k * self.samples + choice] for k, choice in enumerate(best)]


def main() -> None:
    """Compare one sample with the best of N, on the same cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--episodes", type=int, default=16)
    arguments = parser.parse_args()

    flow = AGENTS.create("flow,steps=4")
    with tempfile.TemporaryDirectory() as place:
        results = wmenv.evaluate(
            wmenv.make("PhyWorld-collision", size=32, frames=16, judger="physics"),
            [flow, BestOf(flow, JUDGERS.create("physics-soft"), arguments.samples)],
            splits=["id", "ood_high_v1"],
            episodes=arguments.episodes,
            out=f"{place}/run",
        )
    for row in results.rows:
        error = row.criteria["velocity"].native
        print(f"{row.agent} on {row.split}: reward {row.reward.mean:.3f}, velocity error {error.mean:.3f} units/s")


if __name__ == "__main__":
    main()

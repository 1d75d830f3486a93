"""The generalisation study in one screen: has a video model learnt the law, or its training clips?

    pip install 'wmenv[gen]'
    python examples/generalisation.py
    python examples/generalisation.py --law parabola --agent flow:models/mine

An agent is judged on speeds like those of training and on faster ones, between two anchors: `law` computes the law
from the given pixels, `nearest-neighbour` copies the motion of the nearest training clip. A generator that has learnt
the law is as good out of distribution as in it, and the speed it draws follows the true one (slope 1). With training
seeds, claims and intervals: `wmenv study phyworld-ood`.
"""

import argparse
import tempfile

import wmenv


def main() -> None:
    """Evaluate the agent and both anchors, and say what that means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--law", default="uniform_motion", choices=("uniform_motion", "parabola", "collision"))
    parser.add_argument("--agent", default="flow")
    parser.add_argument("--episodes", type=int, default=24)
    arguments = parser.parse_args()

    faster = "ood_high_v1" if arguments.law == "collision" else "ood_high_v"
    agents = [arguments.agent, "law", "nearest-neighbour"]
    with tempfile.TemporaryDirectory() as place:
        results = wmenv.evaluate(
            f"PhyWorld-{arguments.law}-v0",
            agents,
            splits=["id", faster],
            episodes=arguments.episodes,
            out=f"{place}/run",
        )
    for name in dict.fromkeys(row.agent for row in results.rows):
        inside, outside = (
            next(row.criteria["velocity"] for row in results.rows if (row.agent, row.split) == (name, split))
            for split in ("id", faster)
        )
        slope = next(iter(outside.slopes.values()))
        verdict = "follows the law" if slope > 0.8 else "goes back to what it knows" if slope < 0.5 else "in between"
        print(
            f"{name}: velocity error {inside.native.mean:.3f} in distribution, {outside.native.mean:.3f} on faster "
            f"discs, slope {slope:.2f} there: {verdict}"
        )


if __name__ == "__main__":
    main()

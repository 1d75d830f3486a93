"""Reward gradient (DRaFT): a video model learns fast discs by following the gradient of a judger through its own clips.

    pip install 'wmenv[align]'
    python examples/reward_gradient.py
    python examples/reward_gradient.py --updates 200 --out aligned

`flow` was trained on speeds of 1 to 4 units/s and draws faster discs too slow. `physics-soft` has a gradient and gives
the reward; `physics`, which reads pixels, is held out: it only chooses which weights are kept. The guard stops a run
whose reward rises while the held-out one falls. `wmenv align` is the same as a command.
"""

import argparse
from pathlib import Path

import wmenv
from wmenv.alignment.guard import Guard
from wmenv.alignment.reward_gradient import RewardGradient


def told(update: int, look) -> None:
    """One line a look: the held-out velocity error by split."""
    errors = [f"{split} {one.native['velocity']:.3f}" for split, one in look.splits.items()]
    print(f"update {update}: held-out reward {look.held_out:.3f}, velocity error {', '.join(errors)}")


def main() -> None:
    """Align, look, keep the best weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--out", type=Path, help="folder of the aligned model, then --agent flow:OUT/model")
    arguments = parser.parse_args()

    method = RewardGradient(
        wmenv.make("PhyWorld-uniform_motion", size=32, frames=16),
        "flow,steps=4",
        "physics-soft",
        held_out="physics",
        prompts="id:2,ood_high_v:1",  # keep what is known, learn what is not
        updates=arguments.updates,
        cases=16,
        learning_rate=1e-3,
        look_every=20,
        look_cases=16,
    )
    for record in method.learn(callbacks=[Guard()]):
        if record.look is not None:
            told(record.update, record.look)
    print(f"kept: the weights after update {method.best[0]}")
    if arguments.out is not None:
        method.export(arguments.out)


if __name__ == "__main__":
    main()

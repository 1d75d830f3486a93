"""Policy gradient (GRPO): the same lesson from a judger without a gradient, by comparing samples of a case.

    pip install 'wmenv[align]'
    python examples/policy_gradient.py
    python examples/policy_gradient.py --updates 60 --out aligned

Any judger will do, a vision-language model behind a server, too: here `physics`, which reads pixels. Each case is
answered 16 times from the same first noise; the noisy step of the better answers is made more likely. The gradient of
so few samples is mostly noise, hence an adapter of low rank is trained and not the whole network, and in twenty updates
the error on fast discs falls by a few per cent; how far it goes with which settings: docs/alignment-studies.md.
`--shuffled` is the control: each clip gets the reward of another one, and nothing is learnt.
"""

import argparse
from pathlib import Path

import wmenv
from wmenv.alignment.guard import Guard
from wmenv.alignment.policy_gradient import PolicyGradient


def main() -> None:
    """Align, look, keep the best weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--out", type=Path, help="folder of the aligned model, then --agent flow:OUT/model")
    arguments = parser.parse_args()

    method = PolicyGradient(
        wmenv.make("PhyWorld-uniform_motion", size=32, frames=16),
        "flow,steps=2",
        "physics",
        held_out="physics-soft",
        prompts="id:2,ood_high_v:1",
        updates=arguments.updates,
        cases=12,
        group=16,
        window=1,
        kernel="ddim",
        train="lora",
        rank=4,
        learning_rate=7e-3,
        values="native",
        criteria="velocity:1,radius:0.5,colour:2",
        shuffled=arguments.shuffled,
        look_every=10,
        look_cases=16,
    )
    for record in method.learn(callbacks=[Guard()]):
        if record.look is not None:
            # By the held-out judger, as all figures of a look but the reward.
            errors = [f"{split} {one.native['velocity']:.3f}" for split, one in record.look.splits.items()]
            print(f"update {record.update}: reward {record.look.reward:.3f}, velocity error {', '.join(errors)}")
    if arguments.out is not None:
        method.export(arguments.out)


if __name__ == "__main__":
    main()

"""Evaluate clips that were made elsewhere: a folder of `<case id>.mp4`.

    python examples/evaluate_folder.py

Writes the answers of the `law` agent as mp4 files, as any video model on another machine could, leaves one
out, and evaluates the folder: the missing clip counts as 0 and its reason is kept.
"""

import tempfile
from pathlib import Path

import gymnasium as gym

import wmenv
from wmenv.core.registries import AGENTS
from wmenv.runs.plan import planned_cases

ENV, SPLITS, EPISODES, SEED = "wmenv:PhyWorld-uniform_motion-v0", ("id", "ood_high"), 5, 0


def make_clips(folder: Path) -> None:
    """Answer the cases of the run to come; replace this by your own generator."""
    suite = gym.make(ENV).unwrapped
    agent = AGENTS.create("law")
    for ids in planned_cases(suite, SPLITS, EPISODES, SEED).values():
        for request in suite.observe(suite.cases(ids)):
            # A request holds a prompt, the given frames, and the spec of the clip that is asked for.
            (clip,) = agent.act([request], seeds=[0])
            wmenv.write_clip(folder / f"{request.case_id}.mp4", clip)


def main() -> None:
    """Make a folder of clips and evaluate it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "clips"
        folder.mkdir()
        make_clips(folder)
        sorted(folder.iterdir())[0].unlink()
        print(f"{len(list(folder.iterdir()))} clips for {EPISODES * len(SPLITS)} cases")
        results = wmenv.evaluate(
            gym.make(ENV),
            [f"videos:{folder}"],
            splits=SPLITS,
            episodes=EPISODES,
            seed=SEED,
            out=Path(place) / "run",
        )
    for row in results.rows:
        reward = row.reward
        print(
            f"{row.agent} on {row.split}: reward {reward.mean:.3f} [{reward.low:.3f}, {reward.high:.3f}], "
            f"{row.forfeited} of {row.rollouts} forfeited"
        )


if __name__ == "__main__":
    main()

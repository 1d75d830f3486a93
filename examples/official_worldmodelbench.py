"""A folder of videos with the scoring of WorldModelBench: your copy of the benchmark, your clips, recorded answers.

    python examples/official_worldmodelbench.py --data WorldModelBench --clips my_clips --answers answers.json
    python examples/official_worldmodelbench.py --data WorldModelBench

The copy is github.com/WorldModelBench-Team/WorldModelBench; its case file is checked by hash, nothing in it is run.
`--clips` holds `<stem of the first frame>.mp4`, `--answers` is a result file of the benchmark's script or lines of
answers (docs/official.md); a local judge in its place is `--judger vlm:DIR`. Without clips and answers a few grey clips
and constant answers stand in for them: a judge that says "No" to every question and "Score: 3" gives 10 of 10.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import wmenv
from wmenv.official.worldmodelbench import results as script

STANDINS = 3


def grey_clips(suite, folder: Path) -> list[str]:
    """Stand-ins for clips of a model; returns their case ids."""
    folder.mkdir()
    ids = suite.case_ids(STANDINS, np.random.default_rng(0))
    for request in suite.observe(suite.cases(ids)):
        grey = np.full((request.spec.frames, request.spec.height, request.spec.width, 3), 128, np.uint8)
        wmenv.write_clip(folder / f"{request.case_id}.mp4", wmenv.Clip(grey, request.spec.fps))
    return ids


def constant_answers(ids: list[str], path: Path) -> None:
    """A result file in the form of the script."""
    made = script.collect(ids, lambda stem, criterion: "Score: 3" if criterion == "instruction" else "No", "grey")
    path.write_text(json.dumps(made))


def main() -> None:
    """Score the clips that are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--judger")
    arguments = parser.parse_args()

    options = {"cases": "official", "data": str(arguments.data), "size": 64, "frames": 8}
    with tempfile.TemporaryDirectory() as place:
        clips, answers = arguments.clips or Path(place) / "clips", arguments.answers or Path(place) / "answers.json"
        suite = wmenv.make("WorldModelBench", **options).unwrapped
        if arguments.clips is None:
            constant_answers(grey_clips(suite, clips), answers)
        judger = arguments.judger or f"answers:{answers},parse=official"
        suite = wmenv.make("WorldModelBench", judger=judger, **options).unwrapped
        ids = [one for one in suite.case_ids(350, np.random.default_rng(0)) if (clips / f"{one}.mp4").is_file()]
        cases = suite.cases(ids)
        judged = suite.score(cases, [wmenv.read_clip(clips / f"{case.id}.mp4") for case in cases])
    for criterion in suite.criteria:
        points = [one[criterion.id].native for one in judged if one[criterion.id].native is not None]
        mean = f"{np.mean(points):.2f}" if points else "-"
        print(f"{criterion.id}: {mean} ({len(points)} of {len(judged)} answered)")
    totals = [one.total for one in judged if one.total is not None]
    print(f"WorldModelBench score, official cases: {np.mean(totals):.2f} of 10 over {len(totals)} clips")


if __name__ == "__main__":
    main()

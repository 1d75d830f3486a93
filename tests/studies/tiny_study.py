"""A training study that takes seconds; run as a program it fills a folder, to be killed on the way."""

from __future__ import annotations

import sys
from pathlib import Path

from wmenv.studies.training.declare import Claim, Experiment, Plot, Run, TrainingStudy
from wmenv.studies.training.quantity import read
from wmenv.studies.training.runner import run_training_study

SMALL = {"steps": 3, "batch": 2, "widths": (8, 8), "size": 16}
RUNS = (
    Run("plain", "uniform_motion", "id", ("id", "ood_high_v"), **SMALL),
    Run("few", "uniform_motion", "id", ("id",), clips=5, **SMALL),
)
EXPERIMENT = Experiment("tiny", "smoke", RUNS, seeds=(0, 1), cases=3, points=1, sampler_steps=2, precision="float32")
STUDY = TrainingStudy(
    name="tiny",
    question="Does it run?",
    hypothesis="It does.",
    sizes={"smoke": EXPERIMENT},
    claims=(
        Claim("learned", "It has learned.", "-", read("error", "plain", "id"), "below", 0.25, premise=True),
        Claim(
            "ratio", "Fast is worse.", "Figure <3>",
            read("error", "plain", "ood_high_v") / read("error", "plain", "id"), "above", 1.0,
        ),
        Claim("few", "Few clips are worse.", "no figure",
              read("error", "few", "id") - read("error", "plain", "id"), "above", 0.0),
    ),
    limits=("None of it means anything.",),
    plots=(Plot("Errors", "error", ("plain", "few"), ("id", "ood_high_v")),),
)  # fmt: skip

if __name__ == "__main__":
    run_training_study(STUDY, EXPERIMENT, Path(sys.argv[1]), jobs=1, command="tiny")

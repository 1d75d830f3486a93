"""`phyworld-gap`: between training speeds, below them, and with mirrored clips: interpolation or recall?"""

from __future__ import annotations

from dataclasses import replace

from wmenv.studies.training.declare import Claim, Experiment, Plot, Run, TrainingStudy, tiny
from wmenv.studies.training.quantity import mean, read

_STEPS = 1000
_ISLANDS = ("islands_3_test", "islands_4_test")


def _run(name: str, *tests: str) -> Run:
    return Run(name, "uniform_motion", f"{name}_train", (f"{name}_train", *tests), steps=_STEPS)


RUNS = (
    _run("gap_large", "gap_large_test", *_ISLANDS),
    _run("gap_medium", "gap_medium_test"),
    _run("gap_small", "gap_small_test"),
    _run("islands_3", "islands_3_test"),
    _run("islands_4", "islands_4_test"),
    _run("memory_right", "memory_right_test"),
    _run("memory_flipped", "memory_right_test", "memory_left_test"),
)

_PAPER_GAP = "the larger the gap, the larger the error (section 5, interpolation; project page, Figure 7)"
_PAPER_ISLANDS = "strong interpolation when part of the range is reintroduced (project page, Figure 7)"
_PAPER_MEMORY = "section 5, 'Memorization or Generalization' (project page, Figure 9)"
_REAL = Experiment("phyworld-gap", "real", RUNS, seeds=(0, 1, 2), cases=192, points=3)


def _inside(name: str) -> tuple[str, str]:
    return name, f"{name}_test"


STUDY = TrainingStudy(
    name="phyworld-gap",
    question=(
        "A model of uniform motion has never seen some speeds. Does it interpolate between those it has seen, or "
        "recall the nearest training clips?"
    ),
    hypothesis=(
        "As in the paper (arXiv 2411.02385, section 5): inside a large gap of speeds the generated speed is drawn "
        "towards the ends that were trained on, and the error grows with the gap; a small gap is bridged, and so is a "
        "large one with a few islands of speeds inside it. A model trained on fast discs alone makes slow ones too "
        "fast, in their own direction; one that has also seen mirrored clips sometimes turns slow discs round."
    ),
    sizes={
        "real": _REAL,
        "smoke": replace(_REAL, size="smoke", runs=tuple(map(tiny, RUNS)), seeds=(0, 1), cases=6, points=1),
    },
    claims=(
        *(
            Claim(
                f"{run.name}: learned",
                f"The models of {run.name} have learned their training speeds: error under 0.25 units/s.", "-",
                read("error", run.name, run.train), "below", 0.25, premise=True,
            )
            for run in RUNS
        ),
        Claim(
            "large gap, pull", "Inside the large gap generated speeds are drawn towards the nearest training speed.",
            "generated speeds shift away from the given ones, to the ends (project page, Figure 7)",
            read("pull", *_inside("gap_large")), "above", 0.0,
        ),
        Claim(
            "large against medium gap", "The error inside the large gap exceeds that inside the medium one.",
            _PAPER_GAP, read("error", *_inside("gap_large")) / read("error", *_inside("gap_medium")), "above", 1.0,
        ),
        Claim(
            "medium against small gap", "The error inside the medium gap exceeds that inside the small one.",
            _PAPER_GAP, read("error", *_inside("gap_medium")) / read("error", *_inside("gap_small")), "above", 1.0,
        ),
        Claim(
            "small gap is bridged", "Inside the small gap the error is less than twice that on training speeds.",
            "when the gap is reduced most cases are interpolated correctly (project page, Figure 7)",
            read("error", *_inside("gap_small")) / read("error", "gap_small", "gap_small_train"), "below", 2.0,
        ),
        *(
            Claim(
                f"{n} islands",
                f"With {n} islands of speeds the error between them is less than half of what the model of the large "
                "gap makes of the same clips.",
                _PAPER_ISLANDS,
                read("error", *_inside(f"islands_{n}")) / read("error", "gap_large", f"islands_{n}_test"), "below", 0.5,
            )
            for n in (3, 4)
        ),
        Claim(
            "slow discs come out too fast", "Trained on fast discs alone, slow ones come out too fast.",
            f"biased towards high speeds; {_PAPER_MEMORY}", read("bias", *_inside("memory_right")), "above", 0.0,
        ),
        Claim(
            "no turning without mirrored clips", "Trained on one direction, under 1 % of slow discs turn round.",
            f"positive velocities only; {_PAPER_MEMORY}", read("reversed", *_inside("memory_right")), "below", 0.01,
        ),
        Claim(
            "turning with mirrored clips", "Trained on both directions, some slow discs turn round.",
            f"occasionally negative velocities; {_PAPER_MEMORY}",
            mean(
                read("reversed", "memory_flipped", "memory_right_test"),
                read("reversed", "memory_flipped", "memory_left_test"),
            ),
            "above", 0.0,
        ),
    ),
    limits=(
        "The paper trains on about 200,000 clips a set, larger models on more frames; here every batch is new, the "
        "models are small and train for minutes.",
        "Clips that lose the disc for some frames are left out of bias, pull and reversals; how many that are stands "
        "in the column of forfeited clips.",
    ),
    plots=(
        Plot(
            "Velocity error on training speeds and between them", "error", tuple(run.name for run in RUNS[:5]),
            tuple(dict.fromkeys(split for run in RUNS[:5] for split in run.tests)),
        ),
        Plot(
            "Velocity error on fast (trained) and slow discs", "error", ("memory_right", "memory_flipped"),
            tuple(dict.fromkeys(split for run in RUNS[5:] for split in run.tests)),
        ),
        Plot(
            "Share of discs that turn round", "reversed", ("memory_right", "memory_flipped"),
            tuple(dict.fromkeys(split for run in RUNS[5:] for split in run.tests)), "share of clips",
        ),
    ),
)  # fmt: skip

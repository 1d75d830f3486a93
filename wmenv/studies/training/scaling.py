"""`phyworld-scaling`: what do more data and larger models buy, in and out of distribution?"""

from __future__ import annotations

from dataclasses import replace

from wmenv.studies.training.declare import Claim, Experiment, Plot, Run, TrainingStudy, tiny
from wmenv.studies.training.quantity import Quantity, geometric_mean, read

DATA: dict[str, int | None] = {"100": 100, "1000": 1000, "endless": None}
"""Clips in the training set; `endless` draws new ones in every batch."""

MODELS: dict[str, tuple[int, ...]] = {"small": (16, 24, 24), "base": (48, 56, 56), "large": (64, 96, 96)}
"""Widths of the network."""

_TINY: dict[str, tuple[int, ...]] = {"small": (8, 8), "base": (8, 16), "large": (16, 16)}
_FAST = "ood_high_v"
_SPLITS = ("id", _FAST)


def _name(data: str, model: str) -> str:
    return f"{data}-{model}"


RUNS = tuple(
    Run(_name(data, model), "uniform_motion", "id", _SPLITS, steps=900, clips=clips, widths=widths)
    for data, clips in DATA.items()
    for model, widths in MODELS.items()
)


def _over_models(data: str, split: str) -> Quantity:
    return geometric_mean(*(read("error", _name(data, model), split) for model in MODELS))


def _over_data(model: str, split: str) -> Quantity:
    return geometric_mean(*(read("error", _name(data, model), split) for data in DATA))


_PAPER_ID = "more data or a larger model consistently lowers the error in distribution (Figure 3)"
_PAPER_OOD = "little or negative effect out of distribution (Figure 3)"
_LEAST, _MOST = _name("100", "small"), _name("endless", "large")
_REAL = Experiment("phyworld-scaling", "real", RUNS, seeds=(0, 1, 2), cases=192, points=3)

STUDY = TrainingStudy(
    name="phyworld-scaling",
    question="Do more data and larger models lower the error of uniform motion, in distribution and for faster discs?",
    hypothesis=(
        "As in the paper (arXiv 2411.02385, section 3, Figure 3): in distribution the error falls with data and with "
        "model size; out of distribution scaling has little effect or a negative one, so that the largest model with "
        "the most data is still an order of magnitude worse there. All models take the same number of optimiser steps "
        "on batches of the same size, so that data sets differ in how often a clip is seen and not in how long is "
        "trained."
    ),
    sizes={
        "real": _REAL,
        "smoke": replace(
            _REAL,
            size="smoke",
            runs=tuple(tiny(run, _TINY[run.name.partition("-")[2]]) for run in RUNS),
            seeds=(0, 1),
            cases=4,
            points=1,
        ),
    },
    claims=(
        Claim(
            "base model learned",
            "The base model with endless data has learned uniform motion: error under 0.25 units/s.",
            "errors in distribution come close to those of true clips (Figure 3)",
            read("error", _name("endless", "base"), "id"), "below", 0.25, premise=True,
        ),
        Claim(
            "data 100 to 1000, in distribution", "Ten times the data (100 to 1,000 clips) lower the error.", _PAPER_ID,
            _over_models("100", "id") / _over_models("1000", "id"), "above", 1.0,
        ),
        Claim(
            "data 1000 to endless, in distribution", "Endless data lower the error below that of 1,000 clips.",
            _PAPER_ID, _over_models("1000", "id") / _over_models("endless", "id"), "above", 1.0,
        ),
        Claim(
            "model, in distribution", "The large model has a lower error than the small one, over all data sets.",
            _PAPER_ID, _over_data("small", "id") / _over_data("large", "id"), "above", 1.0,
        ),
        Claim(
            "model with endless data", "With endless data the large model has a lower error than the small one.",
            _PAPER_ID,
            read("error", _name("endless", "small"), "id") / read("error", _MOST, "id"), "above", 1.0,
        ),
        Claim(
            "data, faster discs",
            "From 100 clips to endless data the error on faster discs falls by less than a third.",
            f"{_PAPER_OOD}; its models together by 1.17", _over_models("100", _FAST) / _over_models("endless", _FAST),
            "below", 1.5,
        ),
        Claim(
            "model, faster discs",
            "From the small to the large model the error on faster discs falls by less than a third.",
            _PAPER_OOD, _over_data("small", _FAST) / _over_data("large", _FAST), "below", 1.5,
        ),
        Claim(
            "in against out of distribution",
            "From least to most of both the error in distribution falls by a larger factor than that on faster discs.",
            f"{_PAPER_ID}; {_PAPER_OOD}",
            (read("error", _LEAST, "id") / read("error", _MOST, "id"))
            / (read("error", _LEAST, _FAST) / read("error", _MOST, _FAST)),
            "above", 1.0,
        ),
        Claim(
            "the gap remains", "With most of both the error on faster discs is at least 6 times that in distribution.",
            "an order of magnitude in all settings (Figure 3)",
            read("error", _MOST, _FAST) / read("error", _MOST, "id"), "above", 6.0,
        ),
    ),
    limits=(
        "The paper scales from 30,000 to 3 million clips and from 22 to 310 million parameters; here both are far "
        "smaller, so that the ends of the two studies do not overlap.",
        "Equal steps are not equal computation: the large model takes about twice the time of the small one.",
    ),
    plots=(
        Plot("Velocity error in distribution and on faster discs", "error", tuple(run.name for run in RUNS), _SPLITS),
        Plot("Slope of generated on true speed", "slope", tuple(run.name for run in RUNS), _SPLITS, ""),
    ),
)  # fmt: skip

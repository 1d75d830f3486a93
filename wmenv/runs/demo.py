"""The run behind `wmenv demo`."""

from __future__ import annotations

import os
from importlib.util import find_spec

from wmenv.runs.evaluate import evaluate
from wmenv.runs.keep import Keeper
from wmenv.runs.progress import Progress
from wmenv.runs.results import Results

ENV = "PhyWorld-parabola-v0"
GENERATOR, NEEDS = "flow", ("torch", "diffusers")
BASELINES = ("oracle", "law", "nearest-neighbour", "constant-velocity", "copy-last")
SPLITS = ("id", "ood_high_v")
EPISODES = 24


def demo_agents() -> tuple[str, ...]:
    """The trained video model first, where what it needs is installed, then the baselines."""
    ready = all(find_spec(package) for package in NEEDS)
    return (GENERATOR, *BASELINES) if ready else BASELINES


def evaluate_demo(out: str | os.PathLike[str], progress: Progress | None = None) -> Results:
    """A trained video model and baselines on thrown discs, in and out of distribution; a few kept clips."""
    keeper = Keeper("worst", worst=1, random=1)
    return evaluate(
        ENV,
        demo_agents(),
        splits=SPLITS,
        episodes=EPISODES,
        out=out,
        keep=keeper,
        progress=progress,
        size=32,  # the form of flow, also where it is missing
        frames=16,
    )

"""The run behind `wmenv demo`."""

from __future__ import annotations

import os

from wmenv.runs.evaluate import evaluate
from wmenv.runs.keep import Keeper
from wmenv.runs.progress import Progress
from wmenv.runs.results import Results

ENV = "PhyWorld-collision-v0"
AGENTS = ("oracle", "law", "nearest-neighbour", "constant-velocity", "copy-last")
SPLITS = ("id", "ood_high")
EPISODES = 12


def evaluate_demo(out: str | os.PathLike[str], progress: Progress | None = None) -> Results:
    """Five agents on elastic collisions, in and out of distribution; a few kept clips."""
    keeper = Keeper("worst", worst=1, random=1)
    return evaluate(ENV, AGENTS, splits=SPLITS, episodes=EPISODES, out=out, keep=keeper, progress=progress)

"""How a speed regression test looks here: pytest-benchmark times the work, the assertion is a ratio of one run."""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym
import pytest

import wmenv  # noqa: F401 - registers the ids
from wmenv.worlds.discs.official_parser import mask_and_mean


@pytest.mark.slow
def test_judging_one_clip_keeps_its_lead(benchmark: Any) -> None:
    suite: Any = gym.make("PhyWorld-collision-v0").unwrapped
    cases = suite.cases(["id-0000000003e8"])
    responses = [suite.true_clip(cases[0])]
    started = time.process_time()
    for _ in range(10):
        mask_and_mean(responses[0].frames, 2)
    baseline = (time.process_time() - started) / 10
    benchmark(suite.judger.judge, cases, responses)
    lead = baseline / benchmark.stats.stats.min
    benchmark.extra_info["times mask-and-mean"] = round(lead, 1)
    assert lead >= 4

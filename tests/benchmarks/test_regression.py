"""How a speed regression test looks: a fixture of the pytest plugin times the work, the assertion is a ratio."""

from __future__ import annotations

from typing import Any

import pytest

from wmenv.worlds.discs.official_parser import mask_and_mean

pytestmark = pytest.mark.slow
ENV = "PhyWorld-collision"


def test_judging_one_clip_keeps_its_lead(wmenv_bench_judger: Any) -> None:
    reference = {"reference": lambda frames: mask_and_mean(frames, 2), "against": "mask-and-mean"}
    assert wmenv_bench_judger(ENV, clips=1, **reference) >= 4


def test_episodes_cost_little_more_than_direct_calls(wmenv_bench_env: Any) -> None:
    assert wmenv_bench_env(ENV) >= 0.7


def test_the_native_vector_env_is_not_behind_gymnasiums_own(wmenv_bench_vector_env: Any) -> None:
    assert wmenv_bench_vector_env(ENV) >= 1

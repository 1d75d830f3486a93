"""Planted faults on fresh seeds; the whole exam (100 clips a fault, 500 clean) is in test_studies.py."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import wmenv  # noqa: F401 - registers the ids
from wmenv.core.clip import Clip
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.faults import FAULTS
from wmenv.worlds.discs.world import FPS, frame_times

SEEDS = range(50_000, 50_040)


@pytest.mark.parametrize(("fault", "law"), [(f, law) for f in FAULTS.values() for law in f.laws])
def test_fault_is_flagged_by_its_own_criterion_and_the_clean_clip_is_not(fault, law) -> None:  # type: ignore[no-untyped-def]
    suite = gym.make(f"PhyWorld-{law}-v0", size=128).unwrapped
    planted = 0
    for seed in SEEDS:
        (case,) = suite.cases([f"id-{seed:012x}"])
        discs = fault.plant(case.truth, frame_times(32), np.random.default_rng(seed))
        if discs is None:
            continue
        planted += 1
        bad, clean = suite.score([case, case], [Clip(draw(discs, 128), FPS), suite.true_clip(case)])
        assert bad[fault.criterion].score < 0.5, (seed, bad[fault.criterion])
        assert all(v.score >= 0.5 for v in clean.verdicts), seed
        if planted == 12:
            break
    assert planted >= 8


def test_given_frames_of_a_planted_clip_are_true() -> None:
    suite = gym.make("PhyWorld-collision-v0").unwrapped
    (case,) = suite.cases([f"id-{50_001:012x}"])
    for fault in FAULTS.values():
        discs = fault.plant(case.truth, frame_times(32), np.random.default_rng(0))
        if discs is not None:
            np.testing.assert_array_equal(draw(discs[:3]), case.request.frames)

"""Judgers of the procedural scenes: what is lawful passes, what was planted is found, nothing reads what it may not."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.registries import JUDGERS
from wmenv.worlds.scenes.alternatives import alternatives
from wmenv.worlds.scenes.plants import PLANTS, plant

CASE_ID = "gaming-marble-0000"


@pytest.fixture(scope="module")
def case() -> Case:
    env: Any = wmenv.make("WorldModelBench-gaming").unwrapped
    found: Case = env.cases([CASE_ID])[0]
    return found


def test_oracle_knows_the_true_clip_through_a_codec(case: Case, tmp_path: Path) -> None:
    true = case.truth.rendering.clip
    wmenv.write_clip(tmp_path / "true.mp4", true)
    for clip in (true, wmenv.read_clip(tmp_path / "true.mp4")):
        (judged,) = JUDGERS.create("scene-oracle").judge([case], [clip])
        assert judged.coverage == 1.0 and judged.reward == 1.0
        assert judged["fluid"].state == "not_applicable" and judged.maximum == 9.0


@pytest.mark.parametrize("name", ["teleport", "grow", "float", "flicker"])
def test_oracle_answers_planted_clips_by_their_labels(name: str, case: Case) -> None:
    planted = plant(case.truth, name, 16)
    assert planted is not None
    examined = replace(case, load_truth=lambda: planted)
    (judged,) = JUDGERS.create("scene-oracle").judge([examined], [planted.rendering.clip])
    broken = {v.criterion for v in judged.verdicts if v.score == 0.0} - {"instruction"}
    assert broken == {PLANTS[name].criterion, *planted.side_effects}


def test_oracle_calls_lawful_alternatives_lawful_and_grades_what_they_reach(case: Case) -> None:
    other = alternatives(case.truth, 1)[0]
    (judged,) = JUDGERS.create("scene-oracle").judge([replace(case, load_truth=lambda: other)], [other.rendering.clip])
    assert judged["instruction"].native == other.answers["instruction"]
    assert {v.score for v in judged.verdicts[1:]} <= {1.0, None}


def test_oracle_does_not_pretend_to_know_other_clips(case: Case) -> None:
    true = case.truth.rendering.clip
    frozen = Clip(np.repeat(true.frames[:1], len(true), axis=0), true.fps)
    other = alternatives(case.truth, 1)[0].rendering.clip
    short = Clip(true.frames[:8], true.fps)
    slow = Clip(true.frames, Fraction(8))
    judged = JUDGERS.create("scene-oracle").judge([case] * 4, [frozen, other, short, slow])
    assert judged[0]["instruction"].native == 0.0
    for one in judged[:2]:
        assert {v.state for v in one.verdicts[1:]} == {"failed"} and one.coverage == pytest.approx(1 / 8)
    for one in judged[2:]:
        assert {v.state for v in one.verdicts} == {"forfeited"} and "expected a clip like" in one["mass"].reason

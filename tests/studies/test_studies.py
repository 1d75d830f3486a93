"""The bars of the physics world on their whole samples; the tables of docs/phyworld.md print the same figures."""

from __future__ import annotations

import pytest

from wmenv.studies.baselines import SPLITS, run_baselines
from wmenv.studies.faults import CALIBRATION_SEEDS, CLEAN, EXAM_SEEDS, PLANTED, examine, margins
from wmenv.studies.parser import CLIPS, floor, usual_cases
from wmenv.worlds.discs.criteria import MEASURES
from wmenv.worlds.discs.faults import FAULTS
from wmenv.worlds.discs.world import LAWS, Law

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("size", "bound"), [(256, 0.015), (128, 0.015), (64, 0.015), (32, 0.03)])
@pytest.mark.parametrize("law", LAWS)
def test_velocity_error_of_true_clips(law: Law, size: int, bound: float) -> None:
    ids = usual_cases(law, CLIPS)
    assert len(ids) == CLIPS == 200
    assert floor(law, ids, size, "area")["wmenv"] < bound


@pytest.mark.parametrize("law", LAWS)
def test_exam_of_planted_faults(law: Law) -> None:
    assert not set(CALIBRATION_SEEDS) & set(EXAM_SEEDS) and EXAM_SEEDS.start == 10_000
    clean, *planted = examine(law)
    assert clean.clips == CLEAN == 500 and clean.own <= 1
    assert len(planted) == sum(law in fault.laws for fault in FAULTS.values())
    for exam in planted:
        assert exam.clips == PLANTED == 100
        assert exam.own >= 99, exam


def test_half_score_errors_lie_between_clean_and_planted_clips_of_the_calibration_seeds() -> None:
    assert max(CALIBRATION_SEEDS) < 1000
    found = margins()
    assert sum(planted is not None for _, planted in found.values()) == len({f.criterion for f in FAULTS.values()}) == 6
    for name, (clean, planted) in found.items():
        assert clean < MEASURES[name].half, name
        assert planted is None or planted > MEASURES[name].half, name


def test_nearest_neighbour_is_lawful_in_distribution_only() -> None:
    results = run_baselines()
    error = {(row.agent, row.split): row.criteria["velocity"].native for row in results.rows}
    assert all(error["law", split].cases == 500 for split in SPLITS)
    law, near, still = (error[agent, "id"].mean for agent in ("law", "nearest-neighbour", "copy-last"))
    assert abs(near - law) < 0.05
    assert still > 50 * near
    for split in ("ood_low", "ood_high"):
        assert error["nearest-neighbour", split].mean >= 10 * error["law", split].mean
        assert error["nearest-neighbour", split].low > 10 * error["law", split].high

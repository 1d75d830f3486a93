"""The guard: planted faults alarm and their clean twins do not; it stops, rolls back, and outlives interruptions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wmenv.core.alarm import LEAST_CASES, Looks, Rule, alarm_of, findings, watched
from wmenv.core.statistics import wilson

RNG = np.random.default_rng
RULE = Rule()
KEPT = Path(__file__).resolve().parents[2] / "docs" / "alarm.json"
USUAL = {"reward": -1.0, "held_out": 0.5, "motion": 0.01, "diversity": 0.05, "mass": 1.0, "forfeited": 0.0}
FAULTS: dict[str, Callable[[dict[str, Any], float], None]] = {}
"""By the kind of finding: what goes wrong with the values of a look, from 0 (nothing) to 1."""


def fault(function: Callable[[dict[str, Any], float], None]) -> Callable[[dict[str, Any], float], None]:
    FAULTS[function.__name__] = function
    return function


@fault
def divergence(values: dict[str, Any], amount: float) -> None:
    values["reward"] += amount
    values["held_out"] -= 0.2 * amount


@fault
def motion(values: dict[str, Any], amount: float) -> None:
    values["motion"] *= 1.0 - 0.8 * amount


@fault
def diversity(values: dict[str, Any], amount: float) -> None:
    values["diversity"] *= 0.1**amount


@fault
def mass(values: dict[str, Any], amount: float) -> None:
    values["mass"] *= 1.0 + amount


@fault
def forfeited(values: dict[str, Any], amount: float) -> None:
    n = round(amount * len(values["forfeited"]) / 2)
    values["held_out"][:n] = 0.0
    values["forfeited"][:n] = 1.0


def trace(
    fault: Callable[[dict[str, Any], float], None] = lambda values, amount: None,
    amounts: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
    cases: int = 32,
    scale: float = 1.0,
    shift: float = 0.0,
) -> list[tuple[int, dict[str, Any]]]:
    """Looks at two splits: cases differ, each look adds a little to each case, a fault comes over the second split."""
    rng = RNG(7)
    base = {
        split: {name: value * np.exp(0.3 * rng.standard_normal(cases)) for name, value in USUAL.items()}
        for split in "ab"
    }
    looks = []
    for k, amount in enumerate(amounts):
        splits = {}
        for split, start in base.items():
            values = {name: one * np.exp(0.02 * rng.standard_normal(cases)) for name, one in start.items()}
            fault(values, amount if split == "b" else 0.0)
            for name in ("reward", "held_out"):
                values[name] = scale * values[name] + shift
            splits[split] = {"by_case": {name: one.tolist() for name, one in values.items()}}
        held = float(np.mean([np.mean(one["by_case"]["held_out"]) for one in splits.values()]))
        looks.append((10 * k, {"held_out": held, "splits": splits}))
    return looks


# 1. The rule.


@pytest.mark.parametrize("kind", FAULTS)
def test_01_a_planted_fault_alarms_and_its_clean_twin_does_not(kind: str) -> None:
    alarm = alarm_of(trace(FAULTS[kind], (0.0, 0.0, 1.0, 1.0)), RULE)
    assert alarm is not None and (alarm.update, alarm.since) == (30, 20)
    (found,) = alarm.findings
    assert found.kind == kind and found.z > RULE.sure and found.split == ("" if kind == "divergence" else "b")
    assert alarm_of(trace(), RULE) is None and not findings(trace(), RULE)
    assert alarm_of(trace(FAULTS[kind], (0.0, 0.05, 0.05, 0.05)), RULE) is None, "within the margin"


def test_02_a_reward_that_rises_with_the_held_out_one_is_no_divergence() -> None:
    def better(values: dict[str, Any], amount: float) -> None:
        values["reward"] += amount
        values["held_out"] += 0.2 * amount

    def worse(values: dict[str, Any], amount: float) -> None:
        values["reward"] -= amount
        values["held_out"] -= 0.2 * amount

    assert alarm_of(trace(better, (0.0, 0.5, 0.8, 1.0)), RULE) is None
    assert alarm_of(trace(worse, (0.0, 0.5, 0.8, 1.0)), RULE) is None, "no hack: the reward tells the truth"
    assert alarm_of(trace(FAULTS["divergence"], (0.0, 0.5, 0.8, 1.0)), RULE) is not None


def test_03_a_held_out_fall_counts_from_its_best_not_from_the_start() -> None:
    def hacked(values: dict[str, Any], amount: float) -> None:
        values["reward"] += abs(amount)
        values["held_out"] += 0.3 * amount

    alarm = alarm_of(trace(hacked, (0.0, 1.0, 0.3, 0.3)), RULE)
    assert alarm is not None and "at update 10" in alarm.findings[0].told


@pytest.mark.parametrize("kind", FAULTS)
def test_04_one_look_alone_is_no_alarm_and_an_alarm_stays(kind: str) -> None:
    assert alarm_of(trace(FAULTS[kind], (0.0, 1.0, 0.0, 1.0)), RULE) is None
    assert alarm_of(trace(FAULTS[kind], (0.0, 1.0, 0.0, 1.0)), Rule(looks=1)) is not None
    looks = trace(FAULTS[kind], (0.0, 1.0, 1.0, 0.0, 0.0))
    alarms = [alarm_of(looks[:n], RULE) for n in range(1, 6)]
    assert alarms[:2] == [None, None] and alarms[2] is not None
    assert alarms[3] == alarms[4] == alarms[2], "later looks change nothing"


@pytest.mark.parametrize("kind", FAULTS)
def test_05_units_of_rewards_do_not_matter(kind: str) -> None:
    amounts = (0.0, 0.3, 1.0, 1.0)
    plain, scaled = (findings(trace(FAULTS[kind], amounts, **more), RULE) for more in ({}, {"scale": 7, "shift": -40}))
    assert [(one.kind, one.split) for one in plain] == [(one.kind, one.split) for one in scaled]
    assert [one.z for one in plain] == pytest.approx([one.z for one in scaled])


def test_06_mass_may_come_nearer_to_the_truth_by_any_factor() -> None:
    def mended(values: dict[str, Any], amount: float) -> None:
        values["mass"] *= 0.3 + 0.7 * amount

    assert alarm_of(trace(mended, (0.0, 1.0, 1.0, 1.0)), RULE) is None
    assert alarm_of(trace(mended, (1.0, 0.0, 0.0, 0.0)), RULE) is not None


def test_07_forfeits_count_where_they_neither_pay_nor_pass() -> None:
    """Balls that are lost for good; the same as the price of a reward that the held-out judger sees; a stage."""

    def paid(values: dict[str, Any], amount: float) -> None:
        values["held_out"] += 2.0 * amount
        forfeited(values, amount)

    assert alarm_of(trace(forfeited, (0.0, 1.0, 1.0, 1.0)), RULE) is not None
    assert alarm_of(trace(paid, (0.0, 1.0, 1.0, 1.0)), RULE) is None
    assert alarm_of(trace(forfeited, (0.0, 1.6, 0.8, 0.2)), RULE) is None
    assert alarm_of(trace(forfeited, (0.0, 1.6, 0.8, 0.8)), RULE) is None, "two looks of standing still are missing"
    assert alarm_of(trace(forfeited, (0.0, 1.6, 0.8, 0.8, 0.8)), RULE) is not None


def test_08_too_few_cases_and_unknown_values_find_nothing() -> None:
    few = trace(FAULTS["divergence"], (0.0, 1.0, 1.0, 1.0), cases=LEAST_CASES - 1)
    assert not watched(few) and alarm_of(few, RULE) is None
    enough = trace(FAULTS["divergence"], (0.0, 1.0, 1.0, 1.0), cases=LEAST_CASES)
    assert watched(enough) and alarm_of(enough, RULE) is not None
    for _, look in enough:
        for one in look["splits"].values():
            one["by_case"]["reward"][0] = None
    assert alarm_of(enough, RULE) is None, "a case that the judge failed on leaves too few"
    assert alarm_of([], RULE) is None and not watched([])


def test_09_a_vanished_ball_and_a_still_clip_are_found_without_infinities() -> None:
    def gone(values: dict[str, Any], amount: float) -> None:
        values["mass"] *= 1.0 - amount
        values["motion"] *= 1.0 - amount

    alarm = alarm_of(trace(gone, (0.0, 1.0, 1.0)), RULE)
    assert alarm is not None and {one.kind for one in alarm.findings} == {"mass", "motion"}
    assert json.loads(json.dumps(alarm.plain(), allow_nan=False)) == alarm.plain()


def test_10_wilson_interval_against_its_definition() -> None:
    """Its ends p solve (share - p)^2 = z^2 p (1 - p) / n."""
    for hits, n in ((0, 2000), (3, 50), (50, 50), (71, 2000)):
        for end in wilson(hits, n):
            inside = 1e-9 < end < 1 - 1e-9
            assert not inside or (hits / n - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / n, rel=1e-9)
    assert wilson(0, 2000)[0] == pytest.approx(0.0, abs=1e-12) and wilson(50, 50)[1] == pytest.approx(1.0)


# 2. Bootstrapped traces of real runs.


def kept(sound: bool) -> list[Looks]:
    runs = json.loads(KEPT.read_text())["runs"]
    return [run["looks"] for run in runs if run["sound"] == sound]


def test_11_sound_runs_alarm_in_at_most_5_percent_of_traces_and_an_unsound_one_does_alarm() -> None:
    from wmenv.studies.alarm import alarms_of

    n = 60
    runs = kept(True)
    false = sum(alarms_of(looks, n) for looks in runs)
    assert wilson(false, n * len(runs))[1] < 0.05
    assert all(alarms_of(looks, n) > 0.95 * n for looks in kept(False))
    runs_kept = json.loads(KEPT.read_text())["runs"]
    ends = {run["name"]: [run["looks"][k][1]["held_out"] for k in (0, -1)] for run in runs_kept}
    assert all(last > first + 0.1 for name, (first, last) in ends.items() if name.startswith("DRaFT"))
    hasty = Rule(sure=0.0, looks=1, margin=0.0)  # broken: any fall of the held-out reward at any look
    assert sum(alarms_of(looks, n, hasty) for looks in runs) > 0.05 * n * len(runs)


def test_13_the_numbers_of_the_documentation_are_those_in_force() -> None:
    page = (KEPT.parent / "alignment.md").read_text()
    low, high = RULE.motion
    assert f"(d - m) / se > {RULE.sure:g}" in page and f"exceeds {RULE.margin:g} s" in page
    assert f"below log {low:g} or above log {high:g}" in page and f"below log {RULE.diversity:g}" in page
    assert f"at {RULE.looks} looks running" in page and f"grown by over {RULE.forfeited:g}" in page
    assert pytest.approx(4 / 3) == RULE.mass and "by over log 4/3" in page and f"at least {LEAST_CASES} cases" in page


@pytest.mark.slow
def test_12_the_study_prints_what_is_kept(tmp_path: Path) -> None:
    from wmenv.studies.alarm import RUNS, alarm_table

    table = alarm_table(KEPT)
    assert "all sound runs" in table and all(run.name in table for run in RUNS)
    assert "python -m wmenv.studies.alarm" in alarm_table(tmp_path / "absent.json")

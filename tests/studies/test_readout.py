"""Read-outs of run folders, on agents whose clips are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.registries import make_env
from wmenv.runs.evaluate import evaluate
from wmenv.studies.training.readout import nearest_trained, pull, read_run, trained_speeds
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.world import FPS, frame_times


class Altered:
    """Goes on from the last given frame with another velocity; knows the truth."""

    privileged = True

    def __init__(self, name: str, change: Callable[[float], float]) -> None:
        self.name, self.card = name, {"identity": name}
        self.change = change

    def act(self, cases: Sequence[Case], seeds: Sequence[int]) -> list[Clip]:
        return [self._clip(case) for case in cases]

    def _clip(self, case: Case) -> Clip:
        truth = case.truth
        times = frame_times(truth.frames)
        last = times[truth.given - 1]
        start = truth.starts
        new = start.velocity.copy()
        new[0, 0, 0] = self.change(float(start.velocity[0, 0, 0]))
        moved = replace(start, velocity=new, position=start.position + (start.velocity - new) * last)
        frames = draw(replace(truth, starts=moved).discs(times), case.request.frames.shape[1])
        return Clip(np.concatenate([case.request.frames, frames[truth.given :]]), FPS)


def readouts(
    tmp_path: Path, agent: Any, splits: Sequence[str], train: str, **options: Any
) -> dict[str, dict[str, Any]]:
    env = make_env("PhyWorld-uniform_motion", size=32, frames=16, **options)
    results = evaluate(env, [agent], splits=splits, episodes=40, seed=5, out=tmp_path / "run", keep="none", batch=40)
    return read_run(tmp_path / "run", results, env.unwrapped, "uniform_motion", train)


def test_the_law_itself(tmp_path: Path) -> None:
    found = readouts(tmp_path, "law", ["id", "ood_high_v", "memory_left_test"], "id")
    assert list(found) == ["id", "ood_high_v", "memory_left_test"]
    for one in found.values():
        assert one["error"] < 0.05 and abs(one["bias"]) < 0.02 and one["slope"] > 0.98
        assert one["reversed"] == 0.0 and one["cases"] == 40 and one["forfeited"] == 0.0 and len(one["pairs"]) == 16
    assert found["id"]["at_mean_speed"] > 0.5 and "velocity" not in found["id"]["native"]
    assert found["id"]["pull"] is None  # every speed was trained on
    assert abs(found["ood_high_v"]["pull"]) < 0.03


def test_speeds_pulled_to_the_nearest_trained_one(tmp_path: Path) -> None:
    found = readouts(tmp_path, Altered("snap", lambda v: min(max(v, 1.0), 4.0)), ["ood_high_v", "ood_low_v"], "id")
    fast, slow = found["ood_high_v"], found["ood_low_v"]
    assert fast["pull"] == pytest.approx(1.0, abs=0.05) and abs(fast["slope"]) < 0.1
    assert fast["bias"] < -0.9 and fast["error"] == pytest.approx(-fast["bias"], abs=0.1)
    assert slow["pull"] == pytest.approx(1.0, abs=0.1) and slow["bias"] > 0.4
    halfway = readouts(tmp_path / "half", Altered("half", lambda v: (v + 4.0) / 2), ["ood_high_v"], "id")
    assert halfway["ood_high_v"]["pull"] == pytest.approx(0.5, abs=0.04)


def test_pull_knows_the_gap_it_was_trained_around(tmp_path: Path) -> None:
    ends = Altered("ends", lambda v: 1.25 if v < 2.5 else 3.75)
    found = readouts(tmp_path, ends, ["gap_large_test"], "gap_large_train")["gap_large_test"]
    assert found["pull"] == pytest.approx(1.0, abs=0.05) and found["slope"] > 1.2


def test_discs_that_turn_round(tmp_path: Path) -> None:
    splits = ["memory_right_test", "memory_left_test"]
    found = readouts(tmp_path, Altered("back", lambda v: -v), splits, "memory_right_train")
    for split in splits:
        assert found[split]["reversed"] == 1.0
        assert all(generated < 0 for _, generated in found[split]["pairs"])
        assert abs(found[split]["bias"]) < 0.15  # the speed is kept


def test_lost_discs_are_left_out_and_counted(tmp_path: Path) -> None:
    class Vanish(Altered):
        def _clip(self, case: Case) -> Clip:
            clip = super()._clip(case)
            frames = np.array(clip.frames)
            frames[8:] = 255
            return Clip(frames, FPS)

    found = readouts(tmp_path, Vanish("vanish", lambda v: v), ["id"], "id")["id"]
    assert found["forfeited"] == 1.0 and found["bias"] is None and found["pairs"] == []
    assert "pull" not in found and "reversed" not in found


def test_attributes(tmp_path: Path) -> None:
    splits = ["conflict_colour_velocity_train", "conflict_colour_velocity_test"]
    options = {"scheme": "attributes", "judger": "attribute-conflict"}
    found = readouts(tmp_path, "oracle", splits, splits[0], **options)
    for one in found.values():
        assert abs(one["margin"]) < 0.05 and one["least_kept"] > 0.95 and set(one["kept"]) == {"colour", "velocity"}
    assert found[splits[1]]["winners"] == {"both": 40}
    swapped = Altered("swapped", lambda v: 4.5 - v if v < 2.5 else 5.5 - v)  # a slow disc becomes fast, a fast one slow
    kept = readouts(tmp_path / "swapped", swapped, splits[1:], splits[0], **options)[splits[1]]
    assert kept["margin"] > 0.7 and kept["winners"]["colour"] > 30 and kept["kept"]["colour"] > 0.95


def test_trained_speeds_and_the_nearest_one() -> None:
    assert trained_speeds("uniform_motion", "id") == ((1.0, 4.0),)
    assert trained_speeds("uniform_motion", "gap_large_train") == ((1.0, 1.25), (3.75, 4.0))
    assert trained_speeds("uniform_motion", "conflict_colour_velocity_train") == ((1.0, 2.5), (2.5, 4.0))
    around = ((1.0, 1.25), (3.75, 4.0))
    assert [nearest_trained(v, around) for v in (0.5, 1.1, 2.0, 3.0, 6.0)] == [1.0, 1.1, 1.25, 3.75, 4.0]
    assert pull([2.0, 3.0], [2.0, 3.0], around) == 0.0
    assert pull([2.0, 3.0], [2.5, 2.5], around) == pytest.approx(-1 / 1.5)
    assert pull([1.1], [3.0], around) is None

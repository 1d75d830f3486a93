"""`wmenv judge agree` and `calibrate`: planted judges are found out, files of every kind are read, others refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.cli import app
from wmenv.core.calibration import log_odds, probability
from wmenv.core.case import Case
from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.core.registries import JUDGERS
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.judgers.wrappers import Calibrated, Polarity
from wmenv.judgers.wrappers.temperatures import read
from wmenv.official import targets
from wmenv.runs.store import RunStore
from wmenv.studies.agreement import Agreement, agreement
from wmenv.studies.calibration import fit
from wmenv.studies.labelled import judged, labelled

N = 80


class Planted:
    """Knows how sure one may be of each case, and says it three times as loud; has a liking for yes; fails on some."""

    name, accepts, reads_truth, exact = "planted", ("clip",), False, True
    card: Mapping[str, Any] = {"identity": "planted-v0"}

    def __init__(self, odds: Mapping[str, float], broken: Sequence[str] = ()) -> None:
        self.odds, self.broken = odds, broken

    def judge(self, cases: Sequence[Case], responses: Sequence[Any]) -> list[Judgement]:
        return [judgement(case, [self._say(case, c) for c in case.criteria], "planted-v0") for case in cases]

    def _say(self, case: Case, criterion: Any) -> Verdict:
        if case.id in self.broken and criterion.id == "mass":
            return Verdict.failed("mass", "time out")
        odds = self.odds.get(case.id, 0.5)
        if criterion.answer == "ordinal":
            grade = float(np.clip(round(1.5 + odds / 2), 0, 3))
            return Verdict.answered(criterion.id, grade / 3, grade)
        bias = 2.0 * sum(q.polarity for q in criterion.questions) if criterion.id == "gravity" else 0.0
        good = float(probability([3 * odds + bias])[0])
        return Verdict(criterion.id, "answered", good, None, good)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, dict[str, float], dict[str, float]]:
    """A run by the planted judge, its environment, the odds it knows, and labels drawn by them."""
    folder = tmp_path_factory.mktemp("labelled")
    env = wmenv.make("WorldModelBench-robotics-v0", size=32, frames=8)
    rng = np.random.default_rng(0)
    ids = sorted(set(env.unwrapped.case_ids(N, rng)))
    odds = {case_id: float(rng.normal(0, 2)) for case_id in ids}
    labels = {case_id: float(rng.uniform() < probability([odds[case_id]])[0]) for case_id in ids}
    env = wmenv.make("WorldModelBench-robotics-v0", size=32, frames=8, judger=Polarity(Planted(odds, ids[:3])))
    wmenv.evaluate(env, ["copy-last"], episodes=len(ids), out=folder / "run")
    return folder / "run", env, odds, labels


def command(*words: str) -> Any:
    return app(list(words), result_action="return_value")


def table_of_labels(path: Path, labels: Mapping[str, float], odds: Mapping[str, float]) -> Path:
    rows = ["clip,criterion,annotator,value"]
    for case_id, value in labels.items():
        grade = int(np.clip(round(1.5 + odds[case_id] / 2), 0, 3))
        rows += [f"{case_id},{name},ann,{value:g}" for name in ("mass", "gravity")]
        rows += [f"{case_id},instruction,ann,{grade}"]
    path.write_text("\n".join(rows))
    return path


def by_name(run: Path, labels: Path) -> dict[str, Agreement]:
    return {one.name: agreement(one) for one in labelled(judged(run), labels)}


def test_a_planted_judge(world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, _, odds, labels = world
    file = table_of_labels(tmp_path / "labels.csv", labels, odds)
    found = by_name(run, file)
    assert set(found) == {"gravity", "instruction", "mass"}
    n, said = len(labels), {case_id: value > 0 for case_id, value in odds.items()}
    kept = sorted(labels)[3:]
    mass = found["mass"]
    assert mass.missing == 3 and mass.accuracy is not None and mass.accuracy.n == n - 3
    assert mass.accuracy.mean == pytest.approx(np.mean([said[one] == bool(labels[one]) for one in kept]))
    assert mass.auroc is not None and mass.auroc.low > 0.6 and mass.calibration is not None and mass.calibration > 0.05
    assert mass.flips is not None and mass.flips.mean == 0 and mass.majority is not None
    gravity = found["gravity"]
    near = [case_id for case_id, value in odds.items() if abs(3 * value) < 2]
    assert gravity.flips is not None and gravity.flips.mean == pytest.approx(len(near) / n), "a liking for yes"
    grades = found["instruction"]
    assert grades.accuracy is not None and grades.kappa is not None and grades.alpha is not None
    assert (grades.accuracy.mean, grades.kappa.mean, grades.alpha) == (1.0, pytest.approx(1), pytest.approx(1))
    assert grades.brier is None and grades.auroc is None and grades.flips is None
    assert command("judge", "agree", str(run), "--labels", str(file)) == 1, "3 labelled clips were not judged"
    told = capsys.readouterr().out
    assert "run, judged by polarity-v0(planted-v0), against labels.csv" in told
    assert "kappa" in told and "AUROC" in told and f"{len(near) / n:.1%} of {n}" in told


def test_calibration_finds_the_three(world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels without chance in them: each as often 1 as the odds say, so that the best temperature is 3."""
    run, env, odds, _ = world
    soft = {case_id: float(probability([value])[0]) for case_id, value in odds.items()}
    file = tmp_path / "soft.jsonl"
    lines = [{"case_id": k, "criterion": c, "value": v} for k, v in soft.items() for c in ("mass", "gravity")]
    file.write_text("\n".join(map(json.dumps, lines)))
    out = tmp_path / "calibration.json"
    command("judge", "calibrate", str(run), "--labels", str(file), "--out", str(out))
    told = capsys.readouterr().out
    assert "polarity-v0(planted-v0), by the labels of soft.jsonl" in told and "all criteria" in told
    found = read(out)
    assert found.judger == "polarity-v0(planted-v0)"
    assert found.criteria == pytest.approx({"mass": 3, "gravity": 3}, abs=0.01)
    assert found.others == pytest.approx(3, abs=0.01), "but for what lies beyond 1e-6"
    _, fits = fit(run, file)
    for one in fits:
        assert one.after is not None and one.after.log_loss < one.before.log_loss and one.after.brier < 1e-5
    calibrated = Calibrated(Polarity(Planted(odds)), file=str(out))
    suite = env.unwrapped
    cases = suite.cases(sorted(soft)[:5])
    clips = [suite.true_clip(case) for case in cases]
    for case, one in zip(cases, calibrated.judge(cases, clips), strict=True):
        assert one["mass"].score == pytest.approx(soft[case.id], abs=2e-3)
    with pytest.raises(InvalidArgument, match=r"calibrates polarity-v0\(planted-v0\), not planted-v0"):
        Calibrated(Planted(odds), file=str(out))
    assert log_odds([0.5])[0] == 0


def test_another_run_as_labels(world: Any, tmp_path: Path) -> None:
    run, _, odds, _ = world
    itself = by_name(run, run)
    assert itself["newton"].accuracy is not None and itself["newton"].accuracy.mean == 1.0
    other = wmenv.make("WorldModelBench-robotics-v0", size=48, frames=8, judger=Planted(odds))
    wmenv.evaluate(other, ["copy-last"], episodes=N, out=tmp_path / "other")
    with pytest.raises(InvalidArgument, match="labels no clip of run"):
        labelled(judged(run), tmp_path / "other")  # of other clips, as their hashes tell


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv"])
def test_rows_with_targets(suffix: str, world: Any, tmp_path: Path) -> None:
    run, _, odds, labels = world
    rows = [
        {"video_path": f"videos/m/{k}.mp4", "t2v_prompt": "p", "dimension": "gravity", "question": "Q?", "target": t}
        for k, t in ((k, "Yes" if v else "No.") for k, v in labels.items())
    ]
    rows += [{**rows[0], "question": "R?", "target": "maybe"}, {**rows[1], "question": "R?", "target": "1"}]
    file = tmp_path / f"rows{suffix}"
    if suffix == ".csv":
        file.write_text("\n".join(",".join(map(str, line)) for line in [rows[0], *(row.values() for row in rows)]))
    else:
        file.write_text("\n".join(map(json.dumps, rows)) if suffix == ".jsonl" else json.dumps(rows))
    loaded = targets.load(file)
    assert loaded.unread == 1, "maybe is neither yes nor no"
    first, second = list(labels)[:2]
    assert loaded.values[first] == {"gravity": {"Q?": labels[first]}}
    assert loaded.values[second]["gravity"] == {"Q?": labels[second], "R?": 1.0}
    (found,) = labelled(judged(run), file)
    assert found.name == "gravity" and len(found.rows) == len(labels)
    by_case = {row.clip.case_id: row.label for row in found.rows}
    assert by_case[first] == labels[first] and by_case[second] == (labels[second] + 1) / 2
    assert odds.keys() == by_case.keys()


def test_dimensions_of_videoverse_are_criteria(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"video_path": "a.mp4", "dimension": "Camera Control", "question": q, "target": True} for q in ("A?", "B?")]
    file.write_text("\n".join(map(json.dumps, rows)))
    assert targets.load(file).values == {"a": {"camera_control": {"A?": 1.0, "B?": 1.0}}}
    file.write_text("\n".join(map(json.dumps, [rows[0], rows[0]])))
    with pytest.raises(InvalidCase, match=r"line 2 .* asks 'A\?' \(Camera Control\) of a\.mp4 a second time"):
        targets.load(file)


def test_refusals(world: Any, tmp_path: Path) -> None:
    run, _, _, _ = world
    found = judged(run)
    with pytest.raises(InvalidArgument, match="labels should be a run folder"):
        labelled(found, tmp_path / "nothing")
    with pytest.raises(InvalidArgument, match="no agent 'law'; it has copy-last"):
        judged(run, "law")
    stranger = tmp_path / "labels.csv"
    stranger.write_text("clip,criterion,annotator,value\nelsewhere,mass,ann,1\n")
    with pytest.raises(InvalidArgument, match="labels no clip of run under a criterion"):
        labelled(found, stranger)
    few = tmp_path / "few.csv"
    few.write_text(f"clip,criterion,annotator,value\n{next(iter(found.verdicts)).case_id},newton,ann,1\n")
    with pytest.raises(InvalidArgument, match=r"1 labelled clips have a probability by polarity-v0.* needs 10"):
        fit(run, few)


def test_labels_of_cases_do_not_fit_several_clips(tmp_path: Path) -> None:
    env = wmenv.make("WorldModelBench-robotics-v0", size=32, frames=8, judger=JUDGERS.create("scene-pixels"))
    wmenv.evaluate(env, ["copy-last", "oracle"], episodes=2, samples=1, out=tmp_path / "run")
    case_id = RunStore(tmp_path / "run").rollouts()[0].case_id
    file = tmp_path / "labels.csv"
    file.write_text(f"clip,criterion,annotator,value\n{case_id},mass,ann,1\n")
    with pytest.raises(InvalidArgument, match=f"labels case {case_id}, of which run has 2 clips; name one"):
        labelled(judged(tmp_path / "run"), file)
    assert labelled(judged(tmp_path / "run", "oracle"), file)[0].name == "mass"

"""Whether an agent has become worse: planted drops are found, chance and trifles are not, by criterion and split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import wmenv
from wmenv.core.errors import InvalidArgument, ProtocolMismatch, RunFolderError
from wmenv.core.verdict import Judgement, Verdict
from wmenv.runs.baseline import Baseline
from wmenv.runs.regression import regression
from wmenv.runs.store import RolloutRow, RunStore

Scores = Mapping[str, NDArray[np.float64]]
CRITERIA = [f"c{k}" for k in range(8)]


def written(folder: Path, splits: Mapping[str, Scores], failed: int = 0, seed: int = 0) -> Path:
    """A run of an agent with given scores by split and criterion; the first `failed` verdicts of c0 failed."""
    folder.mkdir(parents=True)
    store = RunStore(folder, write=True)
    counts = {split: len(next(iter(scores.values()))) for split, scores in splits.items()}
    protocol = {"suite": "Toy", "criteria": [{"id": name} for name in CRITERIA]}
    identity = {
        "env_id": "Toy-v0",
        "env_options": {},
        "protocol": protocol,
        "seed": seed,
        "samples": 1,
        "splits": counts,
    }
    store.write_identity({**identity, "agents": [{"name": "toy", "privileged": False, "card": {}}]})
    rows = []
    for split, scores in splits.items():
        for k in range(counts[split]):
            verdicts = tuple(
                Verdict.failed(name, "judge asleep") if k < failed and name == "c0" else
                Verdict.answered(name, float(values[k]))
                for name, values in scores.items()
            )  # fmt: skip
            total = sum(v.score for v in verdicts if v.score is not None)
            final = Judgement(verdicts, "sum", total, float(len(verdicts)), 1.0 - (k < failed) / 8, "toy")
            rows.append(RolloutRow("toy", split, f"{split}-{k:03d}", 0, "judged", final=final))
    store.add(rows)
    store.close()
    return folder


def scores(rng: np.random.Generator, cases: int = 40) -> dict[str, NDArray[np.float64]]:
    """Scores of eight criteria that share how hard a case is."""
    hard = rng.uniform(0.3, 0.8, cases)
    return {name: np.clip(hard + rng.normal(0, 0.05, cases), 0, 1) for name in CRITERIA}


def again(known: Scores, rng: np.random.Generator, noise: float = 0.05, **drops: float) -> Scores:
    """The same model with other noise, less a drop of some criteria."""
    return {n: np.clip(v + rng.normal(0, noise, len(v)) - drops.get(n, 0.0), 0, 1) for n, v in known.items()}


@pytest.fixture
def known() -> Mapping[str, Scores]:
    rng = np.random.default_rng(0)
    return {"id": scores(rng), "ood": scores(rng)}


@pytest.fixture
def baseline(known: Mapping[str, Scores], tmp_path: Path) -> Path:
    path = tmp_path / "known.json"
    Baseline.of(written(tmp_path / "known", known)).write(path)
    return path


def test_a_planted_drop_is_found_where_it_was_planted(
    known: Mapping[str, Scores], baseline: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    run = written(tmp_path / "now", {"id": again(known["id"], rng), "ood": again(known["ood"], rng, c3=0.08)})
    found = regression(baseline, run)
    assert found.worse and not found.lost
    assert found.level == pytest.approx(1 - 2 * 0.05 / 18) and len(found.differences) == 18
    (worst, *others) = found.drops
    assert (worst.split, worst.measure) == ("ood", "c3") and worst.estimate is not None
    assert worst.estimate.low < -0.08 < worst.estimate.high < 0
    assert {(d.split, d.measure) for d in others} <= {("ood", "reward")}
    assert "  ood  c3" in found.told() and f"{worst.estimate.mean:+.4f}  99.44 % interval" in found.told()


def test_neither_chance_nor_gain_nor_a_trifle(known: Mapping[str, Scores], baseline: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    by_chance = written(tmp_path / "chance", {split: again(one, rng) for split, one in known.items()})
    gain = written(tmp_path / "gain", {split: again(one, rng, c1=-0.1) for split, one in known.items()})
    same = written(tmp_path / "same", known)
    trifle = written(tmp_path / "trifle", {s: {n: v - 0.0005 for n, v in one.items()} for s, one in known.items()})
    for run in (by_chance, gain, same, trifle):
        found = regression(baseline, run)
        assert not found.worse and found.told() == "", (run, found.told())
    drops = regression(baseline, trifle, margin=0.0).drops
    assert len(drops) == 18, "without a margin the same small step everywhere is as sure as a large one"
    assert all(d.estimate is not None and d.estimate.mean == 0.0 for d in regression(baseline, same).differences)


@pytest.mark.slow
@pytest.mark.parametrize(("cases", "tries", "most"), [(8, 40, 6), (40, 100, 10)])
def test_false_alarms_are_rare(cases: int, tries: int, most: int, tmp_path: Path) -> None:
    """Of runs with nothing but chance between them, one in twenty alarms, over all criteria and splits.

    More than `most` have a chance of about 1 %.
    """
    alarms = 0
    for k in range(tries):
        rng = np.random.default_rng([7, k])
        known = {"id": scores(rng, cases)}
        path = tmp_path / f"{k}.json"
        Baseline.of(written(tmp_path / f"{k}-a", known)).write(path)
        alarms += regression(path, written(tmp_path / f"{k}-b", {"id": again(known["id"], rng)}), margin=0.0).worse
    print(f"{alarms} false alarms in {tries} with {cases} cases")
    assert alarms <= most


def test_what_is_no_longer_answered_counts_against_the_agent(
    known: Mapping[str, Scores], baseline: Path, tmp_path: Path
) -> None:
    found = regression(baseline, written(tmp_path / "now", known, failed=7))
    assert found.worse and len(found.lost) == 14
    assert {d.measure for d in found.drops} <= {"reward"}, "the mean of what is left may differ, no criterion does"
    assert "14 values are missing that the baseline has: id-000 #0 c0: judge asleep" in found.told()
    assert "and 9 more" in found.told()
    with pytest.raises(InvalidArgument, match="14 of 80 rollouts failed and are no baseline; id-000: judge asleep"):
        Baseline.of(tmp_path / "now")


def test_a_criterion_of_few_cases_is_not_decided(known: Mapping[str, Scores], baseline: Path, tmp_path: Path) -> None:
    """Seven cases of seven may all be worse by chance, of nine criteria some soon are."""
    rng = np.random.default_rng(3)
    values = {n: v[:40] for n, v in known["id"].items()}
    run = written(tmp_path / "now", {"id": again(values, rng, 0.0, c2=0.2), "ood": known["ood"]}, failed=33)
    found = regression(baseline, run)
    assert {d.measure: d.estimate.clusters for d in found.differences if d.estimate}["c0"] == 7
    assert "c2" in {d.measure for d in found.drops} and "c0" not in {d.measure for d in found.drops}


def test_other_settings_and_damaged_files(known: Mapping[str, Scores], baseline: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other", known, seed=1)
    with pytest.raises(ProtocolMismatch, match=r"known.json is a baseline of other settings: seed was 0, now 1"):
        regression(baseline, other)
    few = written(tmp_path / "few", {"id": {n: v[:7] for n, v in known["id"].items()}})
    Baseline.of(few).write(tmp_path / "few.json")
    with pytest.raises(InvalidArgument, match="id has 7; take at least 8"):
        regression(tmp_path / "few.json", few)
    for alpha, margin in ((0.0, 0.1), (0.5, 0.1), (0.05, -1.0)):
        with pytest.raises(InvalidArgument, match=r"expected 0 < alpha < 0.5 and margin >= 0"):
            regression(baseline, other, alpha=alpha, margin=margin)
    for text in ("", "[]", '{"schema": "wmenv.baseline/0"}', '{"schema": "wmenv.results/0"}', "\x00"):
        baseline.write_text(text)
        with pytest.raises(RunFolderError, match=r"known.json is no baseline of schema wmenv.baseline/0"):
            Baseline.read(baseline)
    with pytest.raises(RunFolderError, match="cannot read"):
        Baseline.read(tmp_path / "none.json")


def test_the_file_says_what_the_run_says(tmp_path: Path, refused: Callable[..., tuple[int, str, str]]) -> None:
    """`wmenv compare` takes the file in the place of the run, to the same digits."""
    for name in ("law", "copy-last"):
        wmenv.evaluate("PhyWorld-parabola", [name], episodes=8, size=32, samples=2, out=tmp_path / name)
    path = tmp_path / "baseline.json"
    Baseline.of(tmp_path / "law").write(path)
    assert Baseline.read(path) == Baseline.of(tmp_path / "law")
    assert wmenv.compare(path, tmp_path / "copy-last") == wmenv.compare(tmp_path / "law", tmp_path / "copy-last")
    outs = [refused("compare", first, tmp_path / "copy-last") for first in (path, tmp_path / "law")]
    assert outs[0] == outs[1] and outs[0][0] == 0
    wmenv.evaluate("PhyWorld-parabola", ["law"], episodes=8, size=32, out=tmp_path / "part", shard="1/1")
    with pytest.raises(InvalidArgument, match="part is a part of a run: 8 rollouts are there; finish or merge it"):
        Baseline.of(tmp_path / "part")
    wmenv.evaluate("PhyWorld-parabola", ["law", "copy-last"], episodes=8, size=32, out=tmp_path / "both")
    with pytest.raises(InvalidArgument, match=r"a baseline is of one agent, .* has law, copy-last"):
        Baseline.of(tmp_path / "both")

"""Preference pairs: the published file's own figures, planted judges, and files that are refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wmenv
from wmenv.cli import app
from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.core.preferences import Preference, fitted_threshold, induced
from wmenv.official.worldreasonbench.pairs import ClipName, Pair, human_scores, load
from wmenv.runs.store import RunStore
from wmenv.studies import pair_predictions
from wmenv.studies.pair_predictions import Predictions, always, gold
from wmenv.studies.pairs import against_itself, against_pairs, against_scores

PAIR_FILE = "statistics_model_pairs_by_task_stratified_balanced_tie_v2.json"


@pytest.fixture(scope="session")
def real(published: Callable[[str], Path]) -> Path:
    """The published pair file, where there is a copy."""
    path = published("worldreasonbench") / PAIR_FILE
    if not path.is_file():
        pytest.skip(f"the copy has no {PAIR_FILE}")
    return path


def percent(estimate: Any) -> float:
    return round(100 * estimate.mean, 1)


def test_the_published_file(real: Path) -> None:
    pairs = load(real)
    assert len(pairs) == 5969 and sum(pair.gold == "tie" for pair in pairs) == 559
    clips = human_scores(pairs)
    assert len(clips) == 1432 and len({c.task for c in clips}) == 130 and len({c.model for c in clips}) == 12
    assert sum(pair.swapped for pair in pairs) == 2985
    assert all((pair.gold == "tie") == (abs(pair.scores[0] - pair.scores[1]) <= 0.1) for pair in pairs)
    for tie, ties in ((0.1, 100.0), (0.0, 94.1), (0.11, 98.4)):
        assert percent(against_pairs(gold(pairs), pairs, tie).ties) == ties
    nothing = against_pairs(always("tie")(pairs), pairs, 0.1)
    assert (percent(nothing.ties), percent(nothing.no_ties)) == (9.4, 0.0)
    first = against_pairs(always("first")(pairs), pairs, 0.1)
    assert (percent(first.ties), percent(first.no_ties)) == (45.3, 50.0)
    fitted = against_pairs(gold(pairs), pairs, "fitted")
    assert percent(fitted.ties) == 100.0 and fitted.tie is not None and fitted.tie[0] == pytest.approx(0.1)


def test_the_command_on_the_published_file(real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app(["judge", "pairs", str(real), "--tie", "0.1", "--tie", "0", "--tie", "0.11"], result_action="return_value")
    told = capsys.readouterr().out
    assert "5969 pairs (559 ties), 1432 clips, 130 tasks, 12 models" in told
    for shown in ("100.0% [100.0, 100.0]", "94.1% [", "98.4% [", "9.4% [", "45.3% ["):
        assert shown in told


def compared(first: float, second: float, task: str, models: str = "ab") -> dict[str, Any]:
    return {
        "task_id": task,
        "model_1": models[0],
        "score_1": first,
        "model_2": models[1],
        "score_2": second,
        "pair_type": "tie" if abs(first - second) <= 0.1 else "gap",
        "is_order_swapped": False,
        "model_1_video_path": f"{models[0]}/{task}.mp4",
        "model_2_video_path": f"{models[1]}/{task}.mp4",
    }


def written(path: Path, rows: Sequence[Any]) -> Path:
    if path.suffix == ".json":
        path.write_text(json.dumps(list(rows)))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        names = list(rows[0])
        path.write_text("\n".join(",".join(str(one) for one in line) for line in [names, *(r.values() for r in rows)]))
    return path


ROWS = [compared(4.0, 3.0, "t1"), compared(2.0, 2.05, "t2"), compared(1.0, 5.0, "t3"), compared(3.5, 3.0, "t4")]


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv"])
def test_a_judge_of_each_kind(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / f"pairs{suffix}", ROWS)
    pairs = load(file)
    assert [pair.gold for pair in pairs] == ["first", "tie", "second", "first"]
    scores = {"t1": (0.9, 0.1), "t2": (0.5, 0.52), "t3": (0.8, 0.2), "t4": (0.6, 0.58)}
    by_name = [
        {"task_id": task, "model": model, "score": score}
        for task, found in scores.items()
        for model, score in zip("ab", found, strict=True)
    ]
    point = written(tmp_path / f"point{suffix}", by_name[:-1])
    found = against_pairs(pair_predictions.load(str(point), pairs), pairs, 0.05)
    assert found.ties is not None and found.no_ties is not None
    assert (found.ties.n, found.no_ties.n, found.pairs) == (3, 2, 4), "no score for b on t4: that pair is left out"
    assert found.ties.mean == pytest.approx(2 / 3) and found.no_ties.mean == 0.5
    by_path = [{"video_path": f"{one['model']}/{one['task_id']}.mp4", "score": one["score"]} for one in by_name]
    path = pair_predictions.load(str(written(tmp_path / f"path{suffix}", by_path)), pairs)
    assert path.scores == {ClipName(one["task_id"], one["model"]): one["score"] for one in by_name}
    no_ties = against_pairs(path, pairs, 0.05).no_ties
    assert no_ties is not None and no_ties.mean == pytest.approx(1 / 3), "a predicted tie is wrong on a gap"
    words = [
        ("t1", "ab", "A>B"),
        ("t1", "ba", "B>A"),
        ("t2", "ba", "A=B=Bad"),
        ("t3", "ab", "A>B"),
        ("t3", "ba", "A>B"),
    ]
    verdicts = [{"task_id": t, "model_1": m[0], "model_2": m[1], "verdict": word} for t, m, word in words]
    pairwise = pair_predictions.load(str(written(tmp_path / f"pairwise{suffix}", verdicts)), pairs)
    found = against_pairs(pairwise, pairs, 0.1)
    assert found.tie is None and found.ties is not None and found.ties.n == 3
    assert found.ties.mean == pytest.approx(2 / 3), "t2 is known from the other order; t3 in the file's order is wrong"
    swaps = against_itself(pairwise)
    assert swaps is not None and swaps.swapped is not None and swaps.first is not None
    assert (swaps.swapped.mean, swaps.swapped.n) == (0.5, 2) and (swaps.first.mean, swaps.first.n) == (0.75, 4)
    app(
        ["judge", "pairs", str(file), "--scores", str(point), "--scores", str(tmp_path / f"pairwise{suffix}")],
        result_action="return_value",
    )
    told = capsys.readouterr().out
    assert "4 pairs (1 ties), 8 clips, 4 tasks, 2 models" in told and "in both orders" in told and "7 of 8" in told


def graded(n: int, seed: int) -> list[Pair]:
    rng = np.random.default_rng(seed)
    scores = {ClipName(f"t{k}", model): float(np.round(rng.uniform(1, 5), 1)) for k in range(n) for model in "abc"}
    pairs = []
    for k in range(n):
        for a, b in ("ab", "bc", "ca"):
            first, second = ClipName(f"t{k}", a), ClipName(f"t{k}", b)
            found = scores[first], scores[second]
            pairs.append(Pair(first, second, found, induced(*found, 0.3)))
    return pairs


def test_points_and_dimensions() -> None:
    pairs = graded(60, 0)
    human = human_scores(pairs)
    rng = np.random.default_rng(1)
    noisy = {clip: score + float(rng.normal(0, 0.5)) for clip, score in human.items()}
    other = {clip: float(rng.normal()) for clip in human}
    found = against_scores(Predictions("j", noisy, dimensions={"x": noisy, "y": noisy, "z": other}), pairs)
    assert found.spearman is not None and found.pearson is not None and found.spearman.n == 180
    assert found.spearman.low > 0.8 and found.pearson.clusters == 60
    halo = {names: one.mean for names, one in found.halo.items() if one is not None}
    assert halo["x", "y"] == pytest.approx(1) and abs(halo["x", "z"]) < 0.25
    luck = against_scores(Predictions("luck", other), pairs).spearman
    assert luck is not None and luck.low < 0 < luck.high
    one = {name: {clip: float(k) for k, clip in enumerate(human)} for name in ("reasoning", "consistency")}
    assert against_scores(Predictions("same", dict.fromkeys(human, 1.0), dimensions=one), pairs).spearman is None


def test_a_threshold_chosen_on_other_tasks_finds_the_scale() -> None:
    """Scores a hundredth as large: people's 0.3 is 0.003 there, which no fixed threshold knows."""
    pairs = graded(200, 3)
    small = {clip: score / 100 for clip, score in human_scores(pairs).items()}
    fixed, fitted = (against_pairs(Predictions("j", small), pairs, tie) for tie in (0.1, "fitted"))
    assert fixed.ties is not None and fitted.ties is not None and fitted.tie is not None
    assert fixed.ties.mean < 0.3 and fitted.ties.mean > 0.95
    assert 0.0025 < fitted.tie[0] <= fitted.tie[1] < 0.0035
    with pytest.raises(InvalidArgument, match="other tasks"):
        against_pairs(Predictions("j", small), pairs[:3], "fitted")


@given(st.lists(st.tuples(st.integers(-5, 5), st.sampled_from(["first", "second", "tie"])), min_size=1, max_size=30))
def test_no_threshold_does_better_than_the_fitted_one(rows: list[tuple[int, Preference]]) -> None:
    differences, people = [d / 10 for d, _ in rows], [g for _, g in rows]

    def right(threshold: float) -> int:
        return sum(induced(d, 0, threshold) == g for d, g in zip(differences, people, strict=True))

    found = fitted_threshold(differences, people)
    assert right(found) == max(right(one) for one in [0.0, *np.abs(differences), 10.0])
    assert found in [0.0, *np.abs(differences)]


def test_a_run_and_result_files_as_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Agents of a run are models, its cases tasks; a result file of one model each makes one judge."""
    out = tmp_path / "run"
    settings = {"splits": ["id"], "episodes": 4, "samples": 2, "out": out}
    wmenv.evaluate(wmenv.make("PhyWorld-uniform_motion-v0", size=64), ["law", "copy-last"], **settings)
    ids = [row.case_id for row in RunStore(out).rollouts() if row.agent == "law" and row.sample == 0]
    file = written(tmp_path / "pairs.json", [
        {**compared(5, 1, case_id), "model_1": "law", "model_2": "copy-last"} for case_id in ids
    ])  # fmt: skip
    app(["judge", "pairs", str(file), "--scores", str(out)], result_action="return_value")
    assert "run              0.1  100.0% [100.0, 100.0]  4" in capsys.readouterr().out
    with pytest.raises(InvalidArgument, match="wants a run of one agent; it has copy-last, law"):
        pair_predictions.load(f"law={out}", load(file))
    full, none = (written_results(tmp_path / f"{score}.json", score) for score in (1, 0))
    pairs = load(written(tmp_path / "two.json", [compared(5, 1, "1-a-1"), compared(5, 1, "elsewhere")]))
    apart = [pair_predictions.load(source, pairs) for source in (f"a={full}", f"b={none}")]
    (found,) = pair_predictions.joined(apart)
    assert found.name == "a + b" and found.scores == {("1-a-1", "a"): 1.0, ("1-a-1", "b"): 0.0}
    ties = against_pairs(found, pairs, 0.1).ties
    assert ties is not None and (ties.mean, ties.n) == (1.0, 1)
    with pytest.raises(InvalidArgument, match="score the same clip"):
        pair_predictions.joined([*apart, apart[0]])


def written_results(path: Path, score: int) -> Path:
    """A result file in which one video has one answer of this score."""
    asked = {"question": "Q?", "question_type": "factual", "predicted_answer": "Yes", "score": score}
    path.write_text(json.dumps({"per_video": [{"id": "1-a-1", "questions": [asked]}]}))
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"score_1": "many"}, "'score_1' of record 0 of .* should be a finite number, got 'many'"),
        ({"score_2": float("nan")}, "finite number"),
        ({"pair_type": "draw"}, "should be 'gap' .* or 'tie', got 'draw'"),
        ({"score_1": 3.0}, "'gap' \\(of unequal scores\\)"),
        ({"model_2": "a"}, "compares a on t1 with itself"),
        ({"task_id": None}, "should have a text 'task_id'"),
        ({"is_order_swapped": "perhaps"}, "should be a bool"),
        ({"task_id": "t4"}, "twice"),
        ({"task_id": "t4", "model_2": "c"}, "a on t4 has the score 4 in one pair and 3.5 in another"),
    ],
)
def test_damaged_pairs_are_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidCase, match=said):
        load(written(tmp_path / "pairs.json", [{**ROWS[0], **change}, *ROWS[1:]]))


def test_damaged_predictions_are_refused(tmp_path: Path) -> None:
    pairs = load(written(tmp_path / "pairs.json", ROWS))
    row = {"task_id": "t1", "model": "a", "score": 1}
    for rows, said in (
        ([row, row], "scores t1 and a a second time"),
        ([{**row, "score": "high"}], "finite number, got 'high'"),
        ([{"task_id": "t1", "model_1": "a", "model_2": "b", "verdict": "A"}], "should be one of A>B, B>A"),
        ([{"task_id": "t1"}], "should have a text 'model'"),
    ):
        with pytest.raises(InvalidCase, match=said):
            pair_predictions.load(str(written(tmp_path / "scores.jsonl", rows)), pairs)
    stranger = written(tmp_path / "scores.jsonl", [{**row, "model": "z"}])
    with pytest.raises(InvalidArgument, match="says nothing about a clip of the pair file: it has t1 and z, the pairs"):
        pair_predictions.load(str(stranger), pairs)
    with pytest.raises(InvalidArgument, match="--scores takes a run folder"):
        pair_predictions.load(str(tmp_path / "missing"), pairs)
    (tmp_path / "bad.jsonl").write_text("{")
    with pytest.raises(InvalidCase, match=r"line 1 of .*bad\.jsonl is not JSON"):
        pair_predictions.load(str(tmp_path / "bad.jsonl"), pairs)
    for tie in ("-1", "wide", "nan"):
        with pytest.raises(InvalidArgument, match="--tie takes a number from 0 on or fitted"):
            app(["judge", "pairs", str(tmp_path / "pairs.json"), "--tie", tie], result_action="return_value")

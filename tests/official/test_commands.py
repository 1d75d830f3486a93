"""`wmenv answers`, `wmenv table`: both readings side by side, exports that the scripts would read, groups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.cli import app
from wmenv.core.errors import InvalidArgument
from wmenv.envs.videoverse import VideoVerseEnv
from wmenv.envs.worldmodelbench import WorldModelBenchEnv
from wmenv.envs.worldreasonbench import WorldReasonBenchEnv
from wmenv.official.videoverse import results as videoverse
from wmenv.official.worldmodelbench import results as worldmodelbench
from wmenv.official.worldreasonbench import results as worldreasonbench
from wmenv.runs.groups import grouped
from wmenv.runs.official import export
from wmenv.studies.answers import score_file

FIXTURES = Path(__file__).parents[1] / "fixtures"


def fixture(name: str) -> dict[str, Any]:
    return dict(json.loads((FIXTURES / f"{name}_scoring.json").read_text()))


def result_of(run_id: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """A result file of a run of the script, and what the script said about it."""
    run = next(run for run in fixture("worldmodelbench")["runs"] if run["id"] == run_id)
    (content,) = run["expected_official"]["json_files_after_run"].values()
    path = folder / "worldmodelbench_results.json"
    path.write_text(json.dumps(content, indent=4))
    return path, run


def command(*words: str) -> Any:
    return app(list(words), result_action="return_value")


def test_both_readings_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, run = result_of("empty_and_odd_binary_answers", tmp_path)
    found = score_file(path)
    assert found.lines[-1].official == run["expected_official"]["total"] == 3
    assert found.lines[-1].strict == pytest.approx(10 * 3 / 6) and found.coverage == 0.5
    command("answers", "score", str(path), "--both")
    told = capsys.readouterr().out
    assert "WorldModelBench, worldmodelbench_results.json: 1 of 350 clips, 50.0% of answers readable" in told
    assert "official" in told and "strict" in told
    command("answers", "score", str(path), "--official")
    told = capsys.readouterr().out
    assert "strict" not in told and "readable" not in told
    command("answers", "score", str(path))
    assert "official" not in capsys.readouterr().out


@pytest.mark.parametrize("run_id", ["all_pass", "mixed_four_videos", "cot_prose_inflation"])
def test_the_official_total_is_the_scripts(run_id: str, tmp_path: Path) -> None:
    path, run = result_of(run_id, tmp_path)
    assert score_file(path).lines[-1].official == pytest.approx(run["expected_official"]["total"], abs=1e-12)


def test_clean_answers_score_the_same_both_ways(tmp_path: Path) -> None:
    for line in score_file(result_of("mixed_four_videos", tmp_path)[0]).lines:
        assert line.strict == pytest.approx(line.official) and not line.unread


def test_videoverse_and_worldreasonbench_files(tmp_path: Path) -> None:
    case = next(one for one in fixture("videoverse")["cal_acc_cases"] if one["id"] == "two_videos_mixed")
    path = tmp_path / "eval_res.json"
    path.write_text(json.dumps(case["eval_res"]))
    summary = case["expected_official"]["report"]["overall_summary"]
    assert score_file(path).lines[-1].official == summary["total_score"]
    one = {"question": "?", "difficulty": "easy", "ground_truth": "yes", "evaluation_criteria": ""}
    answers = [("factual", "Yes"), ("temporal", "nothing"), ("reasoning", "No")]
    rows = [{**one, "question_type": k, "predicted_answer": a, "score": int(a == "Yes")} for k, a in answers]
    content = {"per_video": [worldreasonbench.video_result({"id": "1-a-1", "category": "c"}, "v.mp4", rows)]}
    path.write_text(json.dumps(content))
    lines = {line.name: line for line in score_file(path).lines}
    assert lines["accuracy"].official == pytest.approx(1 / 3, abs=1e-4)
    assert (lines["process"].official, lines["process"].strict, lines["process"].unread) == (0, None, 1)
    assert (lines["state"].official, lines["state"].strict) == (1, 1)


def test_files_that_cannot_be_scored(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("clip,criterion,annotator,value\na,mass,ann,1")
    with pytest.raises(InvalidArgument, match="is for labels"):
        score_file(path)
    path = tmp_path / "empty.json"
    path.write_text('{"model_name": "m", "preds": {}, "accs": {}}')
    with pytest.raises(InvalidArgument, match="holds no clip"):
        score_file(path)


def test_agreement_of_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "labels.csv"
    rows = [f"{clip},mass,{who},{int(clip == 'a')}" for clip in "ab" for who in ("ann", "bob")]
    path.write_text("\n".join(["clip,criterion,annotator,value", *rows]))
    command("answers", "agree", str(path))
    told = capsys.readouterr().out
    assert "complete votes 4" in told and "same winner 1 of 1 comparisons" in told


class Grey:
    """Grey clips."""

    name, privileged = "grey", False
    card = {"identity": "grey-v0"}  # noqa: RUF012

    def act(self, requests: Any, seeds: Any) -> list[Any]:
        return [np.full((4, 16, 16, 3), 128, dtype=np.uint8) for _ in requests]


def run_with(env: Any, folder: Path) -> Path:
    wmenv.evaluate(env, [Grey()], episodes=50, out=folder)
    return folder


FORM: dict[str, Any] = {"cases": "copy", "size": 16, "frames": 4}


def test_worldmodelbench_goes_round(tmp_path: Path) -> None:
    path, run = result_of("mixed_four_videos", tmp_path)
    (tmp_path / "worldmodelbench.json").write_text(json.dumps(run["records"]))
    env = WorldModelBenchEnv(data=tmp_path, judger=f"answers:{path}", **FORM)
    text, written, judged = export(run_with(env, tmp_path / "run"), tmp_path)
    assert (written, judged) == (4, 4)
    assert json.loads(text) == {**json.loads(path.read_text()), "model_name": "grey"}
    (tmp_path / "out.json").write_text(text)
    assert worldmodelbench.totals(worldmodelbench.load(tmp_path / "out.json")).total == 6.25
    table = grouped(tmp_path / "run", "domain", env)
    assert [one.value for one in table] == [*sorted({record["domain"] for record in run["records"]}), ""]
    assert table[-1].n == 4 and table[-1].total == pytest.approx(6.25) and table[-1].maximum == 10
    assert (
        command("answers", "export", str(tmp_path / "run"), "--data", str(tmp_path), "--out", str(tmp_path / "o")) == 0
    )
    with pytest.raises(InvalidArgument, match="no tag 'weather'"):
        grouped(tmp_path / "run", "weather", env)
    with pytest.raises(InvalidArgument, match="no agent 'other'"):
        export(tmp_path / "run", tmp_path, "other")


def test_missing_answers_are_left_out(tmp_path: Path) -> None:
    _, run = result_of("empty_and_odd_binary_answers", tmp_path)
    (tmp_path / "worldmodelbench.json").write_text(json.dumps(run["records"]))
    lines = [
        {"case_id": "vid_a", "criterion": "mass", "value": 1},
        {"case_id": "vid_a", "criterion": "fluid", "value": 0},
    ]
    (tmp_path / "some.jsonl").write_text("\n".join(map(json.dumps, lines)))
    env = WorldModelBenchEnv(data=tmp_path, judger=f"answers:{tmp_path / 'some.jsonl'}", **FORM)
    text, written, judged = export(run_with(env, tmp_path / "run"), tmp_path)
    assert (written, judged) == (0, 1) and json.loads(text)["preds"] == {}


def test_videoverse_goes_round(tmp_path: Path) -> None:
    flow = next(one for one in fixture("videoverse")["eval_flow_cases"] if one["id"] == "plain")
    (tmp_path / "prompt.json").write_text(json.dumps(flow["prompt_json"]))
    path = tmp_path / "eval_res.json"
    path.write_text(json.dumps(flow["expected_official"]["eval_res"]))
    env = VideoVerseEnv(data=tmp_path, judger=f"answers:{path}", **FORM)
    text, written, judged = export(run_with(env, tmp_path / "run"), tmp_path)
    assert (written, judged) == (1, 1) and text == path.read_text()
    assert videoverse.report(json.loads(text)) == flow["expected_official"]["report"]


def test_worldreasonbench_goes_round(tmp_path: Path) -> None:
    kinds = ("factual", "temporal", "detail", "reasoning", "temporal")
    asked = [
        {
            "question": f"Q{k}?",
            "question_type": kind,
            "ground_truth": "yes" if k % 2 else "no",
            "evaluation_criteria": "",
            "difficulty": "hard",
        }
        for k, kind in enumerate(kinds)
    ]
    row = {
        "id": "1-a-1",
        "category": "World-Knowledge",
        "sub_category_v2": "x",
        "binary_qa": asked,
        "open_ended_qa": [],
    }
    row |= {f"video_prompt_{level}": "p" for level in ("difficult", "medium", "easy")}
    for category in ("World-Knowledge", "Human-Centric", "Logic-Reasoning", "Information-based-reasoning"):
        (tmp_path / f"qa_{category}.json").write_text(json.dumps([row] if category == "World-Knowledge" else []))
    answers = ["No.", "yes", "Yes", "no", "The answer is yes"]
    rows = [
        {**one, "predicted_answer": answer, "score": int(worldreasonbench.read_yes_no(answer) is (k % 2 == 1))}
        for k, (one, answer) in enumerate(zip(asked, answers, strict=True))
    ]
    videos = [worldreasonbench.video_result(row, "1-a-1.mp4", rows)]
    path = tmp_path / "full_results.json"
    path.write_text(json.dumps({"summary": worldreasonbench.summary(videos), "per_video": videos, "skipped": []}))
    env = WorldReasonBenchEnv(data=tmp_path, judger=f"answers:{path}", **FORM)
    text, written, _ = export(run_with(env, tmp_path / "run"), tmp_path)
    made, given = json.loads(text), json.loads(path.read_text())
    assert written == 1 and made["summary"] == given["summary"]
    assert [q["score"] for q in made["per_video"][0]["questions"]] == [1, 1, 0, 0, 0]
    env.reset(seed=0)
    reward = env.step(env.action_space.sample())[1]
    assert reward == pytest.approx((2 / 5) ** 0.8 * (1 / 3) ** 0.2)


def test_runs_of_other_suites_have_no_result_file(tmp_path: Path) -> None:
    wmenv.evaluate("PhyWorld-parabola", ["copy-last"], episodes=1, size=16, out=tmp_path / "run")
    with pytest.raises(InvalidArgument, match="no official result file"):
        export(tmp_path / "run", tmp_path)
    command("table", str(tmp_path / "run"), "--by", "level")

"""WorldReasonBench: outputs of the official script reproduced; published counts; formulas against published rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.official.worldreasonbench import cases, process, results

FIXTURE = json.loads((Path(__file__).parents[1] / "fixtures" / "worldreasonbench_scoring.json").read_text())
PUBLISHED = [  # README of the repository: Acc_QA %, s_dyn / Acc_QA, Score_PR %
    (41.2, 0.84, 39.8), (36.0, 0.91, 35.3), (34.0, 0.82, 32.7), (34.7, 0.71, 32.4), (35.3, 0.86, 34.3),
    (33.5, 0.84, 32.4), (19.6, 0.57, 17.5), (20.2, 0.56, 17.9), (19.7, 0.54, 17.4), (16.2, 0.56, 14.4),
    (18.5, 0.63, 16.8),
]  # fmt: skip
ANSWERS = st.lists(
    st.builds(
        process.Answered,
        st.sampled_from(list(cases.PHASES.values())),
        st.sampled_from(["easy", "medium", "hard"]),
        st.sampled_from([0.0, 1.0]),
    ),
    min_size=1,
    max_size=12,
)


def entry(video: dict[str, Any]) -> dict[str, Any]:
    questions = [
        {
            "question": f"Synthetic question {k}?",
            "question_type": kind,
            "difficulty": difficulty,
            "predicted_answer": "answer",
            "ground_truth": "a",
            "evaluation_criteria": "b",
            "score": score,
        }
        for k, (kind, difficulty, score) in enumerate(video["questions"])
    ]
    return results.video_result(video["item"], "v.mp4", questions)


@pytest.mark.parametrize("video", FIXTURE["videos"], ids=lambda video: video["item"]["id"])
def test_scores_of_a_video(video: dict[str, Any]) -> None:
    found = entry(video)
    assert {key: found[key] for key in video["expected"]} == video["expected"]


def test_summary() -> None:
    found = results.summary([entry(video) for video in FIXTURE["videos"]], FIXTURE["skipped"])
    assert json.dumps(found) == json.dumps(FIXTURE["summary"]), "values and order of keys"


@pytest.mark.parametrize("row", FIXTURE["binary_table"], ids=lambda row: repr(row[0]))
def test_yes_no(row: list[Any]) -> None:
    answer, if_yes, if_no = row
    read = results.read_yes_no(answer)
    assert [int(read is True), int(read is False)] == [if_yes, if_no]


@pytest.mark.parametrize(("accuracy", "ratio", "published_score"), PUBLISHED)
def test_score_pr_gives_the_published_rows(accuracy: float, ratio: float, published_score: float) -> None:
    assert 100 * process.score_pr(accuracy / 100, ratio * accuracy / 100) == pytest.approx(published_score, abs=0.1)


def test_quality_is_the_stated_mean() -> None:
    assert process.quality({"reasoning": 5, "consistency": 1, "aesthetics": 3}) == pytest.approx(3.2)


@given(ANSWERS)
def test_process_scores_keep_their_order(answers: list[process.Answered]) -> None:
    phases = process.phase_scores(answers)
    mean = process.accuracy(answers)
    assert 0 <= process.chain_score(answers) <= mean + 1e-12, "a chain only takes away"
    assert min(phases.values()) - 1e-6 <= process.bottleneck(phases) <= max(phases.values()) + 2e-9
    dynamic = process.dynamic_accuracy(answers)
    if dynamic is not None:
        assert min(mean, dynamic) - 1e-12 <= process.score_pr(mean, dynamic) <= max(mean, dynamic) + 1e-12
    gap = process.outcome_gap(phases)
    assert (gap is None) == (process.gap_flag(gap) == "insufficient_data")
    if all(one.score == 1 for one in answers):
        assert mean == process.chain_score(answers) == process.weighted_score(answers) == 1


def test_published_counts(published: Callable[[str], Path]) -> None:
    records = cases.load(published("worldreasonbench"))
    assert Counter(r.domain for r in records) == {
        "world_knowledge": 127, "human_centric": 77, "logic_reasoning": 124, "information": 100
    }  # fmt: skip
    assert [sum(len(r.questions[kind]) for r in records) for kind in ("open", "binary")] == [2162, 2490]
    assert len({(r.domain, r.subcategory) for r in records}) == 22


def test_replies_keep_grades_and_tell_what_a_grader_missed(tmp_path: Path) -> None:
    one = {"question": "?", "question_type": "temporal", "difficulty": "easy", "ground_truth": "It falls."}
    rows = [
        {**one, "predicted_answer": "It fell.", "score": 1, "judge_parse_ok": True},
        {**one, "predicted_answer": "It rose.", "score": 0, "judge_parse_ok": False},
    ]
    path = tmp_path / "full_results.json"
    path.write_text(json.dumps({"per_video": [{"id": "1-a-1", "questions": rows}]}))
    loaded = results.load(path)
    first, second = results.replies(loaded)["1-a-1"]["process"]
    assert (first.official, first.strict) == (True, True)
    assert (second.official, second.strict) == (False, None) and "grader" in second.reason
    rows[0]["score"] = 2
    path.write_text(json.dumps({"per_video": [{"id": "1-a-1", "questions": rows}]}))
    with pytest.raises(InvalidArgument, match="expected 0 or 1"):
        results.load(path)


def test_a_damaged_copy_is_refused(tmp_path: Path, published: Callable[[str], Path]) -> None:
    for names in cases.CASE_FILES.values():
        (tmp_path / names[-1]).write_text("[]")
    with pytest.raises(InvalidCase, match=r"record 0 of qa_World-Knowledge\.json has no 'id'"):
        (tmp_path / "qa_World-Knowledge.json").write_text('[{"category": "x"}]')
        cases.load(tmp_path)
    rows = json.loads((published("worldreasonbench") / "qa_Human-Centric.json").read_text())[:1] * 2
    (tmp_path / "qa_World-Knowledge.json").write_text("[]")
    (tmp_path / "qa_Human-Centric.json").write_text(json.dumps(rows))
    with pytest.raises(InvalidCase, match="two records with the id '2-a-1'"):
        cases.load(tmp_path)

"""Recorded answers as a judger: two readings, other suites, damaged files."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.core.question import Question
from wmenv.core.registries import JUDGERS
from wmenv.core.verdict import Judgement
from wmenv.envs.videoverse.criteria import SCHEMES as VIDEOVERSE
from wmenv.envs.videoverse.criteria import by_points
from wmenv.envs.videoverse.criteria import criteria as dimensions
from wmenv.envs.worldmodelbench.criteria import SCHEME, criteria
from wmenv.envs.worldreasonbench.criteria import SCHEMES as REASON
from wmenv.envs.worldreasonbench.criteria import phases
from wmenv.official import labels

CLIP = wmenv.Clip(np.zeros((2, 8, 8, 3), np.uint8), Fraction(4))
NAMES = ("newton", "mass", "fluid", "penetration", "gravity")  # the script's word for impenetrability included


def asked(case_id: str, criteria: Any, scheme: str) -> Case:
    return Case(Request(case_id, "Do it.", np.zeros((0, 8, 8, 3), np.uint8), ClipSpec()), criteria, scheme)


def worldmodelbench(folder: Path, instruction: str, *passes: str) -> Path:
    """A result file on the clips `a`, with these replies."""
    preds = {"a": {"instruction": [instruction], "physical_laws": list(passes[:5]), "common_sense": list(passes[5:])}}
    path = folder / "worldmodelbench_results.json"
    path.write_text(json.dumps({"model_name": "m", "preds": preds, "accs": {}}))
    return path


def judged(path: Path, case: Case, parse: str = "strict") -> Judgement:
    (one,) = JUDGERS.create(f"answers:{path},parse={parse}").judge([case], [CLIP])
    return one


@pytest.mark.parametrize("word", ["noticeable", "another", "snow", "cannot", "Nothing is wrong"])
def test_no_inside_a_word(word: str, tmp_path: Path) -> None:
    path = worldmodelbench(tmp_path, "Score: 3", f"Yes, {word}", word, "No", "No", "No", "No", "No")
    case = asked("a", criteria("Do it."), SCHEME)
    official, strict = judged(path, case, "official"), judged(path, case)
    assert official.total == 10 and official.coverage == 1, "the letters n-o pass"
    assert strict["newton"].score == 0, "the answer was yes"
    assert strict["mass"].state == "failed" and word in strict["mass"].reason
    assert (strict.total, strict.maximum, strict.coverage) == (8.0, 9.0, pytest.approx(7 / 8))


@pytest.mark.parametrize(
    ("reply", "official"), [("", 0.0), ("Score: 7", None), ("Score: -1", None), ("Score: nan", None), ("three", 0.0)]
)
def test_grades_that_are_none(reply: str, official: float | None, tmp_path: Path) -> None:
    path = worldmodelbench(tmp_path, reply, *["No"] * 7)
    case = asked("a", criteria("Do it."), SCHEME)
    assert judged(path, case)["instruction"].state == "failed"
    assert judged(path, case, "official")["instruction"].score == official
    assert judged(path, case).total == 7 and judged(path, case).maximum == 7


def test_empty_answers_fail_strictly(tmp_path: Path) -> None:
    path = worldmodelbench(tmp_path, "Score: 0", *[""] * 7)
    strict = judged(path, asked("a", criteria("Do it."), SCHEME))
    assert (strict.total, strict.maximum, strict.coverage) == (0.0, 3.0, pytest.approx(1 / 8))
    assert "empty" in strict["gravity"].reason


def test_a_case_that_is_not_in_the_file_has_failed(tmp_path: Path) -> None:
    path = worldmodelbench(tmp_path, "Score: 1", *["No"] * 7)
    missing = judged(path, asked("b", criteria("Do it."), SCHEME))
    assert missing.total is None and missing.coverage == 0 and "no answer on case b" in missing.verdicts[0].reason


def test_events_and_checks(tmp_path: Path) -> None:
    plan = [{"event_id": k, "event_description": f"E{k}"} for k in range(3)]
    rows = {
        "k": {
            "verification_checks": [
                {"check_type": "Interaction", "question": "?", "res": "yes"},
                {"check_type": "Interaction", "question": "!", "res": "wrong"},
                {"check_type": "Mechanics", "question": "?", "res": "no"},
            ],
            "t2v_following_prompt": {"t2v_prompt": "p"},
            "t2v_eval_event_info": {
                "verification_plan": plan,
                "overall_event_res": "C,A,B,E",
                "overall_event_processed_res": "CABE",
            },
        }
    }
    path = tmp_path / "eval_res.json"
    path.write_text(json.dumps(rows))
    checks = [("interaction", "?"), ("interaction", "!"), ("mechanics", "?")]
    case = asked("k", by_points(dimensions(("E0", "E1", "E2"), checks)), VIDEOVERSE["points"])
    official, strict = judged(path, case, "official"), judged(path, case)
    assert official["event_following"].native == 2 and official["interaction"].native == 1
    assert (official.total, official.maximum) == (3.0, 6.0)
    assert strict["event_following"].state == "failed", "E is no event of the plan"
    assert strict["interaction"].state == "failed" and strict["mechanics"].score == 0
    other = asked("k", by_points(dimensions(("E0", "E1", "E2"), checks[:1])), VIDEOVERSE["points"])
    assert "2 answers to 1 questions" in judged(path, other)["interaction"].reason


def test_open_answers_count_as_their_grader_says(tmp_path: Path) -> None:
    one = {"question": "?", "difficulty": "easy", "ground_truth": "It falls.", "predicted_answer": "It fell."}
    rows = [{**one, "question_type": kind, "score": score} for kind, score in (("factual", 1), ("temporal", 0))]
    path = tmp_path / "full_results.json"
    path.write_text(json.dumps({"per_video": [{"id": "1-a-1", "questions": rows}]}))
    questions = [Question("?", "text", reference="It falls.", topic=topic) for topic in ("state", "process")]
    found = judged(path, asked("1-a-1", phases(questions), REASON["process"]))
    assert (found["state"].score, found["process"].score, found["mechanism"].state) == (1, 0, "not_applicable")
    assert found.total == 0, "half the answers are right, none on the process"


def test_labels_of_people(tmp_path: Path) -> None:
    rows = ["clip,criterion,annotator,value"]
    rows += [f"a,{name},{who},1" for name in (*NAMES, "framewise") for who in ("ann", "bob")]
    rows += ["a,instruction,ann,2", "a,instruction,bob,3", "a,temporal,ann,1", "a,temporal,bob,0"]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(rows))
    found = judged(path, asked("a", criteria("Do it."), SCHEME))
    assert found["instruction"].native == 2.5 and found["instruction"].score == pytest.approx(2.5 / 3)
    assert found["temporal"].state == "failed" and "divided" in found["temporal"].reason
    assert (found.total, found.maximum) == (8.5, 9.0)
    with pytest.raises(InvalidArgument, match="no official reading"):
        JUDGERS.create(f"answers:{path},parse=official")


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("clip,criterion,value\na,mass,1", "no column annotator"),
        ("clip,criterion,annotator,value\na,mass,ann,yes", "should be a number"),
        ("clip,criterion,annotator,value\na,mass,ann,2", "0 to 1 for mass"),
        ("clip,criterion,annotator,value\na,instruction,ann,4", "0 to 3 for instruction"),
        ("clip,criterion,annotator,value\na,mass,ann,nan", "0 to 1 for mass"),
        ("clip,criterion,annotator,value\na,mass,ann,1\na,mass,ann,0", "2 times"),
        ("clip,criterion,annotator,value\na,,ann,1", "empty"),
        ("clip,criterion,annotator,value\n", "no label"),
        ("", "no column"),
    ],
)
def test_damaged_tables_are_refused(table: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(table)
    with pytest.raises(InvalidCase, match=told):
        labels.load(path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 1 of .* is not JSON"),
        ('{"case_id": "a"}', "no 'criterion'"),
        ('{"case_id": "a", "criterion": "mass"}', "either an 'answer'"),
        ('{"case_id": "a", "criterion": "mass", "answer": "No", "value": 1}', "either an 'answer'"),
        ('{"case_id": "a", "criterion": "mass", "value": NaN}', "finite number"),
        ('{"case_id": "a", "criterion": "mass", "question": 1, "answer": "No"}', "without a gap"),
        ('{"case_id": "a", "criterion": "mass", "answer": 3}', "should be a str"),
        (
            '{"case_id": "a", "criterion": "m", "value": 1}\n{"case_id": "a", "criterion": "m", "value": 1}',
            "second time",
        ),
    ],
)
def test_damaged_lines_are_refused(line: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(line)
    with pytest.raises(InvalidCase, match=told):
        JUDGERS.create(f"answers:{path}")


def test_lines_may_name_the_clip(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    lines = [
        {"case_id": "a", "criterion": "mass", "answer": "No", "clip": CLIP.digest},
        {"case_id": "a", "criterion": "fluid", "answer": "No", "clip": "0" * 32},
        {"case_id": "a", "criterion": "instruction", "value": 9},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = judged(path, asked("a", criteria("Do it."), SCHEME))
    assert found["mass"].score == 1
    assert found["fluid"].state == "failed" and "another clip" in found["fluid"].reason
    assert found["instruction"].state == "failed" and "out of range" in found["instruction"].reason


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    for content in ("[]", "{}", '{"a": 1}', "no json"):
        path.write_text(content)
        with pytest.raises(InvalidCase):
            JUDGERS.create(f"answers:{path}")
    with pytest.raises(InvalidArgument, match="no file at"):
        JUDGERS.create(f"answers:{tmp_path / 'nowhere.json'}")
    with pytest.raises(InvalidArgument, match="'strict' or 'official'"):
        JUDGERS.create(f"answers:{worldmodelbench(tmp_path, '1', *['No'] * 7)},parse=loose")

"""VideoVerse: every fixture of the official scripts reproduced; published counts; damaged files are refused."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.official.videoverse import cases, results

FIXTURE = json.loads((Path(__file__).parents[1] / "fixtures" / "videoverse_scoring.json").read_text())


@pytest.mark.parametrize("case", FIXTURE["cal_acc_cases"], ids=lambda case: case["id"])
def test_reports(case: dict[str, Any]) -> None:
    expected = case["expected_official"]
    if expected["error"]:
        with pytest.raises(InvalidArgument, match="None"):
            results.report(case["eval_res"])
        return
    assert json.dumps(results.report(case["eval_res"])) == json.dumps(expected["report"]), "values and order of keys"


@pytest.mark.parametrize("row", FIXTURE["lcs_table"], ids=lambda row: f"{row['num_events']}-{row['predicted']}")
def test_event_points(row: dict[str, Any]) -> None:
    assert results.event_points(row["num_events"], row["predicted"]) == row["lcs_length"]


@pytest.mark.parametrize("row", FIXTURE["letter_filter_table"], ids=lambda row: repr(row["text"]))
def test_letters(row: dict[str, Any]) -> None:
    assert results.read_letters(row["text"]) == row["letters"]


@pytest.mark.parametrize("row", FIXTURE["yes_no_table"], ids=lambda row: repr(row["text"]))
def test_yes_no(row: dict[str, Any]) -> None:
    assert results.read_yes_no(row["text"]) == row["official"]


@pytest.mark.parametrize("flow", FIXTURE["eval_flow_cases"], ids=lambda flow: flow["id"])
def test_the_flow_of_the_script(flow: dict[str, Any]) -> None:
    queues: dict[str, Iterator[str]] = defaultdict(lambda: iter(()))
    queues |= {key: iter(given) for key, given in flow["replies_in_call_order"].items()}
    calls = 0

    def ask(key: str, _: str) -> str:
        nonlocal calls
        if flow["id"] == "base_url_left_as_shipped":
            raise KeyError("BASEURL")  # before any call, as shipped
        calls += 1
        return next(queues[key])

    expected = flow["expected_official"]
    made = results.collect(flow["prompt_json"], ask, ask, flow["existing_eval_res"])
    assert made == expected["eval_res"]
    assert calls == expected["calls"]
    assert results.report(made) == expected["report"]


def h(*parts: object) -> int:
    return int(hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest(), 16)


def by_rule(key: str, row: dict[str, Any]) -> dict[str, Any]:
    """The fixture's rule for answers on the full set."""
    row = json.loads(json.dumps(row))
    kept = [j for j in range(len(row["t2v_eval_event_info"]["verification_plan"])) if h(key, "keep", j) % 4]
    order = sorted(kept, key=lambda j: (h(key, "ord", j) % 3, chr(ord("A") + j)))
    row["t2v_eval_event_info"]["overall_event_processed_res"] = "".join(chr(ord("A") + j) for j in order)
    for j, check in enumerate(row["verification_checks"]):
        check["res"] = "yes" if h(key, "check", j) % 3 else "no"
    return dict(row)


def ideal(key: str, row: dict[str, Any]) -> dict[str, Any]:
    letters = "ABCDEFGH"[: len(row["t2v_eval_event_info"]["verification_plan"])]
    reply = lambda _key, _asked: f"<output>{','.join(letters)}</output>"  # noqa: E731
    return dict(results.collect({key: row}, reply, lambda _key, _question: "Yes")[key])


@pytest.mark.parametrize("run", FIXTURE["full_set_runs"]["runs"], ids=lambda run: run["id"])
def test_reports_on_the_published_prompts(run: dict[str, Any], published: Callable[[str], Path]) -> None:
    prompts = json.loads((published("videoverse") / "prompts_of_VideoVerse.json").read_text())
    answer = ideal if run["id"] == "ideal" else by_rule
    report = results.report({key: answer(key, row) for key, row in prompts.items()})
    assert report["overall_summary"] == run["overall_summary"]
    compact = json.dumps(report["per_video_analysis"], sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(compact.encode()).hexdigest() == run["per_video_analysis_sha256_of_compact_sorted_json"]


def test_published_counts(published: Callable[[str], Path]) -> None:
    records = cases.load(published("videoverse"))
    asked = Counter(criterion for record in records for criterion, _ in record.checks)
    assert len(records) == 300 and sum(len(record.events) for record in records) == 815
    assert sum(asked.values()) == 793 and asked["attribution_correctness"] == 218 and asked["layout_2d"] == 86
    assert set(asked) == set(cases.CHECKS.values())


def test_files_go_round(tmp_path: Path) -> None:
    flow = next(flow for flow in FIXTURE["eval_flow_cases"] if flow["id"] == "plain")
    expected = flow["expected_official"]["eval_res"]
    path = tmp_path / "eval_res.json"
    path.write_text(json.dumps(expected))
    found = results.replies(results.load(path))
    assert results.dumps(results.from_replies(found, flow["prompt_json"])) == path.read_text()


def row(**changes: Any) -> dict[str, Any]:
    plain = {
        "verification_checks": [{"check_type": "Interaction", "question": "Is it {so}?", "check": True}],
        "t2v_following_prompt": {"t2v_prompt": "A 'red' {ball}."},
        "t2v_eval_event_info": {"verification_plan": [{"event_id": 2, "event_description": "It falls."}]},
    }
    return {**plain, **changes}


def test_checks_marked_false_are_not_asked(tmp_path: Path) -> None:
    checks = [{"check_type": "3d_depth", "question": "?", "check": False}, *row()["verification_checks"]]
    (tmp_path / "prompt.json").write_text(json.dumps({"a": row(verification_checks=checks)}))
    (one,) = cases.load(tmp_path)
    assert one.checks == (("interaction", "Is it {so}?"),) and one.prompt == "A 'red' {ball}."


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"verification_checks": [{"check_type": "Taste", "question": "?"}]}, "type 'Taste'"),
        ({"verification_checks": "none"}, "should be a list"),
        ({"t2v_eval_event_info": {"verification_plan": []}}, "0 events"),
        ({"t2v_following_prompt": {}}, "no 't2v_prompt'"),
    ],
)
def test_damaged_prompt_files_are_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    (tmp_path / "prompt.json").write_text(json.dumps({"a": row(**changes)}))
    with pytest.raises(InvalidCase, match=told):
        cases.load(tmp_path)

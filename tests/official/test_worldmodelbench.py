"""WorldModelBench: every fixture of the official script reproduced, faults included; damaged copies are refused."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.official.worldmodelbench import cases, results

FIXTURE = json.loads((Path(__file__).parents[1] / "fixtures" / "worldmodelbench_scoring.json").read_text())
CRITERIA = [criterion for group in results.GROUPS.values() for criterion in group]


def named(printed: str) -> str:
    """Criterion of a name that the script prints."""
    return results.PRINTED.get(printed.lower(), printed.lower())


def number(value: Any) -> float:
    """Non-finite numbers are texts in the fixture."""
    return float(value)


def same(found: Any, expected: Any) -> bool:
    """Equal JSON, where "NaN" in the expectation is a NaN."""
    if expected in ("NaN", "Infinity", "-Infinity"):
        return isinstance(found, float) and str(found) == str(float(expected))
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(same(a, b) for a, b in zip(found, expected, strict=True))
    return bool(found == expected)


@pytest.mark.parametrize("run", FIXTURE["runs"], ids=lambda run: run["id"])
def test_a_run_of_the_script(run: dict[str, Any]) -> None:
    expected, argv = run["expected_official"], run["argv_extra"]
    save = argv[argv.index("--save_name") + 1] if "--save_name" in argv else "worldmodelbench_results"
    name = results.file_name(save, "--cot" in argv)
    calls = 0

    def ask(stem: str, criterion: str) -> str:
        nonlocal calls
        calls += 1
        return str(run["answers_in_question_order"][stem][CRITERIA.index(criterion)])

    stems = [Path(record["first_frame"]).stem for record in run["records"]]
    present = [stem for stem in stems if stem in run["videos_present"]]
    if name in run["pre_existing_files"]:  # the script takes it as it is, whatever was asked now
        made = run["pre_existing_files"][name]
    else:
        made = results.collect(present, ask, run["model_name"])
    assert calls == expected["judge_calls"]
    for stored, content in expected["json_files_after_run"].items():
        assert stored == name and same(made, content)
        assert json.loads(results.dumps(made)).keys() == content.keys()
    if expected["error"]:
        with pytest.raises(ValueError, match=expected["error"]["message"].split()[-1]):
            results.totals(made)
        return
    found = results.totals(made)
    assert found.total == pytest.approx(number(expected["total"]), abs=1e-12, nan_ok=True)
    printed = [number(value) for _, value in expected["printed_scores_in_order"]]
    assert list(found.groups.values()) == pytest.approx(printed, abs=1e-12, nan_ok=True)
    for _, table in expected["printed_tables_in_order"]:
        assert {key: found.criteria[named(key)] for key in table} == pytest.approx(table, abs=1e-12)


@pytest.mark.parametrize("row", FIXTURE["instruction_parse_table"], ids=lambda row: repr(row["answer"]))
def test_official_grades(row: dict[str, Any]) -> None:
    assert results.read_grade(row["answer"]) == pytest.approx(number(row["official_value"]), abs=0, nan_ok=True)


@pytest.mark.parametrize("row", FIXTURE["binary_parse_table"], ids=lambda row: repr(row["answer"]))
def test_official_passes(row: dict[str, Any]) -> None:
    assert results.read_pass(row["answer"]) is row["official_pass"]


def answer(stem: str, k: int) -> str:
    """The fixture's rule for answers on the full set."""
    h = int(hashlib.sha256(f"{stem}|{k}".encode()).hexdigest(), 16)
    return f"Score: {h % 4}" if k == 0 else "No" if h % 3 else "Yes"


def chosen(run: dict[str, Any], records: list[cases.Record]) -> list[cases.Record]:
    if run["id"] == "robotics_only":
        return [record for record in records if record.domain == "robotics"]
    assert run["id"] == "full_350"
    return records


@pytest.mark.parametrize("run", FIXTURE["full_set_runs"]["runs"], ids=lambda run: run["id"])
def test_a_run_on_the_published_cases(run: dict[str, Any], published: Callable[[str], Path]) -> None:
    stems = [record.stem for record in chosen(run, cases.load(published("worldmodelbench")))]
    assert len(stems) == run["videos_present_count"]
    made = results.collect(stems, lambda stem, criterion: answer(stem, CRITERIA.index(criterion)), "rule")
    compact = json.dumps(made["accs"], separators=(",", ":"))
    assert hashlib.sha256(compact.encode()).hexdigest() == run["accs_sha256_of_json_dumps_separators_compact"]
    found = results.totals(made)
    assert found.total == pytest.approx(run["total"], abs=1e-12)
    for _, table in run["printed_tables_in_order"]:
        assert {key: found.criteria[named(key)] for key in table} == pytest.approx(table, abs=1e-12)


def test_published_counts(published: Callable[[str], Path]) -> None:
    records = cases.load(published("worldmodelbench"))
    assert len(records) == 350 and set(Counter(r.domain for r in records).values()) == {50}
    assert len({(r.domain, r.subdomain) for r in records}) == 56
    assert {r.domain for r in records} == set(cases.DOMAINS)


def test_files_go_round(tmp_path: Path) -> None:
    run = next(run for run in FIXTURE["runs"] if run["id"] == "mixed_four_videos")
    (content,) = run["expected_official"]["json_files_after_run"].values()
    path = tmp_path / "worldmodelbench_results.json"
    path.write_text(json.dumps(content, indent=4))
    loaded = results.load(path)
    again = results.from_replies(results.replies(loaded), loaded["model_name"])
    assert results.dumps(again) == path.read_text(), "byte for byte what the script wrote"


def record(**changes: str) -> dict[str, str]:
    plain = {
        "domain": "robotics",
        "subdomain": "pick",
        "text_first_frame": "A {red} cube on a 'table'.",
        "text_instruction": '"Pick up the {cube}."',
        "first_frame": "images/000000000073.6.jpg",
    }
    return {**plain, **changes}


def copy_with(folder: Path, *records: Any) -> Path:
    (folder / "worldmodelbench.json").write_text(json.dumps(records))
    return folder


def test_prompts_keep_braces_quotes_and_dotted_stems(tmp_path: Path) -> None:
    (one,) = cases.load(copy_with(tmp_path, record()))
    assert one.stem == "000000000073.6"
    assert one.prompts == {
        "text": "A {red} cube on a 'table'. \"Pick up the {cube}.\"",
        "image": '"Pick up the {cube}."',
    }


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([record(), record(text_instruction="Another.")], "two records with the id '000000000073.6'"),
        ([record(domain="cooking")], "domain 'cooking'; known: 'robotics'"),
        ([record(first_frame="../../secret.jpg")], "outside the copy"),
        ([{"domain": "robotics"}], "has no 'subdomain'"),
        ([record(first_frame="images/.hidden")], "not safe as a file name"),
        (["a text"], "record 0 of worldmodelbench.json should be a dict, got str"),
    ],
)
def test_damaged_case_files_are_refused(tmp_path: Path, rows: list[Any], told: str) -> None:
    with pytest.raises(InvalidCase, match=told.replace(".", r"\.")):
        cases.load(copy_with(tmp_path, *rows))


def test_a_folder_without_case_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidCase, match="WorldModelBench-Team/WorldModelBench"):
        cases.load(tmp_path)
    (tmp_path / "worldmodelbench.json").write_text("[{")
    with pytest.raises(InvalidCase, match="is not JSON"):
        cases.load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        {"preds": {}},
        {"preds": {"a": {"instruction": ["Score: 1", "Score: 2"]}}, "accs": {}},
        {"preds": {"a": {"physical_laws": "No"}}, "accs": {}},
        [],
    ],
)
def test_damaged_result_files_are_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(content))
    with pytest.raises((InvalidCase, InvalidArgument)):
        results.load(path)


def test_nan_goes_through_like_in_the_script() -> None:
    made = results.collect(["a"], lambda _, criterion: "Score: nan" if criterion == "instruction" else "No", "m")
    assert math.isnan(results.totals(made).total)

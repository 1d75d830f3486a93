"""Copies of published benchmarks: what is missing or changed is found; templates are read, never run."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wmenv.cli import app
from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.official import benchmarks, copies
from wmenv.official.benchmarks import BENCHMARKS
from wmenv.official.videoverse import templates as videoverse
from wmenv.official.worldmodelbench import templates as worldmodelbench
from wmenv.official.worldmodelbench.results import GROUPS
from wmenv.official.worldreasonbench import templates as worldreasonbench

FIXTURES = Path(__file__).parents[1] / "fixtures"
CRITERIA = [criterion for group in GROUPS.values() for criterion in group]

SCRIPT = '''
from enum import Enum
import pathlib
pathlib.Path({mark!r}).write_text("this script was run")


class Kind(Enum):
    ONE = "instruction"
    TWO = "physical_laws"
    THREE = "common_sense"


def get_default_prompt_templates():
    return {{
        Kind.ONE.value: """
            Follows '{{instruction}}'?
            Think and say a number.
        """.strip(),
        Kind.TWO.value: "Any '{{physical_laws}}'? " + "Think and say yes or no.",
        "common_sense": {sense},
    }}


def get_default_question_pool():
    return {{Kind.ONE.value: None, Kind.TWO.value: ["A", "B", "C", "D", "Gravity: E"], Kind.THREE.value: ("F", "G")}}


class Evaluator:
    def evaluate_video(self, video, prompt, cot=True):
        if not cot:
            prompt = prompt.replace("Think and say", "Tell").replace("Tell a", "Give a")
        return prompt
'''


def script(folder: Path, sense: str = "\"Any '{common_sense}'?\"") -> Path:
    path = folder / "evaluation.py"
    path.write_text(SCRIPT.format(mark=str(folder / "mark"), sense=sense))
    return path


def test_templates_are_read_and_the_script_is_not_run(tmp_path: Path) -> None:
    found = worldmodelbench.load(script(tmp_path))
    assert not (tmp_path / "mark").exists()
    # Indentation inside, braces and quotes of an instruction, order of replacements, lower case: as a run has it.
    asked = found.prompt("instruction", "say \"{hi}\" to 'him'")
    assert asked == "Follows 'say \"{hi}\" to 'him''?\n            Give a number."
    assert found.prompt("instruction", "x", reasoned=True).endswith("Think and say a number.")
    assert found.prompt("gravity", "x") == "Any 'gravity: e'? Tell yes or no."
    assert found.prompt("temporal", "x") == "Any 'g'?"


@pytest.mark.parametrize(
    "sense", ["open('x').read()", "f'{1 + 1}'", "__import__('os').name", "3", "'a' * 9", "''.join(['a'])"]
)
def test_what_is_no_plain_text_is_refused_with_its_line(tmp_path: Path, sense: str) -> None:
    with pytest.raises(InvalidCase, match=r"line 20 of .*evaluation\.py should be a plain text"):
        worldmodelbench.load(script(tmp_path, sense))


@pytest.mark.parametrize("text", ["def (", "x = 1", "\0", "def get_default_prompt_templates(): pass"])
def test_another_script_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "evaluation.py"
    path.write_text(text)
    with pytest.raises(InvalidCase):
        worldmodelbench.load(path)
    with pytest.raises(InvalidCase):
        videoverse.load(path)
    with pytest.raises(InvalidCase):
        worldreasonbench.load(path)
    assert copies.check("worldmodelbench", tmp_path)[-1].state == "wrong"


def test_prompts_are_those_of_the_scripts(published: Callable[[str], Path]) -> None:
    """Where the copies hold the scripts: every prompt of the fixtures, byte by byte, by its hash."""
    found = copies.templates("worldmodelbench", published("worldmodelbench"))
    if found is None:
        pytest.skip("the copy has no evaluation.py")
    digests = json.loads((FIXTURES / "worldmodelbench_scoring.json").read_text())["prompt_digests"]
    for mode, rows in digests.items():
        for row in rows:
            prompt = found.prompt(CRITERIA[row["question_index"]], row["text_instruction"], mode == "cot")
            assert hashlib.sha256(prompt.encode()).hexdigest() == row["sha256_utf8"]


def test_video_prompts_are_those_of_the_script(published: Callable[[str], Path]) -> None:
    """Where the copy holds the script: every prompt of the fixtures, by its hash."""
    found = copies.templates("videoverse", published("videoverse"))
    if found is None:
        pytest.skip("the copy has no script")
    for flow in json.loads((FIXTURES / "videoverse_scoring.json").read_text())["eval_flow_cases"]:
        made = set()
        for key, row in flow["prompt_json"].items():
            events = [one["event_description"] for one in row["t2v_eval_event_info"]["verification_plan"]]
            prompts = [found.check_prompt(one["question"]) for one in row["verification_checks"]]
            prompts += [found.event_prompt(events)] if len(events) <= 8 else []
            made |= {(key, hashlib.sha256(prompt.encode()).hexdigest()) for prompt in prompts}
        assert {tuple(call) for call in flow["expected_official"]["calls_in_order_with_prompt_sha256"]} <= made


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a benchmark of two cases, known as a published one."""
    rows = [
        {
            "domain": "robotics",
            "subdomain": "pick",
            "text_first_frame": "A cube.",
            "text_instruction": "Pick it up.",
            "first_frame": f"images/0000.{k}.jpg",
        }
        for k in range(2)
    ]
    folder = tmp_path / "copy"
    (folder / "images").mkdir(parents=True)
    (folder / "worldmodelbench.json").write_text(json.dumps(rows))
    script(folder)
    for k in range(2):
        (folder / rows[k]["first_frame"]).write_bytes(bytes([k]))
    starts = [(row["first_frame"], hashlib.sha256(bytes([k])).hexdigest()[:16]) for k, row in enumerate(rows)]
    known = BENCHMARKS["worldmodelbench"]
    files = tuple(replace(one, sha256=copies.sha256(folder / one.names[0])) for one in known.files)
    counts = {"cases": 2, "domains": 1, "subdomains": 1}
    small = replace(known, files=files, counts=counts, images=lambda _: starts)
    monkeypatch.setitem(benchmarks.BENCHMARKS, "worldmodelbench", small)
    return folder


def states(folder: Path) -> dict[str, str]:
    return {one.what: one.state for one in copies.check("worldmodelbench", folder)}


def test_a_whole_copy_is_ok(copy: Path) -> None:
    assert set(states(copy).values()) == {"ok"}
    assert app(["data", "check", "worldmodelbench", "--path", str(copy)], result_action="return_value") == 0


def test_a_changed_file_is_found(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (copy / "worldmodelbench.json").open("a") as stream:
        stream.write(" ")
    assert states(copy)["worldmodelbench.json"] == "changed"
    assert copies.changed_files("worldmodelbench", copy) == ["worldmodelbench.json"]
    (copy / "images/0000.1.jpg").write_bytes(b"other")
    assert states(copy)["first frames"] == "changed"
    assert app(["data", "check", "worldmodelbench", "--path", str(copy)], result_action="return_value") == 1
    assert "0000.1.jpg" in capsys.readouterr().out


def test_a_missing_image_is_found(copy: Path) -> None:
    (copy / "images/0000.0.jpg").unlink()
    (finding,) = (one for one in copies.check("worldmodelbench", copy) if one.what == "first frames")
    assert finding.state == "missing" and "1 of 2" in finding.detail and "0000.0.jpg" in finding.detail


def test_a_duplicate_and_a_missing_file_are_found(copy: Path) -> None:
    rows = json.loads((copy / "worldmodelbench.json").read_text())
    (copy / "worldmodelbench.json").write_text(json.dumps(rows * 2))
    (finding,) = (one for one in copies.check("worldmodelbench", copy) if one.what == "cases")
    assert finding.state == "wrong" and "two records" in finding.detail
    shutil.rmtree(copy / "images")
    (copy / "evaluation.py").unlink()
    assert states(copy)["evaluation.py"] == states(copy)["question templates"] == "missing"
    (copy / "worldmodelbench.json").write_text(json.dumps(rows[:1]))
    (finding,) = (one for one in copies.check("worldmodelbench", copy) if one.what == "cases")
    assert finding.detail == "1, published are 2"


def test_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="no folder"):
        copies.check("worldmodelbench", tmp_path / "nowhere")
    with pytest.raises(InvalidArgument, match="known: worldmodelbench, videoverse"):
        copies.check("vbench", tmp_path)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_published_case_files_are_known(name: str, published: Callable[[str], Path]) -> None:
    assert copies.changed_files(name, published(name)) == []
    found = {one.what: one for one in copies.check(name, published(name))}
    assert [found[what].state for what in BENCHMARKS[name].counts] == ["ok"] * 3

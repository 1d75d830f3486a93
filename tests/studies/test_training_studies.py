"""The runner on a study of seconds: outcome, resume, kill, failures, refusals, report; the CLI's smoke sizes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from wmenv.core.errors import InvalidArgument, ProtocolMismatch, RunFolderError
from wmenv.report.study import render_study, write_study_report
from wmenv.report.study_chart import speed_chart
from wmenv.runs.lock import FolderLock
from wmenv.studies.blocks import write_blocks
from wmenv.studies.registry import STUDIES
from wmenv.studies.training.outcome import Outcome
from wmenv.studies.training.precision import settled_precision
from wmenv.studies.training.runner import run_training_study
from wmenv.studies.training.table import outcome_tables, study_block

pytest.importorskip("torch")
pytest.importorskip("diffusers")

SCRIPT = Path(__file__).with_name("tiny_study.py")
TRAINING = [name for name, study in STUDIES.items() if study.trains]


def _load() -> Any:
    spec = spec_from_file_location("tiny_study", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TINY = _load()
CELLS = {"plain-0", "plain-1", "few-0", "few-1"}


def run(out: Path, study: Any = TINY.STUDY, experiment: Any = TINY.EXPERIMENT, **options: Any) -> Outcome:
    return run_training_study(study, experiment, out, **({"jobs": 1, "command": "tiny"} | options))


def plain(out: Path) -> dict[str, Any]:
    """study.json without what may differ between two runs."""
    found: dict[str, Any] = json.loads((out / "study.json").read_text())
    del found["environment"]
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study; tests work on copies."""
    out = tmp_path_factory.mktemp("study") / "tiny"
    lines: list[str] = []
    outcome = run(out, jobs=2, told=lines.append)
    assert outcome.complete and not outcome.failures
    assert sum(re.match(r"\[\d/4\] ", line) is not None for line in lines) == 4
    assert lines[-1].startswith("[4/4]") and lines[-1].endswith("finished")
    return out


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def test_outcome(finished: Path) -> None:
    outcome = Outcome.read(finished / "study.json")
    assert {f"{cell['run']}-{cell['seed']}" for cell in outcome.cells} == CELLS
    assert [(row.run, row.split) for row in outcome.rows] == [("plain", "id"), ("plain", "ood_high_v"), ("few", "id")]
    learned, ratio, few = outcome.claims
    errors = {(c["run"], c["seed"]): {s: r["error"] for s, r in c["splits"].items()} for c in outcome.cells}
    for seed in (0, 1):
        fast, inside = errors["plain", seed]["ood_high_v"], errors["plain", seed]["id"]
        assert learned.values[str(seed)] == inside
        assert ratio.values[str(seed)] == pytest.approx(fast / inside, abs=1e-6)
        assert few.values[str(seed)] == pytest.approx(errors["few", seed]["id"] - inside, abs=1e-6)
    row = outcome.row("plain", "id").readouts["error"]
    assert row.mean == pytest.approx((errors["plain", 0]["id"] + errors["plain", 1]["id"]) / 2, abs=1e-6)
    assert row.low < row.mean < row.high and row.seeds == 2
    assert {"command", "processor", "cores", "torch", "wmenv", "cpu_seconds", "jobs"} <= set(outcome.environment)
    text = (finished / "study.json").read_text()
    assert not re.search(r"started|wall|elapsed", text)
    for name in CELLS:  # every cell leaves an agent and an ordinary run folder
        assert (finished / "models" / name / "model.safetensors").is_file()
        assert json.loads((finished / "runs" / name / "results.json").read_text())["complete"]


def test_seeds_and_recipes_make_different_models(finished: Path) -> None:
    weights = {json.loads((finished / "models" / name / "card.json").read_text())["weights"] for name in CELLS}
    assert len(weights) == 4
    cases = {
        name: [row["cases"] for row in json.loads((finished / "runs" / name / "results.json").read_text())["rows"]]
        for name in CELLS
    }
    assert cases["plain-0"] == [3, 3] and cases["few-1"] == [3]


def test_finished_cells_are_never_repeated(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and "cells" in path.parts}
    assert len(before) == 4
    expected = plain(folder)
    # A worker that cannot work: nothing may be left to do.
    run(folder, worker=[sys.executable, "-c", "raise SystemExit(3)"])
    assert plain(folder) == expected
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_lost_cell_is_made_again_the_same(folder: Path) -> None:
    expected = plain(folder)
    (folder / "cells" / "few-1.json").unlink()
    shutil.rmtree(folder / "models" / "few-1")
    shutil.rmtree(folder / "runs" / "few-1")
    told: list[str] = []
    run(folder, told=told.append)
    assert plain(folder) == expected
    assert told[0] == "3 of 4 cells were there" and "few-1" in told[-1] and not any("plain" in line for line in told)


def test_a_cell_that_fails_is_told_and_leaves_its_claims_undecided(folder: Path) -> None:
    expected = plain(folder)
    (folder / "cells" / "few-0.json").unlink()
    state = folder / "models" / "few-0" / "training.safetensors"
    whole = state.read_bytes()
    state.write_bytes(b"not a state")
    told: list[str] = []
    outcome = run(folder, told=told.append)
    assert not outcome.complete
    (failure,) = outcome.failures
    assert (failure.run, failure.seed) == ("few", 0) and "damaged" in failure.reason
    assert any(line.startswith("failed few-0: ") for line in told)
    learned, _, few = outcome.claims
    assert few.verdict == "undecided" and "seed 0" in few.reason and list(few.values) == ["1"]
    assert learned.values.keys() == {"0", "1"}  # the others stand
    assert "error" not in outcome.row("few", "id").readouts  # no mean over the seeds that are left
    assert "damaged" in (folder / "logs" / "worker-0.log").read_text()
    page = render_study(outcome, TINY.STUDY)
    assert "1 of 4 cells failed" in page and "damaged" in page
    assert "**Failed:** few, seed 0" in outcome_tables(outcome)
    state.write_bytes(whole)
    run(folder)
    assert plain(folder) == expected


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 9)", "by signal 9"),
        ("import sys; sys.stdin.readline(); sys.exit('out of luck')", "status 1: out of luck"),
        ("import sys; sys.stdin.readline(); print('hello', flush=True)", "JSONDecodeError"),
    ],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_process_that_dies_costs_its_cell_and_no_other(folder: Path, code: str, why: str, jobs: int) -> None:
    for name in ("few-0", "plain-1"):
        (folder / "cells" / f"{name}.json").unlink()
    outcome = run(folder, jobs=jobs, worker=[sys.executable, "-c", code])
    assert [(one.run, one.seed) for one in outcome.failures] == [("plain", 1), ("few", 0)]
    assert all(why in one.reason for one in outcome.failures), outcome.failures
    assert len(outcome.cells) == 2


def test_other_declarations_are_refused(folder: Path) -> None:
    expected = plain(folder)
    for changes, word in (
        ({"seeds": (0, 1, 2)}, "seeds was"),
        ({"cases": 4}, "cases was 3, now 4"),
        ({"precision": "bfloat16"}, "precision was"),
        ({"runs": (replace(TINY.RUNS[0], steps=4), TINY.RUNS[1])}, "runs differ"),
    ):
        with pytest.raises(ProtocolMismatch, match=word):
            run(folder, experiment=replace(TINY.EXPERIMENT, **changes))
    changed = replace(TINY.STUDY, claims=(replace(TINY.STUDY.claims[0], threshold=99.0), *TINY.STUDY.claims[1:]))
    with pytest.raises(ProtocolMismatch, match="--reanalyse"):
        run(folder, study=changed)
    assert plain(folder) == expected  # a refusal changes nothing
    again = run(folder, study=changed, reanalyse=True)
    assert again.claims[0].verdict == "agrees" and again.analysis_before == [expected["analysis_digest"]]
    assert again.claims[1].model_dump() == expected["claims"][1]
    assert "judged under 1 other" in render_study(again, changed)
    assert run(folder, study=changed).analysis_before == again.analysis_before  # remembered


def test_folders_that_are_something_else_or_in_use(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="holds no study"):
        run(other)
    assert [path.name for path in other.iterdir()] == ["precious.txt"]
    lock = FolderLock(folder)
    with pytest.raises(RunFolderError, match="another process"):
        run(folder)
    lock.release()
    with pytest.raises(InvalidArgument, match="jobs"):
        run(folder, jobs=0)
    (folder / "cells" / "few-0.json").write_text("{")
    with pytest.raises(RunFolderError, match="damaged"):
        run(folder)


class Page(HTMLParser):
    """Tags that are open, and what could leave the page."""

    def __init__(self) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        self.links += [value for name, value in attrs if name in ("src", "href") and value]


def test_report(finished: Path, tmp_path: Path) -> None:
    outcome = Outcome.read(finished / "study.json")
    path = write_study_report(outcome, tmp_path / "report.html", TINY.STUDY)
    text = path.read_text()
    page = Page()
    page.feed(text)
    assert not page.links and "script" not in page.count  # nothing is fetched, nothing runs
    assert page.count["figure"] >= 2 and "Figure &lt;3&gt;" in text and "Figure <3>" not in text
    for claim in outcome.claims:
        assert claim.statement in text
    assert "smoke run" in text and "None of it means anything." in text
    errors = next(chart for chart in text.split("<figure") if "Errors" in chart)
    assert errors.count('class="mark series-0"') >= 4 + 1  # two seeds on two splits, and the key
    assert errors.count('class="mark series-1"') >= 2 + 1
    assert errors.count('class="whisker') == 3
    assert render_study(outcome, TINY.STUDY) == text
    with pytest.raises(RunFolderError, match="cannot write"):
        write_study_report(outcome, tmp_path / "none" / "report.html", TINY.STUDY)


def test_right_speeds_are_drawn_on_the_line(finished: Path) -> None:
    outcome = Outcome.read(finished / "study.json")
    for pairs in ([[0.01, 0.01], [1.0, 1.0], [3.0, 3.0]], [[1.0, 1.0], [2.0, 2.0], [3.0, -3.0]]):
        cells = [
            {**cell, "splits": {s: {**r, "pairs": pairs} for s, r in cell["splits"].items()}} for cell in outcome.cells
        ]
        chart = speed_chart(outcome.model_copy(update={"cells": cells}), "few")
        assert chart is not None
        (line,) = re.findall(r'points="([\d.]+),([\d.]+) ([\d.]+),([\d.]+)" class="baseline', chart.drawing)
        x1, y1, x2, y2 = map(float, line)
        dots = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="2.6"', chart.drawing)]
        assert len(dots) == 2 * len(pairs)
        off = [abs(y - (y1 + (x - x1) * (y2 - y1) / (x2 - x1))) < 0.1 for x, y in dots]
        assert off == 2 * [pair[0] == pair[1] for pair in pairs]
        assert ("moves the wrong way" in chart.note) == (pairs[2][1] < 0)


def test_tables_are_rendered_from_the_committed_file(finished: Path, tmp_path: Path) -> None:
    outcome = Outcome.read(finished / "study.json")
    kept = tmp_path / "tiny.json"
    shutil.copy(finished / "study.json", kept)
    block = study_block(TINY.STUDY, kept)
    assert block == outcome_tables(outcome, TINY.STUDY)
    for claim in outcome.claims:
        assert f"**{claim.verdict}**" in block and claim.statement in block
    assert "`tiny`: 4 models, 2 training seeds (0, 1), 3 test cases a split, float32." in block
    assert str(outcome.environment["processor"]) in block
    page = tmp_path / "page.md"
    page.write_text("<!-- study: tiny -->\n<!-- end study -->\n")
    write_blocks([page], {"tiny": block})
    assert block in page.read_text()
    moved = replace(TINY.STUDY, claims=TINY.STUDY.claims[:2])
    assert "analysis has changed since" in study_block(moved, kept)
    kept.write_text("{}")
    with pytest.raises(RunFolderError, match=r"wmenv\.study/0"):
        study_block(TINY.STUDY, kept)


@pytest.mark.slow
@pytest.mark.parametrize("after", ["declaration.json", "models/plain-0/model.safetensors", "cells/plain-0.json"])
def test_kill_and_resume_come_to_the_same_outcome(finished: Path, tmp_path: Path, after: str) -> None:
    out = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(out)])
    while not (out / after).exists():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(1.5)  # its worker notices at its next word
    assert not {path.stem for path in (out / "cells").glob("*.json")} >= CELLS
    run(out)
    assert plain(out) == plain(finished)


def wmenv(*arguments: object) -> tuple[subprocess.CompletedProcess[str], float]:
    """A command and its CPU time, that of its processes included."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "wmenv", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return done, spent


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("phyworld-splits", "--smoke"), "trains nothing"),
        (("phyworld-ood", "--smoke", "--real"), "one of them"),
        (("phyworld-ood", "--smoke", "--docs", "docs"), "without --docs"),
        (("all", "--smoke"), "name it"),
        (("--smoke",), "name it"),
        (("phyworld-ood", "--jobs", "2"), "go with --smoke or --real"),
        (("phyworld-ood", "--out", "somewhere"), "go with --smoke or --real"),
        (("phyworld-ood", "--check"), "--check goes with --docs"),
        (("phyworld-ood", "--smoke", "--jobs", "0"), "jobs must be at least 1"),
    ],
)
def test_refused_combinations(arguments: tuple[str, ...], word: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wmenv", "study", *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2 and word in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def test_a_training_study_explains_itself() -> None:
    done, _ = wmenv("study", "phyworld-attributes")
    assert done.returncode == 0, done.stderr
    for word in ("Question", "Hypothesis", "Claims", "Runs", "Cost", "--real", "CPU-minutes", "Colour over size"):
        assert word in done.stdout
    listed, _ = wmenv("study")
    assert all(name in listed.stdout for name in STUDIES)


def test_the_precision_is_that_of_the_folder_or_of_a_probe(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wmenv.agents.flow.precision.faster_precision", lambda denoiser, batch: "bfloat16")
    assert settled_precision(tmp_path / "none") == "bfloat16"
    assert settled_precision(tmp_path / "none", probe=False) == "float32"
    assert settled_precision(folder) == TINY.EXPERIMENT.precision == "float32"


IN_CI = ("phyworld-ood", "alignment-table")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name if name in IN_CI else pytest.param(name, marks=pytest.mark.long) for name in TRAINING]
)
def test_smoke_takes_under_a_minute(name: str, tmp_path: Path) -> None:
    out = tmp_path / "smoke"
    done, spent = wmenv("study", name, "--smoke", "--out", out)
    assert done.returncode == 0, done.stderr
    assert spent < 60, f"{name} --smoke took {spent:.0f} s of CPU time"
    outcome = Outcome.read(out / "study.json")
    chosen = outcome.experiment["precision"]
    assert outcome.complete and outcome.environment["command"] == f"wmenv study {name} --smoke --precision {chosen}"
    assert str(out / "report.html") in done.stdout and (out / "report.html").stat().st_size > 10_000
    assert all(claim.verdict in ("agrees", "disagrees", "undecided") for claim in outcome.claims)
    assert (out / "study.json").stat().st_size < 60_000


@pytest.mark.slow
def test_exit_status_of_a_failed_cell(tmp_path: Path) -> None:
    out = tmp_path / "smoke"
    done, _ = wmenv("study", "phyworld-ood", "--smoke", "--out", out, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    expected = plain(out)
    (out / "cells" / "parabola-0.json").unlink()
    (out / "models" / "parabola-0" / "training.safetensors").write_bytes(b"x")
    done, _ = wmenv("study", "phyworld-ood", "--smoke", "--out", out)
    assert done.returncode == 1 and "failed parabola seed 0" in done.stdout and "undecided" in done.stdout
    shutil.rmtree(out / "models" / "parabola-0")
    shutil.rmtree(out / "runs" / "parabola-0")
    done, _ = wmenv("study", "phyworld-ood", "--smoke", "--out", out)
    assert done.returncode == 0 and plain(out) == expected
    before = expected["experiment"]["precision"]  # kept since
    other = "float32" if before == "bfloat16" else "bfloat16"
    done, _ = wmenv("study", "phyworld-ood", "--smoke", "--precision", other, "--out", out)
    assert done.returncode == 2 and f"precision was {before}" in done.stderr

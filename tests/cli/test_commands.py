"""The commands a newcomer types, as they are typed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

COMMANDS = (
    "demo", "evaluate", "merge", "align", "requests", "judge", "report", "compare", "list", "show", "data", "train",
    "study", "doctor", "data violations", "judge exam", "judge compare",
)  # fmt: skip


def wmenv(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wmenv", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains(command: str) -> None:
    done = wmenv(*command.split(), "--help")
    assert done.returncode == 0 and len(done.stdout) > 200, done.stderr


def test_doctor_finds_a_healthy_installation() -> None:
    for arguments in (("doctor",), ("doctor", "--warm")):
        done = wmenv(*arguments)
        assert done.returncode == 0 and "bad" not in done.stdout, done.stdout


def test_demo_ends_with_a_table_and_a_report(tmp_path: Path) -> None:
    before = os.times()
    done = wmenv("demo", "--out", tmp_path / "demo")
    after = os.times()
    assert done.returncode == 0, done.stderr
    assert "nearest-neighbour" in done.stdout and str(tmp_path / "demo/report.html") in done.stdout
    results = json.loads((tmp_path / "demo/results.json").read_text())
    assert results["complete"] and not results["failures"]
    learnt = {"flow"} if find_spec("torch") else set()
    assert {row["agent"] for row in results["rows"]} >= {"law", "copy-last"} | learnt
    assert "<video" in (tmp_path / "demo/report.html").read_text()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 25, f"wmenv demo took {spent:.1f} s of CPU time"
    again = wmenv("demo", "--out", tmp_path / "demo")
    assert again.returncode == 2 and "--resume" in again.stderr


def heeds_ctrl_c() -> None:
    """A process that a shell put into the background passes on that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_says_that_what_is_finished_is_safe(tmp_path: Path) -> None:
    line = ["evaluate", "PhyWorld-uniform_motion", "--agent", "copy-last", "--size", "32", "--episodes", "100000"]
    line += ["--split", "id", "--batch", "1", "--no-report", "--keep-clips", "none", "--out", str(tmp_path / "run")]

    def finished() -> int:
        if not (tmp_path / "run/run.sqlite").exists():
            return 0
        db = sqlite3.connect(tmp_path / "run/run.sqlite")
        try:
            return int(db.execute("SELECT count(*) FROM rollouts").fetchone()[0])
        except sqlite3.OperationalError:  # it is being made
            return 0
        finally:
            db.close()

    command = [sys.executable, "-m", "wmenv", *line]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heeds_ctrl_c
    ) as child:
        try:
            while not finished() and child.poll() is None:
                time.sleep(0.05)
            child.send_signal(signal.SIGINT)
            _, told = child.communicate(timeout=120)
        finally:
            child.kill()
    assert child.returncode == 130, told
    assert "stopped; what is finished is safe: go on with --resume" in told and "Traceback" not in told
    assert finished() >= 1


def test_force_replaces_a_demo_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    done = wmenv("demo", "--out", tmp_path, "--force")
    assert done.returncode == 2 and "precious.txt" in done.stderr
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_evaluate_compare_report_show_list(tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = wmenv("evaluate", "PhyWorld-uniform_motion", "--agent", "law", "--agent", "nearest-neighbour,velocity=2",
                 "--split", "id", "--split", "ood_high_v", "--episodes", 4, "--samples", 2, "--size", 32,
                 "--set", "mode=box2d", "--out", run)  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads((run / "results.json").read_text())
    assert results["protocol"]["mode"] == "box2d" and results["samples"] == 2
    assert {row["rollouts"] for row in results["rows"]} == {8} and {row["cases"] for row in results["rows"]} == {4}
    done = wmenv("compare", f"{run}:law", f"{run}:nearest-neighbour,velocity=2")
    assert done.returncode == 0 and "reward" in done.stdout and "ood_high_v" in done.stdout, done.stderr
    assert wmenv("report", run, "--out", tmp_path / "r.html").stdout.strip() == str(tmp_path / "r.html")
    shown = wmenv("show", "PhyWorld-collision").stdout
    assert "\N{REPLACEMENT CHARACTER}" not in shown and "\n" in shown
    assert "velocity_official" in shown and "ood_cross" in shown and "mode=exact" in shown
    assert "PhyWorld-parabola-v0" in wmenv("list", "envs", "--tag", "level=predictor").stdout
    assert wmenv("list", "envs", "--tag", "level=evolver").returncode == 1
    assert "reward-gradient" in wmenv("list", "methods").stdout


def test_studies_are_listed() -> None:
    assert "phyworld-faults" in wmenv("study").stdout
    done = wmenv("study", "phyworld-fault")
    assert done.returncode == 2 and "phyworld-faults" in done.stderr


def test_clips_made_elsewhere_from_requests_on_disk(tmp_path: Path) -> None:
    """A generator that sees nothing but the written requests; its clips are judged by the same arguments."""
    import numpy as np

    from wmenv.core.video import read_clip, write_clip

    same = ("--split", "id", "--split", "ood_low", "--episodes", 3, "--seed", 5, "--size", 64)
    done = wmenv("requests", "PhyWorld-parabola", *same, "--out", tmp_path / "asked")
    assert done.returncode == 0 and done.stdout.strip() == str(tmp_path / "asked/requests.jsonl"), done.stderr
    asked = [json.loads(line) for line in (tmp_path / "asked/requests.jsonl").read_text().splitlines()]
    assert len(asked) == 6 and {one["split"] for one in asked} == {"id", "ood_low"}
    (tmp_path / "clips").mkdir()
    for one in asked:
        given = read_clip(tmp_path / "asked" / one["given"])
        assert given.frames.shape == (3, 64, 64, 3) and "parabola" in one["prompt"]
        still = np.repeat(given.frames[-1:], one["spec"]["frames"] - 3, axis=0)
        whole = type(given)(np.concatenate([given.frames, still]), given.fps)
        write_clip(tmp_path / "clips" / f"{one['case_id']}.mp4", whole)
    run = tmp_path / "run"
    done = wmenv("evaluate", "PhyWorld-parabola", *same, "--agent", f"videos:{tmp_path / 'clips'}",
                 "--agent", "copy-last", "--no-report", "--out", run)  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = {(row["agent"], row["split"]): row for row in json.loads((run / "results.json").read_text())["rows"]}
    for split in ("id", "ood_low"):
        mine, known = rows["videos:clips", split], rows["copy-last", split]
        assert mine["forfeited"] == known["forfeited"] == 0
        assert abs(mine["reward"]["mean"] - known["reward"]["mean"]) < 0.02

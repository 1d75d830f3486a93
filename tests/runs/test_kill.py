"""`kill -9` anywhere, then resume: the same results, the same kept clips, nothing made twice."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import wmenv
from wmenv.core.registries import AGENTS
from wmenv.runs.keep import Keeper

WHAT = {"splits": ["id", "ood_high"], "episodes": 12, "batch": 4, "size": 32, "seed": 3}
NAMES = ("law", "copy-last")
ROLLOUTS = 2 * 2 * 12

# Runs the evaluation above and kills itself: at the k-th INSERT inside a transaction, after so many bytes below the
# run folder, or after so much CPU time. It prints what there was of each, so that the points can be drawn from it.
DRIVER = """
import json, os, signal, sqlite3, sys, threading, time
from pathlib import Path

out, kind, point, what = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), json.loads(sys.argv[4])
seen = {"insert": 0, "bytes": 0, "cpu": 0.0}
connect = sqlite3.connect

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def traced(*arguments, **options):
    connection = connect(*arguments, **options)
    def trace(statement):
        if statement.lstrip().startswith("INSERT") and connection.in_transaction:
            seen["insert"] += 1
            if kind == "insert" and seen["insert"] == point:
                die()
    connection.set_trace_callback(trace)
    return connection

sqlite3.connect = traced

def size():
    total = 0
    for folder, _, names in os.walk(out):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                pass
    return total

def watch():
    begun = time.process_time()
    while True:
        seen["bytes"] = max(seen["bytes"], size())
        seen["cpu"] = time.process_time() - begun
        if kind in ("bytes", "cpu") and seen[kind] >= point:
            die()
        time.sleep(0.0005)

import wmenv
from wmenv.runs.keep import Keeper
from wmenv.runs.evaluate import evaluate

threading.Thread(target=watch, daemon=True).start()
evaluate("PhyWorld-uniform_motion-v0", ["law", "copy-last"], out=out, keep=Keeper("worst", worst=2, random=1), **what)
print(json.dumps(seen))
"""


class Counting:
    """A shipped agent that notes what it was asked."""

    def __init__(self, name: str, asked: list[tuple[str, str, int]]) -> None:
        self.agent, self.asked = AGENTS.create(name), asked
        self.name, self.privileged, self.card = self.agent.name, self.agent.privileged, self.agent.card

    def act(self, requests: Sequence[Any], seeds: Sequence[int]) -> Sequence[Any]:
        self.asked += [(self.name, request.case_id, request.sample) for request in requests]
        return self.agent.act(requests, seeds)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    script = tmp_path_factory.mktemp("driver") / "driver.py"
    script.write_text(DRIVER)

    def line(out: Path, kind: str, point: float) -> list[str]:
        return [sys.executable, str(script), str(out), kind, str(point), json.dumps(WHAT)]

    return line


@pytest.fixture(scope="module")
def whole(driver: Callable[..., list[str]], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """An uninterrupted run, and how many inserts, bytes and CPU seconds it took."""
    folder = tmp_path_factory.mktemp("whole")
    for out in (folder / "first", folder / "run"):  # the first one may have kernels to compile
        done = subprocess.run(driver(out, "none", 0), capture_output=True, text=True, check=True, timeout=120)
    return out, json.loads(done.stdout)


def rows(folder: Path) -> dict[tuple[str, str, int], tuple[Any, ...]]:
    """What the store holds of every finished rollout, but for whether its clip is still kept."""
    if not (folder / "run.sqlite").exists():
        return {}
    db = sqlite3.connect(folder / "run.sqlite")
    try:
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'steps'").fetchone()[0]:
            return {}
        found = db.execute(
            "SELECT r.agent, r.case_id, r.sample, r.state, r.final, s.digest, s.judgement "
            "FROM rollouts r LEFT JOIN steps s USING (agent, case_id, sample)"
        ).fetchall()
    finally:
        db.close()
    return {tuple(row[:3]): tuple(row[3:]) for row in found}  # type: ignore[misc]


def resume_and_check(killed: Path, whole: Path, look: SimpleNamespace) -> int:
    """Resume a killed run in this process and hold it against the whole one; returns the rollouts found done."""
    before = rows(killed)
    assert all(None not in content for content in before.values()), "a rollout without its step was committed"
    asked: list[tuple[str, str, int]] = []
    results = wmenv.evaluate(
        "PhyWorld-uniform_motion-v0",
        [Counting(name, asked) for name in NAMES],
        out=killed,
        resume=True,
        keep=Keeper("worst", worst=2, random=1),
        **WHAT,  # type: ignore[arg-type]
    )
    after = rows(killed)
    assert results.complete and len(after) == ROLLOUTS
    assert {key: after[key] for key in before} == before, "a committed row changed"
    assert sorted(asked) == sorted(after.keys() - before.keys()), "not exactly the missing rollouts were made"
    assert look.results(killed) == look.results(whole)
    assert look.clips(killed) == look.clips(whole)
    assert {name.rpartition("/")[0] for name in look.clips(killed)} == set(results.clips)
    return len(before)


def _points() -> list[Any]:
    """(kind, share of the whole run): drawn once, by a seed; one of them belongs to the fast tests.

    Six more points lie in checkpoints of alignments; see tests/alignment/test_folder.py.
    """
    rng = random.Random(20)
    found = []
    for kind, count in (("insert", 16), ("bytes", 14), ("cpu", 14)):
        for k in range(count):
            share = (k + rng.random()) / count * 0.9 + 0.02
            found.append(
                pytest.param(
                    kind,
                    share,
                    marks=[pytest.mark.slow] if (kind, k) != ("insert", 3) else [],
                    id=f"{kind}-{share:.2f}",
                )
            )
    return found


@pytest.mark.parametrize(("kind", "share"), _points())
def test_killed_at_a_point(
    kind: str,
    share: float,
    whole: tuple[Path, dict[str, float]],
    driver: Callable[..., list[str]],
    tmp_path: Path,
    look: SimpleNamespace,
) -> None:
    reference, totals = whole
    point = share * totals[kind]
    point = float(round(point)) if kind == "insert" else point
    out = tmp_path / "run"
    status = subprocess.run(driver(out, kind, point), capture_output=True, timeout=120, check=False).returncode
    if kind == "cpu" and status == 0:  # a run may take half the time of another: nearer to its beginning, then
        out = tmp_path / "again"
        status = subprocess.run(driver(out, kind, point / 3), capture_output=True, timeout=120, check=False).returncode
    assert status == -signal.SIGKILL, f"never reached {kind} {point} of {totals[kind]}"
    resume_and_check(out, reference, look)


def test_kill_between_rows_and_removal_of_clips(
    whole: tuple[Path, dict[str, float]], tmp_path: Path, look: SimpleNamespace
) -> None:
    """A clip that is to go is on disk for a moment after the rows stopped naming it; a resumed run removes it."""
    import shutil

    reference, _ = whole
    copy = tmp_path / "run"
    shutil.copytree(reference, copy)
    left = copy / "clips" / next(iter(look.clips(copy))).split("/")[1] / "id-000000000000_0"
    left.mkdir()
    (left / "step_0.npz").write_bytes(b"half a clip")
    (left / ".step_1.npz.partial").write_bytes(b"less than half")
    assert resume_and_check(copy, reference, look) == ROLLOUTS
    assert not left.exists()


@pytest.mark.slow
def test_killed_from_outside_again_and_again(
    whole: tuple[Path, dict[str, float]],
    driver: Callable[..., list[str]],
    tmp_path: Path,
    look: SimpleNamespace,
) -> None:
    """One run, killed by its parent at random moments; every attempt goes on where the last one was stopped."""
    reference, _ = whole
    rng = random.Random(4)
    out, script = tmp_path / "run", tmp_path / "resume.py"
    script.write_text(DRIVER.replace("out=out,", "out=out, resume=True,"))
    for _ in range(4):
        with subprocess.Popen([sys.executable, str(script), str(out), "none", "0", json.dumps(WHAT)]) as child:
            before = len(rows(out))
            deadline = time.monotonic() + 60
            while len(rows(out)) <= before and child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.1))
            child.kill()
    assert resume_and_check(out, reference, look) >= 8

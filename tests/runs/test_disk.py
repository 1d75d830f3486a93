"""Disks that are full or read-only, folders that somebody else is writing to."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ENV = "PhyWorld-uniform_motion-v0"
Command = Callable[..., "subprocess.CompletedProcess[str]"]
# Clips of 256 pixels, all kept: about 10 kB of clip and 10 kB of rows each.
LARGE = (
    "evaluate",
    ENV,
    "--agent",
    "law",
    "--agent",
    "copy-last",
    "--episodes",
    100,
    "--batch",
    8,
    "--keep-clips",
    "all",
)


def test_a_read_only_folder(
    tmp_path: Path, command: Command, tmpfs: Callable[..., Path], look: SimpleNamespace
) -> None:
    disk = tmpfs(tmp_path / "disk", "size=8m")
    run = disk / "run"
    small = ("evaluate", ENV, "--agent", "copy-last", "--episodes", 2, "--size", 32)
    assert command(*small, "--out", run).returncode == 0
    before = look.files(run)
    tmpfs(disk, "ro")
    for arguments in ([*small, "--out", disk / "new"], [*small, "--out", run, "--resume"]):
        done = command(*arguments)
        assert done.returncode == 2, done
        assert "Read-only file system" in done.stderr and "choose another --out" in done.stderr
        assert "Traceback" not in done.stderr
    # What only reads still works: a run on a read-only disk can be compared and reported elsewhere.
    assert command("compare", run, run).returncode == 0
    done = command("report", run, "--out", tmp_path / "report.html")
    assert done.returncode == 0 and (tmp_path / "report.html").stat().st_size > 10_000, done.stderr
    assert look.files(run) == before


@pytest.mark.slow
def test_a_report_into_a_read_only_folder(tmp_path: Path, command: Command, tmpfs: Callable[..., Path]) -> None:
    disk = tmpfs(tmp_path / "disk", "size=8m")
    run = disk / "run"
    small = ("evaluate", ENV, "--agent", "copy-last", "--episodes", 2, "--size", 32, "--no-report")
    assert command(*small, "--out", run).returncode == 0
    tmpfs(disk, "ro")
    done = command("report", run)
    assert done.returncode == 2 and "choose another --out" in done.stderr and "Traceback" not in done.stderr, done


@pytest.mark.slow
@pytest.mark.parametrize("size", ["700k", "2m"])
def test_a_full_disk(
    size: str, tmp_path: Path, command: Command, tmpfs: Callable[..., Path], look: SimpleNamespace
) -> None:
    whole = tmp_path / "whole"
    assert command(*LARGE, "--out", whole).returncode == 0
    disk = tmpfs(tmp_path / "disk", f"size={size}")
    full = command(*LARGE, "--out", disk / "run")
    assert full.returncode == 2, full
    assert re.search(r"no space left|No space left", full.stderr) and "free space" in full.stderr, full.stderr
    assert "--resume" in full.stderr and "Traceback" not in full.stderr
    again = command(*LARGE, "--out", disk / "run", "--resume")
    assert again.returncode == 2 and "free space" in again.stderr and "Traceback" not in again.stderr, again.stderr
    tmpfs(disk, "size=64m")
    done = command(*LARGE, "--out", disk / "run", "--resume")
    assert done.returncode == 0, done.stderr
    assert look.results(disk / "run") == look.results(whole)
    assert look.clips(disk / "run") == look.clips(whole)


def test_a_disk_that_is_full_from_the_start(tmp_path: Path, command: Command, tmpfs: Callable[..., Path]) -> None:
    disk = tmpfs(tmp_path / "disk", "size=32k")
    (disk / "filler").write_bytes(b"\0" * (32 << 10))
    done = command(*LARGE, "--out", disk / "run")
    assert done.returncode == 2 and "space" in done.stderr and "Traceback" not in done.stderr, done.stderr


SLOW_AGENT = """
import sys, time
import wmenv
from wmenv.core.registries import AGENTS

class Slow:
    name, privileged = "slow", False
    card = {"identity": "slow"}
    def __init__(self):
        self.agent = AGENTS.create("copy-last")
    def act(self, requests, seeds):
        print("acting", flush=True)
        sys.stdin.readline()
        return self.agent.act(requests, seeds)

wmenv.evaluate("PhyWorld-uniform_motion-v0", [Slow()], episodes=2, batch=2, size=32, out=sys.argv[1])
"""


def test_two_processes_on_one_folder(tmp_path: Path, command: Command) -> None:
    script, run = tmp_path / "slow.py", tmp_path / "run"
    script.write_text(SLOW_AGENT)
    first = subprocess.Popen(
        [sys.executable, str(script), str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None and first.stdout.readline() == "acting\n"
        for extra in ((), ("--resume",)):
            second = command(
                "evaluate", ENV, "--agent", "copy-last", "--episodes", 2, "--size", 32, "--out", run, *extra
            )
            assert second.returncode == 2
            assert f"another process (pid {first.pid}) is writing to {run}" in second.stderr
        first.communicate("\n", timeout=60)
        assert first.returncode == 0 and (run / "results.json").exists()
    finally:
        first.kill()
        first.wait()


@pytest.mark.slow
def test_a_dead_process_holds_no_lock(tmp_path: Path, command: Command, start: Callable[..., Any]) -> None:
    script, run = tmp_path / "slow.py", tmp_path / "run"
    script.write_text(SLOW_AGENT)
    with subprocess.Popen(
        [sys.executable, str(script), str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None and first.stdout.readline() == "acting\n"
        first.kill()
    assert (run / ".lock").read_text() == str(first.pid)
    begun = time.monotonic()
    # The name decides what a run is: another agent is refused for what it is, not for the lock.
    done = command("evaluate", ENV, "--agent", "law", "--episodes", 2, "--size", 32, "--out", run, "--resume")
    assert done.returncode == 2 and "made otherwise" in done.stderr and time.monotonic() - begun < 60

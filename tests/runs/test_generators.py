"""Runs of generators that take their time: killed, out of disk, mistyped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import wmenv
from wmenv.core.errors import InvalidArgument, RunFolderError
from wmenv.runs.store import RunStore

pytest.importorskip("diffusers")

ENV = "PhyWorld-uniform_motion-v0"
WHAT: dict[str, Any] = {"episodes": 6, "batch": 2, "keep": "all", "size": 32, "frames": 10, "given": 2}
Tiny = Callable[[str], Path]

# Evaluates an agent and kills itself in the middle of a clip: at the k-th call of the denoiser.
DRIVER = """
import json, os, signal, sys
import wmenv
from wmenv.agents.diffusers.loading import held_pipeline
from wmenv.core.registries import AGENTS

spec, out, point, what = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
agent = AGENTS.create(spec)
calls = 0

def count(*_):
    global calls
    calls += 1
    if calls == point:
        os.kill(os.getpid(), signal.SIGKILL)

held_pipeline(agent.wanted).transformer.register_forward_pre_hook(count)
wmenv.evaluate("PhyWorld-uniform_motion-v0", [agent], out=out, **what)
"""


def rows(folder: Path) -> set[tuple[str, str, int]]:
    store = RunStore(folder)
    found = set(store.done())
    store.close()
    return found


@pytest.mark.parametrize(
    ("point", "finished"),
    [(6, 2), pytest.param(1, 0, marks=pytest.mark.slow), pytest.param(12, 4, marks=pytest.mark.slow)],
)
def test_killed_during_generation(point: int, finished: int, tiny: Tiny, tmp_path: Path, look: SimpleNamespace) -> None:
    """Two steps a clip, two clips a batch: whole batches before the kill are there, and the end is the same."""
    agent = f"diffusers:{tiny('ltx-image')},steps=2"
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    wmenv.evaluate(ENV, [agent], out=whole, **WHAT)
    line = [sys.executable, "-c", DRIVER, agent, str(killed), str(point), json.dumps(WHAT)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(rows(killed)) == finished and rows(killed) <= rows(whole)
    wmenv.evaluate(ENV, [agent], out=killed, resume=True, **WHAT)
    assert look.results(killed) == look.results(whole)
    assert look.clips(killed) == look.clips(whole)


def test_a_disk_that_fills_during_generation(
    tiny: Tiny, tmp_path: Path, tmpfs: Callable[..., Path], look: SimpleNamespace
) -> None:
    agent = f"diffusers:{tiny('ltx-image')},steps=1"
    whole, disk = tmp_path / "whole", tmpfs(tmp_path / "disk", "size=260k")
    wmenv.evaluate(ENV, [agent], out=whole, **WHAT)
    with pytest.raises(RunFolderError, match="free space and run again with --resume"):
        wmenv.evaluate(ENV, [agent], out=disk / "run", **WHAT)
    assert 0 < len(rows(disk / "run")) < WHAT["episodes"], "some were finished, and are safe"
    tmpfs(disk, "size=16m")
    wmenv.evaluate(ENV, [agent], out=disk / "run", resume=True, **WHAT)
    assert look.results(disk / "run") == look.results(whole)
    assert look.clips(disk / "run") == look.clips(whole)


def test_the_command(tiny: Tiny, tmp_path: Path, refused: Callable[..., tuple[int, str, str]]) -> None:
    agent = f"diffusers:{tiny('ltx')},steps=1"
    small = ("evaluate", ENV, "--episodes", 2, "--frames", 9)
    fits = (*small, "--size", 32)
    status, out, err = refused(*fits, "--out", tmp_path / "run", "--agent", agent, "--agent", "law")
    assert status == 0 and "diffusers:ltx,steps=1" in out and "Traceback" not in err
    assert "LTXPipeline" in (tmp_path / "run" / "results.json").read_text()
    status, _, err = refused(*fits, "--out", tmp_path / "no", "--agent", f"diffusers:{tmp_path / 'run'}")
    assert status == 2 and "is no diffusers pipeline" in err and not (tmp_path / "no").exists()
    status, out, _ = refused(*small, "--size", 40, "--out", tmp_path / "size", "--agent", agent)
    assert status == 1 and "cannot make 40 x 40 pixels" in " ".join(out.split())


def test_a_form_stated_for_the_agent_is_the_runs(tiny: Tiny, tmp_path: Path) -> None:
    agent = f"diffusers:{tiny('ltx-image')},steps=1,size=32,frames=9"
    results = wmenv.evaluate(ENV, [agent, "law"], episodes=2, out=tmp_path / "run")
    clip = results.protocol["clip"]
    assert (clip["frames"], clip["height"], clip["width"]) == (9, 32, 32) and not results.failed
    with pytest.raises(InvalidArgument, match="one form"):
        wmenv.evaluate(ENV, [agent], episodes=2, out=tmp_path / "other", size=64)

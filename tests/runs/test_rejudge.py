"""Judging kept clips again, without generating."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.errors import ProtocolMismatch, RunFolderError
from wmenv.core.video import write_clip
from wmenv.runs.keep import Keeper
from wmenv.runs.rejudge import rejudge
from wmenv.runs.store import RunStore

ENV = "PhyWorld-uniform_motion-v0"
Refused = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with all clips kept."""
    folder = tmp_path_factory.mktemp("source") / "run"
    agents = ["law", "copy-last"]
    wmenv.evaluate(ENV, agents, splits=["id", "ood_high"], episodes=5, samples=2, size=32, keep="all", out=folder)
    return folder


def judgements(folder: Path) -> dict[Any, Any]:
    """Final judgement and every step's, by rollout."""
    store = RunStore(folder)
    found = {row.key: (row.state, row.final, row.steps) for row in store.rollouts(steps=True)}
    store.close()
    return found


def test_the_same_judger_says_the_same(run: Path, tmp_path: Path, refused: Refused, look: SimpleNamespace) -> None:
    before = look.files(run)
    status, _, err = refused("judge", "run", run, "--judger", "physics", "--out", tmp_path / "again")
    assert status == 0, err
    assert judgements(tmp_path / "again") == judgements(run)
    first, second = look.results(run), look.results(tmp_path / "again")
    assert second["complete"] and first["rows"] == second["rows"] and first["protocol"] == second["protocol"]
    assert look.files(run) == before, "the judged run does not change"
    # The new run points at the clips of the old one, and copies none.
    assert not (tmp_path / "again" / "clips").exists()
    assert all((tmp_path / "again" / clip / "step_0.npz").is_file() for clip in second["clips"])
    assert len(second["clips"]) == 2 * 2 * 5 * 2


def test_the_folder_beside_the_run_by_default(run: Path, tmp_path: Path, refused: Refused) -> None:
    copy = tmp_path / "mine"
    shutil.copytree(run, copy)
    assert refused("judge", "run", copy, "--judger", "physics")[0] == 0
    assert (tmp_path / "mine-physics" / "results.json").exists()
    status, _, err = refused("judge", "run", copy, "--judger", "physics")
    assert status == 2 and "holds a run already" in err


def test_interrupted_and_resumed(run: Path, tmp_path: Path, look: SimpleNamespace) -> None:
    rejudge(run, "physics", tmp_path / "whole")
    ticks: list[Any] = []

    def stop(tick: Any) -> None:
        ticks.append(tick)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rejudge(run, "physics", tmp_path / "stopped", progress=stop)
    assert ticks[0].done == 16 and len(judgements(tmp_path / "stopped")) == 16
    again: list[Any] = []
    rejudge(run, "physics", tmp_path / "stopped", resume=True, progress=again.append)
    assert [tick.done for tick in again] == [32, 40], "what was judged is not judged again"
    assert look.results(tmp_path / "stopped") == look.results(tmp_path / "whole")


def test_clips_that_changed_are_forfeited(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    store = RunStore(copy)
    rows = store.rollouts()
    store.close()
    changed, cut, gone, good = (copy / str(row.clip) / "step_0.npz" for row in rows[:4])
    clip = wmenv.read_clip(changed)
    frames = clip.frames.copy()
    frames[20, 5, 5] ^= 1
    write_clip(changed, wmenv.Clip(frames, clip.fps))
    cut.write_bytes(cut.read_bytes()[:100])
    gone.unlink()
    results = rejudge(copy, "physics", tmp_path / "again")
    assert results.complete
    found = judgements(tmp_path / "again")
    told = ("has changed since the run: its hash is ", "is not a clip archive", "no video file at")
    for row, reason in zip(rows, told, strict=False):
        final = found[row.key][1]
        assert {v.state for v in final.verdicts} == {"forfeited"} and reason in final["velocity"].reason
        assert final.reward == 0.0
    assert good.exists() and found[rows[3].key] == judgements(run)[rows[3].key]


def test_clips_that_were_not_kept_are_missing(tmp_path: Path, refused: Refused) -> None:
    keep = Keeper("worst", worst=1, random=0)
    wmenv.evaluate(ENV, ["law", "copy-last"], episodes=4, size=32, keep=keep, out=tmp_path / "run")
    status, out, _ = refused("judge", "run", tmp_path / "run", "--judger", "physics", "--out", tmp_path / "again")
    assert status == 1 and "only kept clips could be judged" in out
    from wmenv.runs.results import Results

    results = Results.read(tmp_path / "again")
    assert not results.complete and results.failed and results.splits == {"id": 4}
    assert [row.rollouts for row in results.rows] == [1, 1]


def test_runs_without_clips_and_folders_that_are_none(tmp_path: Path) -> None:
    wmenv.evaluate(ENV, ["copy-last"], episodes=2, size=32, keep="none", out=tmp_path / "none")
    with pytest.raises(RunFolderError, match="kept no clips to judge; evaluate with --keep-clips all"):
        rejudge(tmp_path / "none", "physics", tmp_path / "again")
    with pytest.raises(RunFolderError, match="is not a run folder"):
        rejudge(tmp_path, "physics", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_an_environment_object_is_made_again_with_its_options(tmp_path: Path) -> None:
    """A run of `wmenv.make(..., size=32)` is judged at 32 pixels, not at the default."""
    env = wmenv.make("PhyWorld-collision", size=32, ranges="paper")
    results = wmenv.evaluate(env, ["law"], episodes=2, keep="all", out=tmp_path / "run")
    again = rejudge(tmp_path / "run", "physics", tmp_path / "again")
    assert again.protocol == results.protocol and again.rows == results.rows
    named = wmenv.evaluate("PhyWorld-collision", ["law"], episodes=2, out=tmp_path / "named", size=32, ranges="paper")
    assert named.rows == results.rows
    with sqlite3.connect(tmp_path / "run" / "run.sqlite") as db:
        (text,) = db.execute("SELECT value FROM meta").fetchone()
    db.close()
    import json

    assert json.loads(text)["env_options"] == {"size": 32, "ranges": "paper"}


def test_another_folder_is_not_gone_on_with(run: Path, tmp_path: Path) -> None:
    wmenv.evaluate(ENV, ["law"], episodes=2, size=32, out=tmp_path / "other")
    with pytest.raises(ProtocolMismatch, match="holds a run made otherwise"):
        rejudge(run, "physics", tmp_path / "other", resume=True)


def test_a_judger_of_another_mind(run: Path, tmp_path: Path) -> None:
    """A plugin judger that gives everything half a point; the two runs are not comparable."""
    from wmenv.core.registries import JUDGERS

    class Half:
        name, accepts, reads_truth, exact = "half", ("clip",), False, True
        card = {"identity": "half-v0"}  # noqa: RUF012

        def judge(self, cases: Any, responses: Any) -> Any:
            return [
                wmenv.judgement(case, [wmenv.Verdict.answered(c.id, 0.5) for c in case.criteria], "half-v0")
                for case in cases
            ]

    import sys

    sys.modules["half_judger"] = type(sys)("half_judger")
    sys.modules["half_judger"].Half = Half  # type: ignore[attr-defined]
    JUDGERS.add("half", "half_judger:Half")
    try:
        results = rejudge(run, "half", tmp_path / "half")
    finally:
        del JUDGERS._own["half"], sys.modules["half_judger"]
    assert np.allclose([row.reward.mean for row in results.rows if row.reward], 0.5) and results.complete
    assert results.protocol["judger"] == "half-v0"
    with pytest.raises(ProtocolMismatch, match="not comparable"):
        wmenv.compare(run, tmp_path / "half")

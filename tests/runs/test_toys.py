"""Toy suites of several steps and of choices go through everything that clips of one step go through."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import wmenv
from wmenv.core.errors import InvalidResponse, ProtocolMismatch
from wmenv.core.protocols import Agent, Judger
from wmenv.runs.results import Results

# Evaluates a toy and kills itself before the n-th batch; with n = 0 it lives.
DRIVER = """
import os, signal, sys
import toys, wmenv

suite, out, ticks, resume = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "resume"
left = [ticks]

def progress(tick):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

if suite == "film":
    env, agents = toys.Film(), [toys.Obedient(), toys.Obedient(wrong=(1,))]
else:
    env, agents = toys.Quiz(), [toys.Chooser(), toys.Chooser(slip=2)]
    agents[1].name = "slips"
wmenv.evaluate(env, agents, episodes=7, samples=2, batch=3, out=out, resume=resume, keep="all", progress=progress)
"""


def test_the_toys_speak_the_protocols(toys: ModuleType) -> None:
    for judger in (toys.FilmJudger(), toys.QuizJudger()):
        assert isinstance(judger, Judger)
    for agent in (toys.Obedient(), toys.Chooser()):
        assert isinstance(agent, Agent)


def test_three_steps_through_evaluate(toys: ModuleType, tmp_path: Path) -> None:
    obedient, disobedient = toys.Obedient(), toys.Obedient(wrong=(1,))
    results = wmenv.evaluate(
        toys.Film(),
        [obedient, disobedient],
        splits=["easy", "hard"],
        episodes=5,
        samples=2,
        out=tmp_path / "run",
    )
    assert results.complete and not results.failed
    best, worse = results.row("obedient", "easy"), results.row("disobedient", "hard")
    assert best.reward is not None and best.reward.mean == 1.0 and best.maximum == 1.5
    # One step of three goes the other way: it obeys in no frame, yet moves one pixel a frame.
    assert worse.reward is not None and worse.reward.mean == pytest.approx((1.0 * 2 / 3 + 0.5) / 1.5, abs=1e-6)
    assert worse.criteria["obeys"].score.mean == pytest.approx(2 / 3, abs=1e-6)  # type: ignore[union-attr]
    # Each answer of each case was asked for once a step, and every step knew which sample it was.
    assert len(obedient.asked) == len(set(obedient.asked)) == 2 * 5 * 2 * toys.STEPS
    assert {sample for _, _, sample in obedient.asked} == {0, 1}
    with sqlite3.connect(tmp_path / "run" / "run.sqlite") as db:
        counted = db.execute("SELECT step, count(*) FROM steps GROUP BY step").fetchall()
    db.close()
    assert counted == [(0, 40), (1, 40), (2, 40)]


def test_choice_through_evaluate(toys: ModuleType, tmp_path: Path) -> None:
    env = toys.Quiz()
    slips = toys.Chooser(slip=2)
    slips.name = "slips"
    results = wmenv.evaluate(env, [toys.Chooser(), slips, "copy-last"], episodes=12, out=tmp_path / "run")
    assert results.row("chooser", "all").reward.mean == 1.0  # type: ignore[union-attr]
    even = [i for i in env.case_ids(12, np.random.default_rng([0, _crc("all")])) if int(i[-3:]) % 2 == 0]
    assert results.row("slips", "all").reward.mean == pytest.approx(1 - len(even) / 12, abs=1e-6)  # type: ignore[union-attr]
    # A clip agent cannot draw for a suite that leaves the length open: recorded, and the run goes on.
    assert results.row("copy-last", "all").failed == 12
    assert "asks for" in results.failures[0].reason


def _crc(text: str) -> int:
    import zlib

    return zlib.crc32(text.encode())


def test_a_clip_is_no_choice_and_is_forfeited(toys: ModuleType) -> None:
    env = toys.Quiz()
    (case,) = env.draw(1, np.random.default_rng(0))
    clip = wmenv.Clip(np.zeros((2, 16, 16, 3), np.uint8), toys.FPS)
    (judged,) = env.score([case], [clip])
    assert judged["right"].state == "forfeited" and "kind 'clip'" in judged["right"].reason


@pytest.mark.parametrize("suite", ["film", pytest.param("quiz", marks=pytest.mark.slow)])
def test_killed_and_resumed(
    suite: str, toys: ModuleType, tmp_path: Path, child_environment: dict[str, str], look: SimpleNamespace
) -> None:
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)

    def drive(out: str, ticks: int, how: str) -> int:
        line = [sys.executable, str(script), suite, str(tmp_path / out), str(ticks), how]
        return subprocess.run(line, env=child_environment, timeout=120, check=False).returncode

    assert drive("whole", 0, "new") == 0
    assert drive("killed", 3, "new") == -signal.SIGKILL
    assert drive("killed", 4, "resume") == -signal.SIGKILL
    assert not (tmp_path / "killed" / "results.json").exists()
    assert drive("killed", 0, "resume") == 0
    assert look.results(tmp_path / "killed") == look.results(tmp_path / "whole")
    assert look.clips(tmp_path / "killed") == look.clips(tmp_path / "whole")
    assert len(look.clips(tmp_path / "whole")) == (2 * 7 * 2 * toys.STEPS if suite == "film" else 0)


@pytest.mark.parametrize("suite", ["Film", "Quiz"])
def test_compare_and_report(suite: str, toys: ModuleType, tmp_path: Path) -> None:
    agents: dict[str, list[Any]] = {
        "Film": [toys.Obedient(), toys.Obedient(wrong=(0, 2))],
        "Quiz": [toys.Chooser(), toys.Chooser(slip=2)],
    }
    for name, agent in zip(("one", "two"), agents[suite], strict=True):
        results = wmenv.evaluate(getattr(toys, suite)(), [agent], episodes=6, out=tmp_path / name, keep="all")
        assert Results.read(tmp_path / name) == results
    differences = wmenv.compare(tmp_path / "one", tmp_path / "two")
    reward = next(d for d in differences if d.measure == "reward")
    assert reward.pairs == 6 and reward.unpaired == 0
    assert reward.estimate is not None and reward.estimate.mean < 0
    page = wmenv.write_report([tmp_path / "one", tmp_path / "two"], tmp_path / "both.html").read_text("utf-8")
    assert f"{suite} toy, cases v0" in page and agents[suite][0].name in page


def test_toys_of_other_protocols_are_not_compared(toys: ModuleType, tmp_path: Path) -> None:
    wmenv.evaluate(toys.Film(), [toys.Obedient()], episodes=2, out=tmp_path / "film")
    wmenv.evaluate(toys.Quiz(), [toys.Chooser()], episodes=2, out=tmp_path / "quiz")
    with pytest.raises(ProtocolMismatch, match='suite: "Film" against "Quiz"'):
        wmenv.compare(tmp_path / "film", tmp_path / "quiz")


def test_three_steps_through_gym(toys: ModuleType) -> None:
    env: gym.Env[Any, Any] = toys.Film()
    agent = toys.Obedient(wrong=(1,))
    observation, info = env.reset(seed=5)
    assert observation in env.observation_space and info["case_set"] == "Film toy, cases v0"
    rewards, records, ended = [], [], []
    for step in range(toys.STEPS):
        request = env.unwrapped.request  # type: ignore[attr-defined]
        assert len(request.frames) == 1 + step * toys.MORE and len(request.command) == 1
        (clip,) = agent.act([request], [0])
        assert clip.frames in env.action_space
        observation, reward, terminated, truncated, info = env.step(clip.frames)
        assert observation in env.observation_space and not truncated
        rewards.append(reward)
        records.append(info["record_id"])
        ended.append(terminated)
    assert ended == [False, False, True]
    assert rewards == [1.0, pytest.approx(0.5 / 1.5), 1.0]
    assert records == [f"{info['case_id']}/{k}" for k in range(3)]


def test_choice_through_gym(toys: ModuleType) -> None:
    env: gym.Env[Any, Any] = toys.Quiz()
    env.reset(seed=1)
    (choice,) = toys.Chooser().act([env.unwrapped.request], [0])  # type: ignore[attr-defined]
    with pytest.raises(InvalidResponse, match="index 0 to 2, got 7"):
        env.step(7)
    _, reward, terminated, _, info = env.step(choice.index)
    assert (reward, terminated, info["score/right"]) == (1.0, True, 1.0)

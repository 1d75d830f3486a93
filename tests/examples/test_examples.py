"""Every example runs as a user runs it, and prints what it promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: str, cwd: Path) -> str:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    assert list(cwd.iterdir()) == [], "an example leaves nothing behind"
    return done.stdout


def numbers(pattern: str, text: str) -> list[float]:
    return [float(value) for value in re.findall(pattern, text)]


def test_gym_loop(tmp_path: Path) -> None:
    told = run("gym_loop.py", cwd=tmp_path)
    assert told.count("velocity error") == 3
    assert numbers(r"law on PhyWorld-parabola-v0: mean reward (\S+)", told)[0] > 0.95
    wrong = run("gym_loop.py", "--agent", "constant-velocity", cwd=tmp_path)
    assert numbers(r"mean reward (\S+)", wrong)[0] < 0.3, "no gravity, no parabola"


def test_evaluate_folder(tmp_path: Path) -> None:
    told = run("evaluate_folder.py", cwd=tmp_path)
    assert "9 clips for 10 cases" in told
    rewards, lost = numbers(r"reward (\S+) \[", told), numbers(r"(\d+) of 5 forfeited", told)
    assert sorted(lost) == [0, 1]
    assert max(rewards) > 0.95 and min(rewards) == pytest.approx(0.8, abs=0.05), "the missing clip counts as 0"


def test_write_an_agent(tmp_path: Path) -> None:
    told = run("write_an_agent.py", cwd=tmp_path)
    shifted, still = numbers(r"reward (\d\S+),", told)
    assert shifted > still + 0.3


@pytest.mark.slow
def test_ppo_latent(tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3")
    before, after = numbers(r"mean reward (\S+)", run("ppo_latent.py", cwd=tmp_path))
    assert before < 0.1 < 0.5 < after


def test_every_example_is_run_and_short() -> None:
    own = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.name}"' in own, f"{path.name} has no test"
        text = path.read_text()
        assert len(text.splitlines()) <= 120
        assert f"python examples/{path.name}" in text.split('"""')[1], "the docstring shows the command"

"""Every example runs as a user runs it, and prints what it promises."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
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


def test_write_a_judger(tmp_path: Path) -> None:
    told = run("write_a_judger.py", cwd=tmp_path)
    law, still, noise = numbers(r" (\d\.\d+)", told.splitlines()[0])
    assert min(law, still) > 0.9 and noise < 0.1


def test_write_a_suite(tmp_path: Path) -> None:
    mover, still = numbers(r"reward (\S+) \[", run("write_a_suite.py", cwd=tmp_path))
    assert mover == 1.0 and 0.3 < still < 0.8


def test_official_worldmodelbench(tmp_path: Path, published: Callable[[str], Path]) -> None:
    """Stand-ins: a judge that always says "No" and "Score: 3" gives full marks to grey."""
    told = run("official_worldmodelbench.py", "--data", str(published("worldmodelbench")), cwd=tmp_path)
    assert told.count("(3 of 3 answered)") == 8
    assert "WorldModelBench score, official cases: 10.00 of 10 over 3 clips" in told


@pytest.mark.slow
def test_evaluate_pipeline(tmp_path: Path) -> None:
    for name in ("torch", "diffusers", "tokenizers"):
        pytest.importorskip(name)
    told = run("evaluate_pipeline.py", cwd=tmp_path)
    assert "random weights" in told
    tiny, still = numbers(r"velocity error (\S+)", told)
    assert tiny > still > 1


@pytest.mark.slow
def test_best_of_n(tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    rewards = numbers(r"reward (\S+),", run("best_of_n.py", cwd=tmp_path))
    one, many = rewards[:2], rewards[2:]
    assert all(best > single for best, single in zip(many, one, strict=True))


@pytest.mark.slow
def test_generalisation(tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    flow, law, near = run("generalisation.py", cwd=tmp_path).splitlines()
    assert "goes back to what it knows" in flow and "goes back to what it knows" in near
    assert "follows the law" in law


@pytest.mark.slow
def test_reward_gradient(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    errors = numbers(r"ood_high_v (\S+)", run("reward_gradient.py", cwd=tmp_path))
    assert errors[-1] < 0.8 * errors[0]


@pytest.mark.slow
def test_policy_gradient(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    errors = numbers(r"ood_high_v (\S+)", run("policy_gradient.py", cwd=tmp_path))
    assert errors[-1] < 0.98 * errors[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ppo_latent.py", "ppo_plain.py"])
def test_ppo(name: str, tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3" if name == "ppo_latent.py" else "torch")
    before, after = numbers(r"mean reward (\S+)", run(name, cwd=tmp_path))
    assert before < 0.05 and after > 0.15 + before


def suite(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """pytest in a copied repository, as its user runs it; the plugin comes by its entry point where there is one."""
    loaded = any(p.value == "wmenv.testing.plugin" for p in entry_points(group="pytest11"))
    plugin = [] if loaded else ["-p", "wmenv.testing.plugin"]
    line = [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", *arguments]
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd, check=False)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The regression suite as its user has it."""
    return shutil.copytree(
        EXAMPLES / "regression_suite", tmp_path / "mine", ignore=shutil.ignore_patterns("__pycache__", "runs")
    )


def test_regression_suite(copied: Path) -> None:
    """It passes against the baselines it brings."""
    done = suite("--benchmark-disable", cwd=copied)
    assert done.returncode == 0 and "6 passed" in done.stdout, done.stdout


@pytest.mark.slow
def test_regression_suite_with_a_worse_model(copied: Path) -> None:
    """It fails, until that is said to be meant."""
    model = copied / "model.py"
    model.write_text(model.read_text().replace('MODEL = "law"', 'MODEL = "constant-velocity"'))
    done = suite("tests/test_quality.py", "--wmenv-runs", "runs", cwd=copied)
    assert done.returncode == 1 and "2 failed, 1 passed" in done.stdout, done.stdout
    failures = done.stdout.partition("short test summary info")[0]  # it repeats them in full where CI is set
    drops = numbers(r"id +velocity +(-\S+)  99.44 % interval \[-", failures)
    assert len(drops) == 2 and max(drops) < -0.3, "no gravity, no collisions"
    assert len(list(copied.glob("runs/test_quality/*/report.html"))) == 3
    done = suite("tests/test_quality.py", "--wmenv-update-baseline", cwd=copied)
    assert done.returncode == 0 and done.stdout.count("look at it and commit it") == 3
    assert suite("tests/test_quality.py", cwd=copied).returncode == 0


def test_every_example_is_run_and_short() -> None:
    own = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.name}"' in own, f"{path.name} has no test"
        text = path.read_text()
        assert len(text.splitlines()) <= 120
        assert f"python examples/{path.name}" in text.split('"""')[1], "the docstring shows the command"

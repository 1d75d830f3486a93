"""The pytest plugin as its users meet it: test suites of their own, run by pytest."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wmenv
from wmenv.runs.baseline import Baseline
from wmenv.testing import plugin

pytest_plugins = ["pytester"]

HEAVY = ("numpy", "gymnasium", "torch", "av", "numba", "mujoco", "pydantic", "rich", "jinja2", "cyclopts")

SUITE = """
from pathlib import Path

WHAT = {"splits": ["id", "ood_high"], "episodes": 8, "size": 32}

def test_model(wmenv_regression):
    wmenv_regression("PhyWorld-parabola", Path("agent.txt").read_text(), **WHAT)
"""


@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What inner runs import, imported once: pytester forgets what was not there before it."""
    out = tmp_path_factory.mktemp("loaded") / "run"
    wmenv.evaluate("PhyWorld-parabola", ["law", "copy-last"], episodes=1, size=32, sanity=True, out=out)
    wmenv.write_report(out)
    importlib.import_module("wmenv.runs.regression")
    importlib.import_module("wmenv.runs.remove")


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """pytest in this process, with the plugin; not as a worker of pytest-xdist, which measures nothing."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)

    def inner(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess(*_by_name(), "-p", "no:cacheprovider", *arguments)

    return inner


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Path:
    """A user's repository with a model that draws true clips."""
    pytester.makepyfile(test_quality=SUITE)
    (pytester.path / "agent.txt").write_text("sanity:true")
    return pytester.path


def test_written_kept_spoiled_and_meant(suite: Path, run: Callable[..., pytest.RunResult]) -> None:
    """The whole life of a gate: no baseline, one written, passed against, failed against, replaced."""
    path = suite / "baselines" / "test_quality" / "test_model.json"
    run().stdout.fnmatch_lines(
        ["*there is no baseline*test_model.json; write it (pytest --wmenv-update-baseline) and commit it*"]
    )
    assert not path.exists()

    done = run("--wmenv-update-baseline")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["*wmenv baselines*", "wrote *test_model.json; look at it and commit it"])
    first = path.read_bytes()
    assert len(Baseline.read(path).rollouts) == 16 and len(first) < 20_000

    run().assert_outcomes(passed=1)
    run("--wmenv-update-baseline").assert_outcomes(passed=1)
    assert path.read_bytes() == first, "nothing changed, so the file has not"

    (suite / "agent.txt").write_text("sanity:reversed")
    done = run()
    done.assert_outcomes(failed=1)
    told = done.stdout.str()
    assert f"worse than the baseline {path}" in told and "--wmenv-update-baseline" in told
    # Every criterion of every split is looked at: 2 x (8 + 1) intervals of 1 - 2 x 0.05 / 18.
    lines = [line.split() for line in told.splitlines() if "interval" in line and " pairs of " in line]
    assert {(one[0], one[1]) for one in lines} >= {("id", "reward"), ("id", "velocity"), ("ood_high", "reward")}
    for _, _, drop, level, *_, count, _, _, _, _ in lines:
        assert float(drop) < -0.001 and level == "99.44" and count == "8"
    assert path.read_bytes() == first

    run("--wmenv-update-baseline").assert_outcomes(passed=1)
    assert json.loads(path.read_text())["agent"]["name"] == "sanity:reversed"
    run().assert_outcomes(passed=1)
    (suite / "agent.txt").write_text("sanity:true")
    run().assert_outcomes(passed=1)


OTHERWISE = {
    '"episodes": 8|"episodes": 9': "splits was",
    '"size": 32|"size": 48': "protocol was",
    '"size": 32|"size": 32, "seed": 1': "seed was 0, now 1",
    '"size": 32|"size": 32, "samples": 2': "samples was 1, now 2",
    "PhyWorld-parabola|PhyWorld-uniform_motion": "env_id was",
}


def test_a_baseline_of_other_settings_is_refused(suite: Path, run: Callable[..., pytest.RunResult]) -> None:
    """At the first batch: the agent is not asked for the rest."""
    run("--wmenv-update-baseline").assert_outcomes(passed=1)
    path = suite / "test_quality.py"
    for change, told in OTHERWISE.items():
        path.write_text(SUITE.replace(*change.split("|")))
        done = run("--wmenv-runs", "kept")
        done.assert_outcomes(failed=1)
        text = done.stdout.str()
        assert told in text and "is a baseline of other settings" in text and "--wmenv-update-baseline" in text
        assert "Traceback" not in text
        assert not (suite / "kept/test_quality/test_model/results.json").exists()
    (suite / "baselines/test_quality/test_model.json").write_text('{"schema": "another/0"}')
    run().stdout.fnmatch_lines(["*is no baseline of schema wmenv.baseline/0*"])


@pytest.mark.slow
def test_kept_runs_named_folders_and_two_baselines_of_a_test(
    suite: Path, pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    pytester.makeini("[pytest]\nwmenv_baselines = gate/known\n")
    pytester.makepyfile(
        test_quality="""
        import pytest

        @pytest.mark.parametrize("env", ["PhyWorld-parabola"])
        def test_two(wmenv_regression, env):
            wmenv_regression(env, "law", episodes=8, size=32)
            found = wmenv_regression(env, "copy-last", episodes=8, size=32, name="still")
            assert found is None or (not found.worse and len(found.differences) == 9)

        def test_one_name_twice(wmenv_regression):
            wmenv_regression("PhyWorld-parabola", "law", episodes=8, size=32)
            wmenv_regression("PhyWorld-parabola", "law", episodes=8, size=32)

        @pytest.mark.parametrize("what", ["a/b", "a-b"])
        def test_one_file(wmenv_regression, what):
            wmenv_regression("PhyWorld-parabola", "law", episodes=8, size=32)

        def test_too_few(wmenv_regression):
            wmenv_regression("PhyWorld-parabola", "law", episodes=7, size=32)

        def test_no_such_agent(wmenv_regression):
            wmenv_regression("PhyWorld-parabola", "lawn", episodes=8)
        """
    )
    for arguments in (["--wmenv-update-baseline"], []):
        done = run("--wmenv-runs", "kept", *arguments)
        done.assert_outcomes(passed=2, failed=4)
        done.stdout.fnmatch_lines(
            ["*are called ''*give each a name=*", "*test_one_file?a/b? has the baseline*, too: *"]
        )
    names = sorted(path.name for path in (suite / "gate/known/test_quality").iterdir())
    assert names == [
        "test_one_file-a-b.json",
        "test_one_name_twice.json",
        "test_two-PhyWorld-parabola-still.json",
        "test_two-PhyWorld-parabola.json",
    ]
    assert (suite / "kept/test_quality/test_two-PhyWorld-parabola/report.html").is_file()
    done = run("--wmenv-update-baseline", "-k", "few or such")
    done.stdout.fnmatch_lines(["*over 7 cases says nothing; take at least 8 episodes*", "*did you mean law*"])


def test_an_agent_that_fails_where_it_did_not(suite: Path, run: Callable[..., pytest.RunResult]) -> None:
    """It is not excused from the cases it fails on; and a run that fails is no baseline."""
    (suite / "test_quality.py").write_text(
        SUITE.replace('Path("agent.txt").read_text()', "agent()").replace(
            "WHAT =",
            """from wmenv.agents.still import CopyLast

class Sick(CopyLast):
    def clip(self, request, seed):
        if Path("agent.txt").read_text() == "sick" and int(request.case_id[-1], 16) % 2:
            raise ValueError("cannot draw this one")
        return super().clip(request, seed)

agent = Sick
WHAT =""",
        )
    )
    run("--wmenv-update-baseline").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)
    (suite / "agent.txt").write_text("sick")
    done = run()
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*values are missing that the baseline has: id-* #0 everything: *cannot draw this one*"])
    before = (suite / "baselines/test_quality/test_model.json").read_bytes()
    done = run("--wmenv-update-baseline")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*rollouts failed and are no baseline; id-*cannot draw this one*"])
    assert (suite / "baselines/test_quality/test_model.json").read_bytes() == before


def test_benchmarks_record_ratios(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]) -> None:
    pytest.importorskip("pytest_benchmark")
    pytester.makepyfile(
        """
        ENV = "PhyWorld-uniform_motion"

        def test_env(wmenv_bench_env):
            assert 0.01 < wmenv_bench_env(ENV, clips=2, size=32, rounds=2) < 3

        def test_renderer(wmenv_bench_renderer):
            assert 0 < wmenv_bench_renderer(ENV, clips=2, size=32, rounds=2) < 1

        def test_judger(wmenv_bench_judger):
            assert wmenv_bench_judger(ENV, clips=2, size=32, rounds=2) > 0

        def test_own_reference(wmenv_bench_judger):
            seen = []
            mine = {"reference": lambda frames: seen.append(frames.shape), "against": "none"}
            wmenv_bench_judger(ENV, clips=2, size=32, rounds=2, **mine)
            assert set(seen) == {(32, 32, 32, 3)}

        def test_vector_env(wmenv_bench_vector_env):
            assert wmenv_bench_vector_env(ENV, envs=3, size=32, rounds=2) > 0
        """
    )
    done = run("--benchmark-json=found.json", "-p", "no:xdist")
    done.assert_outcomes(passed=5)
    found = {b["name"]: b for b in json.loads((pytester.path / "found.json").read_text())["benchmarks"]}
    assert set(found) == {"test_env", "test_renderer", "test_judger", "test_own_reference", "test_vector_env"}
    for one in found.values():
        assert one["extra_info"]["ratio"] > 0 and one["stats"]["rounds"] == 2
    assert found["test_own_reference"]["extra_info"]["against"] == "none"
    assert found["test_vector_env"]["extra_info"]["against"] == "SyncVectorEnv"
    run("--benchmark-disable").assert_outcomes(passed=5)
    done = run("-p", "no:benchmark")
    done.assert_outcomes(failed=5)
    done.stdout.fnmatch_lines(["*wmenv_bench_env needs pytest-benchmark: pip install pytest-benchmark*"])


@pytest.mark.slow
def test_an_alignment_step_takes_longer_than_its_clips(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    for needed in ("pytest_benchmark", "torch", "diffusers", "peft"):
        pytest.importorskip(needed)
    pytester.makepyfile(
        """
        def test_step(wmenv_bench_alignment_step):
            found = wmenv_bench_alignment_step(
                "PhyWorld-uniform_motion", "flow", judger="physics-soft", cases=2, rounds=3
            )
            assert 0 < found < 1
        """
    )
    done = pytester.runpytest_subprocess(*_by_name(), "--benchmark-json=found.json")
    done.assert_outcomes(passed=1)
    (one,) = json.loads((pytester.path / "found.json").read_text())["benchmarks"]
    assert one["extra_info"]["against"] == "making as many clips"


def test_a_suite_that_does_not_use_it_pays_nothing(pytester: pytest.Pytester) -> None:
    """In a process of its own: no heavy package is imported, no test changes, the options are there."""
    pytester.makepyfile(
        f"""
        import sys

        def test_nothing_heavy_is_loaded():
            assert "wmenv.testing.plugin" in sys.modules
            assert [name for name in {HEAVY!r} if name in sys.modules] == []

        def test_the_rest_of_pytest(tmp_path):
            assert not list(tmp_path.iterdir())
        """
    )
    done = pytester.runpytest_subprocess(*_by_name(), "-p", "no:hypothesispytest", "-p", "no:benchmark")
    done.assert_outcomes(passed=2)
    assert [line for line in done.outlines if "wmenv" in line and not line.startswith("plugins: ")] == []
    listed = pytester.runpytest_subprocess(*_by_name(), "--help")
    listed.stdout.fnmatch_lines(["*--wmenv-update-baseline*", "*--wmenv-runs=DIR*", "*wmenv_baselines*"])


def _by_name() -> list[str]:
    """The plugin by name, where no entry point brings it."""
    from importlib.metadata import entry_points

    return [] if any(p.value == plugin.__name__ for p in entry_points(group="pytest11")) else ["-p", plugin.__name__]


def test_the_plugin_itself_needs_pytest_and_the_standard_library_alone() -> None:
    folder = Path(plugin.__file__).parent
    assert {path.name for path in folder.glob("*.py")} > {"plugin.py", "gate.py", "bench.py"}
    for path in folder.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                allowed = name.partition(".")[0] in sys.stdlib_module_names or name == "pytest"
                assert allowed or name.startswith("wmenv.testing."), f"{path.name} imports {name}"


def test_its_import_adds_little_to_pytests() -> None:
    code = "import pytest, sys; old = set(sys.modules); import wmenv.testing.plugin; print(*(set(sys.modules) - old))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    new = done.stdout.split()
    assert len([name for name in new if name.startswith("wmenv")]) < 20
    assert not [name for name in new if name.partition(".")[0] in HEAVY]


def test_pyproject_declares_it() -> None:
    import tomllib

    root = Path(__file__).resolve().parents[2]
    plain: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())
    assert plain["project"]["entry-points"]["pytest11"] == {"wmenv": plugin.__name__}

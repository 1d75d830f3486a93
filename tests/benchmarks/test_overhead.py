"""What a run costs beside agent and judger: time a case, and memory that does not grow with the run."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

import wmenv
from wmenv.cli.console import progress
from wmenv.runs.store import RunStore

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
CASES_A_SECOND, SHARE, CLIP_SECONDS = 1000, 0.03, 0.05
SHORT, LONG, GROWTH = 500, 10_000, 1.1


@pytest.fixture(scope="module")
def nothing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nothing", HERE / "nothing.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cpu_of(nothing: ModuleType, out: Path, episodes: int, seconds: float = 0.0) -> float:
    """CPU seconds of a run through store and progress display."""
    begun = time.process_time()
    with progress() as show:
        wmenv.evaluate(nothing.Nothing(), [nothing.Idle(seconds)], episodes=episodes, out=out, progress=show)
    return time.process_time() - begun


def test_cases_a_second_on_one_core(nothing: ModuleType, tmp_path: Path, record_property) -> None:  # type: ignore[no-untyped-def]
    cpu_of(nothing, tmp_path / "warm", 16)
    found = max(2000 / cpu_of(nothing, tmp_path / str(k), 2000) for k in range(3))
    record_property("cases a second", found)
    print(f"evaluation: {found:.0f} cases a second of CPU")
    assert found >= CASES_A_SECOND


def test_share_of_a_run_whose_agent_takes_50_ms_a_clip(nothing: ModuleType, tmp_path: Path, record_property) -> None:  # type: ignore[no-untyped-def]
    """800 clips, 40 seconds of the agent's time: what a run costs once, and its first clips, are a small part of it."""
    cpu_of(nothing, tmp_path / "warm", 16)
    episodes = 800
    found = cpu_of(nothing, tmp_path / "run", episodes, CLIP_SECONDS) / (episodes * CLIP_SECONDS)
    record_property("share", found)
    print(f"evaluation: {100 * found:.1f} % of the time of the agent")
    assert found < SHARE


RUN = r"""
import json, re, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import wmenv
from nothing import Idle, Nothing

out, episodes = sys.argv[2], int(sys.argv[3])
results = wmenv.evaluate(Nothing(), [Idle()], episodes=episodes, out=out)
wmenv.write_report(out, clips_per_group=1)
row = results.row("idle", "all")
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # its own, not its parent's
print(json.dumps({"peak": peak, "cases": row.cases, "complete": results.complete, "mean": row.reward.mean}))
"""


def test_memory_of_a_long_run(tmp_path: Path, record_property) -> None:  # type: ignore[no-untyped-def]
    """10,000 cases, report included: no more memory than 500, every row there, and nothing left to do."""
    found = {}
    for episodes in (SHORT, LONG):
        line = [sys.executable, "-c", RUN, str(HERE), str(tmp_path / str(episodes)), str(episodes)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=900, check=True)
        found[episodes] = json.loads(done.stdout)
        assert found[episodes]["complete"] and found[episodes]["cases"] == episodes
    growth = found[LONG]["peak"] / found[SHORT]["peak"]
    record_property("growth", growth)
    print(f"peak memory: {found[LONG]['peak'] / 1024:.0f} MiB of {LONG} cases, {growth:.2f} times that of {SHORT}")
    assert growth < GROWTH
    assert found[LONG]["mean"] == pytest.approx(0.5, abs=0.01)
    store = RunStore(tmp_path / str(LONG))
    states, kept = store.done(), store.clips()
    store.close()
    assert len(states) == LONG and set(states.values()) == {"judged"}
    folders = {str(path.relative_to(tmp_path / str(LONG))) for path in (tmp_path / str(LONG)).glob("clips/*/*")}
    assert 12 <= len(kept) <= 24 and folders == set(kept)

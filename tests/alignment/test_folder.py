"""An alignment on disk: what a folder holds, and what stops, kills, full disks and other settings do to it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wmenv.core.errors import JudgeFailed, ProtocolMismatch, RunFolderError

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from alignment_toys import Redness, method_of  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from wmenv.agents.flow.generator import FlowGenerator  # noqa: E402
from wmenv.alignment.folder import MODEL, RESULTS, STATE, align  # noqa: E402
from wmenv.alignment.learner import Method, Record  # noqa: E402
from wmenv.alignment.reward_gradient import RewardGradient  # noqa: E402
from wmenv.alignment.supervised import Supervised  # noqa: E402


def test_01_a_folder_holds_what_it_takes_to_go_on(tmp_path: Path) -> None:
    results = align(method_of(RewardGradient), tmp_path / "a")
    assert results["complete"] and {p.name for p in (tmp_path / "a").iterdir()} == {STATE, RESULTS, MODEL}
    assert json.loads((tmp_path / "a" / RESULTS).read_text()) == json.loads(json.dumps(results))
    model = FlowGenerator.read(tmp_path / "a" / MODEL, steps=4)
    assert model.card["model"]["alignment"]["method"] == "reward-gradient"
    with pytest.raises(RunFolderError, match="--resume"):
        align(method_of(RewardGradient), tmp_path / "a")
    with pytest.raises(ProtocolMismatch, match=r"settings\.learning_rate was 0\.0003, now 0\.1"):
        align(method_of(RewardGradient, learning_rate=0.1), tmp_path / "a", resume=True)
    with pytest.raises(ProtocolMismatch, match="method was reward-gradient, now supervised"):
        align(method_of(Supervised), tmp_path / "a", resume=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing has stopped."""
    folder = tmp_path_factory.mktemp("whole")
    align(method_of(RewardGradient), folder)
    return folder


def assert_same(whole: Path, other: Path) -> None:
    """The same state and the same model, bit for bit."""
    ours, theirs = (load_file(folder / STATE) for folder in (whole, other))
    assert set(ours) == set(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)
    models = [(folder / MODEL / "model.safetensors").read_bytes() for folder in (whole, other)]
    assert models[0] == models[1]


def test_02_stopped_runs_end_in_the_same_file(whole: Path, tmp_path: Path) -> None:
    align(method_of(RewardGradient), tmp_path, updates=3)
    align(method_of(RewardGradient), tmp_path, resume=True)
    assert_same(whole, tmp_path)


def test_03_a_kill_while_a_state_is_written_leaves_the_older_one(tmp_path: Path) -> None:
    align(method_of(RewardGradient), tmp_path / "a", updates=2)
    state = tmp_path / "a" / STATE
    (tmp_path / "a" / f".{STATE}.partial").write_bytes(state.read_bytes()[:1000])
    assert align(method_of(RewardGradient), tmp_path / "a", resume=True)["complete"]
    state.write_bytes(state.read_bytes()[:1000])  # broken: what a writer in place would leave
    with pytest.raises(RunFolderError, match="damaged"):
        align(method_of(RewardGradient), tmp_path / "a", resume=True)


CHILD = """
import runpy, sys
from pathlib import Path
from wmenv.alignment.folder import align
from wmenv.alignment.reward_gradient import RewardGradient

align(runpy.run_path(sys.argv[1])["method_of"](RewardGradient), Path(sys.argv[2]), resume=True)
"""


def test_04_killed_in_the_middle_of_writing_a_state(whole: Path, tmp_path: Path) -> None:
    """Where it writes to stands a pipe that is full after 64 KiB: it is killed while the rest waits."""
    align(method_of(RewardGradient), tmp_path, updates=1)
    before, partial = (tmp_path / STATE).read_bytes(), tmp_path / f".{STATE}.partial"
    assert len(before) > 2**17
    os.mkfifo(partial)
    reading = os.open(partial, os.O_RDONLY | os.O_NONBLOCK)
    toys = Path(__file__).with_name("toys.py")
    child = subprocess.Popen([sys.executable, "-c", CHILD, toys, tmp_path], stderr=subprocess.PIPE)
    try:
        ready, _, _ = select.select([reading], [], [], 300)
        assert ready, "the child writes no state"
        written = os.read(reading, 1000)
    finally:
        child.kill()
        child.communicate()
        os.close(reading)
    partial.unlink()
    partial.write_bytes(written)  # what a file would hold
    assert written and (tmp_path / STATE).read_bytes() == before
    align(method_of(RewardGradient), tmp_path, resume=True)
    assert_same(whole, tmp_path)


DYING = """
import os, runpy, signal, sys
from pathlib import Path
from wmenv.alignment.folder import align
from wmenv.alignment.reward_gradient import RewardGradient

method_of, write = runpy.run_path(sys.argv[1])["method_of"], Path.write_bytes
for k, share in enumerate(map(float, sys.argv[3:]), start=1):
    if os.fork():
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
        continue
    written = []

    def part(path, data):
        written.append(path.name)
        if len(written) < k:
            return write(path, data)
        write(path, data[:int(share * len(data))])
        os.kill(os.getpid(), signal.SIGKILL)

    Path.write_bytes = part
    align(method_of(RewardGradient), Path(sys.argv[2]) / str(k), save_every=1)
    os._exit(0)
"""
SHARES = (0.5, 0.0, 0.9, 0.2, 1.0, 0.7)


@pytest.mark.slow
def test_04_killed_in_each_of_its_writings(whole: Path, tmp_path: Path) -> None:
    """In the k-th file that it writes, after a share of its bytes: states, then the model, whose files come last."""
    toys = Path(__file__).with_name("toys.py")
    line = [sys.executable, "-c", DYING, str(toys), str(tmp_path), *map(str, SHARES)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.split() == [str(-signal.SIGKILL)] * len(SHARES)
    for k in range(1, len(SHARES) + 1):
        align(method_of(RewardGradient), tmp_path / str(k), resume=True)
        assert_same(whole, tmp_path / str(k))
        assert json.loads((tmp_path / str(k) / RESULTS).read_text())["complete"]


def test_05_a_judge_that_fails_midway_stops_the_run_where_it_can_go_on(whole: Path, tmp_path: Path) -> None:
    judger = Mortal()

    def dies(method: Method, record: Record) -> None:
        judger.dead = record.update == 2

    with pytest.raises(JudgeFailed, match=r"no clip of update 3 could be judged.*fell over"):
        align(method_of(RewardGradient, judger=judger), tmp_path, save_every=1, callbacks=[dies])
    judger.dead = False  # mended
    align(method_of(RewardGradient, judger=judger), tmp_path, resume=True)
    assert_same(whole, tmp_path)


class Mortal(Redness):
    """Redness until it is dead."""

    dead = False

    def reward(self, cases: Any, frames: Any) -> Any:
        if self.dead:
            raise RuntimeError("the judge fell over")
        return super().reward(cases, frames)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_06_a_full_disk_is_told(full_disk: Path) -> None:
    with pytest.raises(RunFolderError, match="No space left"):
        align(method_of(RewardGradient), full_disk / "a")

"""An alignment on disk: what a folder holds, and what stops, kills, full disks and other settings do to it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from wmenv.core.errors import ProtocolMismatch, RunFolderError

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from alignment_toys import method_of  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from wmenv.agents.flow.generator import FlowGenerator  # noqa: E402
from wmenv.alignment.folder import MODEL, RESULTS, STATE, align  # noqa: E402
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


def test_02_stopped_runs_end_in_the_same_file(tmp_path: Path) -> None:
    align(method_of(RewardGradient), tmp_path / "whole")
    align(method_of(RewardGradient), tmp_path / "cut", updates=3)
    align(method_of(RewardGradient), tmp_path / "cut", resume=True)
    whole, cut = (load_file(tmp_path / name / STATE) for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    models = [(tmp_path / name / MODEL / "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert models[0] == models[1]


def test_03_a_kill_while_a_state_is_written_leaves_the_older_one(tmp_path: Path) -> None:
    align(method_of(RewardGradient), tmp_path / "a", updates=2)
    state = tmp_path / "a" / STATE
    (tmp_path / "a" / f".{STATE}.partial").write_bytes(state.read_bytes()[:1000])
    assert align(method_of(RewardGradient), tmp_path / "a", resume=True)["complete"]
    state.write_bytes(state.read_bytes()[:1000])  # broken: what a writer in place would leave
    with pytest.raises(RunFolderError, match="damaged"):
        align(method_of(RewardGradient), tmp_path / "a", resume=True)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_04_a_full_disk_is_told(full_disk: Path) -> None:
    with pytest.raises(RunFolderError, match="No space left"):
        align(method_of(RewardGradient), full_disk / "a")

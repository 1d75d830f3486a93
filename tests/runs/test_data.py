"""`wmenv data phyworld`: shards that are whole, clips that are cases, commands that go on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.worlds.discs.dataset import DataSet

Refused = Callable[..., tuple[int, str, str]]
WHAT = ("data", "phyworld", "--law", "collision", "--count", 10, "--size", 32)


def load(folder: Path) -> dict[str, Any]:
    """All npz shards of a folder, end to end."""
    shards = [np.load(path, allow_pickle=False) for path in sorted(folder.glob("shard-*.npz"))]
    return {
        name: np.concatenate([shard[name] for shard in shards]) for name in ("frames", "positions", "radii", "case_id")
    }


@pytest.mark.parametrize("law", ["uniform_motion", "parabola", "collision"])
@pytest.mark.parametrize("split", ["id", "ood_high"])
def test_every_clip_is_the_true_clip_of_its_case(law: str, split: str, tmp_path: Path) -> None:
    list(DataSet(law, 5, split, size=48, seed=7, shard=2).write(tmp_path))  # type: ignore[arg-type]
    data = load(tmp_path)
    env = wmenv.make(f"PhyWorld-{law}", size=48)
    suite = env.unwrapped
    ids = [str(name) for name in data["case_id"]]
    assert ids == [f"{split}-{7 * 2**32 + k:012x}" for k in range(5)]
    for case, frames, positions in zip(suite.cases(ids), data["frames"], data["positions"], strict=True):
        assert (suite.true_clip(case).frames == frames).all()
        assert (case.request.frames == frames[:3]).all()
        from wmenv.worlds.discs.world import frame_times

        assert case.truth.positions(frame_times(32)) == pytest.approx(positions)
    observation, info = env.reset(options={"case_id": ids[3]})
    assert (observation["frames"] == data["frames"][3][:3]).all() and info["case_id"] == ids[3]
    _, reward, *_ = env.step(data["frames"][3])
    assert reward > 0.95


def test_shard_size_plays_no_part(tmp_path: Path) -> None:
    made = []
    for shard in (1, 3, 10, None):
        list(DataSet("collision", 10, size=32, shard=shard).write(tmp_path / str(shard)))
        made.append(load(tmp_path / str(shard)))
    for other in made[1:]:
        for name, values in made[0].items():
            assert (other[name] == values).all(), name
    # And a longer set begins with the shorter one.
    list(DataSet("collision", 4, size=32, shard=3).write(tmp_path / "short"))
    assert (load(tmp_path / "short")["frames"] == made[0]["frames"][:4]).all()


def test_a_stopped_command_goes_on(tmp_path: Path, look: SimpleNamespace) -> None:
    data = DataSet("parabola", 10, size=32, shard=3)
    assert list(data.write(tmp_path / "whole")) == [3, 6, 9, 10]
    for done in data.write(tmp_path / "stopped"):
        if done == 6:
            break
    assert len(list((tmp_path / "stopped").glob("shard-*"))) == 2
    # What a killed process leaves: a partial file, which is written anew.
    (tmp_path / "stopped" / ".shard-00002.npz.partial").write_bytes(b"half")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "stopped").glob("shard-*")}
    assert list(data.write(tmp_path / "stopped")) == [3, 6, 9, 10]
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items()), "whole shards are not made twice"
    assert {k: v for k, v in look.files(tmp_path / "stopped").items() if k.endswith("npz")} == {
        k: v for k, v in look.files(tmp_path / "whole").items() if k.endswith("npz")
    }


@pytest.mark.slow
@pytest.mark.parametrize("form", ["npz", "mp4"])
def test_killed_and_run_again(form: str, tmp_path: Path, look: SimpleNamespace) -> None:
    """The command, killed by its parent while it writes; every shard there is whole; then it goes on."""
    line = [sys.executable, "-m", "wmenv", "data", "phyworld", "--law", "collision", "--count", "160", "--size", "64"]
    line += ["--shard", "8", "--format", form, "--out"]
    subprocess.run([*line, str(tmp_path / "whole")], check=True, capture_output=True, timeout=300)
    wanted = look.files(tmp_path / "whole")
    for attempt in range(3):
        with subprocess.Popen(
            [*line, str(tmp_path / "killed")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            shards = len(list((tmp_path / "killed").glob("shard-*")))
            deadline = time.monotonic() + 100
            while time.monotonic() < deadline and child.poll() is None:
                if len(list((tmp_path / "killed").glob("shard-*"))) > shards:
                    break
                time.sleep(0.002)
            time.sleep(0.01 * attempt)
            child.kill()
        assert child.returncode == -signal.SIGKILL, "it was done before it could be killed"
        there = {name: text for name, text in look.files(tmp_path / "killed").items() if ".partial" not in name}
        assert 1 < len(there) < len(wanted) and there.items() <= wanted.items()
    subprocess.run([*line, str(tmp_path / "killed")], check=True, capture_output=True, timeout=300)
    assert look.files(tmp_path / "killed") == wanted


def test_another_data_set_is_refused(tmp_path: Path, refused: Refused, look: SimpleNamespace) -> None:
    status, out, _ = refused(*WHAT, "--out", tmp_path / "set")
    assert status == 0 and out.strip() == str(tmp_path / "set" / "manifest.json")
    before = look.files(tmp_path / "set")
    for change in (["--seed", 1], ["--split", "ood_low"], ["--mode", "box2d"], ["--edge", "official"], ["--shard", 4]):
        status, _, err = refused(*WHAT, *change, "--out", tmp_path / "set")
        assert status == 2 and "holds another data set" in err and "--out" in err, change
    assert look.files(tmp_path / "set") == before
    (tmp_path / "set" / "manifest.json").write_text("{")
    status, _, err = refused(*WHAT, "--out", tmp_path / "set")
    assert status == 2 and "manifest.json is damaged" in err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--split", "none"], "no split 'none'; collision has id"),
        (["--count", 0], "count must lie in 1 to 2^32"),
        (["--seed", 65536], "seed must lie in 0 to 65535"),
        (["--size", 8], "size 16 to 1024"),
        (["--shard", 0], "shard must be at least 1"),
    ],
)
def test_bad_values(change: list[Any], told: str, tmp_path: Path, refused: Refused) -> None:
    kept = [str(one) for one in WHAT]
    for flag in change[::2]:
        if flag in kept:
            at = kept.index(flag)
            del kept[at : at + 2]
    status, _, err = refused(*kept, *change, "--out", tmp_path / "set")
    assert status == 2 and told in err, err
    assert not (tmp_path / "set").exists()


def test_mp4_clips_can_be_read_and_judged(tmp_path: Path) -> None:
    list(DataSet("uniform_motion", 4, size=128, format="mp4", shard=3).write(tmp_path))
    folders = sorted(path for path in tmp_path.glob("shard-*"))
    assert [path.name for path in folders] == ["shard-00000", "shard-00001"]
    suite = wmenv.make("PhyWorld-uniform_motion", size=128).unwrapped
    for folder in folders:
        states = np.load(folder / "states.npz", allow_pickle=False)
        ids = [str(name) for name in states["case_id"]]
        assert sorted(path.stem for path in folder.glob("*.mp4")) == sorted(ids)
        for case in suite.cases(ids):
            clip = wmenv.read_clip(folder / f"{case.id}.mp4")
            assert clip.frames.shape == (32, 128, 128, 3) and clip.fps == 10
            (judged,) = suite.score([case], [clip])
            assert judged.reward is not None and judged.reward > 0.9


def test_a_full_disk(tmp_path: Path, refused: Refused, tmpfs: Callable[..., Path], look: SimpleNamespace) -> None:
    line = ["data", "phyworld", "--law", "collision", "--count", 40, "--size", 64, "--shard", 4]
    assert refused(*line, "--out", tmp_path / "whole")[0] == 0
    disk = tmpfs(tmp_path / "disk", "size=150k")
    status, _, err = refused(*line, "--out", disk / "set")
    assert status == 2 and "No space left" in err and "run the same command again" in err
    there = look.files(disk / "set")
    assert there.items() <= look.files(tmp_path / "whole").items() and not any("partial" in name for name in there)
    tmpfs(disk, "size=16m")
    assert refused(*line, "--out", disk / "set")[0] == 0
    assert look.files(disk / "set") == look.files(tmp_path / "whole")

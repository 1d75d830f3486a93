"""`wmenv data violations`: labels that are the plants', what has no room is told, commands that go on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.worlds.scenes.alternatives import alternatives
from wmenv.worlds.scenes.answers import CRITERIA, answers
from wmenv.worlds.scenes.catalogue import case as case_of
from wmenv.worlds.scenes.plants import PLANTS, plant
from wmenv.worlds.scenes.violations import ViolationSet, chosen_kinds, first_change, read_table

Refused = Callable[..., tuple[int, str, str]]
KINDS = ("teleport", "grow", "lose", "penetrate", "float", "noise", "flicker")
"""One of each criterion."""
ALL = ViolationSet(("natural/rolling", "natural/water"), (0, 0), KINDS, (4, 16), 1, pixels=32)
FEW = ViolationSet(("driving/stopping", "driving/yielding"), (0, 1), ("lose", "noise"), (4,), 0, pixels=32)
LINE = ["data", "violations", "--scene", "driving/stopping", "--scene", "driving/yielding", "--seeds", 2]
LINE += ["--kinds", "noise,lose", "--sizes", 4, "--alternatives", 0, "--pixels", 32]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("violations") / "set"
    assert [done for done, _ in ALL.write(place)] == [1, 2]
    return place


def case(row: dict[str, Any]) -> Any:
    return replace(case_of(row["case"]), size=32)


def test_labels_are_those_of_the_plants(folder: Path) -> None:
    rows = read_table(folder)
    planted = [row for row in rows if row["size"] is not None]
    assert {row["label"] for row in planted} == set(CRITERIA[1:]), "five laws and two senses"
    for row in planted[::2]:
        made = plant(case(row), row["kind"], row["size"])
        assert made is not None
        assert row["label"] == made.label == PLANTS[row["kind"]].criterion
        assert row["measured"] == pytest.approx(made.effects[made.label], abs=1e-3)
        assert tuple(row["side_effects"]) == made.side_effects and row["label"] not in row["side_effects"]
        assert wmenv.read_clip(folder / row["file"]).digest == made.rendering.clip.digest
        broken = {name for name, right in row["answers"].items() if right == 0} - {"instruction"}
        asked = {name for name, right in answers(case(row)).items() if right is not None}
        assert broken == {row["label"], *row["side_effects"]} & asked


def test_lawful_clips_have_the_label_none(folder: Path) -> None:
    rows = [row for row in read_table(folder) if row["label"] == "none"]
    assert [row["kind"] for row in rows] == ["true", "alternative"] * 2
    for row in rows:
        one = case(row)
        shown = one if row["kind"] == "true" else alternatives(one, 1)[0]
        assert row["answers"] == dict(answers(one, shown.rollout))
        assert (row["prompt"], row["description"]) == (one.instruction, one.description)
        assert row["onset"] is None and row["measured"] is None and row["side_effects"] == {}
        assert wmenv.read_clip(folder / row["file"]).digest == shown.rendering.clip.digest


def test_the_onset_is_the_first_frame_that_differs(folder: Path) -> None:
    rows = read_table(folder)
    true = {row["case"]: wmenv.read_clip(folder / row["file"]).frames for row in rows if row["kind"] == "true"}
    for row in rows:
        if row["size"] is not None:
            frames, onset = wmenv.read_clip(folder / row["file"]).frames, row["onset"]
            assert onset >= 2 and (frames[:onset] == true[row["case"]][:onset]).all()
            assert (frames[onset] != true[row["case"]][onset]).any()
    assert first_change(true[rows[0]["case"]], true[rows[0]["case"]]) is None


def test_what_has_no_room_is_counted(folder: Path) -> None:
    missing = {(one["case"], one["kind"], one["size"]) for one in read_table(folder, "no_room.jsonl")}
    made = {(row["case"], row["kind"], row["size"]) for row in read_table(folder) if row["size"] is not None}
    ids = ("natural-rolling-0000", "natural-water-0000")
    asked = {(name, kind, size) for name in ids for kind in KINDS for size in (4, 16)}
    assert made | missing == asked and not made & missing
    assert ("natural-rolling-0000", "lose", 4) in missing and ("natural-water-0000", "teleport", 16) in missing


def test_a_stopped_command_goes_on(tmp_path: Path, look: SimpleNamespace) -> None:
    assert [done for done, _ in FEW.write(tmp_path / "whole")] == [1, 2, 3, 4]
    for done, _ in FEW.write(tmp_path / "stopped"):
        if done == 2:
            break
    assert not (tmp_path / "stopped" / "clips.jsonl").exists(), "the table appears when the set is complete"
    # What a killed process leaves: a partial case, which is made anew.
    partial = tmp_path / "stopped" / "cases" / ".driving-yielding-0000.partial"
    partial.mkdir()
    (partial / "true.npz").write_bytes(b"half")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "stopped").glob("cases/*/*")}
    list(FEW.write(tmp_path / "stopped"))
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items() if path.parent != partial)
    assert look.files(tmp_path / "stopped") == look.files(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["npz", "mp4"])
def test_killed_and_run_again(form: str, tmp_path: Path, look: SimpleNamespace) -> None:
    """The command, killed by its parent while it writes; every case there is whole; then it goes on."""
    line = [sys.executable, "-m", "wmenv", *map(str, LINE), "--format", form, "--out"]
    subprocess.run([*line, str(tmp_path / "whole")], check=True, capture_output=True, timeout=300)
    wanted = look.files(tmp_path / "whole")
    for attempt in range(2):
        with subprocess.Popen(
            [*line, str(tmp_path / "killed")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            cases = len(list((tmp_path / "killed").glob("cases/[!.]*")))
            deadline = time.monotonic() + 100
            while time.monotonic() < deadline and child.poll() is None:
                if len(list((tmp_path / "killed").glob("cases/[!.]*"))) > cases:
                    break
                time.sleep(0.002)
            time.sleep(0.02 * attempt)
            child.kill()
        assert child.returncode == -signal.SIGKILL, "it was done before it could be killed"
        there = {name: text for name, text in look.files(tmp_path / "killed").items() if ".partial" not in name}
        assert 1 < len(there) < len(wanted) and there.items() <= wanted.items()
    subprocess.run([*line, str(tmp_path / "killed")], check=True, capture_output=True, timeout=300)
    assert look.files(tmp_path / "killed") == wanted


def test_the_command_and_what_it_refuses(tmp_path: Path, refused: Refused, look: SimpleNamespace) -> None:
    status, out, err = refused(*LINE, "--out", tmp_path / "set")
    assert status == 0, err
    assert out.rstrip().endswith(str(tmp_path / "set" / "clips.jsonl"))
    assert "no room for 4 clips" in out and "lose" in out and "4/4 cases" in err
    before = look.files(tmp_path / "set")
    for change in (["--domain", "gaming"], ["--alternatives", 1], ["--format", "mp4"]):
        line = [one for k, one in enumerate(LINE) if change[0] not in (one, LINE[k - 1])]
        status, _, err = refused(*line, *change, "--out", tmp_path / "set")
        assert status == 2 and "holds another data set" in err and "choose another --out" in err, change
    manifest = tmp_path / "set" / "manifest.json"
    told = json.loads(manifest.read_text())
    assert told["versions"]["numpy"] == np.__version__
    told["versions"]["mujoco"] = "3.0"
    manifest.write_text(json.dumps(told))
    status, _, err = refused(*LINE, "--out", tmp_path / "set")
    assert status == 2 and 'versions is {"wmenv"' in err and '"3.0"' in err
    manifest.write_text("{")
    status, _, err = refused(*LINE, "--out", tmp_path / "set")
    assert status == 2 and "manifest.json is damaged" in err
    assert {k: v for k, v in look.files(tmp_path / "set").items() if k != "manifest.json"} == {
        k: v for k, v in before.items() if k != "manifest.json"
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--kinds", "explode"], "no plant 'explode'; there are teleport"),
        (["--scene", "gaming/marbel"], "did you mean gaming/marble"),
        (["--domain", "sports"], "no domain 'sports'"),
        (["--seeds", "7-0"], "seeds must rise within 0 to 9999, got 7 to 0"),
        (["--seeds", "some"], "--seeds takes A-B, such as 0-7"),
        (["--sizes", "4,big"], "--sizes takes numbers joined by commas"),
        (["--sizes", "8,4"], "sizes must rise, got 8, 4"),
        (["--sizes", "0,4"], "positive sizes"),
        (["--alternatives", "-1"], "alternatives must be at least 0"),
        (["--pixels", "16"], "pixels must lie in 32 to 1024"),
    ],
)
def test_bad_values(change: list[str], told: str, tmp_path: Path, refused: Refused) -> None:
    status, _, err = refused("data", "violations", *change, "--out", tmp_path / "set")
    assert status == 2 and told in err, err
    assert not (tmp_path / "set").exists()


def test_a_place_that_cannot_be_written_or_was_damaged(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "file").write_text("mine")
    status, _, err = refused(*LINE, "--out", tmp_path / "file")
    assert status == 2 and "cannot write in" in err and "choose another --out" in err
    list(FEW.write(tmp_path / "set"))
    (tmp_path / "set" / "cases" / "driving-yielding-0001" / "clips.jsonl").unlink()
    status, _, err = refused(*LINE, "--out", tmp_path / "set")
    assert status == 2 and "driving-yielding-0001 has no clips.jsonl any more; remove it and run the same" in err


def test_a_full_disk(tmp_path: Path, refused: Refused, tmpfs: Callable[..., Path], look: SimpleNamespace) -> None:
    assert refused(*LINE, "--out", tmp_path / "whole")[0] == 0
    wanted = look.files(tmp_path / "whole")
    disk = tmpfs(tmp_path / "disk", "size=150k")
    status, _, err = refused(*LINE, "--out", disk / "set")
    assert status == 2 and "No space left" in err and "whole cases are safe" in err
    there = look.files(disk / "set")
    assert there.items() <= wanted.items() and not any("partial" in name for name in there)
    tmpfs(disk, "size=16m")
    assert refused(*LINE, "--out", disk / "set")[0] == 0
    assert look.files(disk / "set") == wanted


def test_a_criterion_stands_for_its_plants() -> None:
    assert chosen_kinds(["mass", "push"]) == ("push", "grow", "shrink", "squash", "vanish")

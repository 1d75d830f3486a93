"""Shards of a run on several machines: merged, they are the run of one process, to the bit."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import wmenv
from wmenv.core.errors import InvalidArgument, ProtocolMismatch, RunFolderError
from wmenv.runs.keep import Keeper
from wmenv.runs.results import Results
from wmenv.runs.shard import Shard

ENV = "PhyWorld-uniform_motion-v0"
Refused = Callable[..., tuple[int, str, str]]


def made(out: Path, **other: Any) -> Results:
    """A run of 2 agents x 2 splits x 7 cases x 2 samples in batches of 4, with few clips kept."""
    settings = {"splits": ["id", "ood_high"], "episodes": 7, "samples": 2, "batch": 4, "size": 32, "seed": 3}
    agents = other.pop("agents", ["law", "copy-last"])
    keep = other.pop("keep", None) or Keeper("worst", worst=2, random=1)
    return wmenv.evaluate(ENV, agents, out=out, keep=keep, **{**settings, **other})


def stored(folder: Path) -> list[Any]:
    """Every row of the store as it lies there, in an order of its own."""
    db = sqlite3.connect(folder / "run.sqlite")
    try:
        return [db.execute(f"SELECT * FROM {table}").fetchall() for table in ("rollouts", "steps", "meta")]
    finally:
        db.close()


def check_same(one: Path, other: Path, look: SimpleNamespace) -> None:
    """Two folders hold the same run: results but for the environment block, kept clips, every stored row."""
    assert look.results(one) == look.results(other)
    assert look.clips(one) == look.clips(other)
    first, second = stored(one), stored(other)
    assert first[:2] == second[:2]
    assert json.loads(first[2][0][1]) == json.loads(second[2][0][1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    assert made(out).complete
    return out


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three shards of the same run."""
    folder = tmp_path_factory.mktemp("shards")
    for k in (1, 2, 3):
        made(folder / f"s{k}", shard=f"{k}/3")
    return [folder / f"s{k}" for k in (1, 2, 3)]


def test_merged_is_the_run_of_one_process(
    whole: Path, shards: list[Path], tmp_path: Path, look: SimpleNamespace
) -> None:
    before = [look.files(shard) for shard in shards]
    results = wmenv.merge([shards[2], shards[0], shards[1]], tmp_path / "merged")
    assert results.complete and results.shard is None and Results.read(tmp_path / "merged") == results
    check_same(tmp_path / "merged", whole, look)
    assert [look.files(shard) for shard in shards] == before, "merging changes no shard"
    blocks = results.environment["shards"]
    assert [block["shard"] for block in blocks] == ["1/3", "2/3", "3/3"] and all("seconds" in b for b in blocks)
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]


@pytest.mark.parametrize(
    "of", [1, 2, pytest.param(7, marks=pytest.mark.slow), pytest.param(40, marks=pytest.mark.slow)]
)
def test_any_number_of_shards(of: int, whole: Path, tmp_path: Path, look: SimpleNamespace) -> None:
    """More shards than batches, too: some of them have nothing to do."""
    for k in range(1, of + 1):
        results = made(tmp_path / f"{k}", shard=f"{k}/{of}")
        assert results.complete and results.shard == f"{k}/{of}" and not results.failed
        assert f"shard {k}/{of}" in results.title
    wmenv.merge([tmp_path / f"{k}" for k in range(1, of + 1)], tmp_path / "merged")
    check_same(tmp_path / "merged", whole, look)


def test_shards_have_whole_batches_and_differ_by_one_at_most(whole: Path) -> None:
    from wmenv.runs.plan import batches, planned_rollouts

    plan = batches(planned_rollouts(["a", "b"], {"x": [f"c{k}" for k in range(13)]}, 3), 4)
    for of in (1, 2, 3, 6, 50):
        dealt = [Shard(k, of).share(plan) for k in range(1, of + 1)]
        assert sorted(b[0].key for share in dealt for b in share) == sorted(b[0].key for b in plan)
        assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
        assert all(b in plan for share in dealt for b in share)


def test_three_steps_and_the_sanity_panel(toys: ModuleType, tmp_path: Path, look: SimpleNamespace) -> None:
    def film(out: Path, **shard: Any) -> None:
        wmenv.evaluate(
            toys.Film(), [toys.Obedient(wrong=(1,))], episodes=7, batch=3, sanity=True, out=out, keep="all", **shard
        )

    film(tmp_path / "whole")
    for k in (1, 2):
        film(tmp_path / f"{k}", shard=f"{k}/2")
    wmenv.merge([tmp_path / "1", tmp_path / "2"], tmp_path / "merged")
    check_same(tmp_path / "merged", tmp_path / "whole", look)
    assert look.clips(tmp_path / "merged")


def test_an_interrupted_shard_is_named_resumed_and_merged(
    whole: Path, shards: list[Path], tmp_path: Path, look: SimpleNamespace, refused: Refused
) -> None:
    def stop(tick: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "s2", shard="2/3", progress=stop)
    status, _, err = refused("merge", shards[0], tmp_path / "s2", shards[2], "--out", tmp_path / "merged")
    err = " ".join(err.split())
    assert status == 2 and not (tmp_path / "merged").exists()
    assert "of 56 rollouts are there" in err and "%" in err
    assert "s2 (shard 2/3) is not finished: " in err and "rollouts missing, law ood_high-" in err and "--resume" in err
    with pytest.raises(ProtocolMismatch, match="shard was"):
        made(tmp_path / "s2", resume=True)
    with pytest.raises(ProtocolMismatch, match="shard was"):
        made(tmp_path / "s2", shard="3/3", resume=True)
    assert made(tmp_path / "s2", shard="2/3", resume=True).complete
    wmenv.merge([shards[0], tmp_path / "s2", shards[2]], tmp_path / "merged")
    check_same(tmp_path / "merged", whole, look)


def test_a_partial_merge_can_be_gone_on_with(
    whole: Path, shards: list[Path], tmp_path: Path, look: SimpleNamespace, refused: Refused
) -> None:
    status, out, err = refused("merge", shards[0], shards[2], "--out", tmp_path / "m", "--partial", "--no-report")
    assert status == 1 and "incomplete" in out and "--resume" in out, err
    part = Results.read(tmp_path / "m")
    assert not part.complete and part.failed and part.shard is None
    there = sum(row.rollouts for row in part.rows)
    assert there == sum(r.rollouts for k in (0, 2) for r in Results.read(shards[k]).rows) < 56
    assert made(tmp_path / "m", resume=True).complete
    assert look.results(tmp_path / "m") == look.results(whole)
    assert stored(tmp_path / "m")[1] == stored(whole)[1]


def test_missing_twice_and_foreign_shards(whole: Path, shards: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "merged"
    with pytest.raises(InvalidArgument, match=r"missing: shard 2/3; finish them .* --partial"):
        wmenv.merge([shards[0], shards[2]], out)
    with pytest.raises(InvalidArgument, match=r"are both shard 1/3"):
        wmenv.merge([*shards, shards[0]], out)
    with pytest.raises(InvalidArgument, match=r"holds a whole run, no shard"):
        wmenv.merge([whole], out)
    with pytest.raises(InvalidArgument, match="got none"):
        wmenv.merge([], out)
    with pytest.raises(RunFolderError, match="not a run folder"):
        wmenv.merge([*shards[:2], tmp_path], out)
    assert not out.exists()


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "seed": ({"seed": 4}, "seed"),
    "episodes": ({"episodes": 6}, "splits"),
    "number of shards": ({"shard": "2/4"}, "shard of"),
    "agents": ({"agents": ["law"]}, "agents"),
    "batch": ({"batch": 8}, "batch"),
    "kept clips": ({"keep": "none"}, "shard keep"),
    "size": ({"size": 48}, "protocol"),
}


@pytest.mark.parametrize("what", list(OTHERS))
def test_shards_of_other_settings(what: str, shards: list[Path], tmp_path: Path) -> None:
    other, told = OTHERS[what]
    made(tmp_path / "s2", **{"shard": "2/3", **other})
    with pytest.raises(ProtocolMismatch, match=rf"no shards of one run: .*{told} "):
        wmenv.merge([shards[0], tmp_path / "s2", shards[2]], tmp_path / "merged", partial=True)
    assert not (tmp_path / "merged").exists()


def test_a_folder_that_is_taken_stays_as_it_is(
    whole: Path, shards: list[Path], tmp_path: Path, look: SimpleNamespace, refused: Refused
) -> None:
    before = look.files(whole)
    status, _, err = refused("merge", *shards, "--out", whole)
    assert status == 2 and "exists already" in " ".join(err.split()) and look.files(whole) == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunFolderError, match="exists already"):
        wmenv.merge(shards, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    (tmp_path / ".empty.merging").mkdir()  # what a killed merge left
    (tmp_path / ".empty.merging" / "run.sqlite").write_bytes(b"half")
    wmenv.merge(shards, tmp_path / "empty")
    check_same(tmp_path / "empty", whole, look)
    assert not (tmp_path / ".empty.merging").exists()


def test_damaged_shards(shards: list[Path], tmp_path: Path) -> None:
    for k, shard in enumerate(shards):
        shutil.copytree(shard, tmp_path / f"{k}")
    folders = [tmp_path / f"{k}" for k in range(3)]
    shutil.rmtree(folders[1] / "clips")
    with pytest.raises(RunFolderError, match=r"lacks the kept clip clips/.*copied whole"):
        wmenv.merge(folders, tmp_path / "merged")
    with sqlite3.connect(folders[2] / "run.sqlite") as db:
        db.execute(
            "INSERT INTO rollouts SELECT agent, split, 'id-ffffffffffff', sample, state, reason, clip, final "
            "FROM rollouts WHERE agent = 'law' LIMIT 1"
        )
    db.close()
    with pytest.raises(RunFolderError, match=r"law id-ffffffffffff #\d is none of the rollouts of shard 3/3"):
        wmenv.merge(folders, tmp_path / "merged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"]


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/3/5", ""])
def test_what_is_no_shard(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="i from 1 to n"):
        made(tmp_path / "run", shard=text)
    assert not (tmp_path / "run").exists()


def test_failures_are_merged_and_told(tmp_path: Path, refused: Refused) -> None:
    """A case that an agent raised on is in its shard, is no missing one, and makes the exit status 1."""
    from wmenv.agents.still import CopyLast

    class Picky(CopyLast):
        name = "picky"

        def clip(self, request: Any, seed: int) -> Any:
            if int(request.case_id[-1], 16) % 2:
                raise ValueError("boom")
            return super().clip(request, seed)

    for k in (1, 2):
        made(tmp_path / f"{k}", shard=f"{k}/2", agents=[Picky()])
    made(tmp_path / "whole", agents=[Picky()])
    status, out, err = refused("merge", tmp_path / "1", tmp_path / "2", "--no-report", "--out", tmp_path / "merged")
    assert status == 1 and "boom" in out and "incomplete" not in out, err
    results, whole = Results.read(tmp_path / "merged"), Results.read(tmp_path / "whole")
    assert results.complete and 0 < len(results.failures) < 28
    assert results.failures == whole.failures and results.rows == whole.rows

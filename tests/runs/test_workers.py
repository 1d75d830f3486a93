"""Several worker processes on one machine: the same run folder, also when workers die."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import wmenv
from wmenv.core.errors import InvalidArgument, RunFolderError, UnknownName, WorkerFailed
from wmenv.core.registries import AGENTS
from wmenv.runs.devices import THREADS, seats
from wmenv.runs.keep import Keeper
from wmenv.runs.results import Results

ENV = "PhyWorld-uniform_motion-v0"
HERE = Path(__file__).parent
SMALL = {"episodes": 10, "batch": 2, "size": 32, "seed": 3}
Refused = Callable[..., tuple[int, str, str]]


@pytest.fixture
def plugged(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed plugin with the agents of plugged.py; returns a folder for their notes."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(HERE / "plugged.py", site)
    about = site / "plugged-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 0.1\n")
    agents = "\n".join(f"{name.lower()} = plugged:{name}" for name in ("Mortal", "Cut", "Placed", "Unready"))
    (about / "entry_points.txt").write_text(f"[wmenv.agents]\n{agents}\n")
    monkeypatch.syspath_prepend(site)
    AGENTS.__dict__.pop("_plugins", None)  # read once a process
    yield tmp_path_factory.mktemp("notes")
    AGENTS.__dict__.pop("_plugins", None)


def stored(folder: Path) -> list[Any]:
    db = sqlite3.connect(folder / "run.sqlite")
    try:
        return [db.execute(f"SELECT * FROM {table}").fetchall() for table in ("rollouts", "steps")]
    finally:
        db.close()


def check_same(one: Path, other: Path, look: SimpleNamespace) -> None:
    assert look.results(one) == look.results(other)
    assert look.clips(one) == look.clips(other)
    assert stored(one) == stored(other)


def test_workers_write_the_run_of_one_process(
    tmp_path: Path, look: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    settings: dict[str, Any] = {**SMALL, "episodes": 5, "splits": ["id", "ood_high"], "samples": 2, "sanity": True}
    told: list[str] = []
    ticks: list[int] = []
    agents = ["law", "copy-last"]
    wmenv.evaluate(ENV, agents, out=tmp_path / "one", keep=Keeper("worst", 2, 1), **settings)
    results = wmenv.evaluate(
        ENV, agents, out=tmp_path / "two", keep=Keeper("worst", 2, 1), workers=2, told=told.append,
        progress=lambda tick: ticks.append(tick.done), **settings,
    )  # fmt: skip
    assert results.complete and "workers" not in json.dumps(look.results(tmp_path / "two"))
    check_same(tmp_path / "one", tmp_path / "two", look)
    assert ticks == sorted(ticks) and ticks[-1] == 2 * 5 * 2 * (2 + 6)
    assert told == [f"PhyWorld protocol, wmenv cases v0: {ENV}", "32 frames of 32 x 32 at 10 fps, 3 given"]


def test_a_worker_that_dies_costs_nothing(plugged: Path, tmp_path: Path, look: SimpleNamespace) -> None:
    """Two processes are killed in the middle of the run: others make their batches."""
    agent = f"mortal:{plugged}"
    (plugged / "deadly.json").write_text("{}")
    wmenv.evaluate(ENV, [agent, "law"], out=tmp_path / "whole", workers=1, **SMALL)
    ids = wmenv.planned_cases(wmenv.make(ENV, size=32), None, 10, 3)["id"]
    (plugged / "deadly.json").write_text(json.dumps({ids[1]: 1, ids[6]: 1}))
    told: list[str] = []
    results = wmenv.evaluate(ENV, [agent, "law"], out=tmp_path / "run", workers=2, told=told.append, **SMALL)
    assert results.complete and not results.failed
    check_same(tmp_path / "run", tmp_path / "whole", look)
    assert sum("died, by signal 9" in line for line in told) == 2


def test_a_worker_that_dies_while_it_writes_clips(plugged: Path, tmp_path: Path, look: SimpleNamespace) -> None:
    wmenv.evaluate(ENV, [f"cut:{plugged}"], out=tmp_path / "whole", **SMALL)
    (plugged / "cut").touch()
    told: list[str] = []
    results = wmenv.evaluate(ENV, [f"cut:{plugged}"], out=tmp_path / "run", workers=1, told=told.append, **SMALL)
    assert results.complete and not results.failed and told[-1] == "worker 1 died, by signal 9"
    check_same(tmp_path / "run", tmp_path / "whole", look)


@pytest.mark.slow
def test_a_case_that_kills_is_recorded(plugged: Path, tmp_path: Path, look: SimpleNamespace, refused: Refused) -> None:
    """The other cases of its batch are made; the exit status is 1; repaired and retried, nothing shows."""
    agent = f"mortal:{plugged}"
    (plugged / "deadly.json").write_text("{}")
    wmenv.evaluate(ENV, [agent], out=tmp_path / "whole", workers=1, **SMALL)
    ids = wmenv.planned_cases(wmenv.make(ENV, size=32), None, 10, 3)["id"]
    (plugged / "deadly.json").write_text(json.dumps({ids[4]: 99}))
    line = ("evaluate", ENV, "--agent", agent, "--episodes", 10, "--batch", 2, "--size", 32, "--seed", 3,
            "--out", tmp_path / "run", "--no-report")  # fmt: skip
    status, out, _ = refused(*line, "--workers", 1)
    assert status == 1 and "worker 1 died, by signal 9" in out and "the process that made it died, by signal 9" in out
    results = Results.read(tmp_path / "run")
    assert results.complete and [one.case_id for one in results.failures] == [ids[4]]
    assert results.rows[0].coverage == 0.9
    (plugged / "deadly.json").write_text("{}")
    status, _, err = refused(*line, "--resume", "--retry-failed")
    assert status == 0, err
    check_same(tmp_path / "run", tmp_path / "whole", look)


@pytest.mark.slow
def test_a_model_of_torch_gives_the_same_clips(
    tmp_path: Path, look: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches are those of one process, so that the last bits of a network's arithmetic are, too."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    settings: dict[str, Any] = {"episodes": 11, "batch": 3, "keep": "all"}
    wmenv.evaluate("PhyWorld-collision", ["flow"], out=tmp_path / "one", **settings)
    wmenv.evaluate("PhyWorld-collision", ["flow"], out=tmp_path / "two", workers=2, **settings)
    check_same(tmp_path / "one", tmp_path / "two", look)
    for k in (1, 2):
        wmenv.evaluate(
            "PhyWorld-collision", ["flow"], out=tmp_path / f"s{k}", shard=f"{k}/2", devices=["cpu"], **settings
        )
    wmenv.merge([tmp_path / "s1", tmp_path / "s2"], tmp_path / "merged")
    check_same(tmp_path / "one", tmp_path / "merged", look)


@pytest.mark.slow
def test_gives_up_on_an_agent_that_always_kills(plugged: Path, tmp_path: Path, refused: Refused) -> None:
    (plugged / "deadly.json").write_text('{"all": 99}')
    status, out, _ = refused(
        "evaluate", ENV, "--agent", "copy-last", "--agent", f"mortal:{plugged}", "--episodes", 40, "--batch", 2,
        "--size", 32, "--out", tmp_path / "run", "--no-report", "--workers", 2,
    )  # fmt: skip
    assert status == 1 and "gave up after 12 deaths in a row" in out and "incomplete" in out
    results = Results.read(tmp_path / "run")
    assert not results.complete and results.row("copy-last", "id").rollouts == 40


def test_refusals_are_those_of_one_process(plugged: Path, tmp_path: Path) -> None:
    out: dict[str, Any] = {"out": tmp_path / "run", "workers": 1}
    with pytest.raises(UnknownName, match="did you mean law"):
        wmenv.evaluate(ENV, ["lawn"], **out)
    with pytest.raises(WorkerFailed, match="worker 1 died while it was starting, by signal 15"):
        wmenv.evaluate(ENV, ["unready"], **out)
    with pytest.raises(InvalidArgument, match="give specifications such as 'law'"):
        wmenv.evaluate(ENV, [AGENTS.create("law")], **out)
    with pytest.raises(InvalidArgument, match="name it, such as 'PhyWorld-uniform_motion-v0'"):
        wmenv.evaluate(wmenv.make(ENV), ["law"], **out)
    with pytest.raises(InvalidArgument, match="must be plain JSON for workers"):
        wmenv.evaluate(ENV, ["law"], judger=object(), **out)
    assert not (tmp_path / "run").exists()
    wmenv.evaluate(ENV, ["copy-last"], out=tmp_path / "run", **SMALL)
    with pytest.raises(RunFolderError, match="holds a run already"):
        wmenv.evaluate(ENV, ["copy-last"], **out, **SMALL)


def test_models_go_to_the_workers_own_device(
    plugged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: SimpleNamespace
) -> None:
    """Each process sees one device of the list; what takes a `device` gets it, and the cards stay the same."""
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    agent = f"placed:{plugged}"
    wmenv.evaluate(ENV, [agent], out=tmp_path / "run", devices=["cpu", "xpu:1"], **SMALL)
    notes = sorted(path.read_text() for path in plugged.glob("*.txt"))
    threads = str(max((os.cpu_count() or 1) // 2, 1))
    assert notes == [f"cpu  {threads}", f"xpu:1 {os.environ.get('CUDA_VISIBLE_DEVICES', '-')} {threads}"]
    wmenv.evaluate(ENV, [agent], out=tmp_path / "one", **SMALL)
    check_same(tmp_path / "run", tmp_path / "one", look)


def test_seats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    four = seats(4, ["cuda:0", "cuda:2"])
    assert [seat.environment["CUDA_VISIBLE_DEVICES"] for seat in four] == ["0", "2", "0", "2"]
    assert {seat.device for seat in four} == {"cuda"} and str(four[1]) == "worker 2 (cuda:2)"
    assert all(set(seat.environment) == {"CUDA_VISIBLE_DEVICES"} for seat in four), "the user's number of threads stays"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, GPU-abc")
    assert [s.environment["CUDA_VISIBLE_DEVICES"] for s in seats(None, ["cuda:1", "cuda:0"])] == ["GPU-abc", "5"]
    with pytest.raises(InvalidArgument, match=r"cuda:2: CUDA_VISIBLE_DEVICES='5, GPU-abc' shows 2 GPU"):
        seats(None, ["cuda:2"])
    assert seats(None, ["cpu"])[0].environment == {"CUDA_VISIBLE_DEVICES": ""}
    for workers, devices, told in (
        (0, [], "workers must be at least 1, got 0"),
        (1, ["cpu", "cuda:1"], "would leave cuda:1 idle"),
        (None, ["cuda:x"], "a device reads cpu, cuda or cuda:N; got 'cuda:x'"),
        (None, [""], "a device reads"),
    ):
        with pytest.raises(InvalidArgument, match=told):
            seats(workers, devices)


@pytest.mark.slow
def test_a_device_that_is_not_there(tmp_path: Path, refused: Refused) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    line = ("evaluate", ENV, "--agent", "flow", "--episodes", 2, "--out", tmp_path / "run", "--devices", "cuda:0")
    status, _, err = refused(*line)
    assert status == 2 and "device cuda:0: torch" in err and "use cpu" in err
    status, _, err = refused(*line[:3], "flow,device=cuda", *line[4:])
    assert status == 2 and "say it once" in err
    assert not (tmp_path / "run").exists()


def test_rows_that_could_not_be_committed_leave_no_trace(tmp_path: Path, look: SimpleNamespace) -> None:
    """A worker dies between its rows and its clips: the batch is offered to the keeper as if for the first time."""
    from wmenv.runs.fill import Filling

    def run(out: Path) -> None:
        wmenv.evaluate(ENV, ["constant-velocity"], out=out, keep=Keeper("worst", 2, 1), **SMALL)

    run(tmp_path / "whole")
    commit, failed = Filling.commit, []

    def first_fails(self: Filling, rows: Any, write: Any) -> None:
        def broken(rows: Any) -> Any:
            raise ConnectionError

        before = (self.done, self.store.done())
        with pytest.raises(ConnectionError):
            commit(self, rows, broken)
        failed.append((self.done, self.store.done()) == before)
        commit(self, rows, write)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Filling, "commit", first_fails)
        run(tmp_path / "run")
    assert failed == [True] * 5
    check_same(tmp_path / "run", tmp_path / "whole", look)


@pytest.mark.slow
def test_killed_with_its_workers_and_resumed_by_one(
    tmp_path: Path, start: Callable[..., Any], look: SimpleNamespace
) -> None:
    """`kill -9` of the command: its workers end by themselves, and one process goes on."""
    settings: dict[str, Any] = {"episodes": 60, "size": 32, "seed": 3, "batch": 2, "splits": ["id", "ood_high"]}
    wmenv.evaluate(ENV, ["law"], out=tmp_path / "whole", **settings)
    run = tmp_path / "run"
    line = ("-m", "wmenv", "evaluate", ENV, "--agent", "law", "--episodes", 60, "--batch", 2, "--size", 32, "--seed", 3,
            "--split", "id", "--split", "ood_high", "--workers", 2, "--out", run)  # fmt: skip
    with start(*line) as child:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (not (run / "run.sqlite").exists() or not _rows(run)):
            time.sleep(0.01)
        workers = _children(child.pid)
        child.kill()
        child.wait()
    assert len(workers) == 2
    while any(_alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(pid) for pid in workers), "a worker outlived the command"
    assert 0 < _rows(run) < 120
    wmenv.evaluate(ENV, ["law"], out=run, resume=True, **settings)
    check_same(run, tmp_path / "whole", look)


def _rows(run: Path) -> int:
    db = sqlite3.connect(run / "run.sqlite")
    try:
        return int(db.execute("SELECT count(*) FROM rollouts").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def _alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

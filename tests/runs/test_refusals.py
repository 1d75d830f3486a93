"""Commands that are refused: exit status 2, a message that shows the way out, nothing changed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import wmenv
from wmenv.core.errors import ProtocolMismatch, RunFolderError
from wmenv.runs.results import Results

ENV = "PhyWorld-uniform_motion-v0"
SMALL = ("--agent", "copy-last", "--episodes", 2, "--size", 32, "--no-report")
Refused = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    wmenv.evaluate(ENV, ["copy-last"], episodes=2, out=tmp_path / "run", size=32)
    return tmp_path / "run"


def test_a_run_that_exists(run: Path, refused: Refused, look: SimpleNamespace) -> None:
    before = look.files(run)
    status, _, err = refused("evaluate", ENV, *SMALL, "--out", run)
    assert status == 2 and "holds a run already" in err and "--resume" in err
    assert look.files(run) == before


OTHERWISE = {
    "law": (["PhyWorld-parabola-v0", *SMALL], "env_id was"),
    "size": ([ENV, "--agent", "copy-last", "--episodes", 2, "--size", 64, "--no-report"], '"height":32'),
    "seed": ([ENV, *SMALL, "--seed", 1], "seed was 0, now 1"),
    "agents": ([ENV, *SMALL, "--agent", "law"], "agents was"),
    "episodes": ([ENV, "--agent", "copy-last", "--episodes", 3, "--size", 32, "--no-report"], "splits was"),
    "samples": ([ENV, *SMALL, "--samples", 2], "samples was 1, now 2"),
    "scheme": ([ENV, *SMALL, "--set", "scheme=laws"], "phyworld-laws"),
}


@pytest.mark.parametrize("what", list(OTHERWISE))
def test_a_run_made_otherwise(what: str, run: Path, refused: Refused, look: SimpleNamespace) -> None:
    arguments, told = OTHERWISE[what]
    before = look.files(run)
    status, _, err = refused("evaluate", *arguments, "--out", run, "--resume")
    assert status == 2 and "holds a run made otherwise" in err and "Choose another --out" in err
    if what not in ("size", "scheme"):  # deep inside the protocol, which is shown shortened
        assert told in err
    assert look.files(run) == before


def test_resuming_a_rejudged_run_as_if_it_were_made_here(tmp_path: Path) -> None:
    wmenv.evaluate(ENV, ["copy-last"], episodes=2, out=tmp_path / "run", size=32, keep="all", judger="physics")
    from wmenv.runs.rejudge import rejudge

    rejudge(tmp_path / "run", "physics", tmp_path / "again")
    with pytest.raises(ProtocolMismatch, match="judged_again was"):
        wmenv.evaluate(ENV, ["copy-last"], episodes=2, out=tmp_path / "again", size=32, judger="physics", resume=True)


UNKNOWN = {
    "env": (["PhyWorld-colision", "--agent", "law"], "did you mean PhyWorld-collision-v0"),
    "no such env": (["Nothing", "--agent", "law"], "known: PhyWorld-"),
    "agent": ([ENV, "--agent", "lawn"], "no agent named 'lawn'; did you mean law"),
    "judger": ([ENV, "--agent", "law", "--judger", "fysics"], "no judger named 'fysics'; did you mean physics"),
    "split": ([ENV, "--agent", "law", "--split", "oud"], "no split 'oud'; this suite has id, ood_low"),
    "option": ([ENV, "--agent", "law", "--set", "rangs=paper"], "no option 'rangs'; did you mean ranges"),
    "far option": ([ENV, "--agent", "law", "--set", "zzz=1"], "no option 'zzz'; it has split, mode, ranges"),
    "fixed option": ([ENV, "--agent", "law", "--set", "law=collision"], "no option 'law'"),
    "value": ([ENV, "--agent", "law", "--set", "ranges=papers"], "ranges must be one of 'code', 'paper'"),
    "value of another type": ([ENV, "--agent", "law", "--set", "given=many"], "cannot be made with {'given': 'many'}"),
    "setting": ([ENV, "--agent", "law", "--set", "ranges"], "--set takes KEY=VALUE"),
    "size": ([ENV, "--agent", "law", "--size", 4], "size must lie in 16 to 1024"),
    "agent's option": ([ENV, "--agent", "law,edges=area"], "unexpected keyword argument 'edges'"),
    "agent's target": ([ENV, "--agent", "copy-last:x"], "agent 'copy-last:x'"),
    "folder of videos": ([ENV, "--agent", "videos:/nowhere"], "no folder at /nowhere"),
    "two of one name": ([ENV, "--agent", "law", "--agent", "law"], "two agents are called 'law'"),
    "episodes": ([ENV, "--agent", "law", "--episodes", 0], "at least 1, got 0"),
}


@pytest.mark.parametrize("what", list(UNKNOWN))
def test_unknown_names_and_values(what: str, refused: Refused, tmp_path: Path) -> None:
    arguments, told = UNKNOWN[what]
    status, out, err = refused("evaluate", *arguments, "--out", tmp_path / "run")
    assert status == 2, (out, err)
    assert told in " ".join(err.split()), err
    assert "Traceback" not in err and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments", [["show", "Nothing"], ["compare", "/nowhere", "/nowhere"], ["judge", "run", "/x"]]
)
def test_other_commands(arguments: list[str], refused: Refused) -> None:
    status, _, err = refused(*arguments, *(["--judger", "physics"] if arguments[0] == "judge" else []))
    assert status == 2 and err.startswith("error: ")


def test_unknown_flags_and_commands(command: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    for arguments in (["evaluat"], ["evaluate", ENV, "--agnt", "law", "--out", "x"], ["evaluate", ENV, "--out", "x"]):
        done = command(*arguments)
        assert done.returncode not in (0, 1), (arguments, done)
        assert "Traceback" not in done.stderr


def test_runs_of_other_protocols_are_not_compared(run: Path, tmp_path: Path, refused: Refused) -> None:
    wmenv.evaluate(ENV, ["copy-last"], episodes=2, out=tmp_path / "large", size=64)
    status, out, err = refused("compare", run, tmp_path / "large")
    assert status == 2 and "not comparable: clip:" in err and not out


def test_runs_of_other_judgers_are_not_compared(run: Path, tmp_path: Path) -> None:
    from wmenv.judgers.physics import PhysicsJudger

    judger = PhysicsJudger()
    judger.card = {**judger.card, "identity": "physics-v999"}
    wmenv.evaluate(ENV, ["copy-last"], episodes=2, out=tmp_path / "other", size=32, judger=judger)
    with pytest.raises(ProtocolMismatch, match='judger: "physics-v0" against "physics-v999"'):
        wmenv.compare(run, tmp_path / "other")


def damage(folder: Path, how: str) -> None:
    path = folder / "run.sqlite"
    if how == "text":
        path.write_text("this is no database, whatever its name says" * 100)
    elif how == "middle":
        data = bytearray(path.read_bytes())
        data[4096:] = b"\xa5" * (len(data) - 4096)
        path.write_bytes(data)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        column = {"identity": "UPDATE meta SET value = '{'", "judgement": "UPDATE rollouts SET final = '[1]'"}[how]
        db = sqlite3.connect(path)
        db.execute(column)
        db.commit()
        db.close()


@pytest.mark.parametrize("how", ["text", "middle", "cut", "identity", "judgement"])
def test_a_damaged_store(how: str, run: Path, refused: Refused) -> None:
    damage(run, how)
    for arguments in (
        ["evaluate", ENV, *SMALL, "--out", run, "--resume"],
        ["compare", run, run],
        ["report", run],
        ["judge", "run", run, "--judger", "physics"],
    ):
        status, _, err = refused(*arguments)
        assert status == 2 and "run.sqlite" in err, (arguments, err)
        assert "not a wmenv run store" in err or "damaged" in err


def test_a_damaged_results_file(run: Path, refused: Refused, look: SimpleNamespace) -> None:
    wanted = look.results(run)
    for text in ("", "{", '{"schema": "wmenv.results/0"}', '{"schema": "another/7"}', "[]"):
        (run / "results.json").write_text(text)
        with pytest.raises(RunFolderError, match=r"results.json is not of schema wmenv.results/0"):
            Results.read(run)
    (run / "results.json").unlink()
    with pytest.raises(RunFolderError, match="--resume"):
        Results.read(run)
    # The store is the truth: resuming writes the file anew.
    status, _, err = refused("evaluate", ENV, *SMALL, "--out", run, "--resume")
    assert status == 0, err
    assert look.results(run) == wanted


HOSTILE = "[red]evil[/red] ../../../escaped/<script>alert(1)</script> ~ `$(touch x)`"


def test_a_hostile_agent_name(
    tmp_path: Path, look: SimpleNamespace, refused: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    from wmenv.cli.console import out as console
    from wmenv.cli.evaluate import finish
    from wmenv.core.registries import AGENTS

    agent = AGENTS.create("copy-last")
    agent.name = HOSTILE
    results = wmenv.evaluate(ENV, [agent], episodes=2, out=tmp_path / "in" / "run", size=32, keep="all")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["run"]
    assert len(results.clips) == 2
    assert all(Path(clip).parts[0] == "clips" and ".." not in Path(clip).parts for clip in results.clips)
    assert results.agents[0].name == HOSTILE
    finish(results, tmp_path / "in" / "run", True, console())
    shown = "".join(capsys.readouterr().out.split())
    assert "[red]" in shown
    page = (tmp_path / "in" / "run" / "report.html").read_text("utf-8")
    assert "<script>alert(1)" not in page and "alert(1)" in page
    status, out, _ = refused("compare", tmp_path / "in" / "run", tmp_path / "in" / "run")
    assert status == 0 and "[red]" in out


def test_a_name_that_drives_the_terminal(tmp_path: Path, refused: Refused) -> None:
    from wmenv.core.errors import InvalidArgument
    from wmenv.core.registries import AGENTS

    agent = AGENTS.create("copy-last")
    for name in ("\x1b]0;owned\x07", "two\nlines", ""):
        agent.name = name
        with pytest.raises(InvalidArgument, match="one line of printable text"):
            wmenv.evaluate(ENV, [agent], episodes=2, out=tmp_path / "run", size=32)
    assert not (tmp_path / "run").exists()
    status, _, err = refused("evaluate", "\x1b[31mred", "--agent", "law", "--out", tmp_path / "run")
    assert status == 2 and "\x1b" not in err


def test_stored_names_and_paths_that_drive_the_terminal(run: Path, tmp_path: Path, refused: Refused) -> None:
    """A run of somebody else: names of agents in its tables, and a folder's name, which is shown as it is read."""
    agent, folder = "\x1b]0;owned\x07[red]agent", tmp_path / "\x1b[2J[red]run"
    results = (run / "results.json").read_text("utf-8").replace("copy-last", json.dumps(agent)[1:-1])
    (run / "results.json").write_text(results, "utf-8")
    with sqlite3.connect(run / "run.sqlite") as db:
        db.execute("UPDATE rollouts SET agent = ?", (agent,))
        db.execute("UPDATE steps SET agent = ?", (agent,))
        db.execute("UPDATE meta SET value = replace(value, 'copy-last', ?)", (json.dumps(agent)[1:-1],))
    db.close()
    run.rename(folder)
    for command in (["report", folder], ["compare", folder, folder], ["table", folder, "--by", "split"]):
        status, out, err = refused(*command)
        assert "\x1b" not in out + err and "\x07" not in out + err, command
        assert status == 0 and "[red]" in out, (command, out, err)


PLUGIN = {
    "wmenv.agents": "good = plugged:Good\nbroken = plugged_missing:Agent\nraises = plugged:boom.Agent\n"
    "law = plugged:Good\nodd = no target at all",
    "wmenv.suites": "Plugged-v0 = plugged:Suite",
}
CODE = """
from wmenv.agents.still import CopyLast
from wmenv.envs.phyworld import PhyWorldEnv

class Good(CopyLast):
    name = "good"

class Suite(PhyWorldEnv):
    def __init__(self, *, size: int = 32, render_mode=None):
        super().__init__("parabola", size=size, render_mode=render_mode)
"""


def test_plugins_good_and_broken(tmp_path: Path, command: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A distribution brings agents and a suite; what is broken is named and left out, the rest works."""
    site, info = tmp_path / "site", tmp_path / "site" / "plugged-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "plugged.py").write_text(CODE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("".join(f"[{group}]\n{lines}\n" for group, lines in PLUGIN.items()))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))}
    listed = command("list", env=env)
    assert listed.returncode == 0
    assert "good" in listed.stdout and "from plugged" in listed.stdout and "Plugged-v0" in listed.stdout
    assert "agent 'law' of plugged is ignored: the name is taken" in listed.stderr
    assert "'odd' of plugged is ignored" in listed.stderr
    small = ("--episodes", 2, "--no-report")
    done = command("evaluate", "Plugged", "--agent", "good", "--agent", "law", *small, "--out", tmp_path / "a", env=env)
    assert done.returncode == 0, done.stderr
    for name, told in (("broken", "No module named 'plugged_missing'"), ("raises", "no attribute 'boom'")):
        done = command("evaluate", "Plugged", "--agent", name, *small, "--out", tmp_path / name, env=env)
        assert done.returncode == 2 and told in done.stderr and "update or uninstall plugged" in done.stderr
    doctor = command("doctor", env=env)
    assert doctor.returncode == 1 and "broken: agent 'broken' of plugged cannot be loaded" in doctor.stdout

"""`--sanity`: a good judger passes the panel, a constant one is told; the panel is marked and never ranked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import wmenv
from wmenv.agents.sanity import KINDS, spoiled
from wmenv.cli.evaluate import finish
from wmenv.core.case import Case
from wmenv.core.clip import Response
from wmenv.core.errors import InvalidArgument, UnknownName
from wmenv.core.registries import AGENTS
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.report.chart import error_chart
from wmenv.report.rows import split_tables
from wmenv.runs.results import Results
from wmenv.runs.sanity import LEAST, MARGIN, sanity_warnings

PANEL = [f"sanity:{kind}" for kind in KINDS]
LAW = {"episodes": 3, "size": 32, "keep": "none"}


class Constant:
    """Gives full marks to everything."""

    name, accepts, reads_truth, exact = "constant", ("clip",), False, True
    card = {"identity": "constant-v0"}  # noqa: RUF012

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        return [
            judgement(case, [Verdict.answered(c.id, 1.0, c.maximum or 1.0) for c in case.criteria], "constant-v0")
            for case in cases
        ]


def printed(results: Results, folder: Path) -> tuple[str, str]:
    """What the command prints at the end, and the report."""
    console = Console(record=True, width=160)
    finish(results, folder, True, console)
    return console.export_text(), (folder / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_the_pixel_judger_of_scenes_passes(tmp_path: Path) -> None:
    run = tmp_path / "run"
    results = wmenv.evaluate("WorldModelBench-driving", ["copy-last"], episodes=2, size=64, out=run, sanity=True)
    assert [a.name for a in results.agents] == ["copy-last", *PANEL] and not results.failed
    assert results.sanity is not None and results.sanity.compared
    assert results.sanity.warnings == [] and results.sanity.left_out == {}
    true = results.row("sanity:true", "all").reward
    assert true is not None and true.mean >= LEAST
    text, page = printed(results, run)
    assert "the judger tells the true clip from all others" in text and "warning" not in text
    assert "the judger tells the true clip from all others" in page and "fails the sanity panel" not in page


@pytest.mark.parametrize("env", ["WorldModelBench-driving", "PhyWorld-collision"])
def test_a_constant_judger_is_shown_to_give_full_marks_to_everything(env: str, tmp_path: Path) -> None:
    results = wmenv.evaluate(env, ["copy-last"], out=tmp_path / "run", sanity=True, judger=Constant(), **LAW)
    assert {row.reward.mean for row in results.rows if row.reward} == {1.0} and not results.failed
    assert results.sanity is not None and len(results.sanity.warnings) == len(PANEL) - 1
    for name in PANEL[1:]:
        assert any(f"{name} has 1.000, the true clip 1.000" in told for told in results.sanity.warnings)
    stored = json.loads((tmp_path / "run" / "results.json").read_text())
    assert stored["sanity"]["warnings"] == results.sanity.warnings
    text, page = printed(results, tmp_path / "run")
    assert text.count("warning sanity panel on") == len(PANEL) - 1
    assert "The judger fails the sanity panel." in page and "sanity:noise has 1.000" in page


@pytest.mark.parametrize("law", ["uniform_motion", "parabola", "collision"])
def test_the_physics_judger_passes(law: str, tmp_path: Path) -> None:
    splits = ["id", "ood_low"]
    results = wmenv.evaluate(f"PhyWorld-{law}", ["law"], splits=splits, out=tmp_path / "run", sanity=True, **LAW)
    assert results.sanity is not None and results.sanity.warnings == [] and not results.failed
    assert {(row.agent, row.split) for row in results.rows} == {(a, s) for a in ("law", *PANEL) for s in splits}


def test_the_panel_is_marked_and_never_ranked(tmp_path: Path) -> None:
    env = "PhyWorld-uniform_motion"
    for name, agents in (("one", ["copy-last", "oracle"]), ("two", ["oracle", "copy-last"])):
        results = wmenv.evaluate(env, agents, out=tmp_path / name, sanity=True, **LAW)
    assert [a.name for a in results.agents if a.sanity] == PANEL
    assert all(a.privileged for a in results.agents if a.sanity)
    (table,) = split_tables(results)
    assert [line.name for line in table.lines] == ["oracle", "copy-last"] and table.ranked
    assert [line.name for line in table.sanity] == PANEL
    chart = error_chart(results)
    assert chart is not None and [name for _, name in chart.agents] == ["oracle", "copy-last"]
    text, page = printed(results, tmp_path / "two")
    assert "not ranked among agents" in text and all(name in text for name in PANEL)
    assert page.count('<tr class="sanity">') == len(PANEL)
    measured = {(d.first, d.second) for d in wmenv.compare(tmp_path / "one", tmp_path / "two")}
    assert measured == {("copy-last", "copy-last"), ("oracle", "oracle")}
    both = wmenv.write_report([tmp_path / "one", tmp_path / "two"], tmp_path / "both.html").read_text("utf-8")
    assert both.index("sanity:noise") > both.index('<section class="run"'), "the table of all runs has agents only"


def test_interrupted_and_resumed(tmp_path: Path, look: SimpleNamespace) -> None:
    def stop(tick: Any) -> None:
        if tick.agent == "sanity:reversed":
            raise KeyboardInterrupt

    settings = {**LAW, "sanity": True, "batch": 2}
    wmenv.evaluate("PhyWorld-parabola", ["copy-last"], out=tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        wmenv.evaluate("PhyWorld-parabola", ["copy-last"], out=tmp_path / "run", progress=stop, **settings)
    wmenv.evaluate("PhyWorld-parabola", ["copy-last"], out=tmp_path / "run", resume=True, **settings)
    assert look.results(tmp_path / "run") == look.results(tmp_path / "whole")


def test_what_a_suite_does_not_know_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toys: ModuleType
) -> None:
    env = wmenv.make("PhyWorld-collision", size=32)
    monkeypatch.setattr(env.unwrapped, "true_clip", lambda case: None)
    results = wmenv.evaluate(env, ["copy-last"], episodes=2, out=tmp_path / "run", sanity=True)
    kept = ["sanity:frozen", "sanity:noise"]
    assert [a.name for a in results.agents if a.sanity] == kept and not results.failed
    assert results.sanity is not None and not results.sanity.compared and results.sanity.warnings == []
    assert set(results.sanity.left_out) == {*PANEL} - {*kept}
    text, page = printed(results, tmp_path / "run")
    assert "left out of the sanity panel: sanity:true: the suite knows no true clip" in text
    assert "without a true clip" in text and "sanity:reversed (the suite knows no true clip" in page
    quiz = wmenv.evaluate(toys.Quiz(), [toys.Chooser()], episodes=2, out=tmp_path / "quiz", sanity=True)
    assert not quiz.failed and quiz.sanity is not None and set(quiz.sanity.left_out) == {*PANEL}


def test_refusals(tmp_path: Path, refused: Callable[..., tuple[int, str, str]]) -> None:
    line = ("evaluate", "PhyWorld-collision", "--size", 32, "--episodes", 1, "--sanity", "--out", tmp_path / "run")
    status, _, err = refused(*line, "--agent", "sanity:noise")
    assert status == 2 and "the sanity panel has sanity:noise already" in err
    assert refused(*line, "--agent", "copy-last", "--keep-clips", "none")[0] == 0
    status, _, err = refused(*line[:-3], "--out", tmp_path / "run", "--agent", "copy-last", "--resume")
    assert status == 2 and "sanity was" in err, "the panel belongs to the run"
    with pytest.raises(UnknownName, match="there are true, frozen"):
        AGENTS.create("sanity:upside-down")
    with pytest.raises(InvalidArgument, match="--sanity adds it"):
        AGENTS.create("sanity:another")


def test_one_clip_of_the_panel_by_name() -> None:
    suite: Any = wmenv.make("PhyWorld-collision", size=32).unwrapped
    (case,) = suite.draw(1, np.random.default_rng(0))
    true = suite.true_clip(case)
    for kind in ("true", "frozen", "reversed", "shuffled"):
        (clip,) = AGENTS.create(f"sanity:{kind}").act([case], [5])
        np.testing.assert_array_equal(clip.frames, spoiled(kind, true.frames, seed=5), kind)  # type: ignore[attr-defined]
    shuffled = spoiled("shuffled", true.frames, seed=5)
    assert (shuffled[0] == true.frames[0]).all() and (shuffled != true.frames).any()
    assert true.fps == Fraction(10)


def test_when_the_panel_warns() -> None:
    assert sanity_warnings({"all": {"sanity:true": LEAST, "sanity:noise": LEAST - MARGIN, "sanity:frozen": None}}) == []
    (low,) = sanity_warnings({"all": {"sanity:true": 0.9, "sanity:noise": 0.1}})
    assert "the true clip has 0.900 of 1, less than 0.95" in low
    (near,) = sanity_warnings({"all": {"sanity:true": 1.0, "sanity:noise": 0.86}})
    assert "sanity:noise has 0.860, the true clip 1.000" in near
    (none,) = sanity_warnings({"all": {"sanity:true": None, "sanity:noise": 0.1}})
    assert "no answer to the true clip" in none
    assert sanity_warnings({"all": {"sanity:noise": 1.0}}) == []
    (some,) = sanity_warnings({"all": {"sanity:true": 1.0, "sanity:noise": 0.0}}, {"all": 0.25})
    assert "75.0% of the verdicts on the panel failed" in some


def test_a_run_judged_again_keeps_its_panel(tmp_path: Path, refused: Callable[..., tuple[int, str, str]]) -> None:
    settings = {**LAW, "keep": "all", "sanity": True}
    wmenv.evaluate("PhyWorld-collision", ["copy-last"], out=tmp_path / "run", judger=Constant(), **settings)
    _, out, err = refused("judge", "run", tmp_path / "run", "--judger", "physics", "--out", tmp_path / "again")
    assert "the judger tells the true clip from all others" in out, err
    found = Results.read(tmp_path / "again")
    assert found.sanity is not None and found.sanity.warnings == []
    assert [a.name for a in found.agents if a.sanity] == PANEL

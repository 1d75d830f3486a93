"""Studies of alignment: cells made for real and short, controls that are controls, sentences that conclude."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wmenv.studies.alignment.critic import conclude
from wmenv.studies.alignment.run import BUDGET, Alignment, shuffled, within_budget
from wmenv.studies.registry import training_study
from wmenv.studies.training.declare import Experiment, TrainingStudy
from wmenv.studies.training.kinds import run_of
from wmenv.studies.training.outcome import Outcome
from wmenv.studies.training.summary import summarise
from wmenv.studies.training.table import outcome_tables

STUDIES = ("alignment-table", "alignment-critic", "alignment-sweep")


def quiet(line: str, share: float) -> None:
    assert 0.0 <= share <= 1.0


def made(run: Alignment, out: Path, seed: int = 5, precision: Any = "float32", cases: int = 3) -> dict[str, Any]:
    small = replace(run, tests=("id",))
    experiment = Experiment("short", "smoke", (small,), (seed,), cases, points=1, precision=precision)
    return small.make(experiment, seed, out, quiet)


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    return {run.name: run for run in training_study("alignment-table").experiment("smoke").runs}


@pytest.mark.parametrize("name", STUDIES)
def test_declared_runs_are_runs_of_the_command(name: str) -> None:
    """Settings are of the methods they are given to, judgers differ, every learning row of a seed has its own name."""
    pytest.importorskip("torch")
    from wmenv.core.registries import METHODS

    for size in ("smoke", "real"):
        for run in training_study(name).experiment(size).runs:  # type: ignore[arg-type]
            assert isinstance(run, Alignment) and run_of(json.loads(json.dumps(run.plain()))) == run
            if run.method:
                kind: Any = METHODS.load(run.method)
                settings = kind.settings_type.of({**run.settings, "prompts": run.prompts})
                assert settings.updates == run.updates > 0
                assert run.judger != run.held_out
                assert not settings.shuffled or run.name.endswith("-shuffled")
            assert "wide_v" not in run.tests, "tested on what was prompted and on what was not, each by itself"


def test_controls_differ_from_their_runs_by_the_shuffle_alone() -> None:
    for name in STUDIES[:2]:
        runs = {run.name: run for run in training_study(name).experiment("real").runs}
        controls = [one for one in runs if one.endswith("-shuffled")]
        assert controls
        for control in controls:
            assert shuffled(runs[control.removesuffix("-shuffled")]) == runs[control]  # type: ignore[arg-type]


def test_bounds_of_the_table() -> None:
    claims = {claim.name: claim for claim in training_study("alignment-table").claims}
    bounds = {name: (claim.quantity.told, claim.side, claim.threshold) for name, claim in claims.items()}
    fast = "ood_high_v"
    assert bounds["start: fast balls are wrong"] == (f"error(start, {fast})", "above", 1.0)
    assert bounds["draft: fast balls"] == (f"error(draft, {fast})", "below", 0.25)
    assert bounds["draft: speed is read"] == (f"slope(draft, {fast})", "above", 0.8)
    assert bounds["draft: in distribution"] == ("error(draft, id) / error(start, id)", "below", 1.25)
    assert bounds["grpo: fast balls"] == (f"error(grpo, {fast})", "below", 0.75)
    for control in ("draft-shuffled", "grpo-shuffled"):
        told = f"error({control}, {fast}) − error(start, {fast})"
        assert bounds[f"{control}: no improvement"] == (told, "not below", 0.0)
    assert BUDGET == 150.0 and len(training_study("alignment-table").experiment("real").seeds) == 5


@pytest.fixture(scope="module")
def cells(table: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    out = tmp_path_factory.mktemp("cells")
    return out, {name: made(table[name], out) for name in ("start", "draft")}


def test_cells(cells: tuple[Path, dict[str, Any]]) -> None:
    """A row that does not learn is the shipped model; one that does leaves an agent that is another one."""
    out, found = cells
    start, draft = found["start"], found["draft"]
    assert set(start["splits"]) == {"id"} and start["splits"]["id"]["cases"] == 3
    assert "learning_cpu_seconds" not in start and start["curve"] == []
    assert 0.0 < draft["learning_cpu_seconds"] <= draft["cpu_seconds"]
    assert [point["step"] for point in draft["curve"]] == [0, 1]
    assert draft["curve"][0]["kl"] == 0.0 < draft["curve"][1]["kl"]
    runs = [json.loads((out / "runs" / f"{name}-5" / "results.json").read_text()) for name in ("start", "draft")]
    cards = [run["agents"][0]["card"] for run in runs]
    assert cards[0]["identity"] != cards[1]["identity"]
    assert not {"judger", "seed"} & {k for k in cards[0] if cards[0][k] != cards[1].get(k)}
    pairs = [[true for true, _ in found[name]["splits"]["id"]["pairs"]] for name in found]
    assert pairs[0] == pairs[1], "every row of a seed is tested on the same cases"
    assert runs[0]["protocol"] == runs[1]["protocol"] and "physics" in runs[0]["protocol"]["judger"]


def test_other_seeds_are_tested_on_other_cases(
    cells: tuple[Path, dict[str, Any]], table: dict[str, Any], tmp_path: Path
) -> None:
    other = made(table["start"], tmp_path, seed=6)
    own = cells[1]["start"]["splits"]["id"]["pairs"]
    assert {true for true, _ in other["splits"]["id"]["pairs"]}.isdisjoint(true for true, _ in own)


def test_a_finished_model_is_not_aligned_again(cells: tuple[Path, dict[str, Any]], table: dict[str, Any]) -> None:
    out, found = cells
    weights = out / "models" / "draft-5" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    again = made(table["draft"], out)
    assert weights.stat().st_mtime_ns == before
    assert again["splits"] == found["draft"]["splits"] and again["curve"] == found["draft"]["curve"]


def test_the_last_weights_are_tested_whatever_a_judge_says_of_them(table: dict[str, Any], tmp_path: Path) -> None:
    """Updates so large that the held-out judger would keep the start: what is exported is the ruin all the same."""
    pytest.importorskip("torch")
    run = replace(table["draft"], settings={**table["draft"].settings, "learning_rate": 0.05, "average": 0.0})
    ruined = made(run, tmp_path)
    assert ruined["curve"][1]["held_out"] < 0.5 * ruined["curve"][0]["held_out"]
    assert ruined["splits"]["id"]["score"] < 0.5 * made(table["start"], tmp_path)["splits"]["id"]["score"]


def test_a_cell_with_critics(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    run: Any = next(r for r in training_study("alignment-critic").experiment("smoke").runs if r.name == "draft")
    cell = made(run, tmp_path)
    found = cell["splits"]["id"]
    assert all(0.0 <= found[name] <= 1.0 for name in ("score", "reward", "second"))
    assert len({found[name] for name in ("score", "reward", "second")}) == 3
    assert set(cell["exams"]) == {"flat-critic", "deep-critic"}
    cards = [json.loads((tmp_path / "critics" / f"{name}-5" / "card.json").read_text()) for name in cell["exams"]]
    assert [card["recipe"]["kind"] for card in cards] == ["flat", "deep"]
    assert [card["recipe"]["seed"] for card in cards] == [5, 1005]
    judgers = [
        json.loads((tmp_path / "runs" / f"draft-5{end}" / "results.json").read_text())["protocol"]["judger"]
        for end in ("", "-reward", "-second")
    ]
    assert [judger.partition("-v")[0] for judger in judgers] == ["physics", "critic", "critic"]
    assert len(set(judgers)) == 3 and judgers[1].endswith(cards[0]["weights"][:12])


def outcome(study: TrainingStudy, values: dict[str, tuple[float, ...]], seconds: float = 90.0) -> Outcome:
    """An outcome whose exact scores on fast balls are given by run and seed."""
    experiment = study.experiment("smoke")
    cells = {
        (run.name, seed): {
            "run": run.name,
            "seed": seed,
            "splits": {split: {"score": values[run.name][k], "reward": 0.9, "second": 0.8} for split in run.tests},
            "curve": [],
            "cpu_seconds": 1.0,
            **({"learning_cpu_seconds": seconds + k} if run.method else {}),  # type: ignore[attr-defined]
        }
        for run in experiment.runs
        for k, seed in enumerate(experiment.seeds)
    }
    return summarise(study, experiment, cells, [], {"command": "none", "processor": "none", "cores": 1})


@pytest.mark.parametrize(
    ("scores", "word"),
    [((0.60, 0.61), "the generator improves"), ((0.60, 0.15), "the critic was exploited"),
     ((0.10, 0.11), "the critic was exploited"), ((0.01, 0.02), "the critic was exploited")],
)  # fmt: skip
def test_improved_or_exploited(scores: tuple[float, float], word: str) -> None:
    """By the interval of the exact score against the control's, whatever the critics say; each method by itself."""
    study = training_study("alignment-critic")
    names = ("start", "draft-shuffled", "grpo-shuffled")
    found = outcome(study, {**dict.fromkeys(names, (0.10, 0.11)), "draft": scores, "grpo": (0.60, 0.61)})
    assert conclude(found).startswith(f"draft: {word}.") and "grpo: the generator improves." in conclude(found)
    assert f"**{conclude(found)}**" in outcome_tables(found, study)
    from wmenv.report.study import render_study

    assert f"draft: {word}." in render_study(found, study)


def test_the_bound_on_time_is_said_to_be_kept_or_broken() -> None:
    study = training_study("alignment-table")
    values = dict.fromkeys((run.name for run in study.experiment("smoke").runs), (0.5, 0.5))
    assert "91 CPU-seconds" in within_budget(outcome(study, values)) and "is kept" in within_budget(
        outcome(study, values)
    )
    assert "is broken" in within_budget(outcome(study, values, seconds=149.5))
    tables = outcome_tables(outcome(study, values), study)
    assert "| `draft` | 90 | 91 |" in tables and "never seen" in tables

"""Claims: expressions that compute what they print, every branch of a verdict, and the declarations."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wmenv.core.errors import InvalidArgument, UnknownName
from wmenv.studies.registry import STUDIES, training_study
from wmenv.studies.training.declare import Claim, Experiment, TrainingStudy
from wmenv.studies.training.interval import SeedInterval
from wmenv.studies.training.quantity import Absent, geometric_mean, least, mean, read
from wmenv.studies.training.table import describe, study_block
from wmenv.studies.training.verdict import decide, judge_claim
from wmenv.worlds.discs.splits import split_names

TRAINING = [name for name, study in STUDIES.items() if study.trains]
FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "phyworld_published.json"


def interval(low: float, high: float, seeds: int = 3) -> SeedInterval:
    return SeedInterval((low + high) / 2, low, high, seeds)


@pytest.mark.parametrize(
    ("side", "low", "high", "word"),
    [
        ("above", 1.1, 2.0, "agrees"), ("above", 1.0, 2.0, "undecided"), ("above", 0.5, 1.5, "undecided"),
        ("above", 0.5, 1.0, "disagrees"), ("above", 0.1, 0.9, "disagrees"), ("above", 1.0, 1.0, "disagrees"),
        ("below", 0.1, 0.9, "agrees"), ("below", 0.1, 1.0, "undecided"), ("below", 0.5, 1.5, "undecided"),
        ("below", 1.0, 1.5, "disagrees"), ("below", 1.1, 1.5, "disagrees"), ("below", 1.0, 1.0, "disagrees"),
        ("not below", 0.1, 0.9, "disagrees"), ("not below", 0.1, 1.0, "agrees"), ("not below", 0.5, 1.5, "agrees"),
        ("not below", 1.1, 1.5, "agrees"), ("not below", 1.0, 1.0, "agrees"),
    ],
)  # fmt: skip
def test_where_an_interval_lies(side: Any, low: float, high: float, word: str) -> None:
    assert decide(side, 1.0, interval(low, high)) == word
    assert decide(side, 1.0, interval(low, high, seeds=1)) == "undecided"


def claim(**changes: Any) -> Claim:
    quantity = read("error", "model", "fast") / read("error", "model", "id")
    return replace(Claim("ratio", "The ratio is large.", "Figure 3", quantity, "above", 6.0), **changes)


def cells(*pairs: tuple[float | None, float | None]) -> dict[int, Any]:
    return {seed: {"model": {"fast": {"error": f}, "id": {"error": i}}} for seed, (f, i) in enumerate(pairs)}


def test_verdict_of_clear_cells() -> None:
    found = judge_claim(claim(), (0, 1, 2), cells((1.0, 0.1), (1.1, 0.1), (0.9, 0.1)))
    assert found.verdict == "agrees" and not found.reason
    assert found.values == {"0": 10.0, "1": 11.0, "2": 9.0}
    assert found.interval is not None and found.interval.low == pytest.approx(10 - 4.302653 / math.sqrt(3), abs=1e-5)
    assert judge_claim(claim(side="below"), (0, 1, 2), cells((1.0, 0.1), (1.1, 0.1), (0.9, 0.1))).verdict == "disagrees"


def test_wide_cells_are_undecided_although_their_mean_is_clear() -> None:
    """Means of 10 against a threshold of 6: three seeds that spread decide nothing."""
    found = judge_claim(claim(), (0, 1, 2), cells((1.3, 0.1), (1.0, 0.1), (0.7, 0.1)))
    assert found.verdict == "undecided" and not found.reason


@pytest.mark.parametrize(
    ("last", "why"), [((None, 0.1), "could not be read"), ((1.0, 0.0), "is 0"), (None, "no error of model on")]
)
def test_a_missing_seed_leaves_a_claim_undecided(last: Any, why: str) -> None:
    """The others would agree; but a seed that fails need not fail by chance."""
    there = cells((1.0, 0.1), (1.0, 0.1), last) if last else cells((1.0, 0.1), (1.0, 0.1))
    found = judge_claim(claim(), (0, 1, 2), there)
    assert found.verdict == "undecided" and why in found.reason and "seed 2" in found.reason
    assert list(found.values) == ["0", "1"]


def test_one_seed_decides_nothing() -> None:
    found = judge_claim(claim(), (0,), cells((1.0, 0.1)))
    assert found.verdict == "undecided" and "one seed" in found.reason


def test_expressions_compute_what_they_print() -> None:
    there = {"a": {"x": {"error": 8.0, "slope": 0.5}}, "b": {"x": {"error": 2.0}}}
    a, b = read("error", "a", "x"), read("error", "b", "x")
    for one, told, value in (
        (a / b, "error(a, x) / error(b, x)", 4.0),
        (a - b, "error(a, x) − error(b, x)", 6.0),
        ((a - b) / b, "(error(a, x) − error(b, x)) / error(b, x)", 3.0),
        (a / (a / b), "error(a, x) / (error(a, x) / error(b, x))", 2.0),
        (geometric_mean(a, b) / b, "(geometric mean of error(a, x), error(b, x)) / error(b, x)", 2.0),
        (mean(a, b), "mean of error(a, x), error(b, x)", 5.0),
        (least(a, b), "least of error(a, x), error(b, x)", 2.0),
    ):
        assert (one.told, one.of(there)) == (told, value)
    assert (a / b).reads == (("a", "x", "error"), ("b", "x", "error"))
    with pytest.raises(Absent):
        geometric_mean(a, read("slope", "a", "x") - a).of(there)
    with pytest.raises(Absent, match="no error of c on x"):
        read("error", "c", "x").of(there)


READOUTS = {
    "velocity": {"error", "slope", "bias", "pull", "reversed", "forfeited"},
    "attributes": {"margin", "least_kept", "forfeited"},
    "alignment": {"error", "slope", "bias", "pull", "forfeited", "score", "reward", "second"},
}


@pytest.mark.parametrize("name", TRAINING)
def test_declarations(name: str) -> None:
    study = training_study(name)
    assert study.name == name and set(study.sizes) == {"smoke", "real"}
    real, smoke = study.experiment("real"), study.experiment("smoke")
    assert len(set(real.seeds)) == len(real.seeds) >= 3 and len(smoke.seeds) >= 2
    assert [run.name for run in real.runs] == [run.name for run in smoke.runs]
    for experiment in (real, smoke):
        assert (experiment.study, experiment.size) == (name, "real" if experiment is real else "smoke")
        assert Experiment.of(json.loads(json.dumps(experiment.plain()))) == experiment
        for run in experiment.runs:
            assert {run.train, *run.tests} <= set(split_names(run.law)) and len(set(run.tests)) == len(run.tests)
            assert re.fullmatch(r"\w[\w-]*", run.name)
    recipes = [json.dumps(run.plain() | {"name": "", "tests": []}) for run in real.runs]
    assert len(set(recipes)) == len(recipes), "one recipe is trained twice"
    assert len({run.name for run in real.runs}) == len(real.runs)


@pytest.mark.parametrize("name", TRAINING)
def test_claims_read_what_is_declared(name: str) -> None:
    study = training_study(name)
    runs = {run.name: run for run in study.experiment("real").runs}
    assert len({claim.name for claim in study.claims}) == len(study.claims)
    assert any(claim.premise for claim in study.claims) and not all(claim.premise for claim in study.claims)
    for one in study.claims:
        for run, split, readout in one.quantity.reads:
            assert split in runs[run].tests, one.name
            assert readout in READOUTS[runs[run].scheme], one.name
            assert readout not in ("pull", "reversed") or runs[run].law == "uniform_motion", one.name
        assert one.premise or one.paper != "-", one.name
    for plot in study.plots:
        assert set(plot.runs) <= set(runs)
        assert {split for run in plot.runs for split in runs[run].tests} & set(plot.splits)


@pytest.mark.parametrize("name", TRAINING)
def test_real_sizes_fit_an_hour_on_two_cores(name: str) -> None:
    real = training_study(name).experiment("real")
    assert sum(real.cpu_seconds(run) for run, _ in real.cells()) < 6000


def test_the_papers_figures_in_the_declarations() -> None:
    """The smallest ratio of Figure 3, and how far its models together gain out of distribution by data."""
    figure = json.loads(FIXTURE.read_text())["figure3"]
    ratios = [
        out / inside
        for law in figure.values()
        for model in law["id"]
        for inside, out in zip(law["id"][model], law["ood"][model], strict=True)
    ]
    assert len(ratios) == 27
    told = " ".join(
        claim.paper for name in ("phyworld-ood", "phyworld-scaling") for claim in training_study(name).claims
    )
    assert f"smallest ratio is {min(ratios):.1f}" in told
    gains = [row[0] / row[2] for row in figure["uniform"]["ood"].values()]
    assert f"together by {math.prod(gains) ** (1 / len(gains)):.2f}" in told


@pytest.mark.parametrize("name", TRAINING)
def test_description_and_block_before_anything_was_run(name: str, tmp_path: Path) -> None:
    study = training_study(name)
    told, block = describe(study), study_block(study, tmp_path / "none.json")
    for one in study.claims:
        assert one.statement in told and one.quantity.told in told
        assert one.statement in block
    assert block.count("not yet run") == len(study.claims)
    assert all(f"`{run.name}`" in block for run in study.experiment("real").runs)


def test_the_analysis_has_a_digest_of_its_own() -> None:
    study = training_study("phyworld-ood")
    first, *others = study.claims
    moved = replace(study, claims=(replace(first, threshold=first.threshold + 1), *others))
    other = replace(study, claims=(replace(first, quantity=others[0].quantity), *others))
    assert len({one.analysis_digest() for one in (study, moved, other)}) == 3
    assert replace(study, question="Another?").analysis_digest() == study.analysis_digest()


def test_refusals() -> None:
    study: TrainingStudy = training_study("phyworld-gap")
    assert study.experiment("real", "float32").precision == "float32"
    with pytest.raises(InvalidArgument, match="real"):
        study.experiment("huge")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="bfloat16"):
        study.experiment("real", "int8")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="phyworld-gap"):
        training_study("phyworld-splits")
    with pytest.raises(UnknownName, match="phyworld-ood"):
        training_study("phyworld-odd")

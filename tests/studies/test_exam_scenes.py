"""The exam on scenes: what an oracle gets, and judgers that like yes, or the first option, are found out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from wmenv.core.case import Case
from wmenv.core.clip import Response
from wmenv.core.protocols import Judger
from wmenv.core.question import Question
from wmenv.core.registries import JUDGERS
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.runs.card import Card
from wmenv.studies.exam.figures import NO_WORDS
from wmenv.studies.exam.scenes import SceneWorld
from wmenv.studies.exam.take import Sitting, examined

PLANTS = ("vanish", "recolour")


@pytest.fixture(scope="module")
def world() -> SceneWorld:
    made = SceneWorld("WorldModelBench-v0", 5, {"size": 64})
    made.plants = {name: one for name, one in made.plants.items() if name in PLANTS}
    return made


def card_on_one_case(world: SceneWorld, judger: Judger) -> Card:
    """The card of an exam of one case: the first on which everything can be planted."""
    sitting = Sitting(world, judger, judger.name)
    case = world.cases[0]
    return sitting.card({case: examined(sitting, case)}, {})


def test_an_oracle_finds_what_is_planted_and_nothing_else(world: SceneWorld) -> None:
    card = card_on_one_case(world, JUDGERS.create("scene-oracle"))
    by_name = {one.criterion: one for one in card.criteria}
    for name in PLANTS:
        one = by_name[world.plants[name].criterion]
        assert one.whole.found is not None and one.whole.found.mean == 1.0, one
        assert [point.size for point in one.points] == [4.0, 8.0, 16.0]
    for one in card.criteria:
        assert one.whole.false_alarms is not None and one.whole.false_alarms.mean == 0.0
    assert by_name["mass"].whole.lawful == 3, "the true clip and two alternatives"
    again = {one.name: one for one in card.flips}
    assert again["polarity"].rate is None and again["polarity"].reason == NO_WORDS
    assert again["mp4 round trip"].rate is not None and again["mp4 round trip"].rate.mean == 0.0
    assert any("another clip than the simulated one" in reason for reason in card.reasons), "controls have no label"


class YesMan:
    """Says yes to every question, and takes the first of several options, whatever it is shown."""

    name, accepts, reads_truth, exact = "yes-man", ("clip",), False, False
    card: dict[str, Any] = {"identity": "yes-man-v0"}  # noqa: RUF012

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        return [
            judgement(case, [Verdict.answered(c.id, _yes(c.questions[0])) for c in case.criteria], "yes-man-v0")
            for case in cases
        ]


def _yes(question: Question) -> float:
    if question.answer == "choice":
        return float(question.options[0] == question.reference)
    return 1.0 if question.answer == "ordinal" else float(question.polarity > 0)


def test_a_liking_for_yes_and_for_the_first_option_shows(world: SceneWorld) -> None:
    card = card_on_one_case(world, YesMan())
    flips = {one.name: one for one in card.flips}
    polarity, order = flips["polarity"], flips["order"]
    assert polarity.rate is not None and polarity.rate.mean == 1.0
    assert "mass" in polarity.criteria and "instruction" not in polarity.criteria, "a grade has no opposite wording"
    assert order.rate is not None and order.rate.mean == 1.0 and order.criteria["which"].n == 1
    mass = next(one for one in card.criteria if one.criterion == "mass").whole
    assert mass.balanced is not None and mass.balanced.mean == 0.5
    assert mass.false_alarms is not None and mass.false_alarms.mean == 1.0
    assert mass.calibration is None, "decisions are no probabilities"


@pytest.mark.slow
def test_a_vision_language_model_sits_the_whole_exam(
    world: SceneWorld, tiny_vlm: Callable[[str], Path], tmp_path: Path
) -> None:
    judger = JUDGERS.create(f"vlm:{tiny_vlm('qwen3-vl')},sampler=uniform:4,least_mass=0")
    card = card_on_one_case(world, judger)
    flips = {one.name: one for one in card.flips}
    assert flips["polarity"].rate is not None and flips["order"].rate is not None
    assert card.attack is not None and card.failed == 0, card.reasons
    assert card.criteria[0].whole.false_alarms is not None

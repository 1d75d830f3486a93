"""Judgers around judgers: what they add, what they leave alone, what they are called, what they refuse."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wmenv
from wmenv.core.calibration import log_odds, probability
from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument, TruthWithheld, UnknownName
from wmenv.core.protocols import DifferentiableJudger, Judger
from wmenv.core.question import Question, score_of
from wmenv.core.registries import JUDGERS
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.envs.worldmodelbench.criteria import SCHEME, VIOLATIONS, criteria
from wmenv.judgers.wrappers import Abstaining, Cached, Calibrated, Ensemble, Polarity
from wmenv.judgers.wrappers.temperatures import Temperatures, read, write

Say = Callable[[Case, Criterion], Verdict]


class Toy:
    """A judger that says what a function says, and counts what it is asked."""

    accepts: tuple[str, ...] = ("clip",)

    def __init__(self, say: Say, identity: str = "toy-v0", exact: bool = False, reads_truth: bool = False) -> None:
        self.name, self.say, self.exact, self.reads_truth = identity, say, exact, reads_truth
        self.card: Mapping[str, Any] = {"identity": identity}
        self.asked: list[str] = []

    def judge(self, cases: Sequence[Case], responses: Sequence[Any]) -> list[Judgement]:
        self.asked += [case.id for case in cases]
        return [
            judgement(case, [self.say(case, criterion) for criterion in case.criteria], self.card["identity"])
            for case, _ in zip(cases, responses, strict=True)
        ]


def sure(value: float, **evidence: Any) -> Say:
    """Always this probability of the good answer, on yes/no criteria; half a grade on others."""

    def say(_: Case, criterion: Criterion) -> Verdict:
        if criterion.answer != "binary":
            return Verdict.answered(criterion.id, 0.5, 1.5)
        return Verdict(criterion.id, "answered", value, value, value, evidence=evidence)

    return say


def case(case_id: str = "a", prompt: str = "Do it.", given_frames: int = 0, **changes: Any) -> Case:
    spec = ClipSpec(2, 8, 8, Fraction(4))
    request = Request(case_id, prompt, np.zeros((given_frames, 8, 8, 3), np.uint8), spec)
    return replace(Case(request, criteria("Do it."), SCHEME), **changes)


def clip(value: int = 0) -> Clip:
    return Clip(np.full((2, 8, 8, 3), value, np.uint8), Fraction(4))


def alone(judger: Any, one: Case | None = None) -> Judgement:
    (found,) = judger.judge([one or case()], [clip()])
    return found


# Names


def test_specifications_nest_and_identities_tell_the_chain(tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text(json.dumps({"case_id": "a", "criterion": "mass", "answer": "No"}))
    inner = f"answers:{answers}"
    known = JUDGERS.create(inner).card["identity"]
    deep = JUDGERS.create(f"abstaining:[calibrated:[polarity:[{inner},parse=strict]],temperature=2],margin=0.2,mass=0")
    assert isinstance(deep, Abstaining) and isinstance(deep, Judger)
    expected = f"abstaining-v0(calibrated-v0(polarity-v0({known}); temperature=2); margin=0.2, mass=0)"
    assert deep.card["identity"] == expected == alone(deep).judger
    assert deep.card["inside"][0]["inside"][0]["inside"][0]["identity"] == known
    assert deep.name == "abstaining:calibrated:polarity:answers:answers.jsonl"
    both = JUDGERS.create(f"ensemble:[{inner},parse=strict]+scene-pixels,least=1")
    assert both.card["identity"] == f"ensemble-v0({known} + scene-pixels-v5; least=1)"
    nested = JUDGERS.create(f"ensemble:[ensemble:{inner}+scene-pixels]+scene-oracle")
    assert nested.card["identity"] == f"ensemble-v0(ensemble-v0({known} + scene-pixels-v5) + scene-oracle-v0)"
    assert nested.reads_truth and nested.exact
    assert JUDGERS.create(f"cached:{inner}").card["identity"] == known, "whether it is looked up decides no score"
    json.dumps(dict(deep.card), allow_nan=False)


@pytest.mark.parametrize(
    ("spec", "error", "said"),
    [
        ("cached:nothing", UnknownName, "no judger named 'nothing'"),
        ("cached:", InvalidArgument, "cached wants a judger inside"),
        ("ensemble:scene-pixels", InvalidArgument, "two or more judgers joined by"),
        ("ensemble:scene-pixels+scene-pixels", InvalidArgument, "has a judger twice"),
        ("ensemble:scene-pixels+scene-oracle,least=3", InvalidArgument, "least must lie in 1 to 2, got 3"),
        ("ensemble:[scene-pixels+scene-oracle", InvalidArgument, "bracket that does not match"),
        ("calibrated:scene-pixels", InvalidArgument, "either temperature=T or file=FILE"),
        ("calibrated:scene-pixels,temperature=0", InvalidArgument, "positive number, got 0"),
        ("calibrated:scene-pixels,temperature=hot", InvalidArgument, "positive number, got 'hot'"),
        ("calibrated:scene-pixels,file=nowhere.json", InvalidArgument, "cannot read nowhere.json"),
        ("abstaining:scene-pixels,margin=0.6", InvalidArgument, "margin must lie in 0 to 0.5, got 0.6"),
        ("abstaining:scene-pixels,margin=0.5", InvalidArgument, "leaves no answer at all"),
        ("abstaining:scene-pixels,mass=2", InvalidArgument, "mass must lie in 0 to 1, got 2"),
        ("cached:scene-oracle,always=true", InvalidArgument, "reads the truth"),
        ("polarity:scene-pixels,deep=1", InvalidArgument, "no option 'deep'; .* brackets: polarity:.NAME:X,deep="),
        ("calibrated:answers:x.json,parse=strict,temperature=2", InvalidArgument, "no option 'parse'"),
    ],
)
def test_refusals(spec: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        JUDGERS.create(spec)


def test_what_is_inside_decides_what_is_accepted_and_read() -> None:
    exact, reader = Toy(sure(0.5), "e", exact=True), Toy(sure(0.5), "r", reads_truth=True)
    assert Polarity(exact).exact and not Ensemble([exact, reader]).exact
    assert Ensemble([exact, reader]).reads_truth and not Abstaining(exact).reads_truth
    other = Toy(sure(0.5), "o")
    other.accepts = ("choice",)
    with pytest.raises(InvalidArgument, match="the same kind of response; e accepts clip and o accepts choice"):
        Ensemble([exact, other])


def test_a_member_that_does_not_read_the_truth_does_not_get_it() -> None:
    def peeks(one: Case, criterion: Criterion) -> Verdict:
        assert one.truth is None
        return Verdict.answered(criterion.id, 1.0)

    honest = Toy(peeks, "honest", reads_truth=True)
    alone(Ensemble([honest, Toy(sure(0.5), "b")]))
    with pytest.raises(TruthWithheld, match="judger peeking"):
        alone(Ensemble([honest, Toy(peeks, "peeking")]))


def test_a_benchmark_of_recorded_answers_shows_through() -> None:
    one, other = Toy(sure(0.5), "a"), Toy(sure(0.5), "b")
    one.card, other.card = {**one.card, "benchmark": "videoverse"}, {**other.card, "benchmark": "worldmodelbench"}
    assert Polarity(one).card["benchmark"] == "videoverse"
    with pytest.raises(InvalidArgument, match="hold answers to videoverse and to worldmodelbench"):
        Ensemble([one, other])


# Cache


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    def rich(_: Case, criterion: Criterion) -> Verdict:
        evidence = {"frames": np.arange(3, dtype=np.float32), "pair": (1, None), "dict": {"nan": math.inf}, "n": [True]}
        return Verdict(criterion.id, "answered", 1 / 3, 0.1, 1 / 3, "because", evidence)

    file = tmp_path / "deep" / "judgements.sqlite"
    toy = Toy(rich)
    first = Cached(toy, path=str(file))
    cases, clips = [case("a"), case("b"), case("a"), case("a")], [clip(0), clip(0), clip(1), clip(0)]
    fresh = toy.judge(cases, clips)
    toy.asked.clear()
    found = first.judge(cases, clips)
    assert toy.asked == ["a", "b", "a"], "the last pair is the first again"
    assert (first.asked, first.known) == (3, 1)
    again = Cached(Toy(rich), path=str(file))
    looked = again.judge(cases, clips)
    assert again.inside[0].asked == [] and (again.asked, again.known) == (0, 4)  # type: ignore[attr-defined]
    for one in (found, looked):
        for was, now in zip(fresh, one, strict=True):
            assert replace(was, verdicts=()) == replace(now, verdicts=())
            for a, b in zip(was.verdicts, now.verdicts, strict=True):
                assert replace(a, evidence={}) == replace(b, evidence={})
                np.testing.assert_array_equal(a.evidence["frames"], b.evidence["frames"])
                assert b.evidence["frames"].dtype == np.float32 and b.evidence["pair"] == (1, None)
                assert b.evidence["dict"] == {"nan": math.inf} and b.evidence["n"] == [True]


def test_every_ingredient_is_part_of_the_key() -> None:
    toy = Toy(sure(0.9))
    cached = Cached(toy)
    base = case(given_frames=1)
    worded = tuple(
        replace(one, questions=tuple(replace(q, text="Otherwise?") for q in one.questions)) for one in base.criteria
    )
    white = replace(base.request, frames=np.full((1, 8, 8, 3), 255, np.uint8))
    cases = [
        base,
        case("b", given_frames=1),
        case(prompt="Do that.", given_frames=1),
        case(given_frames=0),
        replace(base, request=white),
        replace(base, criteria=worded),
        replace(base, criteria=base.criteria[1:]),
        replace(base, step=1),
        replace(base, scheme="weighted-mean-v0"),
        replace(base, tags={"split": "other"}),
        replace(base, request=replace(base.request, command=("left",))),
        replace(base, request=replace(base.request, spec=ClipSpec(2, 8, 8, Fraction(8)))),
    ]
    cached.judge(cases, [clip()] * len(cases))
    assert len(toy.asked) == len(cases), "no two of them are the same"
    cached.judge([base, replace(base, request=replace(base.request, sample=3))], [clip(), clip()])
    assert len(toy.asked) == len(cases), "the same clip as another sample is the same clip"
    cached.judge([base], [Clip(clip().frames, Fraction(5))])
    assert len(toy.asked) == len(cases) + 1, "at another rate it is another"


def test_judgers_do_not_share_judgements(tmp_path: Path) -> None:
    file = str(tmp_path / "judgements.sqlite")
    one, other = Toy(sure(0.9)), Toy(sure(0.2))
    other.card = {**other.card, "weights": "others"}
    assert alone(Cached(one, path=file))["mass"].score == 0.9
    assert alone(Cached(other, path=file))["mass"].score == 0.2, "equal identities, but another card"


def test_failures_are_asked_again_and_exact_judgers_every_time() -> None:
    answers = iter([Verdict.failed("x", "time out")] * 8 + [Verdict.answered("x", 1.0)] * 8)
    toy = Toy(lambda _, criterion: replace(next(answers), criterion=criterion.id))
    cached = Cached(toy)
    assert [alone(cached).coverage for _ in range(3)] == [0.0, 1.0, 1.0] and len(toy.asked) == 2
    exact = Toy(sure(0.9), exact=True)
    through, kept = Cached(exact), Cached(exact, always=True)
    assert through.exact and through.card["cache"] == "none: exact" and kept.card["cache"] == "by content"
    for judger, asked in ((through, 2), (kept, 3)):
        alone(judger), alone(judger)
        assert len(exact.asked) == asked
    with pytest.raises(InvalidArgument, match="always must be true or false"):
        Cached(exact, always="yes")  # type: ignore[arg-type]


def test_evidence_that_cannot_be_written_is_not_kept() -> None:
    toy = Toy(sure(0.9, thing=object()))
    cached = Cached(toy)
    assert alone(cached).verdicts == alone(cached).verdicts and len(toy.asked) == 2


def test_a_file_of_something_else_is_refused_and_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("these are notes, and no judgements at all" * 100)
    with pytest.raises(InvalidArgument, match=r"cannot be used \(file is not a database\)"):
        Cached(Toy(sure(0.9)), path=str(other))
    db = sqlite3.connect(tmp_path / "other.sqlite")
    db.execute("CREATE TABLE judgements (id INTEGER)")
    db.close()
    with pytest.raises(InvalidArgument, match="no such column"):
        Cached(Toy(sure(0.9)), path=str(tmp_path / "other.sqlite"))
    toy = Toy(sure(0.9))
    cached = Cached(toy, path=str(tmp_path / "judgements.sqlite"))
    assert cached.memory is not None
    cached.memory._connected().execute("PRAGMA query_only=ON")
    with pytest.warns(UserWarning, match="cannot be written .*; kept in memory"):
        alone(cached)
    assert alone(cached)["mass"].score == 0.9 and len(toy.asked) == 1


# Ensemble


def test_the_mean_of_log_odds_and_the_spread() -> None:
    both = alone(Ensemble([Toy(sure(0.9), "a"), Toy(sure(0.2), "b")]))
    verdict = both["mass"]
    expected = float(probability((log_odds([0.9]) + log_odds([0.2])) / 2)[0])
    assert verdict.score == verdict.probability == verdict.native == pytest.approx(expected)
    assert verdict.evidence["spread"] == pytest.approx(0.7)
    assert [one["judger"] for one in verdict.evidence["members"]] == ["a", "b"]
    assert both["instruction"].score == 0.5 and both["instruction"].native == 1.5
    assert both["instruction"].probability is None
    assert both.judger == "ensemble-v0(a + b)"


@pytest.mark.parametrize(
    ("states", "least", "state", "score"),
    [
        (("answered", "failed"), None, "failed", None),
        (("answered", "failed"), 1, "answered", 1.0),
        (("failed", "failed"), 1, "failed", None),
        (("answered", "forfeited"), None, "answered", 0.5),
        (("forfeited", "forfeited"), None, "forfeited", 0.0),
        (("answered", "not_applicable"), None, "answered", 1.0),
        (("answered", "not_applicable"), 2, "answered", 1.0),
        (("not_applicable", "not_applicable"), None, "not_applicable", None),
        (("failed", "not_applicable"), None, "failed", None),
    ],
)
def test_states_of_members(states: tuple[str, str], least: int | None, state: str, score: float | None) -> None:
    made: dict[str, Callable[[str], Verdict]] = {
        "answered": lambda name: Verdict.answered(name, 1.0),
        "failed": lambda name: Verdict.failed(name, "time out"),
        "forfeited": lambda name: Verdict.forfeited(name, "gone"),
        "not_applicable": lambda name: Verdict.not_applicable(name, "not asked"),
    }
    toys = [Toy(lambda _, c, one=one: made[one](c.id), f"toy{k}") for k, one in enumerate(states)]  # type: ignore[misc]
    verdict = alone(Ensemble(toys, least=least))["newton"]
    assert verdict.state == state
    assert verdict.score == (None if score is None else pytest.approx(score, abs=1e-5))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_an_ensemble_lies_between_its_members_in_any_order(values: list[float], random: Any) -> None:
    toys = [Toy(sure(value), f"toy{k}") for k, value in enumerate(values)]
    score = alone(Ensemble(toys))["mass"].score
    random.shuffle(toys)
    again = alone(Ensemble(toys))["mass"].score
    assert score is not None and again == pytest.approx(score)
    assert min(values) - 1e-5 <= score <= max(values) + 1e-5


# Calibration


def test_a_temperature_moves_probabilities_and_nothing_else() -> None:
    verdicts = alone(Calibrated(Toy(sure(0.9)), temperature=2))
    assert verdicts["mass"].score == verdicts["mass"].probability == verdicts["mass"].native == pytest.approx(0.75)
    assert verdicts["mass"].evidence == {"uncalibrated": 0.9, "temperature": 2.0}
    assert (verdicts["instruction"].score, verdicts["instruction"].native) == (0.5, 1.5)

    def decided(_: Case, criterion: Criterion) -> Verdict:
        return Verdict(criterion.id, "answered", 1.0, 1.0, 0.9)

    hard = alone(Calibrated(Toy(decided), temperature=2))["mass"]
    assert (hard.score, hard.native, hard.probability) == (1.0, 1.0, pytest.approx(0.75)), "a decision stays"
    lost = alone(Calibrated(Toy(lambda _, c: Verdict.forfeited(c.id, "gone")), temperature=2))["mass"]
    assert (lost.state, lost.score, lost.reason) == ("forfeited", 0.0, "gone")


def test_temperatures_by_criterion_belong_to_one_judger(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    found = Temperatures("toy-v0", 4.0, {"mass": 2.0})
    write(file, found, {"why": "a test"})
    assert read(file) == found
    judged = alone(Calibrated(Toy(sure(0.9)), file=str(file)))
    assert judged["mass"].score == pytest.approx(0.75)
    assert judged["newton"].score == pytest.approx(float(probability(log_odds([0.9]) / 4)[0])), "the others'"
    again = tmp_path / "again.json"
    write(again, found, {"why": "another day"})
    same = Calibrated(Toy(sure(0.9)), file=str(again)).card["identity"]
    assert judged.judger == same and same.startswith("calibrated-v0(toy-v0; temperatures ")
    with pytest.raises(InvalidArgument, match="calibrates toy-v0, not other-v0; fit this judger's own"):
        Calibrated(Toy(sure(0.9), "other-v0"), file=str(file))
    with pytest.raises(InvalidArgument, match="either"):
        Calibrated(Toy(sure(0.9)), temperature=2, file=str(file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no file of wmenv judge calibrate"),
        ("[]", "is no file of wmenv judge calibrate"),
        ('{"schema": "wmenv.results/0"}', "its schema is 'wmenv.results/0'"),
        ('{"schema": "wmenv.calibration/0", "judger": "x", "criteria": {}}', "no 'others'"),
        ('{"schema": "wmenv.calibration/0", "judger": "x", "others": 1, "criteria": {"a": -1}}', "a temperature is -1"),
    ],
)
def test_damaged_calibrations_are_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    file.write_text(text)
    with pytest.raises(InvalidArgument, match=said):
        Calibrated(Toy(sure(0.9)), file=str(file))


# Both polarities


def yes_sayer(bias: float) -> Say:
    """Knows the right log-odds, 1, and adds a liking for the word yes."""

    def say(_: Case, criterion: Criterion) -> Verdict:
        if criterion.answer != "binary":
            return Verdict.answered(criterion.id, 0.5, 1.5)
        (question,) = criterion.questions
        good = float(probability([1.0 + bias * question.polarity])[0])
        return Verdict(criterion.id, "answered", good, good, good)

    return say


@given(st.floats(-6, 6))
def test_a_liking_for_yes_drops_out(bias: float) -> None:
    toy = Toy(yes_sayer(bias))
    judged = alone(Polarity(toy))
    for name in VIOLATIONS:
        assert judged[name].score == pytest.approx(float(probability([1.0])[0]), abs=1e-6)
        told = judged[name].evidence["polarity"]
        assert told["asked"] == pytest.approx(float(probability([1.0 - bias])[0]))
        assert told["flipped"] == (abs(bias) > 1)
    assert judged["instruction"].native == 1.5 and "polarity" not in judged["instruction"].evidence
    assert toy.asked == ["a", "a"] and judged.judger == "polarity-v0(toy-v0)"


def test_one_who_says_yes_to_everything_has_said_nothing() -> None:
    def yes(_: Case, criterion: Criterion) -> Verdict:
        if not all(question.answer == "binary" for question in criterion.questions):
            return Verdict.answered(criterion.id, 1.0, 3.0)
        score = sum(score_of(question, True) for question in criterion.questions)
        return Verdict.answered(criterion.id, score, score, answers=["Yes"])

    judged = alone(Polarity(Toy(yes)))
    assert judged["mass"].score == 0.5 and judged["mass"].evidence["polarity"]["flipped"]
    strict = alone(Abstaining(Polarity(Toy(yes)), margin=0.0))
    assert strict["mass"].state == "failed" and "within 0 of one half" in strict["mass"].reason
    assert (strict.total, strict.maximum, strict.coverage) == (3.0, 3.0, pytest.approx(1 / 8))


def test_states_of_the_two_wordings() -> None:
    def state(asked: Verdict, other: Verdict) -> Verdict:
        def say(_: Case, criterion: Criterion) -> Verdict:
            turned = any(question.turned for question in criterion.questions)
            return replace(other if turned else asked, criterion=criterion.id)

        return alone(Polarity(Toy(say)))["mass"]

    good, gone = Verdict.answered("", 1.0), Verdict.forfeited("", "gone")
    broken, none = Verdict.failed("", "time out"), Verdict.not_applicable("", "no liquid")
    assert state(good, broken).reason == "in the opposite wording: time out"
    assert state(broken, good).reason == "as it is asked: time out"
    assert state(none, good).state == state(good, none).state == "not_applicable"
    assert state(gone, gone).state == "forfeited" and state(good, gone).score == 0.5


def test_opposite_wordings() -> None:
    question = Question("Is it red?", polarity=-1, complement="Is it of another colour?", prompt="EXACTLY: red?")
    turned = question.opposite()
    assert (turned.text, turned.polarity, turned.prompt, turned.turned) == ("Is it of another colour?", 1, "", True)
    assert replace(turned.opposite(), prompt=question.prompt) == question
    assert score_of(question, True) == score_of(turned, False) == 0.0
    with pytest.raises(ValueError, match="no opposite wording"):
        Question("Is it red?").opposite()
    with pytest.raises(ValueError, match="a question of kind ordinal has no opposite wording"):
        Question("How red?", "ordinal", highest=3, complement="How pale?")


@pytest.mark.parametrize("name", ["WorldModelBench-v0", "VideoVerse-v0", "WorldReasonBench-v0"])
def test_every_yes_no_question_of_own_cases_has_an_opposite_wording(name: str) -> None:
    suite: Any = wmenv.make(name, size=32, frames=8).unwrapped
    asked = [q for one in suite.draw(20, np.random.default_rng(0)) for c in one.criteria for q in c.questions]
    binary = [q for q in asked if q.answer == "binary"]
    assert len(binary) > 20 and all(q.complement and q.complement != q.text for q in binary)


def test_recorded_answers_to_both_wordings(tmp_path: Path) -> None:
    lines = [
        {"case_id": "a", "criterion": "mass", "answer": "No"},
        {"case_id": "a", "criterion": "mass", "answer": "Yes", "opposite": True},
        {"case_id": "a", "criterion": "gravity", "answer": "No"},
        {"case_id": "a", "criterion": "gravity", "answer": "No", "opposite": True},
        {"case_id": "a", "criterion": "newton", "answer": "No"},
        {"case_id": "a", "criterion": "fluid", "value": 1},
    ]
    file = tmp_path / "answers.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    judged = alone(JUDGERS.create(f"polarity:answers:{file}"))
    assert judged["mass"].score == pytest.approx(1) and not judged["mass"].evidence["polarity"]["flipped"]
    assert judged["gravity"].score == pytest.approx(0.5) and judged["gravity"].evidence["polarity"]["flipped"]
    assert judged["newton"].state == "failed"
    assert judged["newton"].reason == "in the opposite wording: answers.jsonl holds no answer to the opposite wording"
    assert judged["fluid"].score == pytest.approx(1), "a label is on the criterion, whatever the wording"


# Abstention


@pytest.mark.parametrize(("value", "kept"), [(0.5, False), (0.6, False), (0.4, False), (0.601, True), (0.0, True)])
def test_near_one_half_is_no_answer(value: float, kept: bool) -> None:
    verdict = alone(Abstaining(Toy(sure(value))))["mass"]
    assert (verdict.state == "answered") == kept and (verdict.score is None) != kept
    if not kept:
        assert verdict.reason == f"abstained: the probability {value:.3f} lies within 0.1 of one half"
        assert verdict.evidence["abstained"] == {"probability": value, "mass": None}
    assert alone(Abstaining(Toy(sure(value))))["instruction"].native == 1.5, "half a grade is a grade"


@pytest.mark.parametrize(
    ("evidence", "kept"),
    [
        ({"mass": 0.4}, False),
        ({"mass": [0.9, 0.4, None]}, False),
        ({"asked": [{"mass": 0.9}, {"mass": 0.4}]}, False),
        ({"asked": [{"mass": 0.9}], "opposite": {"asked": [{"mass": 0.4}]}}, False),
        ({"mass": 0.6}, True),
        ({"mass": None}, True),
        ({}, True),
    ],
)
def test_little_mass_on_the_answers_is_no_answer(evidence: dict[str, Any], kept: bool) -> None:
    verdict = alone(Abstaining(Toy(sure(0.99, **evidence))))["mass"]
    assert verdict.state == ("answered" if kept else "failed")
    if not kept:
        assert "the possible answers hold 0.400 of the probability, 0.5 are wanted" in verdict.reason


def test_a_server_tells_how_much_its_answers_hold(stub_server: ModuleType) -> None:
    def says(words: str, _: Any) -> dict[str, float]:
        if "one number" in words:
            return {"2": 0.95}
        opposite = any(words.startswith(other) for _, _, other in VIOLATIONS.values())
        return {"Yes": 0.65, "I": 0.3} if opposite else {"No": 0.9}

    with stub_server.Stub(answer=says) as stub:
        server = stub.spec(model="m", answers="logprobs", frames="video")
        once = alone(JUDGERS.create(f"abstaining:[{server}],mass=0.7"))
        twice = alone(JUDGERS.create(f"abstaining:[polarity:[{server}]],mass=0.7"))
    assert once.coverage == 1.0 and once["mass"].evidence["asked"][0]["mass"] == pytest.approx(0.9)
    said = "abstained: the possible answers hold 0.650 of the probability, 0.7 are wanted"
    assert twice["mass"].reason == said, "in the opposite wording"
    assert twice["instruction"].state == "answered", "a grade is asked once"


@given(st.floats(0, 1), st.floats(0, 0.49), st.floats(0, 1))
def test_abstention_is_never_a_pass(value: float, margin: float, held: float) -> None:
    judged = alone(Abstaining(Toy(sure(value, mass=held)), margin=margin))
    for name in VIOLATIONS:
        verdict = judged[name]
        if abs(value - 0.5) <= margin or held < 0.5:
            assert verdict.state == "failed" and verdict.score is None
        elif abs(value - 0.5) > margin + 1e-9:
            assert verdict.score == value
    failed = sum(one.state == "failed" for one in judged.verdicts)
    assert judged.coverage == pytest.approx(1 - failed / 8) and judged.maximum == 10 - failed


# With a gradient


@pytest.fixture(scope="module")
def critic(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("torch")
    from wmenv.judgers.critics.recipe import Recipe
    from wmenv.judgers.critics.training import train_critic

    out = tmp_path_factory.mktemp("critic") / "small"
    train_critic(Recipe(steps=40, batch=16, size=16, frames=10, width=16, examined=64, seed=3), out)
    return f"critic:{out}"


@pytest.fixture(scope="module")
def drawn() -> tuple[list[Case], list[Clip]]:
    suite: Any = wmenv.make("PhyWorld-uniform_motion-v0", size=16, frames=10, scheme="laws").unwrapped
    cases = suite.draw(4, np.random.default_rng(8))
    return [one.without_truth("test") for one in cases], [suite.true_clip(one) for one in cases]


def test_gradients_pass_through(critic: str, drawn: tuple[list[Case], list[Clip]]) -> None:
    torch = pytest.importorskip("torch")
    cases, clips = drawn
    frames = torch.from_numpy(np.stack([np.moveaxis(one.frames, -1, 1) for one in clips]) / 255.0).float()

    def rewarded(spec: str) -> tuple[Any, Any, Any]:
        judger: Any = JUDGERS.create(spec)
        assert isinstance(judger, DifferentiableJudger)
        leaf = frames.clone().requires_grad_()
        values, valid = judger.reward(cases, leaf)
        (slope,) = torch.autograd.grad(values.sum(), leaf)
        return values.detach(), valid, slope

    values, valid, slope = rewarded(critic)
    for spec, share in ((f"cached:{critic},always=true", 1.0), (f"calibrated:{critic},temperature=4", 0.25),
                        (f"polarity:{critic}", 1.0), (f"abstaining:{critic},margin=0", 1.0)):  # fmt: skip
        found = rewarded(spec)
        torch.testing.assert_close(found[0], share * values)
        torch.testing.assert_close(found[2], share * slope)
        assert (found[1] == valid).all()
    _, unsure, _ = rewarded(f"abstaining:{critic},margin=0.3")
    near = (torch.sigmoid(values) - 0.5).abs() <= 0.3
    assert (unsure == (valid & ~near)).all() and near.any()
    both = rewarded(f"ensemble:{critic}+[calibrated:{critic},temperature=4]")
    torch.testing.assert_close(both[0], 0.625 * values)
    judged = JUDGERS.create(f"calibrated:{critic},temperature=4").judge(cases, clips)
    for row, one in zip(values, judged, strict=True):
        for value, verdict in zip(row.tolist(), one.verdicts, strict=True):
            if verdict.state == "answered":
                assert verdict.score == pytest.approx(float(probability([value / 4])[0]), abs=1e-5)
    plain = Ensemble([Toy(sure(0.5), "a"), Toy(sure(0.5), "b")])
    assert not isinstance(plain, DifferentiableJudger), "no member has a gradient"


def test_judgers_of_two_units_have_no_mean_gradient(critic: str, drawn: tuple[list[Case], list[Clip]]) -> None:
    torch = pytest.importorskip("torch")
    judger: Any = JUDGERS.create(f"ensemble:{critic}+physics-soft")
    with pytest.raises(InvalidArgument, match="measure in different units"):
        judger.reward(drawn[0], torch.zeros(4, 10, 3, 16, 16))


def test_a_cached_run_is_the_same_run(critic: str, tmp_path: Path) -> None:
    """Through the command that users type; a second run looks everything up."""
    from wmenv.cli import app

    options = ["--size", "16", "--frames", "10", "--episodes", "4", "--split", "id", "--set", "scheme=laws"]
    file = tmp_path / "judgements.sqlite"
    found = []
    cached = f"cached:{critic},path={file},always=true"
    for k, spec in enumerate((critic, cached, cached)):
        out = tmp_path / str(k)
        words = ["evaluate", "PhyWorld-uniform_motion", "--agent", "copy-last", *options]
        assert app([*words, "--judger", spec, "--out", str(out)], result_action="return_value") == 0
        found.append(json.loads((out / "results.json").read_text()))
    assert found[0]["rows"] == found[1]["rows"] == found[2]["rows"]
    assert found[0]["protocol_digest"] == found[1]["protocol_digest"]
    db = sqlite3.connect(file)
    assert db.execute("SELECT count(*) FROM judgements").fetchone() == (4,)
    db.close()


def test_votes_are_counted_and_not_taken_for_certainty() -> None:
    def votes(score: float) -> Say:
        return lambda _, criterion: Verdict.answered(criterion.id, score)

    three = Ensemble([Toy(votes(score), f"toy{k}") for k, score in enumerate((1.0, 1.0, 0.0))])
    assert alone(three)["mass"].score == pytest.approx(2 / 3) and alone(three)["mass"].probability is None
    one = alone(Calibrated(Toy(votes(1.0)), temperature=5))["mass"]
    assert (one.score, one.probability) == (1.0, None), "a decision has no temperature"
    soft = alone(Calibrated(Toy(votes(0.9)), temperature=2))
    assert soft["mass"].score == pytest.approx(0.75) and soft["instruction"].score == 0.9


def test_a_judger_that_keeps_answers_keeps_them_through_wrappers(tmp_path: Path) -> None:
    """As one that asks a server does: its run goes on where it stopped, and its specification names no key."""

    class Remote(Toy):
        spec, told = "remote:host,model=m", "asks a host"
        kept: Path | None = None
        closed = 0

        def keep_answers(self, folder: Path) -> None:
            self.kept = folder

        def close(self) -> None:
            self.closed += 1

    remote = Remote(sure(0.9), "remote-v0")
    outer: Any = Abstaining(Calibrated(remote, temperature=2), margin=0.2)
    assert outer.spec == "abstaining:[calibrated:[remote:host,model=m],temperature=2],margin=0.2,mass=0.5"
    assert outer.told == "asks a host"
    outer.keep_answers(tmp_path)
    outer.close()
    assert (remote.kept, remote.closed) == (tmp_path, 1)
    assert Ensemble([remote, Toy(sure(0.1), "b")]).spec == "ensemble:[remote:host,model=m]+[b]"
    assert not hasattr(Calibrated(Toy(sure(0.9)), temperature=2), "keep_answers")

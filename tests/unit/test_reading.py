"""Answers in words: a strict reading never finds a verdict inside another word, nor a grade that is not one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.core.criterion import Criterion
from wmenv.core.question import Question, common_order, score_of
from wmenv.core.reading import read, read_choice, read_grade, read_order, read_yes_no, verdict_of
from wmenv.official.videoverse.results import read_yes_no as videoverse_reading
from wmenv.official.worldmodelbench.results import read_pass

INSIDE_WORDS = ("noticeable", "another", "snow", "cannot", "Nothing", "unknown", "now", "abnormal", "Yesterday", "eyes")
ORDERS = st.lists(st.integers(0, 5), max_size=6)


@pytest.mark.parametrize("word", INSIDE_WORDS)
def test_a_verdict_inside_another_word_is_none_strictly_and_one_officially(word: str) -> None:
    for reply in (word, f"There is {word} flicker.", f"It is {word}"):
        assert read_yes_no(reply) is None
        assert read_pass(reply) is ("no" in word.lower())
        assert videoverse_reading(reply) == ("yes" if "yes" in word.lower() else "no")


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("Yes", True), (" no. ", False), ("**No**", False), ('say "No".', False), ("NO!", False),
        ("Yes, noticeable flicker", True), ("Yes, no doubt", True), ("Nothing happens. Yes", True),
        ("The snow falls; another flake cannot be seen. Answer: no", False),
        ("", None), ("   ", None), ("no violation", None), ("yes or no", None), ("Yes/No", None), ("a no-no", None),
        ("no, not yes", None), ("I would not say yes", None), ("It isn't a yes", None), ("No, yes it does", None),
        ("Is it broken? No", False), ("Not at all. No.", False), ("The answer is no\n", False), ("yes-no", None),
        ("N", None), ("false", None), ("\u043do", None), ("I do not see any", None),
    ],
)  # fmt: skip
def test_yes_no(reply: str, verdict: bool | None) -> None:
    assert read_yes_no(reply) is verdict


@given(st.text(alphabet="abcdnoyesNOYES. ,!", max_size=30))
def test_there_is_no_verdict_without_the_word(reply: str) -> None:
    words = "".join(c if c.isalpha() else " " for c in reply.lower()).split()
    found = read_yes_no(reply)
    assert found is None or ("yes" if found else "no") in words


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        ("Score: 3", 3), ("2", 2), ("0.", 0), ("**Score: 1**", 1), ("Score: [2]", 2), ("Score: 2/3", 2),
        ("Score: 2. The arm stops at 7.", 2), ("First Score: 1, after all Score: 2", 2), ("score = 2.0", 2),
        ("", None), ("Score: 7", None), ("Score: -1", None), ("Score: 2.5", None), ("Score: nan", None),
        ("Score: inf", None), ("Time 0:03", None), ("Score: 1/2", None), ("Score: 10%", None), ("Score: .5", None),
        ("Score: 1 or 2", None), ("Score: 2-3", None), ("Score: 0 to 3", None), ("Score: 2,5", None),
        ("three", None), ("1 or 2", None), ("Score: 1e3", None),
    ],
)  # fmt: skip
def test_grades(reply: str, grade: int | None) -> None:
    assert read_grade(reply, 0, 3) == grade


@given(st.integers(-20, 20))
def test_grades_out_of_range_are_none(value: int) -> None:
    assert read_grade(f"Score: {value}", 0, 3) == (value if 0 <= value <= 3 else None)


@pytest.mark.parametrize(
    ("reply", "order"),
    [
        ("<output>A,C</output>", (0, 2)), ("so <output> B > A </output>.", (1, 0)), ("<output></output>", ()),
        ("<output>None</output>", ()), ("A,B", None), ("<output>A,A</output>", None), ("<output>D</output>", None),
        ("<output>Event A</output>", None), ("<output>a</output>", None), ("</output>A<output>", None),
        ("<output>B</output> or <output>A,B</output>", None), ("", None),
    ],
)  # fmt: skip
def test_orders(reply: str, order: tuple[int, ...] | None) -> None:
    assert read_order(reply, 3) == order


@pytest.mark.parametrize(
    ("reply", "option"), [("B", 1), ("(C).", 2), ("The answer is B", None), ("Answer: B", 1), ("Z", None), ("", None)]
)
def test_choices(reply: str, option: int | None) -> None:
    assert read_choice(reply, 3) == option


@given(ORDERS, ORDERS)
def test_common_order_is_a_common_subsequence(first: list[int], second: list[int]) -> None:
    length = common_order(first, second)
    assert length == common_order(second, first) <= min(len(first), len(second))
    assert common_order(first, first) == len(first)
    assert common_order([*first, 9], [*second, 9]) == length + 1
    assert common_order(first, second[::-1]) == common_order(first[::-1], second)


def test_scores_of_answers() -> None:
    violation = Question("Does it deform?", polarity=-1)
    assert [score_of(violation, value) for value in (True, False)] == [0.0, 1.0]
    grade = Question("How far?", "ordinal", lowest=1, highest=5)
    assert [score_of(grade, value) for value in (1, 2, 3.5, 5)] == [0.0, 0.25, 0.625, 1.0]
    events = Question("Order?", "order", options=("falls", "bounces", "rests"))
    assert score_of(events, (0, 2)) == pytest.approx(2 / 3) and score_of(events, ()) == 0
    choice = Question("Which?", "choice", options=("red", "blue"), reference="blue")
    assert [score_of(choice, k) for k in (0, 1)] == [0.0, 1.0]
    assert score_of(Question("What happens?", "text", reference="It falls."), True) == 1
    for question, wrong in ((grade, 6), (grade, 0), (events, (3,)), (choice, 2)):
        with pytest.raises(ValueError, match="does not answer"):
            score_of(question, wrong)


@pytest.mark.parametrize(
    "parts",
    [
        {"answer": "ordinal", "lowest": 3, "highest": 3},
        {"answer": "order"},
        {"answer": "choice", "options": ("a",), "reference": "b"},
    ],
)
def test_questions_without_an_answer_are_refused(parts: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"ordinal|order|choice"):
        Question("?", **parts)  # type: ignore[arg-type]


def test_a_criterion_with_an_unread_answer_fails_and_never_passes() -> None:
    events = Question("Order?", "order", options=("falls", "rests"))
    both = Criterion("c", "f", "?", questions=(events, Question("Is it red?")))
    replies = ["<output>A</output>", "noticeable"]
    values = [read(question, reply) for question, reply in zip(both.questions, replies, strict=True)]
    verdict = verdict_of(both, values, replies)
    assert verdict.state == "failed" and verdict.score is None and "noticeable" in verdict.reason
    assert verdict.evidence["answers"] == replies
    won = verdict_of(both, [(0,), True], ["<output>A</output>", "yes"])
    assert won.score == pytest.approx(2 / 3) and won.native == 2
    assert verdict_of(Criterion("c", "f", "?"), []).state == "not_applicable"
    graded = Criterion("g", "f", "?", questions=(Question("?", "ordinal", highest=3),))
    assert (verdict_of(graded, [2]).score, verdict_of(graded, [2]).native) == (pytest.approx(2 / 3), 2.0)
    assert "empty" in verdict_of(graded, [None], [""]).reason

"""From logits to verdicts: hand-made rows on a tokenizer whose tokens are known."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.question import Question
from wmenv.judgers.vlm.asking import asked
from wmenv.judgers.vlm.tokens import Tokens
from wmenv.judgers.vlm.verdicts import Answer, verdict

torch = pytest.importorskip("torch")

from wmenv.judgers.vlm.answers import order_seen, right_letters, said, said_of_order  # noqa: E402
from wmenv.judgers.vlm.handle import Suffix  # noqa: E402

WORDS = (
    "yes", " yes", "Yes", "YES", "no", "No", " NO", "0", "1", " 1", "2", "3", "A", " A", "B", "C", ",", ".", "None",
    "maybe", "</s>",
)  # fmt: skip


class Words:
    """A tokenizer that knows a few words and spells out everything else."""

    eos_token_id = WORDS.index("</s>")
    unk_token_id = None

    def __init__(self, words: tuple[str, ...] = WORDS) -> None:
        self.words = words

    def __call__(self, text: str, **_: Any) -> Any:
        known = text in self.words
        return SimpleNamespace(input_ids=[self.words.index(text)] if known else [100, *map(ord, text)])

    def convert_tokens_to_ids(self, token: str) -> int | None:
        return self.words.index(token) if token in self.words else None


TOKENS = Tokens(Words())


def row(**probabilities: float) -> Any:
    """Logits of given probabilities; `s` before a word is a space, the rest goes to "maybe"."""
    found = torch.full((len(WORDS),), 1e-12, dtype=torch.float64)
    for name, p in probabilities.items():
        word = {"comma": ",", "stop": "."}.get(name, name.replace("s_", " ").replace("g_", ""))
        found[WORDS.index(word)] = p
    found[WORDS.index("maybe")] = 1.0 - sum(probabilities.values())
    return found.log() + 3.7  # logits have no fixed zero


def test_yes_is_the_sum_over_its_forms() -> None:
    found = said(asked(Question("?")), row(yes=0.2, s_yes=0.1, Yes=0.3, YES=0.05, no=0.1, s_NO=0.05), TOKENS)
    assert float(found.mass) == pytest.approx(0.8)
    assert float(found.score) == pytest.approx(0.65 / 0.8)
    assert float(found.value) == pytest.approx(math.log(0.65 / 0.15))
    bad = said(asked(Question("?", polarity=-1)), row(yes=0.2, no=0.6), TOKENS)
    assert float(bad.score) == pytest.approx(0.75) and float(bad.value) == pytest.approx(math.log(3))
    assert bad.probabilities.tolist() == pytest.approx([0.25, 0.75])


def test_a_grade_is_its_expectation() -> None:
    one = asked(Question("?", "ordinal", highest=3))
    found = said(one, row(g_0=0.1, g_1=0.1, s_1=0.1, g_2=0.2, g_3=0.3), TOKENS)
    assert float(found.mass) == pytest.approx(0.8)
    assert float(found.value) == pytest.approx((0.2 + 2 * 0.2 + 3 * 0.3) / 0.8)
    assert float(found.score) == pytest.approx(float(found.value) / 3)
    above = said(asked(Question("?", "ordinal", lowest=1, highest=3)), row(g_1=0.4, g_3=0.4), TOKENS)
    assert float(above.value) == pytest.approx(2.0) and float(above.score) == pytest.approx(0.5)


def test_a_choice_is_a_letter() -> None:
    question = Question("?", "choice", options=("left", "right", "up"), reference="right")
    found = said(asked(question), row(A=0.1, B=0.3, C=0.1), TOKENS)
    assert float(found.score) == pytest.approx(0.6) and float(found.value) == pytest.approx(math.log(0.3 / 0.2))
    assert "A. left\nB. right\nC. up" in asked(question).words


EVENTS = Question("Which of these happen?", "order", options=("it rolls", "it falls", "it breaks"))


def test_events_are_not_listed_in_the_right_order() -> None:
    """Somebody who recites the alphabet is right about as often as chance has it."""
    recited = 0
    for k in range(300):
        one = asked(Question(f"Which, {k}?", "order", options=("a", "b", "c")))
        assert sorted(one.order) == [0, 1, 2] and one == asked(one.question)
        recited += one.order == (0, 1, 2)
    assert 30 <= recited <= 70


def letters(*said: str) -> Any:
    """A model that says certain letters, one after another, and then stops; how sure, 0.9."""

    def ask(suffix: Suffix) -> Any:
        given = [WORDS[k].strip() for k in suffix.ids[1:]]
        names = [one for one in given if one != ","]
        if given and given[-1] != ",":
            on = len(names) < len(said)
            return row(**({"comma": 0.9, "stop": 0.05} if on else {"comma": 0.05, "stop": 0.9}))[None]
        return row(**{said[len(names)] if said else "None": 0.9})[None]

    return ask


@pytest.mark.parametrize("said_letters", [("A",), ("B", "A"), ("C", "A", "B"), ()])
def test_an_order_is_read_letter_by_letter(said_letters: tuple[str, ...]) -> None:
    one = asked(EVENTS)
    seen, mass = order_seen(one, Suffix((0,), (0,)), letters(*said_letters), TOKENS)
    assert seen == tuple(one.order["ABC".index(letter)] for letter in said_letters)
    assert float(mass) == pytest.approx(0.9)


def test_no_letter_comes_twice() -> None:
    """One that would only say A is made to go on with the likeliest letter that is left."""
    one = asked(EVENTS)

    def ask(suffix: Suffix) -> Any:
        if len(suffix.ids) > 1 and WORDS[suffix.ids[-1]] != ",":
            return row(comma=0.9)[None]
        return row(A=0.8, B=0.05, C=0.1)[None]

    seen, mass = order_seen(one, Suffix((0,), (0,)), ask, TOKENS)
    assert [one.order.index(k) for k in seen] == [0, 2, 1]
    assert float(mass) == pytest.approx(0.05), "what a last letter has, the others being used"


def test_the_reward_of_an_order_is_the_probability_of_the_right_one() -> None:
    """Over all that can be answered, summed by hand: letters without replacement, none at first, on or stop."""
    one = asked(EVENTS)
    suffix = right_letters(one, Suffix((0,), (0,)), TOKENS)
    right = ["ABC"[one.order.index(k)] for k in range(3)]
    assert [WORDS[k].strip() for k in suffix.ids[1:]] == [right[0], ",", right[1], ",", right[2]]
    assert suffix.reads == (0, 1, 2, 3, 4)
    first = {"A": 0.2, "B": 0.3, "C": 0.1, "None": 0.2}
    later = {"A": 0.3, "B": 0.2, "C": 0.4}
    rows = torch.stack([row(**first), row(comma=0.6, stop=0.2), row(**later), row(comma=0.3, stop=0.3), row(**later)])
    found = said_of_order(one, rows, TOKENS)
    by_hand = first[right[0]] / 0.8 * 0.75 * later[right[1]] / (0.9 - later[right[0]]) * 0.5 * 1.0
    assert float(found.score) == pytest.approx(by_hand)
    assert float(found.value) == pytest.approx(math.log(by_hand / (1 - by_hand)))
    assert float(found.mass) == pytest.approx(later[right[2]])


def test_gradients_of_answers() -> None:
    def noise(*shape: int) -> Any:
        rng = torch.Generator().manual_seed(0)
        return torch.randn(*shape, len(WORDS), dtype=torch.float64, generator=rng).requires_grad_()

    choice = Question("?", "choice", options=("a", "b"), reference="a")
    for question in (Question("?"), Question("?", "ordinal", highest=3), choice):
        one = asked(question)
        assert torch.autograd.gradcheck(lambda x, one=one: said(one, x, TOKENS).value, (noise(),))
    assert torch.autograd.gradcheck(lambda x: said_of_order(asked(EVENTS), x, TOKENS).value, (noise(5),))


def test_a_certain_order_has_a_finite_reward() -> None:
    sure = [row(**{"ABC"[asked(EVENTS).order.index(k)]: 1 - 1e-9}) for k in range(3)]
    rows = torch.stack([sure[0], row(comma=1 - 1e-9), sure[1], row(comma=1 - 1e-9), sure[2]])
    assert math.isfinite(float(said_of_order(asked(EVENTS), rows, TOKENS).value))


def test_tokens_that_cannot_be_told_apart() -> None:
    with pytest.raises(InvalidArgument, match="no single token for 'no'"):
        _ = Tokens(Words(("yes",))).yes_no
    with pytest.raises(InvalidArgument, match="no token for a comma"):
        Tokens(Words(("yes", "no", "None"))).check_lists()

    class Mixed(Words):
        def __call__(self, text: str, **_: Any) -> Any:
            return SimpleNamespace(input_ids=[7])

    with pytest.raises(InvalidArgument, match="same token for 'no'"):
        _ = Tokens(Mixed()).yes_no


def test_words_of_a_protocol_are_put_as_they_are() -> None:
    own = asked(Question("?", prompt="Exact words."))
    assert own.words == "Exact words." and own.reply == "yes-no"
    events = asked(Question("?", "order", options=("x", "y"), prompt="Order them inside <output></output>."))
    assert events.order == (0, 1) and events.lead == "<output>"
    assert asked(Question("?", "text", reference="It falls.", rubric="Must say why.")).words.count("It falls.") == 1


@pytest.mark.parametrize(
    ("question", "word"),
    [
        (Question("?", "text"), "no reference"),
        (Question("?", "ordinal", highest=10), "0 to 9"),
        (Question("?", "continuous"), "measured number"),
        (Question("?", "order", options=tuple(map(str, range(27)))), "more than there are letters"),
    ],
)
def test_questions_that_no_token_answers(question: Question, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        asked(question)


def test_verdicts() -> None:
    criterion = Criterion("c", "f", "?", "binary", 1)
    yes, events = Question("?"), EVENTS
    answers = [Answer("yes (0.700)", True, 0.7, 0.85, 0.9), Answer("A", (0,), 1 / 3, mass=0.9)]
    soft = verdict(criterion, [yes, events], answers, hard=False)
    assert (
        soft.score == pytest.approx((0.7 + 1.0) / 4) and soft.native == pytest.approx(1.7) and soft.probability is None
    )
    hard = verdict(criterion, [yes, events], answers, hard=True)
    assert hard.score == pytest.approx(2 / 4) and hard.native == 2.0
    single = verdict(criterion, [yes], answers[:1], hard=False)
    assert single.score == single.probability == 0.7 and single.evidence["answers"] == ["yes (0.700)"]
    assert single.evidence["mass"] == [0.9] and single.evidence["log_odds"] == [0.85]
    none = verdict(criterion, [yes, events], [answers[0], Answer("", None, None, reason="abstains")], hard=False)
    assert none.state == "failed" and none.score is None and none.reason == "abstains"
    assert verdict(criterion, [], [], hard=False).state == "not_applicable"
    grade = Question("?", "ordinal", highest=3)
    graded = verdict(criterion, [grade], [Answer("2 (0.5)", 1.7, 1.7 / 3, mass=0.9)], hard=False)
    assert graded.native == 1.7 and graded.score == pytest.approx(1.7 / 3)

"""`server:URL` against a local stand-in: what is sent, how replies are read, what the self-test finds."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument, ServerFailed
from wmenv.core.question import Question
from wmenv.core.registries import JUDGERS
from wmenv.core.verdict import Judgement, Verdict
from wmenv.envs.worldmodelbench.criteria import SCHEME, criteria
from wmenv.judgers.servers.frames import Sampler, jpeg
from wmenv.judgers.servers.key import Key
from wmenv.judgers.servers.reply import parse
from wmenv.judgers.servers.store import FILE, Store

YES, NO = Question("Does it fall?"), Question("Does it pass through the wall?", polarity=-1)


def case(*questions: Question) -> Case:
    """A case with a criterion a question, or WorldModelBench's eight."""
    asked = tuple(Criterion(f"c{k}", "f", q.text, q.answer, 1, questions=(q,)) for k, q in enumerate(questions))
    request = Request("a", "p", np.zeros((0, 8, 8, 3), np.uint8), ClipSpec())
    return Case(request, asked or criteria("Do it."), "weighted-mean-v0" if asked else SCHEME)


def clip(shade: int = 0, frames: int = 4, fps: int = 8) -> wmenv.Clip:
    return wmenv.Clip(np.full((frames, 16, 16, 3), shade, np.uint8), Fraction(fps))


def ask(stub: Any, *questions: Question, shade: int = 0, **options: Any) -> Judgement:
    (found,) = JUDGERS.create(stub.spec(**options)).judge([case(*questions)], [clip(shade)])
    return found


def one(stub: Any, question: Question, **options: Any) -> Verdict:
    return ask(stub, question, **options).verdicts[0]


def saying(answer: Any) -> Any:
    return lambda words, frames: answer


# What is sent. The stand-in refuses a video that is not first, frames without times, a question that is not last.


@pytest.mark.parametrize("form", ["video", "images"])
def test_frames_with_times_first_and_the_question_last(stub_server: ModuleType, form: str) -> None:
    with stub_server.Stub(forms=(form,)) as stub:
        judger = JUDGERS.create(stub.spec(sampler="uniform-3", quality=1))
        assert judger.card["frames"] == form, "the other form is refused, so the self-test takes this one"
        shades = np.arange(9, dtype=np.uint8) * 25
        moving = wmenv.Clip(np.broadcast_to(shades[:, None, None, None], (9, 16, 16, 3)).copy(), Fraction(6))
        judger.judge([case(YES)], [moving])
        (sent,) = stub.asked()
    assert sent.form == form
    seen = [stub_server.pixels(frame).mean() for frame in sent.frames]
    assert np.allclose(seen, [0, 100, 200], atol=2), "first, middle and last frame, in their order"
    *head, last = sent.payload["messages"][1]["content"]
    told = " ".join(part["text"] for part in head if part["type"] == "text")
    assert [told.count(time) for time in ("0.00", "0.67", "1.33")] == [1, 1, 1]
    assert last["text"].startswith("Does it fall?") and "Yes or No" in last["text"]
    if form == "video":
        lay = sent.payload["media_io_kwargs"]["video"]
        assert lay["fps"] == 6 and lay["frames_indices"] == [0, 4, 8] and lay["total_num_frames"] == 9
    wanted = {"max_tokens": 1, "temperature": 0.0, "logprobs": True, "top_logprobs": 20, "model": "tiny-vlm"}
    assert {name: sent.payload[name] for name in wanted} == wanted


def test_one_question_of_a_clip_goes_ahead_and_the_others_follow_together(stub_server: ModuleType) -> None:
    with stub_server.Stub() as stub:
        judger = JUDGERS.create(stub.spec())
        stub.pause = 0.15
        judger.judge([case(), case()], [clip(10), clip(20)])
        asked = stub.asked()
    by_clip: dict[Any, list[Any]] = {}
    for request in asked:
        by_clip.setdefault(request.frames, []).append(request)
    assert [len(found) for found in by_clip.values()] == [8, 8]
    for found in by_clip.values():
        first, *others = sorted(found, key=lambda request: request.began)
        assert all(other.began >= first.ended for other in others), "the server reads the clip once"
        assert max(other.began for other in others) < min(other.ended for other in others), "then all at once"


@pytest.mark.parametrize(
    ("sampler", "length", "fps", "wanted"),
    [
        ("uniform-4", 10, 8, [0, 3, 6, 9]),
        ("uniform-32", 5, 8, [0, 1, 2, 3, 4]),
        ("uniform-1", 5, 8, [0]),
        ("fps-2", 9, 8, [0, 4, 8]),
        ("fps-3", 9, 8, [0, 2, 5, 8]),
        ("fps-30", 3, 8, [0, 1, 2]),
        ("all", 3, 8, [0, 1, 2]),
    ],
)
def test_samplers(sampler: str, length: int, fps: int, wanted: list[int]) -> None:
    assert Sampler.of(sampler).indices(length, Fraction(fps)) == wanted


def test_jpeg_keeps_what_matters(stub_server: ModuleType) -> None:
    import base64

    rng = np.random.default_rng(0)
    frame = np.kron(rng.integers(0, 256, (6, 7, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    data = jpeg(frame, 2)
    assert data == jpeg(frame, 2)
    found = stub_server.pixels(base64.b64encode(data).decode())
    assert found.shape == frame.shape and np.abs(found.astype(int) - frame).mean() < 1.5


# How replies are read.


def test_surface_forms_are_summed_and_the_rest_is_evidence(stub_server: ModuleType) -> None:
    top = {"Yes": 0.3, " yes": 0.2, "YES": 0.05, "**No": 0.05, "▁no": 0.1, "Maybe": 0.2, "Yesterday": 0.05}
    with stub_server.Stub(answer=saying(top)) as stub:
        good, bad = ask(stub, YES, NO).verdicts
    assert good.probability == good.score == pytest.approx(0.55 / 0.7)
    assert bad.probability == bad.score == pytest.approx(0.15 / 0.7), "no is the good answer here"
    (told,) = good.evidence["asked"]
    assert told["p"] == {"yes": pytest.approx(0.55), "no": pytest.approx(0.15)}
    assert told["mass"] == pytest.approx(0.7) and good.evidence["answers"] == ["Yes"]


def test_a_judge_that_abstains_has_failed(stub_server: ModuleType) -> None:
    with stub_server.Stub(answer=saying({"I": 0.7, "Yes": 0.2})) as stub:
        found = one(stub, YES)
        assert found.state == "failed" and "abstained" in found.reason and "0.2 " in found.reason
        assert one(stub, YES, mass=0.1).score == 1.0


def test_decisions_instead_of_probabilities(stub_server: ModuleType) -> None:
    with stub_server.Stub(answer=saying({"Yes": 0.6, "No": 0.3})) as stub:
        good, bad = ask(stub, YES, NO, score="decision").verdicts
    assert (good.score, bad.score) == (1.0, 0.0) and good.probability == pytest.approx(2 / 3)
    with stub_server.Stub(answer=saying({"Yes": 0.4, "No": 0.4})) as stub:
        assert "equally likely" in one(stub, YES, score="decision").reason


def test_grades_choices_events_and_words(stub_server: ModuleType) -> None:
    def answer(words: str, frames: Sequence[str]) -> Any:
        if "one number" in words:
            return {"2": 0.5, "3": 0.25, "1": 0.05, "4": 0.1}
        if "one letter" in words:
            return {"B": 0.6, " A": 0.2, "D": 0.1}
        if "<output>" in words:
            return "They happen so: <output>A, C, B</output>"
        if "Given answer: It falls down." in words:
            assert not frames, "the grader compares words"
            return {"Yes": 0.8, "No": 0.2}
        return "It falls down."

    questions = (
        Question("How far?", "ordinal", highest=3, rubric="3: wholly"),
        Question("Which?", "choice", options=("red", "blue", "green"), reference="blue"),
        Question("What happens?", "order", options=("it starts", "it turns", "it stops")),
        Question("What does it do?", "text", reference="It falls.", rubric="It must fall."),
    )
    with stub_server.Stub(answer=answer) as stub:
        grade, choice, order, words = ask(stub, *questions).verdicts
        sent = {request.words for request in stub.asked()}
    mean = (2 * 0.5 + 3 * 0.25 + 1 * 0.05) / 0.8
    assert grade.native == pytest.approx(mean) and grade.score == pytest.approx(mean / 3)
    assert choice.score == pytest.approx(0.6 / 0.8)
    assert order.score == pytest.approx(2 / 3) and order.native == 2.0
    assert words.score == pytest.approx(0.8) and words.evidence["answers"] == ["It falls down."]
    assert any("3: wholly" in text and "from 0 to 3" in text for text in sent)
    assert any("A. red\nB. blue\nC. green" in text for text in sent)


def test_a_protocols_own_words_are_put_as_they_are(stub_server: ModuleType) -> None:
    question = Question("Does it fall?", prompt="  Watch it. Does it fall? Reason, then say yes or no.")
    with stub_server.Stub(answer=saying("It lies on the floor at the end, so yes.")) as stub:
        found = one(stub, question)
        (sent,) = stub.asked()
        assert sent.words == question.prompt and "logprobs" not in sent.payload and sent.payload["temperature"] == 0.0
        assert (found.score, found.probability) == (1.0, None)
        stub.answer = saying({"Yes": 0.7, "No": 0.2})
        assert one(stub, question, words="own").score == pytest.approx(0.7 / 0.9)


def test_words_that_cannot_be_read_are_asked_for_again(stub_server: ModuleType) -> None:
    said = iter(["Hard to say.", "<output>A, A</output>", "<output>B</output>"])
    question = Question("What happens?", "order", options=("one", "two"))
    with stub_server.Stub(answer=lambda words, frames: next(said)) as stub:
        assert one(stub, question).score == 0.5
        warmth = [request.payload["temperature"] for request in stub.asked()]
    assert warmth == [0.0, 1.0, 1.0], "the likeliest words would be the same again"
    with stub_server.Stub(answer=saying("Hard to say.")) as stub:
        found = one(stub, question)
        assert len(stub.asked()) == 3
    assert found.state == "failed" and "Hard to say." in found.reason


def test_votes_where_there_are_no_probabilities(stub_server: ModuleType) -> None:
    said = iter(["Yes", "Yes.", "No", "It does, so yes", "**No**"])
    with stub_server.Stub(answer=lambda words, frames: next(said), logprobs=False) as stub:
        judger = JUDGERS.create(stub.spec())
        assert judger.card["answers"] == "votes" and "votes" in judger.told
        (found,) = judger.judge([case(NO)], [clip()])[0].verdicts
        warmth = {request.payload["temperature"] for request in stub.asked()}
        assert warmth == {1.0} and len(stub.asked()) == 5
    assert found.score == found.probability == pytest.approx(2 / 5)
    assert len(found.evidence["asked"][0]["replies"]) == 5


def test_votes_that_cannot_be_read_do_not_count(stub_server: ModuleType) -> None:
    with stub_server.Stub(logprobs=False) as stub:
        judger = JUDGERS.create(stub.spec(parallel=1, votes=3))
        said = iter(["Yes", *["perhaps"] * 3, "No"])
        stub.answer = lambda words, frames: next(said)
        (found,) = judger.judge([case(YES)], [clip()])[0].verdicts
        assert found.score == 0.5 and found.evidence["asked"][0]["unread"] == 1
        stub.answer = saying("perhaps")
        (found,) = judger.judge([case(YES)], [clip(9)])[0].verdicts
    assert found.state == "failed" and "3 of 3 votes could not be read" in found.reason


def test_criteria_without_questions_are_not_applicable(stub_server: ModuleType) -> None:
    bare = Case(case().request, (Criterion("speed", "f", "How fast?"),), "weighted-mean-v0")
    with stub_server.Stub() as stub:
        (found,) = JUDGERS.create(stub.spec()).judge([bare], [clip()])
        assert found.verdicts[0].state == "not_applicable" and not stub.asked()


def test_several_questions_of_a_criterion_are_points(stub_server: ModuleType) -> None:
    asked = (Criterion("c", "f", "t", questions=(YES, NO)), Criterion("d", "f", "t", questions=(YES,)))
    both = Case(case().request, asked, "weighted-mean-v0")
    with stub_server.Stub(answer=saying({"Yes": 0.75, "No": 0.25})) as stub:
        (found,) = JUDGERS.create(stub.spec()).judge([both], [clip()])
        assert found["c"].score == 0.5 and found["c"].native == 1.0 and found["d"].score == 0.75
        assert len(stub.asked()) == 2, "the same question on the same clip is put once"
        stub.answer = lambda words, frames: {"Yes": 1.0} if "fall" in words else {"I": 1.0}
        (found,) = JUDGERS.create(stub.spec()).judge([both], [clip()])
    assert found["c"].state == "failed" and found["d"].score == 1.0


@pytest.mark.parametrize(
    "plain",
    [
        {},
        [],
        "yes",
        {"choices": []},
        {"choices": [{"message": {}}]},
        {"choices": [{"message": {"content": 3}}]},
        {"choices": [{"message": {"content": "a"}, "logprobs": {"content": [{"token": "a"}]}}]} | {"choices": [None]},
        {"error": {"message": "overloaded"}},
        {"choices": [{"message": {"content": ""}, "logprobs": {"content": [{"top_logprobs": [{"token": "a"}]}]}}]},
    ],
)
def test_json_that_is_no_answer(plain: Any) -> None:
    with pytest.raises(ValueError, match=r"no chat completion|no text|error in place"):
        parse(plain, lambda text: text)


@pytest.mark.parametrize("logprobs", [[0.5], [math.nan], [-0.1, -0.2]])
def test_probabilities_that_are_none(logprobs: list[float]) -> None:
    top = [{"token": str(k), "logprob": p} for k, p in enumerate(logprobs)]
    plain = {"choices": [{"message": {"content": "a"}, "logprobs": {"content": [{**top[0], "top_logprobs": top}]}}]}
    with pytest.raises(ValueError, match="no chat completion"):
        parse(plain, lambda text: text)


# The self-test.


def refused(*words: str) -> Any:
    """Refuses a payload that holds one of these fields."""

    def refuse(payload: Mapping[str, Any]) -> str:
        return next((f"Unsupported parameter: '{word}'" for word in words if word in payload), "")

    return refuse


def test_fields_that_a_server_refuses_are_given_up(stub_server: ModuleType) -> None:
    def hosted(payload: Mapping[str, Any]) -> str:
        if "max_tokens" in payload:
            return "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        if "temperature" in payload:
            return "'temperature' does not support 0.0 with this model."
        return "top_logprobs must be 5 at most" if payload.get("top_logprobs", 0) > 5 else ""

    with stub_server.Stub(refuse=hosted, forms=("images",)) as stub:
        judger = JUDGERS.create(stub.spec())
        facts = {name: judger.card[name] for name in ("answers", "frames", "top", "limit", "temperature")}
        assert facts == {
            "answers": "logprobs",
            "frames": "images",
            "top": 5,
            "limit": "max_completion_tokens",
            "temperature": False,
        }
        assert judger.judge([case()], [clip()])[0].coverage == 1.0
    with stub_server.Stub(refuse=refused("logprobs")) as stub:
        assert JUDGERS.create(stub.spec()).card["answers"] == "votes"
        with pytest.raises(ServerFailed, match=r"refuses a plain question .*logprobs"):
            JUDGERS.create(stub.spec(answers="logprobs"))


def test_a_model_that_sees_nothing_is_refused(stub_server: ModuleType) -> None:
    with stub_server.Stub(sees=False) as stub, pytest.raises(ServerFailed, match="takes a red and a blue clip for one"):
        JUDGERS.create(stub.spec())
    with stub_server.Stub(forms=()) as stub, pytest.raises(ServerFailed, match=r"takes no frames as images .*HTTP 400"):
        JUDGERS.create(stub.spec())


def test_hidden_left_over_probability_is_told(stub_server: ModuleType) -> None:
    with stub_server.Stub() as stub:
        judger = JUDGERS.create(stub.spec())
        assert judger.card["left_over"] is True and "hides" not in judger.told
        say = stub.say
        stub.say = lambda one: {"Yes": 0.5, "No": 0.5} if "animal" in one.words else say(one)
        judger = JUDGERS.create(stub.spec())
    assert judger.card["left_over"] is False and "never abstains" in judger.told


def test_the_only_model_is_taken(stub_server: ModuleType) -> None:
    with stub_server.Stub(models=("a", "b")) as stub:
        with pytest.raises(ServerFailed, match=r"has 2 models \(a, b\); name one by model=NAME"):
            JUDGERS.create(stub.spec())
        assert JUDGERS.create(stub.spec(model="b")).card["model"] == "b"


def test_a_server_that_is_not_there_is_refused_at_the_start() -> None:
    with pytest.raises(ServerFailed, match=r"http://127.0.0.1:9/v1 did not name its models .*refused"):
        JUDGERS.create("server:http://127.0.0.1:9,tries=2,pause=0")


def test_the_self_test_survives_faults(stub_server: ModuleType) -> None:
    for seed in range(3):
        with stub_server.Stub(rate=0.3, seed=seed) as stub:
            judger = JUDGERS.create(stub.spec(tries=12))
            assert (judger.card["answers"], judger.card["frames"], judger.card["left_over"]) == (
                "logprobs",
                "video",
                True,
            )


def test_what_was_found_makes_the_same_judger_without_a_request(stub_server: ModuleType) -> None:
    with stub_server.Stub(forms=("images",)) as stub:
        judger = JUDGERS.create(stub.spec(sampler="fps-4", score="decision", max_requests=50))
        before = len(stub.log)
        again = JUDGERS.create(judger.spec)
        assert again.card == {name: value for name, value in judger.card.items() if name != "left_over"}
        assert len(stub.log) == before and again.spec == judger.spec
    assert "max_requests" not in judger.spec and "pause" not in judger.spec


# Replies are kept.


def test_no_question_is_put_twice(stub_server: ModuleType, tmp_path: Any) -> None:
    with stub_server.Stub() as stub:
        kept = {"cache": tmp_path / "kept.sqlite", "model": "tiny-vlm"}
        first = ask(stub, shade=3, **kept)
        assert len(stub.asked()) == 8
        assert ask(stub, shade=3, **kept) == first and len(stub.asked()) == 8, "another process would find them too"
        ask(stub, shade=4, **kept)
        assert len(stub.asked()) == 16, "another clip"
        for k, changed in enumerate(({"quality": 3}, {"sampler": "uniform-2"}, {"model": "other"}, {"mass": 0.4}), 3):
            ask(stub, shade=3, **{**kept, **changed})
            assert len(stub.asked()) == 8 * k, f"another judger: {changed}"
        same = JUDGERS.create(stub.spec())
        found = same.judge([case()] * 4, [clip(9)] * 4)
        assert len(stub.asked()) == 8 * 7, "equal clips in one batch"
    assert len({judgement.total for judgement in found}) == 1


def test_a_place_of_ones_own_for_replies(stub_server: ModuleType, tmp_path: Any) -> None:
    with stub_server.Stub() as stub:
        judger = JUDGERS.create(stub.spec(cache=tmp_path / "mine.sqlite"))
        judger.keep_answers(tmp_path)
        judger.judge([case(YES)], [clip()])
        assert (tmp_path / "mine.sqlite").is_file() and not (tmp_path / FILE).exists()
        with pytest.raises(wmenv.WmenvError, match="choose another place by cache=FILE"):
            JUDGERS.create(stub.spec(cache=tmp_path))
        (tmp_path / "text.sqlite").write_text("no database, but long enough to be read as one " * 9)
        with pytest.raises(wmenv.WmenvError, match="cannot be kept in"):
            JUDGERS.create(stub.spec(cache=tmp_path / "text.sqlite"))


# Limits.


def test_a_budget_of_requests_holds_over_processes(stub_server: ModuleType, tmp_path: Any) -> None:
    path = tmp_path / "kept.sqlite"
    fixed = {"model": "m", "answers": "logprobs", "frames": "video", "cache": path}
    with stub_server.Stub() as stub:
        found = ask(stub, **fixed, max_requests=5)
        assert len(stub.log) == 5 and found.coverage == pytest.approx(5 / 8)
        told = {verdict.reason for verdict in found.verdicts if verdict.state == "failed"}
        assert told == {
            "the budget of 5 requests is spent; go on with a larger one (--max-requests, --resume --retry-failed)"
        }
        assert ask(stub, **fixed, max_requests=5).coverage == found.coverage and len(stub.log) == 5
        assert ask(stub, **fixed, max_requests=8).coverage == 1.0 and len(stub.log) == 8
    assert Store(path).spent().requests == 8


def test_a_budget_of_cost_is_not_exceeded(stub_server: ModuleType, tmp_path: Any) -> None:
    path = tmp_path / "kept.sqlite"
    fixed = {"model": "m", "answers": "logprobs", "frames": "video", "cache": path, "price_in": 3, "price_out": 10}
    each = (1000 * 3 + 10) / 1e6
    with stub_server.Stub() as stub:
        stub.pause = 0.02  # so that many are under way at once
        found = ask(stub, **fixed, max_cost=5.5 * each)
        assert len(stub.log) == 5 and found.coverage == pytest.approx(5 / 8)
        assert "the budget of 0.01655" in next(v.reason for v in found.verdicts if v.state == "failed")
        spent = Store(path).spent()
        assert spent.cost == pytest.approx(5 * each) and (spent.tokens_read, spent.tokens_written) == (5000, 5)
        with pytest.raises(InvalidArgument, match="what a million tokens cost"):
            JUDGERS.create(stub.spec(max_cost=1))


def test_requests_a_minute(stub_server: ModuleType) -> None:
    with stub_server.Stub() as stub:
        fixed = {"model": "m", "answers": "logprobs", "frames": "video"}
        ask(stub, **fixed, per_minute=1200)
        began = sorted(request.began for request in stub.log)
    gaps = np.diff(began)
    assert began[-1] - began[0] > 0.9 * 7 * 0.05 and np.median(gaps) > 0.03


def test_a_busy_server_holds_everybody_back(stub_server: ModuleType) -> None:
    from wmenv.judgers.servers.faults import Passing

    with stub_server.Stub() as stub:
        judger = JUDGERS.create(stub.spec(model="m", answers="logprobs", frames="video"))
        began = time.monotonic()
        judger.client._rest(0, Passing("HTTP 429", after=0.4, busy=True))
        judger.client._pace.hold(0.4)
        judger.judge([case(YES)], [clip()])
        assert stub.asked()[0].began - began > 0.75


def test_a_server_that_dies_is_not_asked_thousands_of_times(stub_server: ModuleType) -> None:
    with stub_server.Stub() as stub:
        judger = JUDGERS.create(stub.spec(tries=2, parallel=1))
        stub.down = True
        cases = [case()] * 20
        found = judger.judge(cases, [clip(k) for k in range(20)])
        assert len(stub.asked()) == 2 * 8, "eight questions in a row had no answer"
        reasons = {verdict.reason for judgement in found for verdict in judgement.verdicts}
        assert any("HTTP 500: engine dead" in reason and "after 2 tries" in reason for reason in reasons)
        assert any("the server is gone" in reason and "--retry-failed" in reason for reason in reasons)


def test_a_refused_request_is_not_sent_again(stub_server: ModuleType) -> None:
    with stub_server.Stub() as stub:
        judger = JUDGERS.create(stub.spec())
        stub.refuse = lambda payload: "the prompt is too long" if "wall" in str(payload["messages"]) else ""
        good, bad = judger.judge([case(YES, NO)], [clip()])[0].verdicts
        assert good.state == "answered" and bad.reason == "HTTP 400: the prompt is too long"
        assert len(stub.asked()) == 2


def test_an_answer_that_trickles_in_is_given_up(stub_server: ModuleType) -> None:
    import socket
    import threading

    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def trickle() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.05):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    thread = threading.Thread(target=trickle)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    spec = f"server:{url},model=m,answers=logprobs,frames=video,timeout=0.3,tries=1"
    began = time.monotonic()
    (found,) = JUDGERS.create(spec).judge([case(YES)], [clip()])
    stop.set()
    thread.join()
    listening.close()
    assert "no answer within 0.3 s" in found.verdicts[0].reason and time.monotonic() - began < 3


def test_a_redirect_is_not_followed(stub_server: ModuleType) -> None:
    with stub_server.Stub() as stub:
        judger = JUDGERS.create(stub.spec(model="m", answers="logprobs", frames="video"))
        fault = judger.client.wire._fault(307, {}, b"")
    assert type(fault).__name__ == "Closing" and "elsewhere" in str(fault)


# Keys.

SECRET = "sk-Zx81QpLm_4vTt0Ew-9"


def test_keys_come_from_a_variable_or_a_file(
    stub_server: ModuleType, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUB_KEY", SECRET)
    (tmp_path / "key").write_text(f"{SECRET}\n")
    with stub_server.Stub(key=SECRET) as stub:
        for place in ({"key_env": "STUB_KEY"}, {"key_file": tmp_path / "key"}):
            judger = JUDGERS.create(stub.spec(**place))
            assert judger.judge([case(YES)], [clip()])[0].coverage == 1.0
            assert SECRET not in repr(vars(judger)) + repr(judger.client.wire.key) + judger.spec + str(judger.card)
        monkeypatch.setenv("STUB_KEY", "sk-Zx81QpLm_wrong")
        with pytest.raises(ServerFailed, match="the server refuses the key") as refusal:
            JUDGERS.create(stub.spec(key_env="STUB_KEY"))
        assert "sk-Zx81" not in str(refusal.value), "the server repeats what it got"
        with pytest.raises(ServerFailed, match="key_env=VARIABLE or key_file=FILE"):
            JUDGERS.create(stub.spec())


@pytest.mark.parametrize(
    ("content", "told"),
    [("", "not set or empty"), (f"{SECRET} and more", "printable ASCII"), (f"{SECRET}é", "printable ASCII")],
)
def test_bad_keys_are_refused_and_not_repeated(content: str, told: str, tmp_path: Any) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(InvalidArgument, match=told) as refusal:
        JUDGERS.create(f"server:http://localhost:9,key_file={tmp_path / 'key'}")
    assert "sk-" not in str(refusal.value)


@pytest.mark.parametrize(
    "spec",
    [
        f"server:http://localhost:9,key={SECRET}",
        f"server:http://localhost:9,api_key={SECRET}",
        f"server:http://localhost:9,token={SECRET}",
        f"server:http://localhost:9,key={SECRET},what=1",
        f"server:http://me:{SECRET}@localhost:9/v1",
        f"server:http://me:{SECRET}@localhost:9/v1,what=1",
        f"server:http://localhost:9/v1?key={SECRET}",
        f"server:localhost:9/{SECRET}",
    ],
)
def test_keys_in_the_wrong_place_are_refused_and_not_repeated(spec: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        JUDGERS.create(spec)
    assert "sk-" not in str(refusal.value)


def test_pieces_of_a_key_are_taken_out_of_what_comes_back() -> None:
    key = Key(SECRET)
    assert key.scrub(f"bad key {SECRET}.") == "bad key [key]."
    assert "sk-Zx81Qp" not in key.scrub(f"bad key {SECRET[:10]}***{SECRET[-9:]}")
    assert key.scrub("nothing of it") == "nothing of it" and Key().scrub("text") == "text"
    with pytest.raises(TypeError, match="not written"):
        __import__("pickle").dumps(key)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("answers=maybe", "answers must be one of auto, logprobs, votes"),
        ("frames=gif", "frames must be one of auto, video, images"),
        ("sampler=10", "sampler must be uniform-N, fps-F or all"),
        ("sampler=uniform-0", "sampler must be"),
        ("sampler=fps-0", "sampler must be"),
        ("quality=0", "quality must be a whole number from 1 to 31"),
        ("votes=2.5", "votes must be a whole number"),
        ("mass=2", "mass must be a number from 0 to 1"),
        ("parallel=0", "parallel must be"),
        ("tries=none", "tries must be"),
        ("max_requests=0", "max_requests must be"),
        ("key_env=WMENV_NO_SUCH_KEY", "WMENV_NO_SUCH_KEY is not set"),
        ("key_file=/no/such/key", "cannot be read: No such file"),
        ("key_env=A,key_file=b", "give one of them"),
        ("wonders=1", "unexpected keyword argument 'wonders'"),
    ],
)
def test_bad_options_are_refused(options: str, told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        JUDGERS.create(f"server:http://localhost:9,{options}")


def test_the_documentation_lists_the_options_with_their_defaults() -> None:
    import inspect
    import re
    from pathlib import Path

    from wmenv.judgers.servers import ServerJudger

    page = (Path(__file__).resolve().parents[2] / "docs" / "judgers.md").read_text()
    section = page.partition("## Servers")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| ", section, flags=re.MULTILINE)
    told = {name: default.strip("`") for name, default in rows}
    taken = list(inspect.signature(ServerJudger).parameters.values())[1:]
    real = {p.name: "" if p.default is None else str(p.default) for p in taken if p.name not in ("key", "api_key")}
    assert told == real | {"model": "the only one"}

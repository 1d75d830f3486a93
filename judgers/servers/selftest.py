"""The start-up self-test: which model, probabilities or votes, and in which form frames are really seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from wmenv.core.clip import Clip
from wmenv.core.errors import ServerFailed
from wmenv.core.question import Question
from wmenv.core.reading import read_yes_no
from wmenv.judgers.servers.client import Client
from wmenv.judgers.servers.faults import Unanswered
from wmenv.judgers.servers.frames import FORMS, Form, Sampler, shown
from wmenv.judgers.servers.manner import LIMITS, TOPS, Manner
from wmenv.judgers.servers.reply import Reply, shares
from wmenv.judgers.servers.words import YES_NO, label

PLAIN = YES_NO.format(text="Is seven a number?")
NONSENSE = "Name any animal. Answer with one word."
COLOUR = YES_NO.format(text="Is the picture red?")
CLEAR = 0.5
"""Share of the probability that yes and no must hold on a plain question for probabilities to be used."""
ABSENT = 3
"""Clean answers without probabilities after which a server counts as offering none: single ones get lost."""
_YES_NO = Question("", "binary")


@dataclass(frozen=True, slots=True)
class Found:
    """What the self-test found.

    Attributes:
        manner: How the server is spoken to.
        left_over: Whether probability outside yes and no is told on a question that neither answers: where it is not,
            the server shows the probabilities of a narrowed choice, and a judge that abstains cannot be told.
            None where there are no probabilities.
    """

    manner: Manner
    left_over: bool | None


def the_model(client: Client) -> str:
    """The only model of a server.

    Raises:
        ServerFailed: It has several or none, or does not say.
    """
    try:
        names = client.models()
    except Unanswered as fault:
        raise _refused(client, f"did not name its models ({fault})", "name one by model=NAME") from None
    if len(names) != 1:
        known = ", ".join(names[:8]) or "none"
        raise _refused(client, f"has {len(names)} models ({known})", "name one by model=NAME")
    return names[0]


def find(client: Client, manner: Manner, answers: str, frames: str, tokens: int) -> Found:
    """Find out how a server is spoken to.

    Args:
        client: The server.
        manner: With the model; the rest is found out.
        answers: `logprobs` or `votes`, or `auto`.
        frames: `video` or `images`, or `auto`.
        tokens: Longest reply in words.

    Raises:
        ServerFailed: It does not answer, offers no probabilities where they are wanted, or sees no frames.
    """
    manner = _answering(client, replace(manner, answers="votes" if answers == "votes" else "logprobs"), answers, tokens)
    left_over = _left_over(client, manner) if manner.answers == "logprobs" else None
    forms = FORMS if frames == "auto" else tuple(form for form in FORMS if form == frames)
    told = ""
    for form in forms:
        told = _blind(client, replace(manner, frames=form), form, tokens)
        if not told:
            return Found(replace(manner, frames=form), left_over)
    raise _refused(client, told, "serve a model that takes pictures; its limit of pictures a prompt may be too low")


def _answering(client: Client, manner: Manner, answers: str, tokens: int) -> Manner:
    """The manner in which a plain question is answered."""
    for _ in range(8):  # each turn gives one thing up
        try:
            if manner.answers == "votes":
                _ask_words(client, manner, [_text(PLAIN)], tokens, lambda reply: _unread(reply.text))
                return manner
            reply = _first(client, manner, PLAIN)
        except Unanswered as fault:
            if not fault.refused:
                raise _refused(
                    client, f"did not answer a plain question ({fault})", "is it up, and the URL right?"
                ) from None
            manner = _given_up(client, manner, answers, str(fault))
            continue
        if reply.top is not None and sum(shares(reply.top, _word).values()) >= CLEAR:
            return manner
        if answers == "logprobs":
            raise _refused(client, "gives no probabilities of yes and no", "use answers=votes")
        manner = replace(manner, answers="votes")
    raise _refused(client, "refuses every form of a request", "try another model")


def _given_up(client: Client, manner: Manner, answers: str, said: str) -> Manner:
    """The manner without what a server refused, as far as its words tell what that was."""
    if manner.limit == LIMITS[0] and LIMITS[1] in said:
        return replace(manner, limit=LIMITS[1])
    if manner.temperature and "temperature" in said:
        return replace(manner, temperature=False)
    if manner.answers == "logprobs" and manner.top > TOPS[-1]:
        return replace(manner, top=TOPS[-1])
    if manner.answers == "logprobs" and answers == "auto":
        return replace(manner, answers="votes")
    raise _refused(client, f"refuses a plain question ({said})", "is the model's name right, and the URL?")


def _first(client: Client, manner: Manner, words: str) -> Reply:
    """A reply with probabilities, or the last of several without."""
    reply = Reply("")
    for _ in range(ABSENT):
        payload = manner.token([_text(words)])
        reply = client.ask(payload, lambda reply: "", lambda k, payload=payload: payload)  # type: ignore[misc]
        if reply.top is not None and sum(shares(reply.top, _word).values()) >= (CLEAR if words == PLAIN else 0.0):
            break
    return reply


def _left_over(client: Client, manner: Manner) -> bool:
    """Whether a question that neither yes nor no answers leaves probability elsewhere."""
    try:
        reply = _first(client, manner, NONSENSE)
    except Unanswered as fault:
        raise _refused(client, f"did not answer a plain question ({fault})", "is it up?") from None
    return reply.top is None or sum(shares(reply.top, _word).values()) < 1.0 - 1e-3


def _blind(client: Client, manner: Manner, form: Form, tokens: int) -> str:
    """Why frames in a form are not seen: a red and a blue clip must be told apart; empty where they are."""
    for colour, wanted in (((220, 20, 20), True), ((20, 20, 220), False)):
        frames = np.empty((4, 112, 112, 3), np.uint8)
        frames[:] = colour
        parts, besides = shown(Clip(frames, Fraction(2)), form, Sampler("all"), 2)
        content = [*parts, _text(COLOUR)]
        try:
            if manner.answers == "votes":
                reply = _ask_words(client, manner, content, tokens, lambda reply: _unread(reply.text), besides)
                seen = read_yes_no(reply.text) is wanted
            else:
                payload = {**manner.token(content), **besides}
                reply = client.ask(payload, _unclear, lambda k, payload=payload: payload)  # type: ignore[misc]
                found = shares(reply.top or (), _word)
                seen = (found.get("yes", 0.0) > found.get("no", 0.0)) is wanted
        except Unanswered as fault:
            return f"takes no frames as {form} ({fault})"
        if not seen:
            return f"does not see frames that are sent as {form}: it takes a red and a blue clip for one"
    return ""


def _ask_words(
    client: Client,
    manner: Manner,
    content: list[dict[str, object]],
    tokens: int,
    usable: Callable[[Reply], str],
    besides: dict[str, object] | None = None,
) -> Reply:
    payload = {**manner.words(content, tokens, 0.0), **(besides or {})}
    return client.ask(payload, usable, lambda k: payload)


def _unread(text: str) -> str:
    return "" if read_yes_no(text) is not None else f"cannot read yes or no in {text[:40]!r}"


def _unclear(reply: Reply) -> str:
    held = sum(shares(reply.top or (), _word).values())
    return "" if held >= CLEAR else "yes and no are not among the likeliest tokens"


def _word(bare: str) -> str | None:
    return label(_YES_NO, bare)


def _text(words: str) -> dict[str, object]:
    return {"type": "text", "text": words}


def _refused(client: Client, what: str, way: str) -> ServerFailed:
    return ServerFailed(f"the server at {client.wire.url} {what}; {way}")

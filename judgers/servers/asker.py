"""From a question about a clip to its outcome: what is put, what is kept, how replies are read."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any

from wmenv.core.canonical import canonical_json
from wmenv.core.clip import Clip
from wmenv.core.question import Question, Value
from wmenv.core.reading import read, read_yes_no
from wmenv.judgers.servers.client import Client, Usable
from wmenv.judgers.servers.faults import Unanswered
from wmenv.judgers.servers.frames import Sampler, shown
from wmenv.judgers.servers.manner import Manner
from wmenv.judgers.servers.outcome import Outcome, counted, from_shares, from_value, unanswered
from wmenv.judgers.servers.reply import Reply, shares
from wmenv.judgers.servers.settings import Settings
from wmenv.judgers.servers.words import graded, label, put

WARM = 1.0
"""Temperature of votes, and of a reply that is asked for again because it could not be read."""


class Shown:
    """A clip, or none, as the server gets it; encoded when it is first needed, once for all its questions."""

    def __init__(self, clip: Clip | None, manner: Manner, settings: Settings) -> None:
        self.clip, self.manner, self.settings = clip, manner, settings
        self.digest = "" if clip is None else clip.digest
        self._lock = threading.Lock()

    def parts(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Parts of the message, and what the request says besides."""
        with self._lock:
            return self._parts

    @cached_property
    def _parts(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        if self.clip is None:
            return [], {}
        return shown(self.clip, self.manner.frames, Sampler.of(self.settings.sampler), self.settings.quality)


class Asker:
    """Asks one judger's questions."""

    def __init__(self, client: Client, manner: Manner, settings: Settings, identity: str) -> None:
        self.client, self.manner, self.settings, self.identity = client, manner, settings, identity
        self._under_way: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def show(self, clip: Clip | None) -> Shown:
        """A clip to ask about."""
        return Shown(clip, self.manner, self.settings)

    def known(self, question: Question, clip: Shown) -> bool:
        """Whether the answer is kept already, or its first part is."""
        words, kind = put(question, self.settings.words == "own")
        return self.client.store.get(self._key(words, self._kind(kind), clip, 0)) is not None

    def outcome(self, question: Question, clip: Shown) -> Outcome:
        """Ask a question; what has no answer says why."""
        words, kind = put(question, self.settings.words == "own")
        try:
            if kind == "token":
                return self._choose(question, words, clip)
            if question.answer == "text":
                return self._open(question, words, clip)
            return self._words(question, words, clip)
        except Unanswered as fault:
            return unanswered(str(fault))

    def _choose(self, question: Question, words: str, clip: Shown) -> Outcome:
        """An answer of one word: by probability, or by votes."""
        decide = self.settings.score == "decision"
        if self.manner.answers == "logprobs":
            found = self._shares(question, words, clip)
            evidence = {
                "kind": "logprobs",
                "p": _rounded(found),
                "mass": round(min(1.0, sum(found.values())), 6),
            }
            return from_shares(question, found, decide, evidence)
        values, replies, unread = self._votes(question, words, clip)
        evidence = {"kind": "votes", "replies": replies, "unread": unread}
        if len(values) * 2 <= self.settings.votes:
            return unanswered(f"{unread} of {self.settings.votes} votes could not be read", **evidence)
        return from_shares(question, counted(values, question), decide, evidence)

    def _words(self, question: Question, words: str, clip: Shown) -> Outcome:
        """An answer that is read in a reply."""
        reply = self._reply(words, "words", clip, 0, lambda reply: _unread(question, reply.text))
        value = read(question, reply.text)
        if value is None:
            return unanswered(_unread(question, reply.text))
        return from_value(question, value, reply.text, {"kind": "words", "reply": reply.text})

    def _open(self, question: Question, words: str, clip: Shown) -> Outcome:
        """An answer in free text, which the same server then compares with the right one, without the clip."""
        reply = self._reply(words, "words", clip, 0, lambda reply: "" if reply.text.strip() else "the answer is empty")
        agreed = self._choose(question, graded(question, reply.text.strip()), self.show(None))
        evidence: dict[str, Any] = {"kind": "graded", "reply": reply.text, "grader": dict(agreed.evidence)}
        evidence |= {"mass": agreed.evidence["mass"]} if "mass" in agreed.evidence else {}
        return Outcome(agreed.score, agreed.native, agreed.probability, reply.text, agreed.reason, evidence)

    def _shares(self, question: Question, words: str, clip: Shown) -> dict[str, float]:
        def found(reply: Reply) -> dict[str, float]:
            return shares(reply.top or (), lambda bare: label(question, bare))

        def usable(reply: Reply) -> str:
            held = sum(found(reply).values())
            if reply.top is None:
                return "no probabilities came with the answer"
            least = max(self.settings.mass, 1e-6)
            return "" if held >= least else f"abstained: the possible answers hold {held:.2g} of the probability"

        return found(self._reply(words, "token", clip, 0, usable))

    def _votes(self, question: Question, words: str, clip: Shown) -> tuple[list[Value], list[str], int]:
        """Votes that could be read, their words, and how many could not."""
        values: list[Value] = []
        replies: list[str] = []
        unread = 0
        for draw in range(self.settings.votes):
            try:
                reply = self._reply(words, "vote", clip, draw, lambda reply: _unread(question, reply.text))
            except Unclear:
                unread += 1
                continue
            value = _read(question, reply.text)
            assert value is not None
            values.append(value)
            replies.append(reply.text)
        return values, replies, unread

    def _reply(self, words: str, kind: str, clip: Shown, draw: int, usable: Usable) -> Reply:
        """A usable reply, kept or new. Whoever asks for the same at the same time waits, and finds it kept."""
        key = self._key(words, kind, clip, draw)
        with self._lock:
            mine = self._under_way.setdefault(key, threading.Lock())
        with mine:
            kept = self.client.store.get(key)
            if kept is not None:
                return kept
            head, besides = clip.parts()
            content = [*head, {"type": "text", "text": words}]
            seen: list[str] = []

            def noted(reply: Reply) -> str:
                seen.append(usable(reply))
                return seen[-1]

            try:
                reply = self.client.ask(
                    self._payload(kind, content, besides, 0), noted, lambda k: self._payload(kind, content, besides, k)
                )
            except Unanswered as fault:
                if seen and str(fault) == seen[-1]:
                    raise Unclear(str(fault)) from None
                raise
            self.client.store.put(key, reply)
        with self._lock:
            self._under_way.pop(key, None)
        return reply

    def _payload(self, kind: str, content: Sequence[Any], besides: Mapping[str, Any], again: int) -> dict[str, Any]:
        if kind == "token":
            return {**self.manner.token(content), **besides}
        warmth = WARM if kind == "vote" or again else 0.0
        return {**self.manner.words(content, self.settings.tokens, warmth), **besides}

    def _kind(self, kind: str) -> str:
        return "vote" if kind == "token" and self.manner.answers == "votes" else kind

    def _key(self, words: str, kind: str, clip: Shown, draw: int) -> str:
        """Hash of clip, judger and question."""
        return sha256(canonical_json([self.identity, clip.digest, words, kind, draw]).encode()).hexdigest()


class Unclear(Unanswered):
    """Replies came, and none could be used."""


def _read(question: Question, text: str) -> Value | None:
    return read_yes_no(text) if question.answer == "text" else read(question, text)


def _unread(question: Question, text: str) -> str:
    if _read(question, text) is not None:
        return ""
    brief = " ".join(text.split())
    return f"cannot read an answer in {brief[:80]!r}" if brief else "the answer is empty"


def _rounded(found: Mapping[str, float]) -> dict[str, float]:
    return {name: round(p, 6) for name, p in found.items()}

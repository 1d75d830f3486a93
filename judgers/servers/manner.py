"""How a server is spoken to: what its start-up self-test found, or what the user fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from wmenv.judgers.servers.frames import Form
from wmenv.judgers.servers.words import SYSTEM

Answers = Literal["logprobs", "votes"]
ANSWERS: tuple[Answers, ...] = ("logprobs", "votes")
LIMITS = ("max_tokens", "max_completion_tokens")
TOPS = (20, 5)
"""Numbers of likeliest tokens that servers offer, most of them at most 20."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How requests are made.

    Attributes:
        model: Name of the model.
        answers: Whether one-word answers are probabilities of first tokens or shares of votes.
        frames: How clips are sent.
        top: How many of the likeliest tokens are asked for.
        limit: Name of the field that limits a reply.
        temperature: Whether the server lets a temperature be set.
    """

    model: str
    answers: Answers = "logprobs"
    frames: Form = "video"
    top: int = TOPS[0]
    limit: str = LIMITS[0]
    temperature: bool = True

    def token(self, content: Sequence[Any]) -> dict[str, Any]:
        """A request for the likeliest first tokens."""
        return {**self._request(content, 1, 0.0), "logprobs": True, "top_logprobs": self.top}

    def words(self, content: Sequence[Any], tokens: int, temperature: float) -> dict[str, Any]:
        """A request for words.

        Args:
            content: Parts of the message.
            tokens: Longest reply.
            temperature: 0 for the likeliest words.
        """
        return self._request(content, tokens, temperature)

    def _request(self, content: Sequence[Any], tokens: int, temperature: float) -> dict[str, Any]:
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": list(content)}]
        warmth = {"temperature": temperature} if self.temperature else {}
        return {"model": self.model, "messages": messages, self.limit: tokens, **warmth}

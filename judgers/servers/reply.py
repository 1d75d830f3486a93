"""What a server answered: words and, where it gives them, the likeliest first tokens."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_MARKS = " \t\r\n*_`\"'“”‘’()[]{}.,:;!\N{LOWER ONE EIGHTH BLOCK}\u0120\u010a"
"""What may stand around a word in a token; the last three stand for spaces and line ends in tokenizers."""
ROUNDING = 1e-3
"""By how much rounded probabilities may add up to more than 1."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply.

    Attributes:
        text: Its words, empty where there are none.
        top: The likeliest first tokens with their log-probabilities (nats), or None where none were given.
        usage: Tokens read and written, as the server counts them, or None where it does not.
    """

    text: str
    top: tuple[tuple[str, float], ...] | None = None
    usage: tuple[int, int] | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"text": self.text, "top": None if self.top is None else [list(one) for one in self.top]}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Reply:
        """From what `plain` gave."""
        top = plain["top"]
        return cls(plain["text"], None if top is None else tuple((token, p) for token, p in top))


def parse(plain: Any, scrub: Callable[[str], str]) -> Reply:
    """The reply in a chat completion.

    Args:
        plain: The JSON.
        scrub: Takes the key out of a text.

    Raises:
        ValueError: It is no chat completion.
    """
    if isinstance(plain, dict) and "error" in plain and "choices" not in plain:
        inner = plain["error"]
        raise ValueError(f"an error in place of an answer: {scrub(str(inner))[:120]}")
    try:
        choice = plain["choices"][0]
        content = choice["message"]["content"]
        top = _top(choice.get("logprobs"), scrub)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"JSON that is no chat completion ({type(error).__name__})") from None
    if isinstance(content, list):
        content = "".join(str(one.get("text", "")) for one in content if isinstance(one, dict))
    if content is not None and not isinstance(content, str):
        raise ValueError("a chat completion whose content is no text")
    return Reply(scrub(content or ""), top, _usage(plain.get("usage")))


def _top(logprobs: Any, scrub: Callable[[str], str]) -> tuple[tuple[str, float], ...] | None:
    if not logprobs or not logprobs.get("content"):
        return None
    first = logprobs["content"][0]
    found = {str(one["token"]): float(one["logprob"]) for one in first.get("top_logprobs") or []}
    if not found:
        return None
    found.setdefault(str(first["token"]), float(first["logprob"]))
    if any(math.isnan(p) or p > ROUNDING for p in found.values()):
        raise ValueError("log-probabilities above 0")
    if sum(math.exp(p) for p in found.values()) > 1 + 10 * ROUNDING:
        raise ValueError("probabilities that add up to more than 1")
    return tuple((scrub(token), max(p, -1e4)) for token, p in found.items())


def _usage(plain: Any) -> tuple[int, int] | None:
    if not isinstance(plain, dict):
        return None
    counts = plain.get("prompt_tokens"), plain.get("completion_tokens") or 0
    if not all(isinstance(one, int) and one >= 0 for one in counts):
        return None
    return counts[0], counts[1]  # type: ignore[return-value]


def shares(top: tuple[tuple[str, float], ...], labels: Callable[[str], str | None]) -> dict[str, float]:
    """Probability of each label, the surface forms of a label summed (`Yes`, ` yes`, `YES`).

    Tokens that are none of the labels are left out; 1 minus the sum is what lies elsewhere.

    Args:
        top: Tokens with their log-probabilities.
        labels: The label of a bare token, or None.

    Examples:
        >>> found = shares((("Yes", -0.5), (" yes", -2.0), ("No", -1.5), ("Well", -4.0)), lambda t: t.lower())
        >>> [(name, round(p, 2)) for name, p in found.items()]
        [('yes', 0.74), ('no', 0.22), ('well', 0.02)]
    """
    found: dict[str, float] = {}
    for token, p in top:
        label = labels(token.strip(_MARKS))
        if label is not None:
            found[label] = found.get(label, 0.0) + math.exp(p)
    return found

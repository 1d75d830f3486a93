"""Options of `server:URL`: those that decide an answer, and those that do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.judgers.servers.frames import FORMS, Sampler
from wmenv.judgers.servers.limits import Terms
from wmenv.judgers.servers.manner import ANSWERS, LIMITS, TOPS

AUTO = "auto"
SCORES = ("probability", "decision")
WORDS = ("protocol", "own")


@dataclass(frozen=True)
class Settings:
    """What decides an answer besides server and model; part of the judger's identity.

    Attributes:
        sampler: Which frames are shown.
        quality: JPEG quantiser, 1 (best) to 31.
        votes: Replies to a one-word question where there are no probabilities.
        score: Whether a score is the probability of the good answer, or the likelier answer itself.
        words: Whether a protocol's own words are put where it fixes them, or always wmenv's.
        tokens: Longest reply in words.
        mass: Share of the probability that the possible answers must hold; below it the judge abstains.
    """

    sampler: str = "uniform-32"
    quality: int = 2
    votes: int = 5
    score: str = SCORES[0]
    words: str = WORDS[0]
    tokens: int = 1024
    mass: float = 0.5

    def __post_init__(self) -> None:
        Sampler.of(self.sampler)
        one_of("score", self.score, SCORES)
        one_of("words", self.words, WORDS)
        between("quality", self.quality, 1, 31, whole=True)
        between("votes", self.votes, 1, 99, whole=True)
        between("tokens", self.tokens, 1, 1 << 20, whole=True)
        between("mass", self.mass, 0.0, 1.0)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def changed(self) -> dict[str, Any]:
        """Those that are not as by default."""
        usual = asdict(Settings())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def terms(options: Mapping[str, Any]) -> Terms:
    """What may be spent, out of the options.

    Raises:
        InvalidArgument: A limit of cost without prices, or a number out of range.
    """
    requests, cost = options["max_requests"], options["max_cost"]
    prices = [options["price_in"], options["price_out"]]
    if requests is not None:
        between("max_requests", requests, 1, 1 << 40, whole=True)
    for name, value in (("max_cost", cost), ("price_in", prices[0]), ("price_out", prices[1])):
        if value is not None:
            between(name, value, 0.0, 1e12)
    if cost is not None and not any(prices):
        raise InvalidArgument(
            "max_cost (--max-cost) needs what a million tokens cost: price_in=... and price_out=... of the server"
        )
    return Terms(requests, cost, prices[0] or 0.0, prices[1] or 0.0)


def one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    """Refuse what is none of the values.

    Raises:
        InvalidArgument: It is none.
    """
    if value not in known:
        raise InvalidArgument(f"{name} must be one of {', '.join(known)}, got {value!r}")


def between(name: str, value: Any, low: float, high: float, whole: bool = False) -> None:
    """Refuse a number out of range.

    Raises:
        InvalidArgument: It is no number, or out of range.
    """
    kind = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
        what = "a whole number" if whole else "a number"
        raise InvalidArgument(f"{name} must be {what} from {low:g} to {high:g}, got {value!r}")


def check_manner(answers: str, frames: str, top: Any, limit: str, temperature: str) -> None:
    """Refuse other ways to speak to a server than there are.

    Raises:
        InvalidArgument: There is none such.
    """
    one_of("answers", answers, (AUTO, *ANSWERS))
    one_of("frames", frames, (AUTO, *FORMS))
    one_of("limit", limit, LIMITS)
    one_of("temperature", temperature, ("set", "unset"))
    between("top", top, 2, TOPS[0], whole=True)

"""What wrappers share: the judgers inside, and what they are known by from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Judger, RemoteJudger
from wmenv.core.registries import JUDGERS
from wmenv.core.verdict import Verdict

LOG_ODDS = "log-odds"


class Wrapper:
    """A judger around others.

    It accepts what all inside accept, reads the truth where one does, and is exact where all are. Its card has theirs
    under `inside`. It has a gradient (`reward`) where all have, which subclasses give in `gradient`. Where one inside
    is a `RemoteJudger`, as those that ask a server are, so is it.
    """

    word = ""
    """What users type."""

    def __init__(
        self, inside: Sequence[Judger], identity: str, facts: Mapping[str, Any], given: Sequence[Any], **options: Any
    ) -> None:
        """Take up the judgers inside.

        Args:
            inside: At least one.
            identity: Of the whole chain.
            facts: More facts for the card.
            given: The judgers inside as they were given, specifications or objects.
            **options: Options of the wrapper that were given, None where they were not.
        """
        self.inside = tuple(inside)
        self.name = f"{self.word}:{'+'.join(one.name for one in inside)}"
        self.accepts: tuple[str, ...] = tuple(
            kind for kind in inside[0].accepts if all(kind in one.accepts for one in inside)
        )
        if not self.accepts:
            told = " and ".join(f"{one.name} accepts {', '.join(one.accepts)}" for one in inside)
            raise InvalidArgument(f"{self.word} needs judgers that accept the same kind of response; {told}")
        self.reads_truth = any(one.reads_truth for one in inside)
        self.exact = all(one.exact for one in inside)
        self.framewise = all(getattr(one, "framewise", False) for one in inside)
        cards = [dict(one.card) for one in inside]
        self.card: dict[str, Any] = {"identity": identity, **facts, "inside": cards}
        self.card |= _shared("benchmark", cards, self.word)
        self.card |= _shared("units", cards, self.word) if all("units" in card for card in cards) else {}
        if all(callable(getattr(one, "reward", None)) for one in inside):
            self.reward = self.gradient
        self._remote = [one for one in inside if isinstance(one, RemoteJudger)]
        if self._remote:
            self.keep_answers, self.close = self._keep_answers, self._close
            self.told = "; ".join(one.told for one in self._remote)
            self.spec = _spec(self.word, inside, given, options)

    def _keep_answers(self, folder: Path) -> None:
        for one in self._remote:
            one.keep_answers(folder)

    def _close(self) -> None:
        for one in self._remote:
            one.close()

    def gradient(self, cases: Sequence[Any], frames: Any) -> tuple[Any, Any]:
        """As `wmenv.core.protocols.DifferentiableJudger.reward`."""
        raise NotImplementedError

    def odds(self, cases: Sequence[Any], like: Any) -> Any:
        """(C,) booleans, on the device of a tensor: criteria whose values are log-odds."""
        import torch

        units = self.card.get("units", {})
        found = [units.get(c.id, LOG_ODDS if c.answer == "binary" else "") == LOG_ODDS for c in cases[0].criteria]
        return torch.tensor(found, device=like.device)


def identity_of(judger: Judger) -> str:
    """Identity of a judger as it stands on its card."""
    return str(judger.card.get("identity", judger.name))


def made(spec: str | Judger, word: str) -> Judger:
    """The judger of a specification, or the judger itself.

    Args:
        spec: Such as `critic:DIR`, in square brackets or not.
        word: Name of the wrapper, for messages.

    Raises:
        UnknownName: No such judger.
        InvalidArgument: Nothing is named, or brackets do not close.
    """
    if not isinstance(spec, str):
        return spec
    one = bare(spec, word)
    if not one:
        raise InvalidArgument(f"{word} wants a judger inside, such as {word}:scene-pixels or {word}:[NAME:X,key=value]")
    return JUDGERS.create(one)


def refuse(word: str, options: Mapping[str, Any]) -> None:
    """Refuse options that a wrapper does not have.

    Raises:
        InvalidArgument: There is one.
    """
    for name in options:
        raise InvalidArgument(
            f"judger {word!r} has no option {name!r}; those of a judger inside go into brackets: "
            f"{word}:[NAME:X,{name}=...]"
        )


def bare(spec: str, word: str) -> str:
    """A specification without the square brackets around it, where there are any.

    Raises:
        InvalidArgument: Brackets do not close, or open too late.
    """
    return spec[1:-1] if len(parts(spec, word)) == 1 and spec.startswith("[") and spec.endswith("]") else spec


def parts(spec: str, word: str) -> list[str]:
    """Specifications joined by `+`, outside of brackets.

    Raises:
        InvalidArgument: Brackets do not close, or open too late.
    """
    found, depth = [""], 0
    for letter in spec:
        depth += (letter == "[") - (letter == "]")
        if depth < 0:
            break
        if letter == "+" and not depth:
            found.append("")
        else:
            found[-1] += letter
    if depth:
        raise InvalidArgument(f"{word} has a bracket that does not match; write {word}:[NAME:...,key=value]")
    return found


def probability_of(criterion: Criterion, verdict: Verdict) -> float | None:
    """Probability of the good answer: as a verdict states it, or the score of a single yes/no question; else None.

    A score of 0 or 1 is a decision, and no probability.
    """
    if verdict.state != "answered" or verdict.score is None:
        return None
    if verdict.probability is not None:
        return verdict.probability
    single = criterion.answer == "binary" and len(criterion.questions) < 2
    return verdict.score if single and 0.0 < verdict.score < 1.0 else None


def moved(verdict: Verdict, probability: float, **evidence: Any) -> Verdict:
    """A verdict with another probability.

    Its score moves along where it is the probability; a score that is a decision stays what it is. So does a native
    value that is the score.
    """
    decided = verdict.probability is not None and verdict.score != verdict.probability
    score = verdict.score if decided else probability
    native = score if verdict.native is not None and verdict.native == verdict.score else verdict.native
    told = {**verdict.evidence, **evidence}
    return replace(verdict, score=score, native=native, probability=probability, evidence=told)


def _spec(word: str, inside: Sequence[Judger], given: Sequence[Any], options: Mapping[str, Any]) -> str:
    """The specification that makes the same judger again; a judger inside that asks a server knows its own."""
    specs = [
        getattr(one, "spec", was if isinstance(was, str) else one.name) for one, was in zip(inside, given, strict=True)
    ]
    closed = [one if one.startswith("[") and one.endswith("]") else f"[{one}]" for one in map(str, specs)]
    told = "".join(f",{name}={value}" for name, value in options.items() if value is not None)
    return f"{word}:{'+'.join(closed)}{told}"


def _shared(key: str, cards: Sequence[Mapping[str, Any]], word: str) -> dict[str, Any]:
    """What cards say under a key, if they do not contradict each other."""
    said = [card[key] for card in cards if key in card]
    if not said:
        return {}
    if key == "units":
        merged: dict[str, str] = {}
        for units in said:
            merged |= units
        agree = all(merged[name] == unit for units in said for name, unit in units.items())
        return {key: merged} if agree else {}
    if any(one != said[0] for one in said):
        raise InvalidArgument(f"{word}: the judgers inside hold answers to {' and to '.join(map(str, said))}")
    return {key: said[0]}

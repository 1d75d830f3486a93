"""`abstaining:JUDGER`: an answer that the judge is not sure of is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wmenv.core.case import Case
from wmenv.core.clip import Response
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Judger
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.judgers.wrappers.wrapper import Wrapper, identity_of, made, probability_of, refuse

IDENTITY = "abstaining-v0"
MARGIN, MASS = 0.1, 0.5


class Abstaining(Wrapper):
    """Turns answers into failures, which are missing, never a pass: too near to one half, or about something else.

    The reason tells the probability or the mass. Grades and other verdicts without a probability can only fail by
    their mass, where the judger inside tells one: `mass` in the evidence, of each question or of each reply under
    `asked` (and `opposite`, as `polarity:` has it), the share of probability that its possible answers hold together.
    """

    word = "abstaining"

    def __init__(self, judger: str | Judger, *, margin: float = MARGIN, mass: float = MASS, **others: Any) -> None:
        """Make the judger.

        Args:
            judger: The judger inside.
            margin: Largest distance of a probability from one half that counts as no answer, in [0, 0.5).
            mass: Least share of probability on the possible answers, in [0, 1].
            **others: None: refused.

        Raises:
            InvalidArgument: A number out of range.
        """
        refuse(self.word, others)
        inside = made(judger, self.word)
        for name, value, top in (("margin", margin, 0.5), ("mass", mass, 1.0)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= top:
                raise InvalidArgument(f"{self.word}: {name} must lie in 0 to {top:g}, got {value!r}")
        if margin == 0.5:
            raise InvalidArgument(f"{self.word}: a margin of 0.5 leaves no answer at all; choose a smaller one")
        self.margin, self.mass = float(margin), float(mass)
        told = f"margin={self.margin:g}, mass={self.mass:g}"
        facts = {"margin": self.margin, "mass": self.mass}
        super().__init__(
            [inside], f"{IDENTITY}({identity_of(inside)}; {told})", facts, [judger], margin=margin, mass=mass
        )

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge by the judger inside, and drop what it is not sure of."""
        return [
            judgement(
                case,
                [self._sure(c, v) for c, v in zip(case.criteria, one.verdicts, strict=True)],
                self.card["identity"],
            )
            for case, one in zip(cases, self.inside[0].judge(cases, responses), strict=True)
        ]

    def gradient(self, cases: Sequence[Case], frames: Any) -> tuple[Any, Any]:
        """Values of the judger inside; log-odds within the margin are not valid."""
        import torch

        inside: Any = self.inside[0]
        values, valid = inside.reward(cases, frames)
        near = (torch.sigmoid(values.detach()) - 0.5).abs() <= self.margin
        kept = valid & ~(near & self.odds(cases, values))
        return torch.where(kept, values, torch.zeros_like(values)), kept

    def _sure(self, criterion: Criterion, verdict: Verdict) -> Verdict:
        if verdict.state != "answered":
            return verdict
        sure, held = probability_of(criterion, verdict), mass_of(verdict)
        if held is not None and held < self.mass:
            reason = f"abstained: the possible answers hold {held:.3f} of the probability, {self.mass:g} are wanted"
        elif sure is not None and abs(sure - 0.5) <= self.margin + 1e-12:
            reason = f"abstained: the probability {sure:.3f} lies within {self.margin:g} of one half"
        else:
            return verdict
        told = {**verdict.evidence, "abstained": {"probability": sure, "mass": held}}
        return replace(Verdict.failed(criterion.id, reason), evidence=told)


def mass_of(verdict: Verdict) -> float | None:
    """Share of probability on the possible answers, the least of several questions or wordings; None where none is."""
    return min(_masses(verdict.evidence), default=None)


def _masses(evidence: Mapping[str, Any]) -> list[float]:
    value = evidence.get("mass")
    found = [v for v in (value if isinstance(value, list | tuple) else [value]) if isinstance(v, int | float)]
    asked = evidence.get("asked", ())
    told = [*(asked if isinstance(asked, list | tuple) else ()), evidence.get("opposite")]
    return found + [v for one in told if isinstance(one, Mapping) for v in _masses(one)]

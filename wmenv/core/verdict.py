"""Verdicts and judgements: a judger's answers to the criteria of one response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from wmenv.core.case import Case
from wmenv.core.schemes import total_of

State = Literal["answered", "forfeited", "not_applicable", "failed"]
"""answered: a score. forfeited: the response is at fault (object gone, unreadable): score 0, counted.
not_applicable: the question does not concern this case: leaves numerator and maximum.
failed: the judge is at fault (exception, time-out, unparsable): missing, never 0, lowers the coverage."""

COUNTED: tuple[State, ...] = ("answered", "forfeited")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judger's answer to one criterion.

    Attributes:
        criterion: Id of the criterion.
        state: One of the four states.
        score: In [0, 1], 1 is good; 0 where forfeited, None where not applicable or failed.
        native: The value in the criterion's own unit, where there is one.
        probability: Probability of the good answer, for judgers that have one.
        reason: Why it is forfeited, not applicable or failed; one line.
        evidence: JSON values and arrays that show how the answer came about. Two keys are read by the statistics:
            `pairs` (name -> (true, generated)), whose regression slope is reported, and `baselines` (name ->
            native value that a generator of no knowledge would get), whose means are.
    """

    criterion: str
    state: State
    score: float | None
    native: float | None = None
    probability: float | None = None
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.score is not None) != (self.state in COUNTED):
            raise ValueError(f"verdict on {self.criterion}: state {self.state} does not go with score {self.score}")
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ValueError(f"verdict on {self.criterion}: score must lie in [0, 1], got {self.score}")

    @classmethod
    def answered(cls, criterion: str, score: float, native: float | None = None, **evidence: Any) -> Verdict:
        """A score."""
        return cls(criterion, "answered", score, native, evidence=evidence)

    @classmethod
    def forfeited(cls, criterion: str, reason: str, native: float | None = None, **evidence: Any) -> Verdict:
        """The response is at fault: score 0, counted."""
        return cls(criterion, "forfeited", 0.0, native, reason=reason, evidence=evidence)

    @classmethod
    def not_applicable(cls, criterion: str, reason: str) -> Verdict:
        """The question does not concern this case."""
        return cls(criterion, "not_applicable", None, reason=reason)

    @classmethod
    def failed(cls, criterion: str, reason: str) -> Verdict:
        """The judge is at fault: missing."""
        return cls(criterion, "failed", None, reason=reason)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts on one response.

    Attributes:
        verdicts: One a criterion, in the order of the case's criteria.
        scheme: Name of the scheme behind the total.
        total: The scheme's native total, None where nothing is left to total.
        maximum: The largest total that these verdicts could have reached.
        coverage: Share of the concerned criteria that were answered or forfeited, in [0, 1].
        judger: Identity of the judger.
    """

    verdicts: tuple[Verdict, ...]
    scheme: str
    total: float | None
    maximum: float
    coverage: float
    judger: str

    @property
    def reward(self) -> float | None:
        """Total divided by its maximum; None where nothing is left."""
        return None if self.total is None else self.total / self.maximum

    def __getitem__(self, criterion: str) -> Verdict:
        """The verdict on a criterion."""
        for verdict in self.verdicts:
            if verdict.criterion == criterion:
                return verdict
        raise KeyError(criterion)


def judgement(case: Case, verdicts: Sequence[Verdict], judger: str) -> Judgement:
    """Put verdicts together under the case's scheme.

    Args:
        case: The case they answer.
        verdicts: One a criterion of the case, any order.
        judger: Identity of the judger.

    Raises:
        ValueError: A criterion has no verdict, or two.
    """
    by_id = {verdict.criterion: verdict for verdict in verdicts}
    wanted = [criterion.id for criterion in case.criteria]
    if len(by_id) != len(verdicts) or set(by_id) != set(wanted):
        raise ValueError(f"expected one verdict for each of {wanted}, got {[v.criterion for v in verdicts]}")
    ordered = tuple(by_id[name] for name in wanted)
    total, maximum, coverage = total_of(case.scheme, case.criteria, ordered)
    return Judgement(ordered, case.scheme, total, maximum, coverage, judger)


def forfeit_all(case: Case, reason: str, judger: str) -> Judgement:
    """The judgement of a response that cannot be judged through its own fault."""
    return judgement(case, [Verdict.forfeited(c.id, reason) for c in case.criteria], judger)


def fail_all(case: Case, reason: str, judger: str) -> Judgement:
    """The judgement of a response whose judge broke."""
    return judgement(case, [Verdict.failed(c.id, reason) for c in case.criteria], judger)

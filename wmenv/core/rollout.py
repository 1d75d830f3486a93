"""Rollouts: one episode, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from wmenv.core.case import Case
from wmenv.core.clip import Response
from wmenv.core.schemes import total_of
from wmenv.core.verdict import COUNTED, Judgement, Verdict


class Step(NamedTuple):
    """What was asked, what was answered, how it was judged."""

    case: Case
    response: Response
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Rollout:
    """One episode.

    Attributes:
        case: The case it began with.
        steps: At least one step; one-step suites have exactly one.
    """

    case: Case
    steps: tuple[Step, ...]

    @property
    def judgement(self) -> Judgement:
        """The final judgement: of the only step, or criterion by criterion the mean over the steps.

        A criterion is forfeited over the episode where every counted step forfeited it, failed where a step
        failed it and none counted, not applicable where no step was concerned.
        """
        if len(self.steps) == 1:
            return self.steps[0].judgement
        first = self.steps[0].judgement
        verdicts = tuple(
            _pool(v.criterion, [step.judgement.verdicts[k] for step in self.steps])
            for k, v in enumerate(first.verdicts)
        )
        total, maximum, _ = total_of(first.scheme, self.case.criteria, verdicts)
        states = [v.state for step in self.steps for v in step.judgement.verdicts if v.state != "not_applicable"]
        coverage = 1.0 - states.count("failed") / len(states) if states else 0.0
        return Judgement(verdicts, first.scheme, total, maximum, coverage, first.judger)


def _pool(criterion: str, verdicts: list[Verdict]) -> Verdict:
    counted = [v for v in verdicts if v.state in COUNTED]
    if not counted:
        state = "failed" if any(v.state == "failed" for v in verdicts) else "not_applicable"
        reason = next(v.reason for v in verdicts if v.state == state)
        return Verdict(criterion, "failed" if state == "failed" else "not_applicable", None, reason=reason)
    if all(v.state == "forfeited" for v in counted):
        return Verdict.forfeited(criterion, counted[0].reason)
    natives = [v.native for v in counted if v.native is not None]
    return Verdict.answered(
        criterion,
        sum(v.score or 0.0 for v in counted) / len(counted),
        sum(natives) / len(natives) if natives else None,
    )

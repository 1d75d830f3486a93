"""`polarity:JUDGER`: yes/no questions asked both ways round, so that a liking for yes cancels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from wmenv.core.calibration import log_odds, probability
from wmenv.core.case import Case
from wmenv.core.clip import Response
from wmenv.core.criterion import Criterion
from wmenv.core.protocols import Judger
from wmenv.core.verdict import COUNTED, Judgement, Verdict, judgement
from wmenv.judgers.wrappers.wrapper import Wrapper, identity_of, made, refuse

IDENTITY = "polarity-v0"


class Polarity(Wrapper):
    """Asks each question that offers an opposite wording in both, and takes the mean.

    Of probabilities it is the mean of log-odds, so that a bias towards yes, which is for the one wording and against
    the other, drops out; of other scores their mean. Whether the two answers differ is in the evidence: `polarity` with
    `asked`, `opposite` and `flipped`; `wmenv judge agree` prints how often. A judge that answers yes to both has said
    nothing: its mean is one half, and `abstaining:polarity:JUDGER` makes it missing. Criteria without an opposite
    wording are asked once.
    """

    word = "polarity"

    def __init__(self, judger: str | Judger, **others: Any) -> None:
        """Make the judger.

        Args:
            judger: The judger inside; one that does not read the words of questions gives the same answer twice.
            **others: None: refused.
        """
        refuse(self.word, others)
        inside = made(judger, self.word)
        super().__init__([inside], f"{IDENTITY}({identity_of(inside)})", {}, [judger])

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge the cases as they are, and those with an opposite wording again in it, in one batch."""
        both = [k for k, case in enumerate(cases) if any(map(offers, case.criteria))]
        batch = [*cases, *(opposite(cases[k]) for k in both)]
        said = list(self.inside[0].judge(batch, [*responses, *(responses[k] for k in both)]))
        other = dict(zip(both, said[len(cases) :], strict=True))
        found = []
        for k, (case, one) in enumerate(zip(cases, said[: len(cases)], strict=True)):
            verdicts = list(one.verdicts)
            for j, criterion in enumerate(case.criteria):
                if offers(criterion):
                    verdicts[j] = _together(criterion, verdicts[j], other[k].verdicts[j])
            found.append(judgement(case, verdicts, self.card["identity"]))
        return found

    def gradient(self, cases: Sequence[Case], frames: Any) -> tuple[Any, Any]:
        """Mean of the values under both wordings, where both are valid."""
        import torch

        inside: Any = self.inside[0]
        values, valid = inside.reward(cases, frames)
        if not any(offers(criterion) for case in cases for criterion in case.criteria):
            return values, valid
        others, known = inside.reward([opposite(case) for case in cases], frames)
        kept = valid & known
        return torch.where(kept, (values + others) / 2, torch.zeros_like(values)), kept


def offers(criterion: Criterion) -> bool:
    """Whether a question of the criterion has an opposite wording."""
    return any(question.complement for question in criterion.questions)


def opposite(case: Case) -> Case:
    """The case with each question in its opposite wording, where it has one."""
    criteria = tuple(
        replace(one, questions=tuple(q.opposite() if q.complement else q for q in one.questions))
        for one in case.criteria
    )
    return replace(case, criteria=criteria)


def _together(criterion: Criterion, asked: Verdict, other: Verdict) -> Verdict:
    for verdict, words in ((asked, "as it is asked"), (other, "in the opposite wording")):
        if verdict.state == "failed":
            return replace(verdict, reason=f"{words}: {verdict.reason}")
    if asked.state not in COUNTED or other.state not in COUNTED:
        return asked if asked.state not in COUNTED else other  # it does not concern the case
    scores = [v.score for v in (asked, other) if v.score is not None]
    known = [v.probability for v in (asked, other) if v.probability is not None]
    sides = known if len(known) == 2 else scores
    told = {"asked": sides[0], "opposite": sides[1], "flipped": (sides[0] > 0.5) != (sides[1] > 0.5)}
    evidence = {**asked.evidence, "polarity": told, "opposite": dict(other.evidence)}
    if asked.state == other.state == "forfeited":
        return replace(asked, evidence=evidence)
    reason = asked.reason or other.reason
    if len(known) < 2:
        score = sum(scores) / 2
        return Verdict(criterion.id, "answered", score, _native(criterion, asked, score), None, reason, evidence)
    mean = float(probability(log_odds(known).mean()))
    return Verdict(criterion.id, "answered", mean, _native(criterion, asked, mean), mean, reason, evidence)


def _native(criterion: Criterion, asked: Verdict, score: float) -> float | None:
    """The native value of the mean: the points that its score wins."""
    return None if asked.native is None else score * sum(question.points for question in criterion.questions)

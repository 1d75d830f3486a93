"""`ensemble:A+B`: several judgers asked alike, and how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wmenv.core.calibration import log_odds, probability
from wmenv.core.case import Case
from wmenv.core.clip import Response
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Judger
from wmenv.core.verdict import COUNTED, Judgement, Verdict, judgement
from wmenv.judgers.wrappers.wrapper import Wrapper, identity_of, made, parts, refuse

IDENTITY = "ensemble-v0"


class Ensemble(Wrapper):
    """The mean of several judgers, and their spread as evidence.

    Where all answer with probabilities it is the mean of their log-odds, else that of their scores: of decisions the
    share of votes, in which a forfeited criterion is 0. A judger that a criterion does not concern leaves it to the
    others. One that fails makes the ensemble fail, unless `least` says how many suffice.
    """

    word = "ensemble"

    def __init__(self, judgers: str | Sequence[Judger], *, least: int | None = None, **others: Any) -> None:
        """Make the judger.

        Args:
            judgers: Two or more, joined by `+`.
            least: How many must answer a criterion that concerns them; all by default.
            **others: None: refused.

        Raises:
            InvalidArgument: Fewer than two, one of them twice, or `least` out of range.
        """
        refuse(self.word, others)
        specs = parts(judgers, self.word) if isinstance(judgers, str) else list(judgers)
        if len(specs) < 2:
            raise InvalidArgument(f"{self.word} takes two or more judgers joined by +, got {len(specs)}")
        inside = [made(one, self.word) for one in specs]
        names = [identity_of(one) for one in inside]
        if len(set(names)) < len(names):
            raise InvalidArgument(f"{self.word} has a judger twice: {', '.join(names)}; its vote would count double")
        whole = isinstance(least, int) and not isinstance(least, bool) and 1 <= least <= len(inside)
        if least is not None and not whole:
            raise InvalidArgument(f"{self.word}: least must lie in 1 to {len(inside)}, got {least!r}")
        self.least = least
        told = "" if least is None else f"; least={least}"
        super().__init__(inside, f"{IDENTITY}({' + '.join(names)}{told})", {"least": least}, specs, least=least)

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Ask every judger for the batch, and take means."""
        shown = [self._shown(one, cases) for one in self.inside]
        said = [list(one.judge(own, responses)) for one, own in zip(self.inside, shown, strict=True)]
        return [
            judgement(
                case,
                [self._together(c, [one[k].verdicts[j] for one in said]) for j, c in enumerate(case.criteria)],
                self.card["identity"],
            )
            for k, case in enumerate(cases)
        ]

    def gradient(self, cases: Sequence[Case], frames: Any) -> tuple[Any, Any]:
        """Mean of the members' values over those that are valid; members of different units have none."""
        import torch

        if any("units" in one.card for one in self.inside) and "units" not in self.card:
            raise InvalidArgument(f"{self.name}: its members measure in different units, which have no mean")
        members: list[Any] = list(self.inside)
        found = [one.reward(self._shown(one, cases), frames) for one in members]
        values, valid = (torch.stack(column) for column in zip(*found, strict=True))
        count = valid.sum(dim=0)
        total = torch.where(valid, values, torch.zeros_like(values)).sum(dim=0)
        return total / count.clamp(min=1), count > 0

    def _shown(self, judger: Judger, cases: Sequence[Case]) -> Sequence[Case]:
        """Cases for a member: without their truth, if it does not say that it reads that."""
        if judger.reads_truth or not self.reads_truth:
            return cases
        return [case.without_truth(f"judger {judger.name}") for case in cases]

    def _together(self, criterion: Criterion, verdicts: Sequence[Verdict]) -> Verdict:
        concerned = [v for v in verdicts if v.state != "not_applicable"]
        if not concerned:
            return verdicts[0]
        counted = [v for v in concerned if v.state in COUNTED]
        if len(counted) < (len(concerned) if self.least is None else min(self.least, len(concerned))):
            reason = next(v.reason for v in concerned if v.state == "failed")
            return Verdict.failed(criterion.id, f"{len(counted)} of {len(concerned)} judgers answered: {reason}")
        scores = [v.score for v in counted if v.score is not None]
        known = [v.probability for v in counted if v.probability is not None]
        natives = [v.native for v in counted if v.native is not None]
        native = sum(natives) / len(natives) if len(natives) == len(counted) else None
        evidence: dict[str, Any] = {
            "members": [
                {"judger": identity_of(one), "state": v.state, "score": v.score, "reason": v.reason}
                for one, v in zip(self.inside, verdicts, strict=True)
            ],
            "spread": max(scores) - min(scores),
        }
        if all(v.state == "forfeited" for v in counted):
            return Verdict.forfeited(criterion.id, counted[0].reason, native, **evidence)
        if len(known) < len(counted):
            return Verdict.answered(criterion.id, sum(scores) / len(scores), native, **evidence)
        together = float(probability(log_odds(known).mean()))
        native = together if natives == scores else native
        return Verdict(criterion.id, "answered", together, native, together, evidence=evidence)

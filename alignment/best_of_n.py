"""Best-of-N fine-tuning: imitate the best of one's own samples. The honest floor of alignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from wmenv.alignment.learner import CONTROL, NOISE, ROUTE, Figures, Method, all_masked, weighted_scores
from wmenv.alignment.settings import Settings
from wmenv.core.case import Case
from wmenv.core.clip import Response
from wmenv.core.errors import InvalidArgument


@dataclass(frozen=True, kw_only=True)
class BestOfNSettings(Settings):
    """Settings of `BestOfN`.

    Attributes:
        cases: Cases an update.
        samples: Samples a case; the best one is imitated.
    """

    cases: int = 8
    samples: int = 8
    learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.samples < 2:
            raise InvalidArgument(f"the best of {self.samples} samples is no choice; samples must be at least 2")


class BestOfN(Method):
    """Samples N clips a case, keeps the best one, and trains on it as on data: no gradient, no density is needed."""

    method = "best-of-n"
    settings_type: ClassVar[type[Settings]] = BestOfNSettings
    settings: BestOfNSettings

    def _learn_from(self, cases: list[Case]) -> tuple[Figures, tuple[str, ...]]:
        n = self.settings.samples
        asked = [case for case in cases for _ in range(n)]
        seeds = self.rng(NOISE).integers(1 << 62, size=len(asked)).tolist()
        made: list[Response] = []
        for rows in self.micro_batches(len(asked)):
            with self.passes():
                made += self.generator.sample([case.request for case in asked[rows]], seeds[rows]).responses
        judgements = self.suite.score(asked, made)
        scores = weighted_scores(judgements, self.criteria)
        known = np.isfinite(scores)
        reasons = tuple(dict.fromkeys(v.reason for one in judgements for v in one.verdicts if v.state == "failed"))
        if not known.any():
            raise all_masked(self.update, reasons)
        choice = scores
        if self.settings.shuffled:
            choice = scores[self.rng(CONTROL).permutation(len(scores))]
        table = np.where(np.isfinite(choice), choice, -np.inf).reshape(len(cases), n)
        best = [k * n + int(row.argmax()) for k, row in enumerate(table) if np.isfinite(row).any()]
        with self.passes():
            clean = self.generator.encode([made[k] for k in best])
            requests = [asked[k].request for k in best]
            loss = self.generator.denoising_loss(clean, requests, self.noise(ROUTE)).mean()
        torch.autograd.backward(loss)
        figures = {
            "reward": float(scores[known].mean()),
            "chosen": float(np.nanmean(scores[best])),
            "masked": 1.0 - float(known.mean()),
            "loss": float(loss.detach()),
        }
        figures |= self.data_anchor(cases) | self.kl_anchor([case.request for case in cases])
        return figures | self.optimise(), reasons

"""Supervised fine-tuning on the true clips of the same cases: what alignment must be compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import torch

from wmenv.alignment.anchors import data_loss
from wmenv.alignment.learner import NOISE, Figures, Method
from wmenv.alignment.settings import Settings
from wmenv.core.case import Case
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Agent, Generator, Judger


@dataclass(frozen=True, kw_only=True)
class SupervisedSettings(Settings):
    """Settings of `Supervised`: those of every method, with its own learning rate."""

    learning_rate: float = 7e-4


class Supervised(Method):
    """Trains on true clips of the cases that the other methods are prompted with; no reward enters.

    Where true clips exist this is the honest alternative to a reward. Alignment is for rewards without them.
    """

    method = "supervised"
    settings_type: ClassVar[type[Settings]] = SupervisedSettings

    def __init__(
        self,
        env: gym.Env[Any, Any],
        agent: str | Agent | Generator,
        judger: str | Judger | None = None,
        held_out: str | Judger | None = None,
        **settings: Any,
    ) -> None:
        """Put the method around an environment; see `Method`.

        Raises:
            InvalidArgument: Also for a shuffled control: there is no reward to shuffle.
        """
        super().__init__(env, agent, judger, held_out, **settings)
        if self.settings.shuffled:
            raise InvalidArgument("supervised tuning has no reward to shuffle; leave shuffled out")

    def _learn_from(self, cases: list[Case]) -> tuple[Figures, tuple[str, ...]]:
        with self.passes():
            loss = data_loss(self.generator, self.suite, cases, self.noise(NOISE)).mean()
        torch.autograd.backward(loss)
        figures = {"loss": float(loss.detach())} | self.kl_anchor([case.request for case in cases])
        return figures | self.optimise(), ()

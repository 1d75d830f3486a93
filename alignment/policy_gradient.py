"""Policy-gradient alignment: denoising steps are actions, any judger gives the reward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from wmenv.alignment.advantages import SHAPES, Advantages, Scores, Shape, Spread, advantages, scores_of
from wmenv.alignment.anchors import noisy_steps, path_dimensions, reference_means
from wmenv.alignment.clipping import Clip, Ratio, clipped_losses, ratio_figures
from wmenv.alignment.kernels import Windowed, check_policy
from wmenv.alignment.learner import CONTROL, NOISE, Figures, Method, all_masked, weighted_scores
from wmenv.alignment.replay import check_replay
from wmenv.alignment.settings import Settings
from wmenv.core.case import Case
from wmenv.core.errors import InvalidArgument
from wmenv.core.gaussian import kl, log_density
from wmenv.core.protocols import Agent, Generator, Judger, Policy
from wmenv.core.trajectory import Trajectory
from wmenv.core.verdict import Judgement


@dataclass(frozen=True, kw_only=True)
class PolicyGradientSettings(Settings):
    """Settings of `PolicyGradient`.

    Attributes:
        cases: Cases an update, P.
        group: Samples a case, G.
        window: Steps that are noisy and trained, counted from the first; 0 is all but the last. The early steps decide
            what happens in a clip, the late ones how sharp it is.
        slide_every: Updates after which the window moves on by one step, round and round (MixGRPO); 0: it stays.
        same_start: Whether the samples of a case begin from the same noise (DanceGRPO) and part by their steps alone.
        values: What advantages are computed from, scores or native values, see `wmenv.alignment.advantages.scores_of`.
        spread: What advantages are divided by, see `wmenv.alignment.advantages.advantages`.
        clip: Largest |log ratio|, in `unit`.
        passes_over: Optimiser steps an update, over the same samples; the ratio leaves 1 after the first one.
    """

    cases: int = 8
    learning_rate: float = 1e-4
    group: int = 8
    window: int = 2
    slide_every: int = 0
    same_start: bool = True
    values: Shape = "score"
    spread: Spread = "global"
    clip: float = 1e-4
    passes_over: int = 1

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.group < 2 or self.passes_over < 1 or self.window < 0 or self.slide_every < 0:
            raise InvalidArgument(
                "group must be at least 2, passes_over at least 1, window and slide_every not negative; got "
                f"{self.group}, {self.passes_over}, {self.window}, {self.slide_every}"
            )
        if self.spread not in ("global", "group"):
            raise InvalidArgument(f"spread is global or group, got {self.spread!r}")
        if self.values not in SHAPES:
            raise InvalidArgument(f"values is score or native, got {self.values!r}")


class PolicyGradient(Method):
    """GRPO over the steps of an SDE (Flow-GRPO arXiv 2505.05470, DanceGRPO 2505.07818).

    Every case is answered G times; a sample that is better than the others of its case gets its noisy steps made more
    likely, within a trust region. Before the first update recorded steps are replayed: a ratio that is not 1 then would
    make every later one meaningless (`wmenv.alignment.replay`). The last step of a sampler has no density and is never
    trained.

    Examples:
        PolicyGradient(env, "flow,steps=4", prompts="id:2,ood_high_v:1", updates=60).learn()
    """

    method = "policy-gradient"
    settings_type: ClassVar[type[Settings]] = PolicyGradientSettings
    settings: PolicyGradientSettings

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
            InvalidArgument: Also where the kernel has no density, or the sampler too few steps for the window.
        """
        super().__init__(env, agent, judger, held_out, **settings)
        check_policy(self.kernel)
        self._replayed = False
        self.clip = Clip(self.settings.clip, self.settings.unit)
        if self.generator.steps < 2 or self.settings.window > self.generator.steps - 1:
            raise InvalidArgument(
                f"a window of {self.settings.window} noisy steps needs a sampler of more steps than that, at least 2: "
                f"the last one has no noise; the generator takes {self.generator.steps}"
            )

    def policy(self) -> Policy:
        """How steps are taken in the present update."""
        s, room = self.settings, self.generator.steps - 1
        if isinstance(self.kernel, Windowed) or not s.window:
            return self.kernel
        first = self.update // s.slide_every % (room - s.window + 1) if s.slide_every else 0
        return Windowed(self.kernel, tuple(range(first, first + s.window)))

    def _learn_from(self, cases: list[Case]) -> tuple[Figures, tuple[str, ...]]:
        asked = [case for case in cases for _ in range(self.settings.group)]
        taken, judgements = self._rollouts(asked)
        if not self._replayed:  # in every process: what breaks a replay may come with the machine
            with self.passes():
                check_replay(self.generator, taken[0])
            self._replayed = True
        scores = self._shuffled(self._scores(judgements))
        if scores.masked.all():
            raise all_masked(self.update, scores.reasons)
        found = advantages(scores, self.settings.spread)
        known = weighted_scores(judgements, self.criteria)
        figures = {
            "reward": float(np.nanmean(known)),
            "masked": float(scores.masked.mean()),
            "forfeited": _forfeited(judgements, self.criteria),
            "flat_groups": float(found.flat_groups),
        }
        figures |= self._update_from(taken, found, cases)
        return figures, scores.reasons

    def _scores(self, judgements: list[Judgement]) -> Scores:
        s = self.settings
        return scores_of(judgements, s.group, self.criteria, s.values, self.suite.criteria)

    def _rollouts(self, asked: list[Case]) -> tuple[list[Trajectory], list[Judgement]]:
        """Trajectories of micro batches, and what the judger says of their clips."""
        s, rng, policy = self.settings, self.rng(NOISE), self.policy()
        seeds = rng.integers(1 << 62, size=len(asked)).tolist()
        starts = np.repeat(rng.integers(1 << 62, size=len(asked) // s.group), s.group).tolist()
        taken = []
        for rows in self.micro_batches(len(asked)):
            with self.passes():
                requests = [case.request for case in asked[rows]]
                begin = starts[rows] if s.same_start else None
                taken.append(self.generator.sample(requests, seeds[rows], policy, starts=begin))
        judgements = self.suite.score(asked, [one for part in taken for one in part.responses])
        return taken, judgements

    def _update_from(self, taken: list[Trajectory], found: Advantages, cases: list[Case]) -> Figures:
        """Optimiser steps on the trajectories, one denoising step at a time."""
        s = self.settings
        weight = torch.from_numpy(found.values.reshape(-1)).to(self.device)
        kept = torch.from_numpy(found.kept.reshape(-1)).to(self.device)
        figures: Figures = {}
        others = [self._reference_means(part) for part in taken] if s.kl_weight else None
        for turn in range(s.passes_over):
            ratios, divergence = [], 0.0
            for batch, (part, rows) in enumerate(zip(taken, self.micro_batches(len(kept)), strict=True)):
                for row, k in enumerate(noisy_steps(part)):
                    other = None if others is None else others[batch][row]
                    ratio, nats = self._backward(part, k, weight[rows], kept[rows], int(kept.sum()), other)
                    ratios.append(ratio)
                    divergence += nats
            figures |= _worst(ratios, "" if turn else "first_")
            if s.kl_weight:
                dimensions = path_dimensions(taken[0])
                figures |= {"kl": divergence, "kl_per_dimension": divergence / dimensions}
            figures |= self.data_anchor(cases)
            if kept.any() or s.kl_weight or s.data_weight:
                figures |= self.optimise()
        return figures

    def _backward(
        self, part: Trajectory, k: int, weight: Tensor, kept: Tensor, count: int, other: Tensor | None
    ) -> tuple[Ratio, float]:
        """Gradients of one denoising step of a micro batch."""
        std, steps = part.stds[k], len(noisy_steps(part))
        dimensions = path_dimensions(part)
        following = part.latents[k + 1]
        with self.passes():
            (mean,) = self.generator.means(part, [k])
        log_ratio = log_density(following, mean, std) - log_density(following, part.means[k], std)
        losses = clipped_losses(log_ratio, weight, dimensions, self.clip)
        loss = (losses * kept).sum() / max(count, 1) / steps
        nats = 0.0
        if other is not None:
            divergence = kl(mean, std, other).sum() / self._clips
            loss = loss + self.settings.kl_weight * divergence / (1 if self.settings.unit == "joint" else dimensions)
            nats = float(divergence.detach())
        torch.autograd.backward(loss)
        return ratio_figures(log_ratio[kept], weight[kept], dimensions, self.clip), nats

    @property
    def _clips(self) -> int:
        return self.settings.cases * self.settings.group

    def _reference_means(self, part: Trajectory) -> Tensor:
        with self.passes():
            return reference_means(self.generator, self.weights, self.reference, part, noisy_steps(part))

    def _shuffled(self, scores: Scores) -> Scores:
        """In the control every sample gets the scores of another one."""
        if not self.settings.shuffled:
            return scores
        order = self.rng(CONTROL).permutation(scores.masked.size)
        values = scores.values.reshape(len(order), -1)[order].reshape(scores.values.shape)
        masked = scores.masked.reshape(-1)[order].reshape(scores.masked.shape)
        return Scores(values, masked, scores.weights, scores.reasons)


@dataclass(frozen=True, kw_only=True)
class DdpoSettings(PolicyGradientSettings):
    """DDPO's choices: ancestral DDIM noise in every step, advantages by the spread of each prompt's own samples."""

    kernel: str = "ddim,eta=1"
    window: int = 0
    same_start: bool = False
    spread: Spread = "group"


class Ddpo(PolicyGradient):
    """DDPO-IS (arXiv 2305.13301) as a preset of `PolicyGradient`; it differs by kernel and by settings alone."""

    method = "ddpo"
    settings_type: ClassVar[type[Settings]] = DdpoSettings


def _worst(ratios: list[Ratio], prefix: str) -> Figures:
    return {
        f"{prefix}ratio_per_dimension": max(one.per_dimension for one in ratios),
        f"{prefix}ratio_joint": max(one.joint for one in ratios),
        f"{prefix}clipped": float(np.mean([one.clipped for one in ratios])),
    }


def _forfeited(judgements: list[Judgement], weights: Any) -> float:
    """Share of clips that forfeit a weighted criterion."""
    rows = [[v.state == "forfeited" for v, w in zip(one.verdicts, weights, strict=True) if w > 0] for one in judgements]
    return float(np.mean([any(row) for row in rows]))

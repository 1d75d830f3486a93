"""Reward-gradient alignment: the gradient of a differentiable judger goes through the last denoising steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch

from wmenv.alignment.gradients import route_of
from wmenv.alignment.learner import NOISE, ROUTE, Figures, Method, all_masked
from wmenv.alignment.monitor import FloatArray
from wmenv.alignment.rewards import COMBINATIONS, Combine, differentiable, frame_chooser, rewards
from wmenv.alignment.settings import Settings
from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Agent, Generator, Judger


@dataclass(frozen=True, kw_only=True)
class RewardGradientSettings(Settings):
    """Settings of `RewardGradient`.

    Attributes:
        route: Steps that the gradient passes through, see `wmenv.alignment.gradients`.
        frames: Frames that are decoded and judged, see `wmenv.alignment.rewards.FRAMES` for the bias of each choice.
        combine: How the criteria make one reward, see `wmenv.alignment.rewards.rewards`.
        ceiling: Rewards above it have no gradient; infinite for none.
    """

    route: str = "draft,k=1"
    frames: str = "all"
    combine: Combine = "weighted-mean"
    ceiling: float = float("inf")

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.combine not in COMBINATIONS:
            raise InvalidArgument(f"combine must be one of {', '.join(COMBINATIONS)}, got {self.combine!r}")


class RewardGradient(Method):
    """Follows the gradient of the reward: DRaFT-K by default, see `RewardGradientSettings.route`.

    It needs few updates, and a judger whose `reward` has a gradient. A reward that a judger states wrongly is
    followed just as surely: hold another judger out.

    Examples:
        RewardGradient(env, "flow,steps=4", "physics-soft", "physics", prompts="id:2,ood_high_v:1").learn()
    """

    method = "reward-gradient"
    settings_type: ClassVar[type[Settings]] = RewardGradientSettings
    settings: RewardGradientSettings

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
            InvalidArgument: Also where the judger has no gradient.
        """
        super().__init__(env, agent, judger, held_out, **settings)
        self.judger = differentiable(self.suite.judger)
        self.route = route_of(self.settings.route)
        self.choose_frames = frame_chooser(self.settings.frames, self.judger)

    def _learn_from(self, cases: list[Case]) -> tuple[Figures, tuple[str, ...]]:
        s = self.settings
        seeds = self.rng(NOISE).integers(1 << 62, size=len(cases)).tolist()
        drawn, judged = self.rng(ROUTE), self.other_cases(cases)
        values, reasons = [], dict[str, None]()
        for rows in self.micro_batches(len(cases)):
            requests = [case.request for case in cases[rows]]
            indices = self.choose_frames(int(requests[0].spec.frames or 0), drawn)
            with self.passes():
                clips, origin = self.route.clips(self.generator, requests, seeds[rows], indices, drawn)
            about = [judged[rows][k] for k in origin]
            ceiling = s.ceiling if np.isfinite(s.ceiling) else None
            found = rewards(self.judger, about, clips, self.criteria, s.combine, ceiling=ceiling)
            assert found.gradient is not None
            torch.autograd.backward(clips, -found.gradient.to(clips.dtype))
            values.append(found.values)
            reasons |= dict.fromkeys(found.reasons)
        every = np.concatenate(values)
        kept = int(np.isfinite(every).sum())
        if not kept:
            raise all_masked(self.update, list(reasons))
        for weight in self.weights.values():  # the mean over the kept clips, known only now
            if weight.grad is not None:
                weight.grad /= kept
        figures = {"reward": float(np.nanmean(every)), "masked": 1.0 - kept / len(every)}
        figures |= self.data_anchor(cases) | self.kl_anchor([case.request for case in cases])
        return figures | self.optimise(), tuple(reasons)

    def _eval_reward(self, cases: Sequence[Case], responses: Sequence[Response]) -> FloatArray:
        clips = np.stack([one.frames for one in responses if isinstance(one, Clip)])
        frames = torch.from_numpy(np.moveaxis(clips, -1, 2).astype(np.float32) / 255.0).to(self.device)
        rng = np.random.default_rng(0)
        chosen = self.choose_frames(frames.shape[1], rng)
        frames = frames if chosen is None else frames[:, chosen]
        return rewards(self.judger, cases, frames, self.criteria, self.settings.combine, gradient=False).values

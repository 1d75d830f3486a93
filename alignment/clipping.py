"""The importance ratio and how far it may go, in nats a dimension and joint; both are always reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from wmenv.core.errors import InvalidArgument

Unit = Literal["per_dimension", "joint"]


@dataclass(frozen=True, slots=True)
class Clip:
    """A trust region on the log-ratio of one denoising step.

    The literature averages log-densities over the D dimensions of a latent, so that its "clip 1e-4" allows 1.6 nats
    in 16,384 dimensions and 210 in two million: a limit a dimension means something else at every resolution. A joint
    limit does not.

    Attributes:
        nats: Largest |log ratio| that still gets a gradient in the direction of the advantage.
        unit: Of `nats`, and of the ratio in the loss: exp of the mean over dimensions, or of the sum.
    """

    nats: float = 1e-4
    unit: Unit = "per_dimension"

    def __post_init__(self) -> None:
        if not self.nats > 0 or self.unit not in ("per_dimension", "joint"):
            raise InvalidArgument(
                f"a clip needs nats > 0 and unit per_dimension or joint, got {self.nats}, {self.unit!r}"
            )

    def limits(self, dimensions: int) -> tuple[float, float]:
        """The limit in nats a dimension, and joint."""
        if self.unit == "joint":
            return self.nats / dimensions, self.nats
        return self.nats, self.nats * dimensions


@dataclass(frozen=True, slots=True)
class Ratio:
    """How far a step has moved from the weights that sampled it.

    Attributes:
        per_dimension: Largest |log ratio| of the kept samples, nats a dimension.
        joint: The same, nats.
        clipped: Share of kept samples whose gradient the clip takes away, in [0, 1].
    """

    per_dimension: float
    joint: float
    clipped: float


def clipped_losses(log_ratio: Tensor, advantages: Tensor, dimensions: int, clip: Clip) -> Tensor:
    """PPO's clipped loss of each sample (arXiv 1707.06347, equation 7): max(-A r, -A clip(r)).

    At a ratio of 1 its gradient is that of REINFORCE, -A grad log p (a dimension or joint, as the clip's unit says).

    Args:
        log_ratio: (B,) joint log-density under the present weights minus that under the sampling ones, nats.
        advantages: (B,).
        dimensions: Of one latent, D.
        clip: The trust region.

    Returns:
        (B,) with gradient.
    """
    scaled = log_ratio if clip.unit == "joint" else log_ratio / dimensions
    ratio, held = scaled.exp(), scaled.clamp(-clip.nats, clip.nats).exp()
    return torch.maximum(-advantages * ratio, -advantages * held)


def ratio_figures(log_ratio: Tensor, advantages: Tensor, dimensions: int, clip: Clip) -> Ratio:
    """What to report of the log-ratios (B,) of kept samples with their advantages (B,)."""
    if not len(log_ratio):
        return Ratio(0.0, 0.0, 0.0)
    joint = log_ratio.detach()
    _, limit = clip.limits(dimensions)
    beyond = ((advantages > 0) & (joint > limit)) | ((advantages < 0) & (joint < -limit))
    largest = float(joint.abs().max())
    return Ratio(largest / dimensions, largest, float(beyond.double().mean()))

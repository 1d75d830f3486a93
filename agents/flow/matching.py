"""Flow matching: the path between clip and noise, the loss on it, and the way back.

x_t = (1 - t) x0 + t noise (rectified flow, arXiv 2209.03003; in diffusers' `FlowMatchEulerDiscreteScheduler` sigma is
this t). The network predicts x0, the velocity is (x_t - x0) / t.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

T_MEAN, T_SPREAD = 1.5, 1.2
"""Training times are sigmoid(N(mean, spread^2)): mostly near 1, where the motion is decided rather than seen."""

LEAST_WEIGHT_TIME = 0.3
"""The loss is |x0 - estimate|^2 / max(t, 0.3)^2: the velocity loss, held down where x_t shows the answer anyway."""


def loss(estimate: Callable[[Tensor, Tensor], Tensor], clean: Tensor, rng: torch.Generator) -> Tensor:
    """Flow matching loss of a batch: the mean of `clip_losses`, with gradient."""
    return clip_losses(estimate, clean, rng).mean()


def clip_losses(estimate: Callable[[Tensor, Tensor], Tensor], clean: Tensor, rng: torch.Generator) -> Tensor:
    """Flow matching loss of each clip.

    Args:
        estimate: (x_t, t) -> x0 estimated.
        clean: x0 (B, F, 3, H, W) in [-1, 1].
        rng: Draws times and noise, on the CPU.

    Returns:
        (B,) with gradient.
    """
    t = torch.sigmoid(T_MEAN + T_SPREAD * torch.randn(len(clean), generator=rng)).to(clean.device)
    noise = torch.randn(clean.shape, generator=rng).to(clean.device)
    weight = t.clamp(min=LEAST_WEIGHT_TIME) ** -2
    error = (estimate(blend(clean, noise, t), t).float() - clean).square().flatten(1).mean(dim=1)
    return weight * error


def blend(clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x_t of each clip of a batch, t (B,)."""
    t = t.reshape(-1, *[1] * (clean.dim() - 1))
    return (1.0 - t) * clean + t * noise


def times(steps: int) -> list[float]:
    """Steps + 1 times from 1 to 0, evenly spaced: the sigmas of an Euler sampler."""
    return [1.0 - k / steps for k in range(steps + 1)]


def seeded_noise(shape: Sequence[int], seeds: Sequence[int]) -> tuple[Tensor, list[torch.Generator]]:
    """Noise (B, *shape), a row a seed whatever else is in the batch, and the generators to draw on with."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return torch.stack([torch.randn(tuple(shape), generator=g) for g in generators]), generators

"""Gaussian steps: their densities and divergences, and which policy takes which step.

Tensors are torch tensors; torch itself is not imported with this module. Everything is joint over a clip's dimensions,
in nats, and summed in double precision: a log-density of two million dimensions has no digits left for a log-ratio of
0.1 in single precision. The literature averages over dimensions instead (DDPO, Flow-GRPO, DanceGRPO); `per_dimension`
goes there, and limits stated that way mean something else at every resolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wmenv.core.errors import InvalidArgument
from wmenv.core.trajectory import NoiseLevel, Trajectory

if TYPE_CHECKING:
    from wmenv.core.protocols import Policy


def log_density(x: Any, mean: Any, std: float) -> Any:
    """Log N(x; mean, std^2), joint over the dimensions of each clip.

    Args:
        x: (B, ...).
        mean: Same shape.
        std: Standard deviation; 0 for a step without noise.

    Returns:
        float64 (B,) in nats; NaN where the step has no density (std 0).
    """
    import torch

    if not std:
        return torch.full((len(x),), torch.nan, dtype=torch.float64, device=x.device)
    square = _squared_distance(x, mean)
    return -square / (2.0 * std**2) - dimensions(x) * (math.log(std) + 0.5 * math.log(2.0 * math.pi))


def replayed_log_prob(trajectory: Trajectory, steps: Sequence[int], means: Any) -> Any:
    """Log-densities of recorded steps around other means.

    Args:
        trajectory: The record.
        steps: Which steps.
        means: (len(steps), B, ...) means of those steps under the present weights.

    Returns:
        float64 (len(steps), B) in nats, with the gradient of `means`.
    """
    import torch

    steps_and_means = zip(steps, means, strict=True)
    return torch.stack(
        [log_density(trajectory.latents[k + 1], mean, trajectory.stds[k]) for k, mean in steps_and_means]
    )


def kl(mean: Any, std: float, other: Any) -> Any:
    """KL(N(mean, std^2) || N(other, std^2)) = |mean - other|^2 / (2 std^2), joint over the dimensions of each clip.

    `std` is that of the whole step: for an SDE step it holds the square root of the time step, which the published
    code of Flow-GRPO leaves out of its penalty.

    Args:
        mean: (B, ...), with gradient where it has one.
        std: Standard deviation of the step, positive.
        other: Mean of the reference, same shape.

    Returns:
        float64 (B,) in nats.

    Raises:
        InvalidArgument: A step without noise: the divergence of two different points is infinite.
    """
    if not std > 0:
        raise InvalidArgument(f"the divergence of two steps needs noise, std > 0, got {std}; leave such steps out")
    return _squared_distance(mean, other) / (2.0 * std**2)


def dimensions(x: Any) -> int:
    """Number of dimensions of one clip of a batch (B, ...)."""
    return math.prod(x.shape[1:])


def per_dimension(nats: Any, x: Any) -> Any:
    """Joint nats (B,) as nats a dimension of the latents x (B, ...)."""
    return nats / dimensions(x)


def policy_at(policy: Policy | None, step: int, steps: int) -> Policy | None:
    """The policy that takes one step of a sampler.

    A policy may have a method `at(step, steps)` that gives the one of a step, for instance to be noisy in a window
    only. The last step is always deterministic: its noise would stay in the clip.

    Args:
        policy: Of the whole trajectory; None is the generator's deterministic sampler.
        step: From 0.
        steps: Number of steps.

    Returns:
        The policy of this step; None is deterministic.
    """
    if policy is None or step == steps - 1:
        return None
    at = getattr(policy, "at", None)
    found: Policy | None = policy if at is None else at(step, steps)
    return found


def ode_step(x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> Any:
    """The first-order step of the probability-flow ODE: the estimated clip and the estimated noise, mixed anew.

    It is Euler's step of flow matching and of a variance-exploding model, and DDIM of a variance-preserving one
    (Song et al. 2020, arXiv 2010.02502, equation 12 without noise).
    """
    return after.signal * clean + after.noise * noise_estimate(x, clean, now)


def noise_estimate(x: Any, clean: Any, now: NoiseLevel) -> Any:
    """The noise in x that a clean estimate implies: (x - signal * clean) / noise."""
    return (x - now.signal * clean) / now.noise


def _squared_distance(a: Any, b: Any) -> Any:
    import torch

    difference = a - b if a.element_size() >= 4 and b.element_size() >= 4 else a.float() - b.float()
    return difference.square().flatten(1).sum(dim=1, dtype=torch.float64)

"""The denoising record of a generator: what a policy gradient is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wmenv.core.case import Request
from wmenv.core.clip import Response

if TYPE_CHECKING:
    from wmenv.core.protocols import Policy


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """S denoising steps of a batch of B; tensors are torch tensors of the generator's device, without gradient.

    Attributes:
        requests: What was asked, B.
        seeds: One a request.
        policy: How steps were taken; None is the deterministic sampler.
        sigmas: S + 1 noise levels, falling to 0.
        latents: (S + 1, B, ...), noise first; the last one is the sample.
        means: (S, B, ...) means of the steps.
        stds: S standard deviations of the steps; 0 where a step was deterministic.
        log_prob: (S, B) log-densities of the steps in nats, joint over all dimensions; NaN where there is none.
        responses: What the samples show, B.
    """

    requests: tuple[Request, ...]
    seeds: tuple[int, ...]
    policy: Policy | None
    sigmas: tuple[float, ...]
    latents: Any
    means: Any
    stds: tuple[float, ...]
    log_prob: Any
    responses: tuple[Response, ...]

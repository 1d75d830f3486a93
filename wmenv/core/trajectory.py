"""The denoising record of a generator: what a policy gradient is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from wmenv.core.case import Request
from wmenv.core.clip import Response

if TYPE_CHECKING:
    from wmenv.core.protocols import Policy


class NoiseLevel(NamedTuple):
    """How much clip and how much noise a latent holds: x = signal * clean + noise * standard normal.

    Flow matching has signal 1 - t and noise t; a variance-preserving model sqrt(a) and sqrt(1 - a), a the cumulative
    alpha; a variance-exploding one 1 and sigma.
    """

    signal: float
    noise: float


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """S denoising steps of a batch of B; tensors are torch tensors of the generator's device, without gradient.

    Attributes:
        requests: What was asked, B.
        seeds: One a request.
        policy: How steps were taken; None is the deterministic sampler.
        levels: S + 1 noise levels; the last one has no noise.
        latents: (S + 1, B, ...), noise first; the last one is the sample.
        means: (S, B, ...) means of the steps.
        stds: S standard deviations of the steps; 0 where a step was deterministic.
        log_prob: (S, B) log-densities of the steps in nats, joint over all dimensions; NaN where there is none.
        responses: What the samples show, B.
        starts: Seeds of the initial noise where they are not `seeds`.
        facts: JSON values that must be the same when steps are replayed: weights, dtype, guidance and the like.
    """

    requests: tuple[Request, ...]
    seeds: tuple[int, ...]
    policy: Policy | None
    levels: tuple[NoiseLevel, ...]
    latents: Any
    means: Any
    stds: tuple[float, ...]
    log_prob: Any
    responses: tuple[Response, ...]
    starts: tuple[int, ...] | None = None
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

"""Routes of a reward's gradient into a generator: which denoising steps it passes through.

| route | graph through | source |
|---|---|---|
| `draft,k=1` | the last k steps; k = steps is the whole chain | DRaFT, arXiv 2309.17400 |
| `draft-lv,draws=2` | one step from the sample noised anew, several draws | DRaFT-LV, the same |
| `random-k` | the last K steps, K drawn once a trajectory | AlignProp, arXiv 2310.03739 |
| `refl` | one step from a late point of the chain to its clean estimate | ReFL, arXiv 2304.05977 |

AlignProp detaches the network's output before the cut-off and leaves the linear path of the latent attached: no weight
is reached through it, so that the gradient is that of DRaFT-K (a test holds it). A cut-off drawn anew at every step
would be another estimator.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from wmenv.core.case import Request
from wmenv.core.errors import InvalidArgument, UnknownName
from wmenv.core.protocols import Generator
from wmenv.core.registry import parse_spec

Indices = Sequence[int] | None


class Route(Protocol):
    """A way from the weights to the pixels."""

    def clips(
        self,
        generator: Generator,
        requests: Sequence[Request],
        seeds: Sequence[int],
        frames: Indices,
        rng: np.random.Generator,
    ) -> tuple[Tensor, list[int]]:
        """Clips with a graph.

        Args:
            generator: Makes them.
            requests: B requests.
            seeds: One a request.
            frames: Indices of the frames to return; None is all.
            rng: For what the route draws itself.

        Returns:
            Frames (B', T', 3, H, W) and, for each of the B' rows, the index of its request. Every request comes
            equally often.
        """
        ...


@dataclass(frozen=True)
class Draft:
    """The last k steps of the deterministic sampler.

    Attributes:
        k: Steps with a gradient, at most the generator's.
    """

    k: int = 1

    def __post_init__(self) -> None:
        _at_least_one("draft", k=self.k)

    def clips(
        self,
        generator: Generator,
        requests: Sequence[Request],
        seeds: Sequence[int],
        frames: Indices,
        rng: np.random.Generator,
    ) -> tuple[Tensor, list[int]]:
        """B clips; see `Route`."""
        return generator.sample_with_grad(requests, seeds, self.k, frames), list(range(len(requests)))


@dataclass(frozen=True)
class DraftLV:
    """Lower variance for one pass more a draw: the sample is noised to the last level again and denoised in one step.

    Attributes:
        draws: Noises a sample; each clip comes this often. The paper uses 2.
    """

    draws: int = 2

    def __post_init__(self) -> None:
        _at_least_one("draft-lv", draws=self.draws)

    def clips(
        self,
        generator: Generator,
        requests: Sequence[Request],
        seeds: Sequence[int],
        frames: Indices,
        rng: np.random.Generator,
    ) -> tuple[Tensor, list[int]]:
        """B * draws clips; see `Route`."""
        taken = generator.sample(requests, seeds)
        level, clean = taken.levels[-2], taken.latents[-1]
        noise = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        rows = []
        for _ in range(self.draws):
            fresh = torch.randn(clean.shape, generator=noise, dtype=clean.dtype).to(clean.device)
            noisy = level.signal * clean + level.noise * fresh
            rows.append(_one_step(generator, noisy, generator.times()[-2], requests, frames))
        return torch.cat(rows), list(range(len(requests))) * self.draws


@dataclass(frozen=True)
class RandomK:
    """The last K steps, K evenly likely in least to most, drawn once a trajectory.

    Attributes:
        least: At least 1.
        most: At most the generator's steps; None is all of them.
    """

    least: int = 1
    most: int | None = None

    def __post_init__(self) -> None:
        _at_least_one("random-k", least=self.least, most=self.most or self.least)
        if self.most is not None and self.most < self.least:
            raise InvalidArgument(f"random-k: least must not exceed most, got {self.least} and {self.most}")

    def clips(
        self,
        generator: Generator,
        requests: Sequence[Request],
        seeds: Sequence[int],
        frames: Indices,
        rng: np.random.Generator,
    ) -> tuple[Tensor, list[int]]:
        """B clips, those of one cut-off together; see `Route`."""
        drawn = rng.integers(self.least, (self.most or generator.steps) + 1, size=len(requests))
        parts, rows = [], list[int]()
        for k in sorted(set(drawn.tolist())):
            members = np.flatnonzero(drawn == k).tolist()
            asked, own = [requests[i] for i in members], [seeds[i] for i in members]
            parts.append(generator.sample_with_grad(asked, own, k, frames))
            rows += members
        return torch.cat(parts), rows


@dataclass(frozen=True)
class ReFL:
    """One step from a point of the late chain straight to the clean estimate.

    Attributes:
        late: Share of the chain, from its end, that the point is drawn from. The paper draws from the last quarter
            of 40 steps.
    """

    late: float = 0.25

    def __post_init__(self) -> None:
        if not 0.0 < self.late <= 1.0:
            raise InvalidArgument(f"refl: late must lie in 0 to 1, 0 excluded, got {self.late}")

    def clips(
        self,
        generator: Generator,
        requests: Sequence[Request],
        seeds: Sequence[int],
        frames: Indices,
        rng: np.random.Generator,
    ) -> tuple[Tensor, list[int]]:
        """B clips, all from one point; see `Route`."""
        steps = generator.steps
        step = int(rng.integers(min(steps - 1, int(np.ceil(steps * (1.0 - self.late)))), steps))
        taken = generator.sample(requests, seeds)
        clip = _one_step(generator, taken.latents[step], generator.times()[step], requests, frames)
        return clip, list(range(len(requests)))


ROUTES: dict[str, type[Any]] = {"draft": Draft, "draft-lv": DraftLV, "random-k": RandomK, "refl": ReFL}
"""Name -> class."""


def route_of(spec: str) -> Route:
    """The route that a specification names, such as `draft,k=4` or, shorter, `draft:4`.

    Raises:
        UnknownName: No such route.
        InvalidArgument: An option it does not take, or one out of range.

    Examples:
        >>> route_of("draft,k=4")
        Draft(k=4)
    """
    name, target, options = parse_spec(spec)
    if name not in ROUTES:
        raise UnknownName(f"no gradient route named {name!r}; known: {', '.join(ROUTES)}")
    # The first option may follow a colon, where a comma would end the setting.
    first = {} if target is None else parse_spec(f"{name},{next(iter(fields(ROUTES[name]))).name}={target}")[2]
    try:
        inspect.signature(ROUTES[name]).bind(**first, **options)
        found: Route = ROUTES[name](**first, **options)
    except TypeError as error:
        raise InvalidArgument(f"gradient route {spec!r}: {error}") from error
    return found


def _one_step(generator: Generator, noisy: Tensor, time: float, requests: Sequence[Request], frames: Indices) -> Tensor:
    """Decoded clean estimate of noisy latents, one checkpoint around the denoiser."""
    times = torch.full((len(noisy),), float(time), dtype=noisy.dtype, device=noisy.device)
    clean = checkpoint(lambda x: generator.denoise(x, times, requests), noisy, use_reentrant=False)
    clip: Tensor = generator.decode(clean, requests, frames)
    return clip


def _at_least_one(route: str, **counts: int) -> None:
    for name, count in counts.items():
        if not isinstance(count, int) or count < 1:
            raise InvalidArgument(f"{route}: {name} must be a whole number from 1, got {count!r}")

"""Hooks into a pipeline for one call, and what passes through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wmenv.agents.diffusers.walk import Walk
from wmenv.core.case import ClipSpec, Request
from wmenv.core.errors import InvalidArgument


def watch(walk: Walk) -> Callable[..., dict[str, Any]]:
    """A callback at the end of each step: the pipeline must go on from what the step returned."""

    def check(pipeline: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        latents = tensors.get("latents")
        if latents is not None and walk.latents and latents.shape != walk.latents[-1].shape:
            raise InvalidArgument(
                f"{type(pipeline).__name__} cannot be aligned: it steps {tuple(walk.latents[-1].shape)} of its latents "
                f"{tuple(latents.shape)}, so that recorded steps could not be replayed"
            )
        return {}

    return check


def noise_of(seeds: Sequence[int]) -> Callable[[tuple[int, ...]], Tensor]:
    """Noise of the steps, a row a seed; of another stream than the initial noise, which the pipeline draws."""
    generators = []
    for seed in seeds:
        word = blake2b(f"noise of steps {seed}".encode(), digest_size=7).digest()
        generators.append(torch.Generator().manual_seed(int.from_bytes(word)))
    return lambda shape: torch.stack([torch.randn(shape[1:], generator=g) for g in generators])


def blank_request(spec: ClipSpec, given: int) -> Request:
    """A request without words."""
    frames = np.zeros((given, spec.height or 1, spec.width or 1, 3), dtype=np.uint8)
    return Request("blank", "", frames, spec if spec.fps else replace(spec, fps=Fraction(8)))


class Window:
    """Decodes the latent frames near wanted frames alone, in place of an autoencoder's own `decode`.

    Attributes:
        first: Index of the first frame that it gives.
    """

    def __init__(self, vae: Any, window: int | None, every: int, wanted: Sequence[int]) -> None:
        """State what is wanted.

        Args:
            vae: The autoencoder.
            window: Latent frames on either side.
            every: Frames that a latent frame after the first one stands for; the first one stands for one.
            wanted: Indices of frames.
        """
        self.decode, self.window, self.every, self.wanted = vae.decode, window or 0, every, wanted
        self.first = 0

    def __call__(self, z: Tensor, *args: Any, **options: Any) -> Any:
        """Decode; latents without an axis of time, (N, C, h, w), whole."""
        if z.dim() != 5:
            return self.decode(z, *args, **options)
        latent = [-(-frame // self.every) for frame in self.wanted]
        start, end = max(0, min(latent) - self.window), max(latent) + 1 + self.window
        self.first = self.every * start
        return self.decode(z[:, :, start:end], *args, **options)


def cut_off(images: Tensor) -> Tensor:
    """[-1, 1] to [0, 1], cut off at both ends; the gradient passes as if it were not."""
    free = images * 0.5 + 0.5
    return free.detach().clamp(0.0, 1.0) + (free - free.detach())


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Put an attribute on one object, in front of its class's."""
    missing = object()
    before = vars(owner).get(name, missing)
    vars(owner)[name] = value
    try:
        yield
    finally:
        if before is missing:
            del vars(owner)[name]
        else:
            vars(owner)[name] = before


def undone(handed: Callable[[Tensor], Tensor], like: Tensor, wanted: Tensor) -> Tensor:
    """The latents that a pipeline hands to its decoder as wanted.

    Between latents and decoder lie scaling, shifting and packing: each number of one is an affine function of one
    number of the other, z = s x + c. c is what nothing becomes and s the difference that ones make; the gradient
    along z - c is s (z - c), that along s is s^2, both in the order of the latents.

    Args:
        handed: Latents -> what the decoder gets, with gradient.
        like: Latents of the right shape.
        wanted: What the decoder is to get.

    Returns:
        Latents of the shape of `like`.

    Raises:
        InvalidArgument: Encoder and decoder of the pipeline differ in form.
    """
    at = torch.zeros_like(like).requires_grad_()
    nothing = handed(at)
    slope = (handed(torch.ones_like(at)) - nothing).detach()
    if nothing.shape != wanted.shape:
        raise InvalidArgument(
            f"the encoder gives {tuple(wanted.shape)}, the decoder takes {tuple(nothing.shape)}; clips of this "
            "pipeline cannot be encoded here"
        )
    (square,) = torch.autograd.grad(nothing, at, slope.to(nothing.dtype), retain_graph=True)
    (image,) = torch.autograd.grad(nothing, at, (wanted - nothing.detach().float()).to(nothing.dtype))
    return (image / square).detach()

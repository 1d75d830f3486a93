"""The kinds of generators that the tests of alignment walk: a tiny flow and tiny random pipelines of diffusers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from alignment_toys import TINY

from wmenv.agents.diffusers import generator as pipelines
from wmenv.agents.diffusers.generator import DiffusersGenerator
from wmenv.agents.flow import generator as flows
from wmenv.agents.flow.generator import FlowGenerator
from wmenv.agents.flow.network import Denoiser
from wmenv.alignment.kernels import DanceSde, Ddim, EulerAncestral, FlowSde
from wmenv.core.case import ClipSpec, Request

FORMS = {"flow": (6, 16), "wan": (9, 16), "wan-image": (9, 16), "ltx": (9, 32), "cogvideox": (9, 16), "svd": (2, 16)}
KERNELS = {
    "flow": FlowSde(),
    "wan": FlowSde(),
    "wan-image": FlowSde(),
    "ltx": DanceSde(),
    "cogvideox": Ddim(0.7),
    "svd": EulerAncestral(),
}
SVD = pytest.param("svd", marks=pytest.mark.slow)
ALL = ["flow", "wan", "wan-image", "ltx", "cogvideox", SVD]
TEXT = ["wan", "ltx", "cogvideox"]

QUIET = [
    pytest.mark.filterwarnings(f"ignore::{category}")
    for category in ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")
]
"""What diffusers, transformers and numpy deprecate among each other when a pipeline is built or called."""


def asks(kind: str, count: int = 2) -> list[Request]:
    frames, size = FORMS[kind]
    given = 2 if kind == "flow" else 1 if kind in ("svd", "wan-image") else 0
    rng = np.random.default_rng(0)
    prompts = ("a disc moves", "two discs collide", "a disc falls")
    return [
        Request(
            f"case-{k}",
            prompts[k],
            rng.integers(0, 256, (given, size, size, 3), dtype=np.uint8),
            ClipSpec(frames, size, size, Fraction(10 if kind == "flow" else 8)),
        )
        for k in range(count)
    ]


def make(tiny: Callable[[str], Path], kind: str, steps: int = 4, **options: Any) -> Any:
    """A generator of its own, since tests change weights."""
    if kind == "flow":
        with torch.random.fork_rng():
            torch.manual_seed(0)
            denoiser = Denoiser(TINY).eval()
        return FlowGenerator(denoiser, {"weights": "", "architecture": TINY.plain()}, steps=steps)
    words = {} if kind == "svd" else {"guidance": 4.0, "max_sequence_length": 16}
    return DiffusersGenerator(str(tiny(kind)), steps=steps, device="cpu", **({"dtype": "float32"} | words | options))


def levels_apart(shown: Any, clips: Any) -> int:
    """Largest difference of pixels, levels of 256."""
    ours = (shown.detach().clamp(0, 1) * 255).round().movedim(2, -1).numpy().astype(int)
    return int(np.abs(ours - np.stack([clip.frames for clip in clips])).max())


def saved_bytes(run: Callable[[], Any]) -> int:
    """Bytes that a forward pass keeps for the backward pass; each storage once, weights not counted.

    Both what operations save and what checkpoints keep to begin again from, which no hook sees.
    """
    seen: dict[int, int] = {}
    keep = []

    def pack(tensor: Any) -> Any:
        if not isinstance(tensor, torch.nn.Parameter):
            seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            keep.append(tensor)
        return tensor

    def noting(checkpoint: Any) -> Any:
        def call(function: Any, *args: Any, **options: Any) -> Any:
            for value in (*args, *options.values()):
                if isinstance(value, torch.Tensor) and options["use_reentrant"] is False:
                    pack(value)
            return checkpoint(function, *args, **options)

        return call

    with checkpoints(noting), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        keep.append(run())
    return sum(seen.values())


@contextmanager
def checkpoints(other: Callable[[Any], Any]) -> Iterator[None]:
    """Another checkpoint around the denoisers' calls, made from the one that is there."""
    before = [(module, module.checkpoint) for module in (pipelines, flows)]
    try:
        for module, checkpoint in before:
            module.checkpoint = other(checkpoint)
        yield
    finally:
        for module, checkpoint in before:
            module.checkpoint = checkpoint


def plainly(checkpoint: Any) -> Any:
    """No checkpoint: everything is kept."""

    def call(function: Any, *args: Any, use_reentrant: bool, **options: Any) -> Any:
        return function(*args, **options)

    return call

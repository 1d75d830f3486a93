"""Is bfloat16 faster here? A probe of a few passes decides, once a run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from wmenv.alignment.settings import PassPrecision
from wmenv.core.case import Request
from wmenv.core.protocols import Generator

PROBE_SECONDS = 0.5


def faster_precision(generator: Generator, weights: Iterable[Tensor], requests: Sequence[Request]) -> PassPrecision:
    """Time clips with a gradient in both precisions, half a second each and two passes at least; name the faster one.

    Processors without bfloat16 arithmetic emulate it, several times slower than float32.
    """
    trained = list(weights)
    low, full = (_pass_seconds(generator, trained, requests, low) for low in (True, False))
    return "bfloat16" if low < full else "float32"


def _pass_seconds(generator: Generator, weights: list[Tensor], requests: Sequence[Request], low: bool) -> float:
    """Least time of sampling a batch and taking one gradient."""
    device = weights[0].device
    # On a processor the time it gave this process counts: other work on the machine decides nothing.
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    best, end, passes = float("inf"), clock() + PROBE_SECONDS, 0
    while passes < 2 or clock() < end:  # the first pass sets things up
        started = clock()
        with torch.autocast(device.type, torch.bfloat16, enabled=low):
            clips = generator.sample_with_grad(requests, range(len(requests)), 1)
        torch.autograd.grad(clips.float().sum(), weights, allow_unused=True)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if passes:
            best = min(best, clock() - started)
        passes += 1
    return best

"""Is bfloat16 faster here? A probe of about a second decides."""

from __future__ import annotations

import time
from typing import Literal

import torch

from wmenv.agents.flow.network import Denoiser

Precision = Literal["bfloat16", "float32"]
PROBE_SECONDS = 0.5


def faster_precision(denoiser: Denoiser, batch: int) -> Precision:
    """Time training passes in both precisions, half a second each, and name the faster one.

    Processors without bfloat16 arithmetic emulate it, several times slower than float32.
    """
    device = next(denoiser.parameters()).device
    low, full = (_pass_seconds(denoiser, batch, device, low) for low in (True, False))
    return "bfloat16" if low < full else "float32"


def _pass_seconds(denoiser: Denoiser, batch: int, device: torch.device, low: bool) -> float:
    """Least time of a forward and backward pass."""
    a = denoiser.architecture
    given = torch.zeros(batch, a.given, 3, a.size, a.size, device=device)
    noisy = torch.zeros(batch, a.frames - a.given, 3, a.size, a.size, device=device)
    t = torch.full((batch,), 0.5, device=device)
    # On a processor the time it gave this process counts: other work on the machine decides nothing.
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    best, end = float("inf"), clock() + PROBE_SECONDS
    passes = 0
    while passes < 2 or clock() < end:  # the first pass sets things up
        started = clock()
        with torch.autocast(device.type, torch.bfloat16, enabled=low):
            estimate = denoiser(noisy, t, given)
        torch.autograd.grad(estimate.float().sum(), list(denoiser.parameters()))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if passes:
            best = min(best, clock() - started)
        passes += 1
    return best

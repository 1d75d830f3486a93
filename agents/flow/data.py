"""Training clips, drawn on the fly: batch k of a training seed is a function of (seed, k) alone."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wmenv.agents.flow.network import Architecture
from wmenv.worlds.discs.draw import draw_clips
from wmenv.worlds.discs.splits import SEED_BITS, draw_starts
from wmenv.worlds.discs.world import Law, frame_times


def case_seeds(seed: int, batch: int, count: int, clips: int | None) -> NDArray[np.uint64]:
    """Case seeds of one batch.

    Args:
        seed: Training seed.
        batch: Number of the batch.
        count: Clips in it.
        clips: Size of the training set; None for new clips in every batch.

    Returns:
        (count,) below 2^48, like those of evaluation, which are drawn from other streams.
    """
    rng = np.random.default_rng([seed, batch, 1])
    if clips is None:
        return rng.integers(1 << SEED_BITS, size=count, dtype=np.uint64)
    return np.random.default_rng([seed, 0, 2]).integers(1 << SEED_BITS, size=clips, dtype=np.uint64)[
        rng.integers(clips, size=count)
    ]


def training_clips(law: Law, split: str, seeds: NDArray[np.uint64], architecture: Architecture) -> Tensor:
    """Draw clips for training; float32 (N, T, 3, size, size) in [-1, 1]."""
    starts, _ = draw_starts(law, split, seeds)
    return to_signed(draw_clips(starts, frame_times(architecture.frames), architecture.size))


def to_signed(pixels: NDArray[np.uint8]) -> Tensor:
    """uint8 (..., H, W, 3) as float32 (..., 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.moveaxis(pixels, -1, -3).astype(np.float32)) / 127.5 - 1.0


def to_pixels(frames: Tensor) -> NDArray[np.uint8]:
    """Float (..., 3, H, W) in [-1, 1], clipped, as uint8 (..., H, W, 3)."""
    levels = (frames.detach().float().clamp(-1.0, 1.0) + 1.0) * 127.5
    array: NDArray[np.uint8] = levels.round().to(torch.uint8).movedim(-3, -1).contiguous().cpu().numpy()
    return array

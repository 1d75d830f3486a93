"""An attack on a judger along its own gradient: how little must change in a clip for its answer to flip.

Projected gradient ascent in the maximum norm (Madry et al., Towards Deep Learning Models Resistant to Adversarial
Attacks, 2018, arXiv 1706.06083), in whole grey levels, so that what is judged is a clip of 8 bits like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.core.case import Case
from wmenv.core.clip import Clip

LEVELS = 4
"""Largest change of a pixel, of 255."""
STEPS = 12
WHAT = f"{STEPS} steps of projected gradient ascent, at most {LEVELS} of 255 levels a pixel, predicted frames only"
BATCH = 8
"""Clips at once, of judgers that are cheap; others, such as vision-language models, get one at a time."""


def attacked(
    judger: Any, cases: Sequence[Case], clips: Sequence[Clip], criteria: Sequence[str], signs: Sequence[int]
) -> list[Clip]:
    """Clips changed until the judger errs, as far as its gradient leads.

    Args:
        judger: A `DifferentiableJudger`.
        cases: N cases of one form and with the same criteria.
        clips: N clips of one form.
        criteria: N criteria, whose values are moved.
        signs: N of +1, which raises the value (the clip shall pass), or -1 (it shall be flagged).
    """
    shown = [case if judger.reads_truth else case.without_truth(f"judger {judger.name}") for case in cases]
    found: list[Clip] = []
    batch = BATCH if judger.exact else 1
    for start in range(0, len(clips), batch):
        part = slice(start, start + batch)
        frames = _attacked(judger, shown[part], clips[part], criteria[part], signs[part])
        found += [Clip(one, clip.fps) for one, clip in zip(frames, clips[part], strict=True)]
    return found


def _attacked(
    judger: Any, cases: Sequence[Case], clips: Sequence[Clip], criteria: Sequence[str], signs: Sequence[int]
) -> NDArray[np.uint8]:
    import torch

    columns = [criterion.id for criterion in cases[0].criteria]
    rows, at = torch.arange(len(cases)), torch.tensor([columns.index(name) for name in criteria])
    sign = torch.tensor(signs, dtype=torch.float32)
    start = torch.from_numpy(np.moveaxis(np.stack([clip.frames for clip in clips]), -1, 2).astype(np.float32))
    free = torch.ones_like(start)
    for row, case in enumerate(cases):
        free[row, : len(case.request.frames)] = 0.0
    low, high = (start - LEVELS * free).clamp(min=0.0), (start + LEVELS * free).clamp(max=255.0)
    levels = start.clone()
    for _ in range(STEPS):
        frames = (levels / 255.0).requires_grad_(True)
        values, _ = judger.reward(cases, frames)
        aim = (values[rows.to(values.device), at.to(values.device)].cpu() * sign).sum()
        if not aim.requires_grad:  # nothing of these cases is valid
            break
        (slope,) = torch.autograd.grad(aim, frames)
        levels = torch.minimum(torch.maximum(levels + slope.sign(), low), high)
    return np.ascontiguousarray(np.moveaxis(levels.numpy().astype(np.uint8), 2, -1))


def noised(case: Case, clip: Clip, seed: int) -> Clip:
    """The clip with every predicted pixel changed by as much as the attack may, up or down at random."""
    given = len(case.request.frames)
    change = np.random.default_rng(seed).choice([-LEVELS, LEVELS], size=clip.frames[given:].shape)
    frames = clip.frames.copy()
    frames[given:] = np.clip(frames[given:].astype(np.int64) + change, 0, 255)
    return Clip(frames, clip.fps)

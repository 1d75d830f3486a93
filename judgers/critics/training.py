"""Teach a critic by planted faults, examine it on fresh ones, write it down. It never sees a generated clip."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from wmenv.judgers.critics.checkpoint import write_critic
from wmenv.judgers.critics.network import network
from wmenv.judgers.critics.recipe import Recipe
from wmenv.worlds.discs.planted import CRITERIA, FAULTS, Planted, planted_clips
from wmenv.worlds.discs.splits import SEED_BITS

WARM_UP = 30
NOISE = 0.03
"""Largest standard deviation of noise on every training clip, share of full scale, so that no critic learns to tell a
clip by marks of the renderer that no eye would see."""
TRAINING, EXAM = range(2)


def train_critic(recipe: Recipe, folder: Path, told: Callable[[int], None] = lambda step: None) -> dict[str, Any]:
    """Train a critic and write it to a folder.

    Multi-label cross-entropy, AdamW, a cosine to 0. Batch k is a function of (seed, k) alone.

    Args:
        recipe: What to train.
        folder: Made if missing; `model.safetensors` and `card.json` appear whole or not at all.
        told: Called after every step.

    Returns:
        The card: recipe, criteria, faults, exam, hash of the weights, CPU seconds.
    """
    started = time.process_time()
    model = network(recipe, len(CRITERIA)).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    for step in range(recipe.steps):
        rising = min(1.0, (step + 1) / (WARM_UP + 1))
        falling = 0.5 * (1.0 + math.cos(math.pi * step / recipe.steps))
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * rising * falling
        clips = _clips(recipe, recipe.batch, TRAINING, step)
        noise = torch.Generator().manual_seed(step + (recipe.seed << 32))
        frames = _floats(clips)
        level = NOISE * torch.rand((len(frames), 1, 1, 1, 1), generator=noise)
        frames = (frames + level * torch.randn(frames.shape, generator=noise)).clamp(0.0, 1.0)
        met = torch.from_numpy(~clips.broken).float()
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            logits = model(frames)
        loss = binary_cross_entropy_with_logits(logits.float(), met)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        told(step + 1)
    card = {
        "recipe": recipe.plain(),
        "criteria": list(CRITERIA),
        "faults": {name: list(broken) for name, broken in FAULTS.items()},
        "exam": examine(model.eval(), recipe),
        "cpu_seconds": round(time.process_time() - started, 1),
    }
    folder.mkdir(parents=True, exist_ok=True)
    return write_critic(folder, model, card)


def examine(model: nn.Module, recipe: Recipe) -> dict[str, dict[str, float]]:
    """By criterion, on fresh clips: `found` share of broken ones, `passed` share of others, `balanced` their mean."""
    clips = _clips(recipe, recipe.examined, EXAM, 0)
    with torch.no_grad():
        parts = torch.split(_floats(clips), recipe.batch)
        said = torch.cat([model(part) for part in parts]).numpy() < 0.0
    exam = {}
    for k, name in enumerate(CRITERIA):
        broken = clips.broken[:, k]
        found = float(said[broken, k].mean()) if broken.any() else math.nan
        passed = float(1.0 - said[~broken, k].mean()) if not broken.all() else math.nan
        exam[name] = {"found": found, "passed": passed, "balanced": (found + passed) / 2.0}
    return {
        name: {word: round(share, 4) for word, share in one.items() if math.isfinite(share)}
        for name, one in exam.items()
    }


def _clips(recipe: Recipe, count: int, stream: int, index: int) -> Planted:
    rng = np.random.default_rng([recipe.seed, stream, index])
    seeds = rng.integers(1 << SEED_BITS, size=count, dtype=np.uint64)
    form = {"size": recipe.size, "frames": recipe.frames, "given": recipe.given}
    return planted_clips(recipe.law, recipe.split, seeds, rng, **form)


def _floats(clips: Planted) -> Tensor:
    """(N, T, 3, S, S) in [0, 1]."""
    return torch.from_numpy(np.moveaxis(clips.frames, -1, 2).astype(np.float32)) / 255.0

"""Teach a critic by planted faults, examine it on fresh ones, write it down. It never sees a generated clip."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from wmenv.judgers.critics.batches import NOISE, floats
from wmenv.judgers.critics.checkpoint import write_critic
from wmenv.judgers.critics.descent import Descent, loss_of
from wmenv.judgers.critics.network import network
from wmenv.judgers.critics.recipe import Recipe
from wmenv.worlds.discs.planted import CRITERIA, FAULTS, Planted, planted_clips
from wmenv.worlds.discs.splits import SEED_BITS

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
    model = network(recipe.form, len(CRITERIA), recipe.seed).train()
    descent = Descent(model, recipe.learning_rate, recipe.steps, recipe.precision)
    for step in range(recipe.steps):
        clips = _clips(recipe, recipe.batch, TRAINING, step)
        noise = torch.Generator().manual_seed(step + (recipe.seed << 32))
        frames = floats(clips.frames)
        level = NOISE * torch.rand((len(frames), 1, 1, 1, 1), generator=noise)
        frames = (frames + level * torch.randn(frames.shape, generator=noise)).clamp(0.0, 1.0)
        met = torch.from_numpy(~clips.broken).float()
        descent.step(step, partial(model, frames), partial(loss_of, targets=met, weights=torch.ones_like(met)))
        told(step + 1)
    card = {
        "form": recipe.form.plain(),
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
        parts = torch.split(floats(clips.frames), recipe.batch)
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

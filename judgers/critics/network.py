"""The networks of critics: clips in, one logit a criterion out, smooth everywhere so that their gradient is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wmenv.judgers.critics.recipe import Recipe

GROUPS = 8
HIDDEN = 128


class Flat(nn.Module):
    """2-D: frames and the differences of frames are channels; places survive to the last layers.

    Motion is a difference of channels here, which makes it twice as fast to learn as by 3-D convolutions.
    """

    def __init__(self, recipe: Recipe, criteria: int) -> None:
        super().__init__()
        channels = 3 * (2 * recipe.frames - 1)
        widths = [recipe.width * factor for factor in (2, 3, 4)]
        layers: list[nn.Module] = []
        for width in widths:
            layers += [
                nn.Conv2d(channels, width, 4, stride=2, padding=1),
                nn.GroupNorm(GROUPS, width),
                nn.SiLU(),
            ]
            channels = width
        side = recipe.size // 2 ** len(widths)
        self.body = nn.Sequential(*layers)
        self.head = _head(channels * side * side, criteria)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits (B, C) that a criterion is met, of frames (B, T, 3, S, S) in [0, 1]."""
        ink = 1.0 - frames
        seen = torch.cat([ink, ink.diff(dim=1)], dim=1).flatten(1, 2)
        logits: Tensor = self.head(self.body(seen).flatten(1))
        return logits


class Deep(nn.Module):
    """3-D: convolutions over time and picture."""

    def __init__(self, recipe: Recipe, criteria: int) -> None:
        super().__init__()
        channels = 3
        widths = [recipe.width * factor // 2 for factor in (1, 2, 3, 4)]
        strides = [(1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2)]
        layers: list[nn.Module] = []
        for width, stride in zip(widths, strides, strict=True):
            layers += [
                nn.Conv3d(channels, width, 3, stride=stride, padding=1),
                nn.GroupNorm(GROUPS, width),
                nn.SiLU(),
            ]
            channels = width
        length = recipe.frames
        for stride in strides:
            length = -(-length // stride[0])
        self.body = nn.Sequential(*layers)
        self.head = _head(channels * length * (recipe.size // 16) ** 2, criteria)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits (B, C) that a criterion is met, of frames (B, T, 3, S, S) in [0, 1]."""
        logits: Tensor = self.head(self.body((1.0 - frames).transpose(1, 2)).flatten(1))
        return logits


def network(recipe: Recipe, criteria: int) -> nn.Module:
    """The network of a recipe, with fresh weights; the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return {"flat": Flat, "deep": Deep}[recipe.kind](recipe, criteria)


def _head(features: int, criteria: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, criteria))

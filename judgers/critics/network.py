"""The networks of critics: clips in, one logit a criterion out, smooth everywhere so that their gradient is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wmenv.judgers.critics.form import Form

GROUPS = 8
HIDDEN = 128
STRIDE = 2
"""Frames from a window to the next."""
EASY = 5.0
"""Log-odds with which every place begins to say that all is well: there are hundreds of them."""
DIFFERENCE = 3.0
"""Differences of frames are small beside frames."""


class Flat(nn.Module):
    """2-D: frames and the differences of frames are channels; places survive to the last layers.

    Motion is a difference of channels here, which makes it twice as fast to learn as by 3-D convolutions.
    """

    def __init__(self, form: Form, criteria: int) -> None:
        super().__init__()
        channels = 3 * (2 * form.frames - 1)
        widths = [form.width * factor for factor in (2, 3, 4)]
        layers: list[nn.Module] = []
        for width in widths:
            layers += [
                nn.Conv2d(channels, width, 4, stride=2, padding=1),
                nn.GroupNorm(GROUPS, width),
                nn.SiLU(),
            ]
            channels = width
        side = form.size // 2 ** len(widths)
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

    def __init__(self, form: Form, criteria: int) -> None:
        super().__init__()
        channels = 3
        widths = [form.width * factor // 2 for factor in (1, 2, 3, 4)]
        strides = [(1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2)]
        layers: list[nn.Module] = []
        for width, stride in zip(widths, strides, strict=True):
            layers += [
                nn.Conv3d(channels, width, 3, stride=stride, padding=1),
                nn.GroupNorm(GROUPS, width),
                nn.SiLU(),
            ]
            channels = width
        length = form.frames
        for stride in strides:
            length = -(-length // stride[0])
        self.body = nn.Sequential(*layers)
        self.head = _head(channels * length * (form.size // 16) ** 2, criteria)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits (B, C) that a criterion is met, of frames (B, T, 3, S, S) in [0, 1]."""
        logits: Tensor = self.head(self.body((1.0 - frames).transpose(1, 2)).flatten(1))
        return logits


class Windows(nn.Module):
    """2-D on a few frames at a time; every place of every window has a say, and the worst decides.

    The clip's odds of a violation are the sum of those at all places and windows, so that one place is enough. What
    a window sees is where it looks, not which clip it is from: that carries over to scenes it has never seen. Sides of
    the picture are no things: maps are padded by their own edge.
    """

    def __init__(self, form: Form, criteria: int) -> None:
        super().__init__()
        self.frames = form.frames
        width = form.width
        self.body = nn.Sequential(
            *_block(3 * (2 * form.frames - 1), width, 4, 2),
            *_block(width, 2 * width, 4, 2),
            *_block(2 * width, 5 * width // 2, 3, 1),
            *_block(5 * width // 2, 5 * width // 2, 3, 1),
        )
        self.say = nn.Conv2d(5 * width // 2, criteria, 1)
        nn.init.constant_(self.say.bias, EASY)  # type: ignore[arg-type]

    def forward(self, frames: Tensor) -> Tensor:
        """Logits (B, C) that a criterion is met, of frames (B, T, 3, S, S) in [0, 1], T at least a window's length."""
        last = frames.shape[1] - self.frames
        starts = sorted({*range(0, last, STRIDE), last})
        shown = torch.stack([frames[:, k : k + self.frames] for k in starts], dim=1).flatten(0, 1)
        seen = torch.cat([shown - shown.mean(dim=(1, 3, 4), keepdim=True), DIFFERENCE * shown.diff(dim=1)], dim=1)
        places: Tensor = -self.say(self.body(seen.flatten(1, 2)))
        by_clip = places.reshape(len(frames), len(starts), *places.shape[1:])
        return -torch.logsumexp(by_clip, dim=(1, 3, 4))


def brought(frames: Tensor, size: int) -> Tensor:
    """Frames (B, T, 3, H, W) as (B, T, 3, size, size): the mean of each pixel's area; as they are if that fits."""
    if frames.shape[-2:] == (size, size):
        return frames
    small = nn.functional.adaptive_avg_pool2d(frames.flatten(0, 1), (size, size))
    return small.reshape(*frames.shape[:3], size, size)


def _block(inputs: int, outputs: int, side: int, stride: int) -> list[nn.Module]:
    pad = (side - 1) // 2
    return [
        nn.Conv2d(inputs, outputs, side, stride, pad, padding_mode="replicate"),
        nn.GroupNorm(GROUPS, outputs),
        nn.SiLU(),
    ]


class Network(nn.Module):
    """A network of a form, with one scale and one shift of its log-odds a criterion, fitted when all else is."""

    def __init__(self, form: Form, criteria: int) -> None:
        super().__init__()
        self.inner = {"flat": Flat, "deep": Deep, "windows": Windows}[form.kind](form, criteria)
        self.register_buffer("scale", torch.ones(criteria))
        self.register_buffer("shift", torch.zeros(criteria))

    def forward(self, frames: Tensor) -> Tensor:
        """Logits (B, C) that a criterion is met, of frames (B, T, 3, S, S) in [0, 1]."""
        logits: Tensor = self.inner(frames) * self.scale + self.shift
        return logits


def network(form: Form, criteria: int, seed: int = 0) -> Network:
    """The network of a form, with fresh weights; the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(form, criteria)


def _head(features: int, criteria: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, criteria))

"""From frames to a vision tower's input, in plain torch: differentiable, and equal to the checkpoints' own processors.

Those processors need torchvision, and lose the gradient of anything but float tensors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

LEVELS = 255.0
MODES = {2: "bilinear", 3: "bicubic"}
"""PIL's numbers of filters, as configurations state them."""


def resized(frames: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """Frames of another size, antialiased.

    Frames of 8 bits stay so: they are rounded to levels, as the processors do. Floats are not, nor clamped: rounding
    has no gradient.

    Args:
        frames: (B, T, 3, H, W), uint8 or floats.
        size: Height and width.
        mode: `bilinear` or `bicubic`.
    """
    if frames.shape[-2:] == torch.Size(size):
        return frames
    flat, whole = frames.flatten(0, 1), frames.dtype == torch.uint8
    if whole and frames.device.type != "cpu":  # only processors resize 8 bits as such
        made = interpolate(flat.float(), size=size, mode=mode, align_corners=False, antialias=True)
        made = made.clamp(0, LEVELS).round().to(torch.uint8)
    else:
        made = interpolate(flat, size=size, mode=mode, align_corners=False, antialias=True)
    return made.view(*frames.shape[:3], *size)


def normalised(frames: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Floats (B, T, 3, H, W) of mean 0 and deviation 1 over a training set, whose statistics these are, in [0, 1].

    Args:
        frames: uint8, or floats in [0, 1].
        mean: By channel.
        std: By channel.
    """
    scale = LEVELS if frames.dtype == torch.uint8 else 1.0
    frames = frames.float() if frames.dtype == torch.uint8 else frames
    shape = (1, 1, -1, 1, 1)
    centre = torch.tensor(mean, dtype=frames.dtype, device=frames.device).view(shape) * scale
    spread = torch.tensor(std, dtype=frames.dtype, device=frames.device).view(shape) * scale
    return (frames - centre) / spread


def patchified(frames: Tensor, patch: int, temporal: int, merge: int) -> Tensor:
    """Space-time patches (B, N, 3 * temporal * patch^2) in the order in which `merge` x `merge` of them make a token.

    The last frame is repeated up to a multiple of `temporal`.

    Args:
        frames: (B, T, 3, H, W) with H and W multiples of patch * merge.
        patch: Side of a patch, pixels.
        temporal: Frames of a patch.
        merge: Patches to a side of a token.
    """
    batch, length, channels, height, width = frames.shape
    if short := -length % temporal:
        frames = torch.cat([frames, frames[:, -1:].expand(-1, short, -1, -1, -1)], dim=1)
    times, rows, columns = (length + short) // temporal, height // patch, width // patch
    cut = frames.reshape(
        batch, times, temporal, channels, rows // merge, merge, patch, columns // merge, merge, patch
    )  # fmt: skip
    ordered = cut.permute(0, 1, 4, 7, 5, 8, 3, 2, 6, 9)
    return ordered.reshape(batch, times * rows * columns, channels * temporal * patch * patch)

"""The denoiser: a diffusers `UNet2DModel` that sees a clip as one image whose channels are frames and patches."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from wmenv.core.errors import InvalidArgument

LARGEST, DEEPEST = 4096, 8
"""Bounds of an architecture, far beyond what trains here: a card may come from anywhere."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Form of the clips and of the network.

    Attributes:
        size: Side of the picture, pixels.
        frames: Frames of a clip, T, given ones included.
        given: Conditioning frames, K.
        patch: Side of the pixel patches that become channels; the network works at size / patch.
        widths: Channels at each resolution; each but the last is followed by halving.
        layers: Residual blocks a resolution.
    """

    size: int = 32
    frames: int = 16
    given: int = 3
    patch: int = 2
    widths: tuple[int, ...] = (48, 56, 56)
    layers: int = 1

    def __post_init__(self) -> None:
        numbers = (self.size, self.frames, self.given, self.patch, self.layers, *self.widths)
        if not all(type(n) is int and 1 <= n <= LARGEST for n in numbers) or not 1 <= len(self.widths) <= DEEPEST:
            raise InvalidArgument(
                f"expected whole numbers from 1 to {LARGEST} and 1 to {DEEPEST} widths, got {self.plain()}"
            )
        cells = self.patch * 2 ** (len(self.widths) - 1)
        if self.size % cells or not 1 <= self.given < self.frames:
            raise InvalidArgument(
                f"expected a size that is a multiple of {cells} (patch {self.patch}, {len(self.widths)} resolutions) "
                f"and 1 <= given < frames, got size={self.size}, given={self.given}, frames={self.frames}"
            )

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "widths": list(self.widths)}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Architecture:
        """From what `plain` gave."""
        return cls(**{**plain, "widths": tuple(plain["widths"])})


class Denoiser(nn.Module):
    """Predicts the clean future frames x0 from noisy ones x_t and the given frames.

    Frames are float tensors (B, frames, 3, size, size) in [-1, 1].
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        cells = 3 * a.patch**2
        deeper = len(a.widths) - 1
        self.unet = UNet2DModel(
            sample_size=a.size // a.patch,
            in_channels=a.frames * cells,
            out_channels=(a.frames - a.given) * cells,
            block_out_channels=a.widths,
            layers_per_block=a.layers,
            down_block_types=("DownBlock2D",) * deeper + ("AttnDownBlock2D",),
            up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * deeper,
            norm_num_groups=8,
            attention_head_dim=a.widths[-1],  # one head: many narrow ones cost twice the time here
        )

    def forward(self, noisy: Tensor, t: Tensor, given: Tensor) -> Tensor:
        """Estimate x0.

        Args:
            noisy: x_t (B, T - K, 3, size, size), (1 - t) x0 + t noise.
            t: (B,) in [0, 1]; 1 is pure noise.
            given: (B, K, 3, size, size).

        Returns:
            (B, T - K, 3, size, size).
        """
        a = self.architecture
        image = pixel_unshuffle(torch.cat([given, noisy], dim=1).flatten(1, 2), a.patch)
        future: Tensor = self.unet(image, t * 1000.0).sample
        return pixel_shuffle(future, a.patch).reshape(noisy.shape)

    @property
    def parameter_count(self) -> int:
        """Number of weights."""
        return sum(p.numel() for p in self.parameters())

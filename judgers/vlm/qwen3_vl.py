"""Qwen3-VL: space-time patches, a timestamp before each pair of frames, positions in three axes, deep features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from wmenv.core.errors import InvalidArgument
from wmenv.judgers.vlm.adapter import QUESTION, VIDEO, Adapter, Seen
from wmenv.judgers.vlm.checkpoint import Checkpoint
from wmenv.judgers.vlm.pixels import patchified

LARGEST_RATIO = 200


class Qwen3Vl(Adapter):
    """Qwen3-VL and models of its class."""

    kind = "qwen3_vl"
    template = f"<|im_start|>user\n<|vision_start|>{VIDEO}<|vision_end|>{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    marker = "<|video_pad|>"
    outer = ("<|vision_start|>", "<|vision_end|>")

    def __init__(self, model: Any, tokenizer: Any, checkpoint: Checkpoint) -> None:
        super().__init__(model, tokenizer, checkpoint)
        vision, stated = model.config.vision_config, checkpoint.processing
        self.patch, self.temporal = int(vision.patch_size), int(vision.temporal_patch_size)
        self.merge = int(vision.spatial_merge_size)
        size = stated.get("size", {})
        self.least = int(size.get("shortest_edge", 128 * 32 * 32))
        self.most = int(size.get("longest_edge", 768 * 32 * 32))
        self.capped, self.cap = bool(stated.get("cap_pixels_per_frame")), int(stated.get("max_video_tokens", 768))

    @property
    def placeholder(self) -> int:
        """`<|video_pad|>`."""
        return int(self.model.config.video_token_id)

    def settings(self) -> dict[str, Any]:
        """Also the range of pixels of a clip, T * h * w."""
        own = {"least_pixels": self.least, "most_pixels": self.most, "cap_pixels_per_frame": self.capped}
        return {**super().settings(), **own, "max_video_tokens": self.cap}

    def size(self, frames: int, height: int, width: int) -> tuple[int, int]:
        """Multiples of a token's side that keep the shape, and T * h * w within the checkpoint's range.

        The rule of transformers' Qwen3VLVideoProcessor (`smart_resize` and `resize`, version 5.23); a clip of fewer
        frames than a patch has counts as one patch.
        """
        side = self.patch * self.merge
        most = self.most
        if self.capped:
            most = max(min(self.cap * side**2, self.most // frames), int(self.least * 1.05)) * frames
        frames = max(frames, self.temporal)
        if min(height, width) < side:
            scale = max(side / height, side / width)
            height, width = int(height * scale), int(width * scale)
        if max(height, width) > LARGEST_RATIO * min(height, width):
            raise InvalidArgument(
                f"Qwen3-VL sees no clip of {width} x {height} pixels: longer than {LARGEST_RATIO} : 1"
            )
        high, wide = round(height / side) * side, round(width / side) * side
        padded = round(frames / self.temporal) * self.temporal
        if padded * high * wide > most:
            shrink = math.sqrt(frames * height * width / most)
            high = max(side, math.floor(height / shrink / side) * side)
            wide = max(side, math.floor(width / shrink / side) * side)
        elif padded * high * wide < self.least:
            grow = math.sqrt(self.least / (frames * height * width))
            high, wide = math.ceil(height * grow / side) * side, math.ceil(width * grow / side) * side
        return high, wide

    def see(self, pixels: Tensor) -> Seen:
        """All clips in one call; each frame pair attends to itself alone."""
        public = self.public(pixels)
        found = self.model.model.get_video_features(
            public["pixel_values_videos"], public["video_grid_thw"], return_dict=True
        )
        deep = tuple(torch.stack(tuple(one)) for one in found.deepstack_features)
        return Seen(torch.stack(tuple(found.pooler_output)), deep)

    def runs(self, times: Sequence[float], height: int, width: int) -> list[str | int]:
        """`<0.3 seconds>`, the mean time of first and last frame of a patch, before its tokens."""
        padded = [*times, *[times[-1]] * (-len(times) % self.temporal)]
        each = height // (self.patch * self.merge) * (width // (self.patch * self.merge))
        found: list[str | int] = []
        for k in range(0, len(padded), self.temporal):
            middle = (padded[k] + padded[k + self.temporal - 1]) / 2
            found += [f"<{middle:.1f} seconds><|vision_start|>", each, "<|vision_end|>"]
        return found

    def positions(self, ids: Sequence[int], height: int, width: int) -> tuple[Tensor, int]:
        """Text counts on in all three axes; a pair of frames takes rows and columns from where it starts."""
        rows, columns = (one // (self.patch * self.merge) for one in (height, width))
        grid = torch.stack(
            [
                torch.zeros(rows * columns, dtype=torch.long),
                torch.arange(rows).repeat_interleave(columns),
                torch.arange(columns).repeat(rows),
            ]
        )
        parts: list[Tensor] = []
        at, k = 0, 0
        while k < len(ids):
            if ids[k] == self.placeholder:
                parts.append(grid + at)
                at, k = at + max(rows, columns), k + rows * columns
            else:
                parts.append(torch.full((3, 1), at))
                at, k = at + 1, k + 1
        return torch.cat(parts, dim=1), at

    def public(self, pixels: Tensor) -> dict[str, Any]:
        """Patches of all clips in a row, and the grid of each."""
        batch, length, _, height, width = pixels.shape
        patches = patchified(pixels, self.patch, self.temporal, self.merge).flatten(0, 1)
        grid = [-(-length // self.temporal), height // self.patch, width // self.patch]
        return {
            "pixel_values_videos": patches.to(self.dtype),
            "video_grid_thw": torch.tensor([grid] * batch, device=pixels.device),
        }

    def encoded(self, pixels: Tensor, copies: int) -> dict[str, Any]:
        """As `mm_encoder_outputs`, which transformers takes from 5.2x on."""
        public = self.public(pixels)
        found = self.model.model.get_video_features(
            public["pixel_values_videos"], public["video_grid_thw"], return_dict=True
        )
        found.pooler_output = tuple(found.pooler_output) * copies
        found.deepstack_features = [tuple(one) * copies for one in found.deepstack_features]
        grids = public["video_grid_thw"].expand(copies, -1)
        return {"mm_encoder_outputs": {"video": found}, "video_grid_thw": grids}

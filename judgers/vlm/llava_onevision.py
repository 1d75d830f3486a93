"""LLaVA-OneVision: SigLIP on frames of one size, pooled two by two; no timestamps, ordinary positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from wmenv.judgers.vlm.adapter import QUESTION, VIDEO, Adapter, Seen
from wmenv.judgers.vlm.checkpoint import Checkpoint


class LlavaOnevision(Adapter):
    """LLaVA-OneVision and models of its class."""

    kind = "llava_onevision"
    template = f"<|im_start|>user {VIDEO}\n{QUESTION}<|im_end|><|im_start|>assistant\n"
    marker = "<video>"
    mean = (0.48145466, 0.4578275, 0.40821073)
    std = (0.26862954, 0.26130258, 0.27577711)

    def __init__(self, model: Any, tokenizer: Any, checkpoint: Checkpoint) -> None:
        super().__init__(model, tokenizer, checkpoint)
        vision = model.config.vision_config
        self.side = int(vision.image_size)
        grid = self.side // int(vision.patch_size)
        self.tokens = (-(-grid // 2)) ** 2

    @property
    def placeholder(self) -> int:
        """`<video>`."""
        return int(self.model.config.video_token_id)

    def settings(self) -> dict[str, Any]:
        """Also the side of the square that every frame is resized to."""
        return {**super().settings(), "side": self.side}

    def size(self, frames: int, height: int, width: int) -> tuple[int, int]:
        """The tower's own square, whatever the shape of a frame."""
        return self.side, self.side

    def see(self, pixels: Tensor) -> Seen:
        """Tokens of all frames, and one at the end of the clip."""
        found = self.model.model.get_video_features(**self.public(pixels), return_dict=True)
        return Seen(found.pooler_output)

    def runs(self, times: Sequence[float], height: int, width: int) -> list[str | int]:
        """Placeholders alone."""
        return [len(times) * self.tokens + 1]

    def positions(self, ids: Sequence[int], height: int, width: int) -> tuple[Tensor, int]:
        """0, 1, 2, ..."""
        return torch.arange(len(ids))[None], len(ids)

    def public(self, pixels: Tensor) -> dict[str, Any]:
        """The frames themselves."""
        return {"pixel_values_videos": pixels.to(self.dtype).contiguous()}

    def encoded(self, pixels: Tensor, copies: int) -> dict[str, Any]:
        """As `mm_encoder_outputs`."""
        found = self.model.model.get_video_features(**self.public(pixels), return_dict=True)
        found.pooler_output = found.pooler_output.expand(copies, -1, -1)
        return {"mm_encoder_outputs": {"video": found}}

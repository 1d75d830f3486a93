"""What differs between families of models: preprocessing, prompt ids, positions. Everything else is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from wmenv.core.errors import InvalidArgument
from wmenv.judgers.vlm.checkpoint import Checkpoint
from wmenv.judgers.vlm.pixels import MODES, normalised, resized

VIDEO, QUESTION = "\x00video\x00", "\x00question\x00"
"""Where clip and question stand in a template; no text of a case can hold them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a vision tower makes of B clips of one form, N tokens each.

    Attributes:
        tokens: (B, N, D), which stand in for the placeholders of the prompt.
        deep: Further ones, each (B, N, D), added to the output of the first layers of the language model.
    """

    tokens: Tensor
    deep: tuple[Tensor, ...] = ()


@dataclass(frozen=True, slots=True)
class Prefix:
    """The part of a prompt that all questions on a clip share: what comes before, and the clip.

    Attributes:
        ids: Token ids, P of them.
        positions: (R, P) positions; R = 3 (time, row, column) or 1.
        next: Position of the first token after it.
    """

    ids: tuple[int, ...]
    positions: Tensor
    next: int


class Adapter(ABC):
    """A family of models.

    Attributes:
        kind: The `model_type` of its configurations.
        template: Prompt of a checkpoint that brings no template of its own.
        marker: What a checkpoint's own template shows for a clip.
        outer: What templates have around a clip although each of its parts has it, too; empty for most.
    """

    kind: ClassVar[str]
    template: ClassVar[str]
    marker: ClassVar[str]
    outer: ClassVar[tuple[str, str]] = ("", "")
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)

    def __init__(self, model: Any, tokenizer: Any, checkpoint: Checkpoint) -> None:
        """Take a loaded model.

        Args:
            model: In memory, frozen.
            tokenizer: Its tokenizer.
            checkpoint: Its folder, looked over.

        Raises:
            InvalidArgument: Frames are to be prepared as this adapter cannot.
        """
        self.model, self.tokenizer = model, tokenizer
        stated = checkpoint.processing
        self.mean = tuple(stated.get("image_mean", self.mean))
        self.std = tuple(stated.get("image_std", self.std))
        resample = stated.get("resample", 3)
        if resample not in MODES:
            raise InvalidArgument(
                f"{checkpoint.folder} wants frames resized by PIL's filter {resample}; known are 2 (bilinear) and 3 "
                "(bicubic)"
            )
        self.mode = MODES[resample]

    # What a family states.

    @abstractmethod
    def size(self, frames: int, height: int, width: int) -> tuple[int, int]:
        """Height and width at which the tower sees frames.

        Raises:
            InvalidArgument: A clip of this form cannot be seen.
        """

    @abstractmethod
    def see(self, pixels: Tensor) -> Seen:
        """Run the vision tower on prepared frames (B, T, 3, h, w)."""

    @abstractmethod
    def runs(self, times: Sequence[float], height: int, width: int) -> list[str | int]:
        """How a clip stands in a prompt: text, and numbers of placeholders where the tower's tokens go.

        Args:
            times: Seconds from the start of the clip, one a frame.
            height: Pixels, as the tower sees frames.
            width: Likewise.
        """

    @abstractmethod
    def positions(self, ids: Sequence[int], height: int, width: int) -> tuple[Tensor, int]:
        """Positions (R, P) of a prefix, and the next one."""

    @property
    @abstractmethod
    def placeholder(self) -> int:
        """Id of the token that the tower's tokens replace."""

    @abstractmethod
    def public(self, pixels: Tensor) -> dict[str, Any]:
        """Frames (B, T, 3, h, w) as the model's own call takes them; for the plain forms that check the fast ones."""

    @abstractmethod
    def encoded(self, pixels: Tensor, copies: int) -> dict[str, Any]:
        """The tower's output on one clip (1, T, 3, h, w), for `copies` questions in a call of the model's own."""

    # What is shared.

    @property
    def language(self) -> Any:
        """The language model, without its head."""
        return self.model.model.language_model

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        return torch.device(self.model.device)

    @property
    def dtype(self) -> torch.dtype:
        """In which numbers it computes."""
        found: torch.dtype = self.model.dtype
        return found

    def settings(self) -> dict[str, Any]:
        """How frames become pixels, as JSON values for the card."""
        return {"mean": list(self.mean), "std": list(self.std), "resize": f"{self.mode}, antialiased"}

    def pixels(self, frames: Tensor) -> Tensor:
        """Frames as the tower takes them, in float32 and with their gradient.

        Args:
            frames: (B, T, 3, H, W), uint8, or floats in [0, 1].
        """
        size = self.size(*frames.shape[1:2], *frames.shape[-2:])
        return normalised(resized(frames, size, self.mode), self.mean, self.std)

    def prefix(self, head: str, times: Sequence[float], height: int, width: int) -> Prefix:
        """Token ids and positions up to the end of the clip.

        Args:
            head: Text before the clip.
            times: Seconds, one a frame.
            height: Pixels, as the tower sees frames.
            width: Likewise.
        """
        ids: list[int] = []
        text = head
        for run in self.runs(times, height, width):
            if isinstance(run, str):
                text += run
            else:
                ids += [*self.ids(text), *[self.placeholder] * run]
                text = ""
        ids += self.ids(text)
        return Prefix(tuple(ids), *self.positions(ids, height, width))

    def ids(self, text: str) -> list[int]:
        """Token ids of a template's text; its special tokens are special."""
        return list(self.tokenizer(text, add_special_tokens=False).input_ids) if text else []

    def plain_ids(self, text: str) -> list[int]:
        """Token ids of somebody's words: what looks like a special token in them is spelt out."""
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)

    def around(self, before: str, words: str, after: str) -> list[int]:
        """Token ids of somebody's words between pieces of a template.

        All is tokenised at once, as a processor would; apart where the words hold a special token, which would end the
        question, or pass for a clip.
        """
        if any(token in words for token in self.tokenizer.get_added_vocab()):
            return self.ids(before) + self.plain_ids(words) + self.ids(after)
        return self.ids(before + words + after)

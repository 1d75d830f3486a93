"""The plain forms: calls of the model as its makers wrote it, with its own positions. The oracles of the fast forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from wmenv.judgers.vlm.handle import Handle, Suffix


def serial(handle: Handle, asked: Sequence[Suffix]) -> list[Tensor]:
    """One call a question, the clip anew each time."""
    assert handle.pixels is not None
    found = []
    for one in asked:
        call = {**inputs(handle, [one]), **handle.adapter.public(handle.pixels)}
        found += _rows(handle.adapter.model(**call).logits, handle, [one])
    return found


def batched(handle: Handle, asked: Sequence[Suffix]) -> list[Tensor]:
    """One call for all questions, the clip repeated."""
    if not asked:
        return []
    assert handle.pixels is not None
    repeated = handle.pixels.expand(len(asked), -1, -1, -1, -1)
    call = {**inputs(handle, asked), **handle.adapter.public(repeated)}
    return _rows(handle.adapter.model(**call).logits, handle, asked)


def vision_once(handle: Handle, asked: Sequence[Suffix]) -> list[Tensor]:
    """One call for all questions, with the output of one run of the vision tower."""
    if not asked:
        return []
    assert handle.pixels is not None
    call = {**inputs(handle, asked), **handle.adapter.encoded(handle.pixels, len(asked))}
    return _rows(handle.adapter.model(**call).logits, handle, asked)


PLAIN: dict[str, Callable[[Handle, Sequence[Suffix]], list[Tensor]]] = {
    "serial": serial,
    "batched": batched,
    "vision-once": vision_once,
}


def inputs(handle: Handle, asked: Sequence[Suffix]) -> dict[str, Any]:
    """Whole prompts (N, S) padded on the right, and whatever else the model's own call wants with them."""
    adapter, prefix = handle.adapter, handle.prefix
    longest = max(len(one.ids) for one in asked)
    pad = adapter.tokenizer.pad_token_id or 0
    ids = torch.tensor([[*prefix.ids, *one.ids, *[pad] * (longest - len(one.ids))] for one in asked])
    lengths = torch.tensor([len(prefix.ids) + len(one.ids) for one in asked])
    mask = torch.arange(ids.shape[1])[None] < lengths[:, None]
    found = {"input_ids": ids, "attention_mask": mask.long()}
    if len(prefix.positions) > 1:  # 2 marks the tokens of a video
        found["mm_token_type_ids"] = 2 * (ids == adapter.placeholder).long()
    return {name: one.to(adapter.device) for name, one in found.items()}


def _rows(logits: Tensor, handle: Handle, asked: Sequence[Suffix]) -> list[Tensor]:
    start = len(handle.prefix.ids)
    return [logits[k, [start + read for read in one.reads]].float() for k, one in enumerate(asked)]

"""A clip that a model has seen: encoded once, then asked any number of questions.

A handle holds its own prompt, positions, and keys and values; nothing about a clip stays on the model, which keeps the
positions of the clip it saw last to itself (`rope_deltas`), so that no handle can answer for another clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from wmenv.judgers.vlm.adapter import Adapter, Prefix, Seen

Form = Literal["prefix", "packed", "vision-once", "batched", "serial"]
FORMS: tuple[Form, ...] = ("prefix", "packed", "vision-once", "batched", "serial")
"""How questions reach a model, the same logits by all. prefix: the shared part of the prompt once, its keys and values
under all questions. packed: all in one sequence and one pass. The others are calls of the model's own, which check
these two: vision-once shares the vision tower, batched one call, serial nothing."""


@dataclass(frozen=True, slots=True)
class Suffix:
    """What follows the clip in a prompt: a question, and as much of an answer as is given.

    Attributes:
        ids: Token ids.
        reads: Where logits are read: at the tokens of these indices, for the token that comes next.
    """

    ids: tuple[int, ...]
    reads: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Handle:
    """B clips of one form.

    Attributes:
        adapter: The model's.
        prefix: What their prompts begin with.
        pixels: Prepared frames (B, T, 3, h, w); None once the vision tower has seen them.
        seen: What the tower made of them, where the form shares that.
        layers: Keys and values of the prefix by layer, each (B, heads, P, d), where the form shares them.
        digests: Content hashes of the clips, where they are known.
    """

    adapter: Adapter
    prefix: Prefix
    form: Form
    pixels: Tensor | None
    seen: Seen | None = None
    layers: tuple[tuple[Tensor, Tensor], ...] = ()
    digests: tuple[str, ...] = ()

    def __getitem__(self, k: int) -> Handle:
        """The handle of one of the clips."""
        row = slice(k, k + 1)
        seen = self.seen and Seen(self.seen.tokens[row], tuple(one[row] for one in self.seen.deep))
        return replace(
            self,
            pixels=None if self.pixels is None else self.pixels[row],
            seen=seen,
            layers=tuple((keys[row], values[row]) for keys, values in self.layers),
            digests=self.digests[row],
        )

    def ask(self, asked: Sequence[Sequence[Suffix]]) -> list[list[Tensor]]:
        """Logits of the answers.

        Args:
            asked: Suffixes of each clip.

        Returns:
            For each clip and suffix, float32 (reads, vocabulary). A row depends on its own clip and suffix alone.
        """
        from wmenv.judgers.vlm.plain import PLAIN

        if self.form in PLAIN:
            return [PLAIN[self.form](self[k], asked[k]) for k in range(len(asked))]
        return _shared(self, asked) if any(asked) else [[] for _ in asked]


def encode(
    adapter: Adapter, pixels: Tensor, prefix: Prefix, form: Form = "prefix", digests: tuple[str, ...] = ()
) -> Handle:
    """See clips, as far as the form shares it.

    Args:
        adapter: The model's.
        pixels: Prepared frames (B, T, 3, h, w) on its device.
        prefix: Their prompt up to the end of the clip.
        form: See `FORMS`.
        digests: Content hashes of the clips.
    """
    if form not in ("prefix", "packed"):
        return Handle(adapter, prefix, form, pixels, digests=digests)
    seen = adapter.see(pixels)
    if form == "packed":
        return Handle(adapter, prefix, form, None, seen, digests=digests)
    from transformers import DynamicCache

    cache: Any = DynamicCache()
    ids = torch.tensor(prefix.ids, device=adapter.device)
    _run(
        adapter,
        _embedded(adapter, ids, seen),
        prefix.positions[:, None].expand(-1, len(pixels), -1),
        seen,
        ids,
        cache=cache,
    )
    layers = tuple((one.keys, one.values) for one in cache.layers)
    return Handle(adapter, prefix, form, None, None, layers, digests)


def _shared(handle: Handle, asked: Sequence[Sequence[Suffix]]) -> list[list[Tensor]]:
    """All suffixes of a clip in one row, each seeing the prefix and itself."""
    adapter, prefix = handle.adapter, handle.prefix
    length = max(sum(len(one.ids) for one in suffixes) for suffixes in asked)
    ids = torch.full((len(asked), length), adapter.tokenizer.pad_token_id or 0)
    block = torch.full((len(asked), length), -1)
    offset = torch.zeros((len(asked), length), dtype=torch.long)
    rows: list[tuple[int, int]] = []
    for k, suffixes in enumerate(asked):
        at = 0
        for n, one in enumerate(suffixes):
            part = slice(at, at + len(one.ids))
            ids[k, part] = torch.tensor(one.ids)
            block[k, part], offset[k, part] = n, torch.arange(len(one.ids))
            rows += [(k, at + read) for read in one.reads]
            at += len(one.ids)
    device = adapter.device
    ids, block, offset = ids.to(device), block.to(device), offset.to(device)
    within = (block[:, :, None] == block[:, None, :]) & torch.ones(
        length, length, dtype=torch.bool, device=device
    ).tril()
    start = len(prefix.ids)
    behind = torch.cat([torch.ones(len(asked), length, start, dtype=torch.bool, device=device), within], dim=2)
    after = (prefix.next + offset)[None].expand(len(prefix.positions), -1, -1)
    embedded = adapter.model.get_input_embeddings()(ids)
    if handle.form == "prefix":
        states = _run(adapter, embedded, after, None, None, mask=behind, cache=_cache(handle))
    else:
        assert handle.seen is not None
        first = torch.tensor(prefix.ids, device=device)
        before = torch.ones(start, start, dtype=torch.bool, device=device).tril()
        ahead = torch.zeros(start, length, dtype=torch.bool, device=device)
        above = torch.cat([before, ahead], dim=1).expand(len(asked), -1, -1)
        whole = torch.cat([_embedded(adapter, first, handle.seen), embedded], dim=1)
        positions = torch.cat([prefix.positions[:, None].to(device).expand(-1, len(asked), -1), after], dim=2)
        mask = torch.cat([above, behind], dim=1)
        states = _run(adapter, whole, positions, handle.seen, first, mask=mask)[:, start:]
    where = torch.tensor(rows, device=device).T
    logits = adapter.model.get_output_embeddings()(states[where[0], where[1]]).float()
    parts = iter(logits.split([len(one.reads) for suffixes in asked for one in suffixes]))
    return [[next(parts) for _ in suffixes] for suffixes in asked]


def _embedded(adapter: Adapter, ids: Tensor, seen: Seen) -> Tensor:
    """Embeddings (B, P, D) of a prefix, the tower's tokens in their places."""
    embedded = adapter.model.get_input_embeddings()(ids).expand(len(seen.tokens), -1, -1)
    places = (ids == adapter.placeholder)[None, :, None].expand_as(embedded)
    filled: Tensor = embedded.masked_scatter(places, seen.tokens.to(embedded.dtype))
    return filled


def _run(
    adapter: Adapter,
    embedded: Tensor,
    positions: Tensor,
    seen: Seen | None,
    ids: Tensor | None,
    mask: Tensor | None = None,
    cache: Any = None,
) -> Tensor:
    """Last hidden states (B, S, D) of the language model.

    Args:
        adapter: The model's.
        embedded: Embeddings (B, S, D).
        positions: (R, B, S).
        seen: The tower's output where the clip is among the tokens, with deep features for the first layers.
        ids: Ids (P,) of the prefix, then.
        mask: Booleans (B, S, keys): who sees whom; None is causal.
        cache: Keys and values of what came before; grows.
    """
    options: dict[str, Any] = {}
    if seen is not None and seen.deep and ids is not None:
        places = torch.zeros(embedded.shape[:2], dtype=torch.bool, device=embedded.device)
        places[:, : len(ids)] = ids == adapter.placeholder
        options = {"visual_pos_masks": places, "deepstack_visual_embeds": [one.flatten(0, 1) for one in seen.deep]}
    if mask is not None:
        least = torch.finfo(embedded.dtype).min
        options["attention_mask"] = torch.zeros(mask.shape, dtype=embedded.dtype, device=embedded.device).masked_fill(
            ~mask, least
        )[:, None]
    if cache is not None:
        options["cache" if _takes_cache(adapter) else "past_key_values"] = cache
    positions = positions.to(embedded.device)
    found = adapter.language(
        inputs_embeds=embedded,
        position_ids=positions if len(positions) > 1 else positions[0],
        use_cache=cache is not None,
        **options,
    )
    states: Tensor = found.last_hidden_state
    return states


def _cache(handle: Handle) -> Any:
    """A cache that starts from a handle's keys and values and leaves them as they are."""
    from transformers import DynamicCache

    cache = DynamicCache()
    for k, (keys, values) in enumerate(handle.layers):
        cache.update(keys, values, k)
    return cache


def _takes_cache(adapter: Adapter) -> bool:
    """Whether this version of transformers calls it `cache`, as from 5.2x on."""
    import inspect

    return "cache" in inspect.signature(type(adapter.language).forward).parameters

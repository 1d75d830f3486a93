"""How much memory a judge takes, before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.core.errors import OutOfMemory
from wmenv.judgers.vlm.checkpoint import Checkpoint

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
TOKENS = 4096
"""Tokens of a prompt that the estimate reckons with: about 16 frames of 480 x 832 to Qwen3-VL, and questions."""
SPARE = 1.1
"""What libraries and buffers take beside it, as a factor."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes by purpose.

    Attributes:
        weights: The weights.
        tokens: Keys, values and the widest activations of a prompt of `TOKENS` tokens, without gradient.
    """

    weights: int
    tokens: int

    @property
    def total(self) -> int:
        """Both, and something to spare."""
        return int((self.weights + self.tokens) * SPARE)


def estimate(checkpoint: Checkpoint, dtype: str) -> Estimate:
    """What a checkpoint takes in numbers of a dtype; from its configuration and the headers of its files alone.

    Keys and values are 2 x layers x key-value heads x head size a token. The widest activations are those of one
    layer's MLP (twice its inner width), attention's inputs and the residual stream.
    """
    text: Mapping[str, Any] = checkpoint.config.get("text_config") or checkpoint.config
    hidden, layers = int(text.get("hidden_size", 4096)), int(text.get("num_hidden_layers", 32))
    heads = int(text.get("num_attention_heads", 32))
    keys = int(text.get("num_key_value_heads") or heads) * int(text.get("head_dim") or hidden // heads)
    inner = int(text.get("intermediate_size", 4 * hidden))
    each = 2 * layers * keys + 2 * inner + 6 * hidden
    return Estimate(checkpoint.weights * BYTES[dtype], TOKENS * each * BYTES[dtype])


def available(device: str) -> int | None:
    """Bytes that are free on a device; None where the system does not say."""
    import torch

    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return found[0] * 1024 if found else None


def check_fits(checkpoint: Checkpoint, dtype: str, device: str) -> Estimate:
    """Estimate, and hold it against what is free.

    Raises:
        OutOfMemory: It will not fit.
    """
    wanted, free = estimate(checkpoint, dtype), available(device)
    if free is not None and wanted.total > free:
        way = ("" if dtype != "float32" else "dtype=bfloat16, ") + "another device= or a smaller model"
        parts = f"{_gib(wanted.weights)} GiB of weights, {_gib(wanted.tokens)} GiB for a prompt of {TOKENS} tokens"
        raise OutOfMemory(
            f"{checkpoint.folder} takes about {_gib(wanted.total)} GiB as {dtype} ({parts}) and {device} has "
            f"{_gib(free)} GiB free; use {way}"
        )
    return wanted


def _gib(count: int) -> str:
    return f"{count / (1 << 30):.3g}"

"""A critic on disk: `model.safetensors` and `card.json`."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from wmenv.core.errors import InvalidArgument
from wmenv.core.files import FORM, write_whole
from wmenv.judgers.critics.form import Form
from wmenv.judgers.critics.network import Network, network

WEIGHTS, CARD = "model.safetensors", "card.json"


def write_critic(
    folder: Path, model: nn.Module, card: dict[str, Any], dtype: torch.dtype = torch.float32
) -> dict[str, Any]:
    """Write weights, rounded to a dtype, and card, the card last and with the hash of the weights; returns it."""
    data = save({name: tensor.detach().to(dtype).contiguous() for name, tensor in model.state_dict().items()})
    full = {**card, "weights": blake2b(data, digest_size=16).hexdigest()}
    write_whole(folder / WEIGHTS, data)
    write_whole(folder / CARD, (json.dumps(full, indent=1, ensure_ascii=False) + "\n").encode())
    return full


def read_critic(folder: Path) -> tuple[Network, dict[str, Any]]:
    """A critic and its card; only safetensors are read: nothing that could run code when it is loaded.

    Raises:
        InvalidArgument: No critic there, a damaged file, or weights of another network.
    """
    path = folder / CARD
    if not path.is_file():
        raise InvalidArgument(
            f"no critic in {folder}: {CARD} is missing; train one with wmenv judge train --out {folder}"
        )
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        form, criteria = Form.of(card["form"]), [str(name) for name in card["criteria"]]
        digest = str(card["weights"])
        if not criteria:
            raise ValueError("it names no criterion")
    except (OSError, *FORM) as error:
        raise InvalidArgument(f"{path} is not the card of a critic: {type(error).__name__}: {error}") from error
    weights = folder / WEIGHTS
    try:
        if blake2b(weights.read_bytes(), digest_size=16).hexdigest() != digest:
            raise InvalidArgument(f"{weights} is not the file that {CARD} names; copy the folder anew or train again")
        model = network(form, len(criteria))
        model.load_state_dict({name: tensor.float() for name, tensor in load_file(weights).items()})
    except InvalidArgument:
        raise
    except (OSError, SafetensorError, RuntimeError, *FORM) as error:
        told = str(error).splitlines()[-1].strip()
        raise InvalidArgument(f"{weights} cannot be read ({told}); copy it anew or train again") from error
    return model.eval().requires_grad_(False), card

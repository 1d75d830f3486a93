"""A trained model on disk: `model.safetensors` and `card.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from wmenv.agents.flow.network import Architecture, Denoiser
from wmenv.core.canonical import canonical_json
from wmenv.core.errors import InvalidArgument
from wmenv.core.files import FORM, write_whole

WEIGHTS, CARD = "model.safetensors", "card.json"


def write_checkpoint(
    folder: Path, weights: Mapping[str, Tensor], card: Mapping[str, Any], dtype: torch.dtype = torch.bfloat16
) -> dict[str, Any]:
    """Write the weights, rounded to a dtype, and the card, which gets their hash; returns that card."""
    data = save({name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in weights.items()})
    full = {**card, "weights": blake2b(data, digest_size=16).hexdigest()}
    write_whole(folder / WEIGHTS, data)
    write_whole(folder / CARD, (json.dumps(full, indent=1, ensure_ascii=False) + "\n").encode())
    return full


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a model.

    Raises:
        InvalidArgument: There is none, or it is no card of a `flow` model.
    """
    path = folder / CARD
    if not path.is_file():
        raise InvalidArgument(
            f"no model in {folder}: {CARD} is missing; train one with wmenv train flow --out {folder}"
        )
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        Architecture.of(card["architecture"])
        str(card["prompt"]), card_digest(card)
    except (OSError, *FORM) as error:
        raise InvalidArgument(f"{path} is not the card of a flow model: {type(error).__name__}: {error}") from error
    return card


def read_checkpoint(folder: Path) -> tuple[Denoiser, dict[str, Any]]:
    """A model with its card; weights as float32.

    Raises:
        InvalidArgument: No model, a damaged file, or weights of another architecture. Only safetensors are read:
            nothing that could run code when it is loaded.
    """
    card = read_card(folder)
    path = folder / WEIGHTS
    if not path.is_file():
        others = ", ".join(sorted(p.name for p in folder.iterdir() if p.suffix in (".bin", ".pt", ".pth", ".ckpt")))
        hint = f"; {others} is not read: pickled files can run code" if others else ""
        raise InvalidArgument(f"no {WEIGHTS} in {folder}{hint}")
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InvalidArgument(f"{path} cannot be read ({error}); copy it anew or train again") from error
    architecture = Architecture.of(card["architecture"])
    _check_shapes(architecture, weights, path)
    denoiser = Denoiser(architecture)
    denoiser.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    if not all(torch.isfinite(p).all() for p in denoiser.parameters()):
        raise InvalidArgument(f"{path} holds weights that are not finite; the training has diverged")
    return denoiser.eval(), card


def _check_shapes(architecture: Architecture, weights: Mapping[str, Tensor], path: Path) -> None:
    """Hold the file against its card before anything of the size that the card announces is made."""
    try:
        with torch.device("meta"):
            wanted = {name: tensor.shape for name, tensor in Denoiser(architecture).state_dict().items()}
    except (ValueError, RuntimeError) as error:
        raise InvalidArgument(f"{path.parent / CARD} states no network: {error}") from error
    shapes = {name: tensor.shape for name, tensor in weights.items()}
    for name in sorted({*wanted, *shapes}):
        if wanted.get(name) != shapes.get(name):
            told = ", ".join(
                f"{what} {tuple(of[name])}" for what, of in (("expected", wanted), ("got", shapes)) if name in of
            )
            raise InvalidArgument(f"{path} does not fit the architecture of its card: {name}, {told}")


def card_digest(card: Mapping[str, Any]) -> str:
    """Short name of a model: the hash of its weights and architecture."""
    return blake2b(canonical_json([card["weights"], card["architecture"]]).encode(), digest_size=6).hexdigest()

"""Weights of an aligned pipeline, written as diffusers reads them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn

from wmenv.agents.adapters import merged_weights
from wmenv.agents.diffusers.checkpoint import LORA, STEMS
from wmenv.core.files import write_whole

CARD = "alignment.json"


def export(
    pipeline: Any,
    networks: Mapping[str, nn.Module],
    lora: Mapping[str, dict[str, Tensor]],
    folder: Path,
    facts: Mapping[str, Any],
    target: str,
) -> str:
    """Write adapters, or the whole pipeline.

    Args:
        pipeline: Its other components are written too where there are no adapters that it can load.
        networks: Denoisers by name.
        lora: Their adapters' weights, of those that have one.
        folder: Where to.
        facts: JSON values about how the weights came about; go into `alignment.json`.
        target: Where the pipeline itself came from.

    Returns:
        A specification of the agent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    card = json.dumps({"base": target, "alignment": dict(facts)}, indent=1, ensure_ascii=False) + "\n"
    save = getattr(pipeline, "save_lora_weights", None)
    taken = set() if save is None else set(inspect.signature(save).parameters)
    layers = {f"{name}_lora_layers": weights for name, weights in lora.items()}
    if save is not None and lora and set(layers) <= taken:
        save(folder, weight_name=LORA, safe_serialization=True, **layers)
        write_whole(folder / CARD, card.encode())
        return f"diffusers:{target},lora={folder}"
    states = {name: merged_weights(network) for name, network in networks.items()}
    pipeline.save_pretrained(folder, safe_serialization=True)
    _write_networks(networks, states, folder)
    write_whole(folder / CARD, card.encode())
    return f"diffusers:{folder}"


def _write_networks(networks: Mapping[str, nn.Module], states: Mapping[str, dict[str, Tensor]], folder: Path) -> None:
    """Put the merged weights in place of those with adapters apart, which an ordinary network could not read."""
    for name in networks:
        part = folder / name
        for path in part.glob("*.safetensors*"):
            path.unlink()
        weights = {key: value.cpu().contiguous() for key, value in states[name].items()}
        save_file(weights, part / f"{STEMS['diffusers']}.safetensors", metadata={"format": "pt"})

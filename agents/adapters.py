"""Low-rank adapters (LoRA, arXiv 2106.09685) on the networks of a generator, by peft.

A fresh adapter adds exactly nothing: its second factor is zero. Switched off, the network is the base model bit for
bit. What a generator trains is what requires a gradient in `generator.networks()`: the adapter after `add_lora`,
everything after `train_all`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import torch
from torch import Tensor, nn

from wmenv.core.errors import InvalidArgument, MissingExtra

NAME = "default"
"""Name of the adapter within peft."""

ATTENTION = re.compile(r"(^|\.)(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj)$")
CONVOLUTION = re.compile(r"(^|\.)resnets\.\d+\.(conv1|conv2)$")

LITTLE_ATTENTION = 0.1
"""A network whose attention holds less than this share of its weights has its convolutions adapted too."""


def add_lora(
    networks: Mapping[str, nn.Module],
    rank: int = 16,
    alpha: int | None = None,
    targets: str | None = None,
    seed: int = 0,
) -> list[nn.Parameter]:
    """Put an adapter into each network and leave nothing else to train.

    Args:
        networks: Of a generator; changed in place.
        rank: Of the adapter's two factors.
        alpha: The adapter's product is scaled by alpha / rank; the rank if None.
        targets: Regular expression that the names of adapted layers match. None: projections of attention, and
            convolutions of residual blocks where there is little attention.
        seed: Of the first factor's random numbers.

    Returns:
        The adapter's weights, float32, requiring a gradient.

    Raises:
        MissingExtra: peft is not installed.
        InvalidArgument: A network has no such layer, or an adapter already.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ModuleNotFoundError as error:
        raise MissingExtra(f"LoRA needs {error.name}: pip install 'wmenv[align]'") from error
    if rank < 1:
        raise InvalidArgument(f"the rank of an adapter must be at least 1, got {rank}")
    for name, network in networks.items():
        if _layers(network):
            raise InvalidArgument(f"network {name!r} has an adapter already; load the generator anew for another")
        found = _targets(network, targets)
        if not found:
            what = "attention or convolutions" if targets is None else f"layers that match {targets!r}"
            raise InvalidArgument(f"network {name!r} has no {what} to adapt; state targets=, a regular expression")
        config = LoraConfig(r=rank, lora_alpha=rank if alpha is None else alpha, target_modules=found)
        network.requires_grad_(False)
        with torch.random.fork_rng():
            torch.default_generator.manual_seed(seed)
            inject_adapter_in_model(config, network, adapter_name=NAME)
        for key, weight in network.named_parameters():
            if "lora_" in key:
                weight.data = weight.data.float()
                weight.requires_grad_(True)
    return [weight for network in networks.values() for weight in network.parameters() if weight.requires_grad]


def train_all(networks: Mapping[str, nn.Module]) -> list[nn.Parameter]:
    """Have all weights require a gradient; returns them."""
    return [weight for network in networks.values() for weight in network.requires_grad_(True).parameters()]


@contextmanager
def adapters_off(networks: Mapping[str, nn.Module]) -> Iterator[None]:
    """Run a block on the base model, bit for bit.

    Raises:
        InvalidArgument: There is no adapter: full weights have no base model inside.
    """
    layers = [layer for network in networks.values() for layer in _layers(network).values()]
    if not layers:
        raise InvalidArgument("no adapter to switch off: keep a copy of full weights instead")
    try:
        for layer in layers:
            layer.enable_adapters(False)
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


def has_lora(network: nn.Module) -> bool:
    """Whether a network has an adapter."""
    return bool(_layers(network))


def lora_weights(network: nn.Module) -> dict[str, Tensor]:
    """The adapter's factors as peft and diffusers name them in files, alpha / rank multiplied into the second one.

    A reader that is told nothing about alpha takes it to be the rank.
    """
    weights: dict[str, Tensor] = {}
    for name, layer in _layers(network).items():
        weights[f"{name}.lora_A.weight"] = layer.lora_A[NAME].weight.detach().contiguous().clone()
        weights[f"{name}.lora_B.weight"] = layer.lora_B[NAME].weight.detach().contiguous() * layer.scaling[NAME]
    return weights


def merged_weights(network: nn.Module) -> dict[str, Tensor]:
    """The state of an ordinary network that does the same: the adapter's product added to the weights it adapts.

    Without an adapter it is the network's own state.
    """
    layers = _layers(network)
    state: dict[str, Tensor] = {}
    for key, value in network.state_dict().items():
        if ".lora_" not in key:
            state[key.replace(".base_layer.", ".")] = value.detach().clone()
    for name, layer in layers.items():
        with torch.no_grad():
            delta = layer.get_delta_weight(NAME)
            state[f"{name}.weight"] += delta.to(state[f"{name}.weight"].dtype)
    return state


def network_facts(networks: Mapping[str, nn.Module]) -> dict[str, Any]:
    """What decides a network's output besides its input, as plain JSON.

    Returns:
        `dtype` of the weights; `passes`, the dtype that autocast puts passes into, or None; `dropout`, the layers that
        drop at random as the network stands; `adapters`, `on`, `off` or `none`; `weights`, a hash of those that require
        a gradient.
    """
    facts: dict[str, Any] = {"dtype": {}, "passes": _autocast(networks), "dropout": [], "adapters": {}}
    hasher = blake2b(digest_size=8)
    for name, network in networks.items():
        facts["dtype"][name] = sorted({str(w.dtype).removeprefix("torch.") for w in network.parameters()})
        facts["dropout"] += [f"{name}.{layer}" for layer in dropping(network)]
        layers = _layers(network)
        off = any(layer.disable_adapters for layer in layers.values())
        facts["adapters"][name] = "none" if not layers else "off" if off else "on"
        for key, weight in network.named_parameters():
            if "lora_" in key or (weight.requires_grad and not layers):
                wide = weight.detach().double()
                hasher.update(f"{key} {float(wide.sum())!r} {float(wide.square().sum())!r}".encode())
    return {**facts, "weights": hasher.hexdigest()}


def _autocast(networks: Mapping[str, nn.Module]) -> str | None:
    device = next((weight.device.type for network in networks.values() for weight in network.parameters()), "cpu")
    return str(torch.get_autocast_dtype(device)).removeprefix("torch.") if torch.is_autocast_enabled(device) else None


def dropping(network: nn.Module) -> list[str]:
    """Names of the layers that drop at random as the network stands."""
    return [
        name
        for name, layer in network.named_modules()
        if layer.training and "Dropout" in type(layer).__name__ and float(getattr(layer, "p", 0.0)) > 0
    ]


def _layers(network: nn.Module) -> dict[str, Any]:
    """Adapted layers by name."""
    return {name: layer for name, layer in network.named_modules() if hasattr(layer, "lora_A")}


def _targets(network: nn.Module, pattern: str | None) -> list[str]:
    """Names of the layers to adapt."""
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)}
    if pattern is not None:
        return [name for name in layers if re.search(pattern, name)]
    attention = [name for name in layers if ATTENTION.search(name)]
    held = sum(layers[name].weight.numel() for name in attention)
    if held < LITTLE_ATTENTION * sum(weight.numel() for weight in network.parameters()):
        return attention + [name for name in layers if CONVOLUTION.search(name)]
    return attention

"""What holds a generator near where it started: its old weights, an average of its path, real clips.

The reference of an adapter is the model with the adapter switched off. A fresh adapter adds nothing, so that the
weights an update may change, as they were before the first update, are the reference in every case: of full weights
the frozen model, of an adapter the adapter off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from wmenv.agents.adapters import add_lora, has_lora, train_all
from wmenv.core.case import Case
from wmenv.core.errors import InvalidArgument
from wmenv.core.gaussian import dimensions, kl
from wmenv.core.protocols import Generator
from wmenv.core.trajectory import Trajectory

Weights = Mapping[str, Tensor]

SMALL = 50_000_000
"""Weights up to which a network is trained in full unless said otherwise."""


def prepare(generator: Generator, train: str, rank: int, seed: int, targets: str | None = None) -> None:
    """Decide which weights of a generator an update may change; see `Settings.train`, and `add_lora` for the rest."""
    networks = generator.networks()
    adapted = any(has_lora(network) for network in networks.values())
    every = [weight for network in networks.values() for weight in network.parameters()]
    large, frozen = sum(w.numel() for w in every) > SMALL, not any(w.requires_grad for w in every)
    if train == "lora" or (train == "auto" and (large or frozen)):
        if not adapted:
            add_lora(networks, rank=rank, targets=targets, seed=seed)
    elif train == "full":
        if adapted:
            raise InvalidArgument(
                "the generator has an adapter: train=full would train both; load it anew, or train=lora"
            )
        train_all(networks)


def trainable(generator: Generator) -> dict[str, nn.Parameter]:
    """The weights that an update may change, by the name of network and weight.

    Raises:
        InvalidArgument: There is none, or one is stored in less than single precision.
    """
    found = {
        f"{network}/{name}": weight
        for network, module in generator.networks().items()
        for name, weight in module.named_parameters()
        if weight.requires_grad
    }
    if not found:
        raise InvalidArgument(
            "the generator has no weights that require a gradient: train=full, train=lora, or call requires_grad_()"
        )
    low = next((name for name, weight in found.items() if weight.element_size() < 4), None)
    if low is not None:
        raise InvalidArgument(
            f"{low} is stored as {found[low].dtype}: small steps would be rounded away. Load the network in float32, "
            "or train an adapter in float32"
        )
    return found


def copied(weights: Weights) -> dict[str, Tensor]:
    """A frozen copy."""
    return {name: weight.detach().clone() for name, weight in weights.items()}


@contextmanager
def in_force(weights: Mapping[str, nn.Parameter], others: Weights) -> Iterator[None]:
    """Run a block under other values of the weights; no graph may reach into or out of it."""
    own = {name: weight.data for name, weight in weights.items()}
    try:
        for name, weight in weights.items():
            weight.data = others[name]
        yield
    finally:
        for name, weight in weights.items():
            weight.data = own[name]


def reference_means(
    generator: Generator,
    weights: Mapping[str, nn.Parameter],
    reference: Weights,
    trajectory: Trajectory,
    steps: Sequence[int],
) -> Tensor:
    """Means (len(steps), B, ...) of recorded steps under the reference, without gradient."""
    with torch.no_grad(), in_force(weights, reference):
        means: Tensor = generator.means(trajectory, steps)
    return means


def noisy_steps(trajectory: Trajectory) -> list[int]:
    """Indices of the steps that have a density."""
    return [k for k, std in enumerate(trajectory.stds) if std > 0]


def path_kl(trajectory: Trajectory, steps: Sequence[int], means: Tensor, others: Tensor) -> Tensor:
    """Exact divergence of two generators along recorded steps: the sum of their steps' divergences.

    Given the latent it starts from, each step is normal under both with the same deviation, so that its divergence is
    |m - m'|^2 / (2 std^2), std that of the whole step.

    Args:
        trajectory: Where the steps start.
        steps: S' of them, all with noise.
        means: (S', B, ...), with gradient where it has one.
        others: Of the reference.

    Returns:
        (B,) float64, joint, nats.
    """
    total = torch.zeros(means.shape[1], dtype=torch.float64, device=means.device)
    for row, k in enumerate(steps):
        total = total + kl(means[row], trajectory.stds[k], others[row])
    return total


def path_dimensions(trajectory: Trajectory) -> int:
    """Dimensions of one latent of a trajectory."""
    return dimensions(trajectory.latents[0])


def move_average(average: dict[str, Tensor], weights: Mapping[str, nn.Parameter], decay: float, update: int) -> None:
    """Take one step of the moving average, in place; it follows closely at first, as there is little to average.

    Args:
        average: Changed.
        weights: After the update.
        decay: Share that is kept in the long run, in [0, 1); 0 keeps nothing.
        update: Number of this update, from 1.
    """
    kept = min(decay, update / (update + 9))
    with torch.no_grad():
        torch._foreach_lerp_(list(average.values()), [weights[name].detach() for name in average], 1.0 - kept)


def data_loss(generator: Generator, suite: object, cases: Sequence[Case], rng: torch.Generator) -> Tensor:
    """The generator's own training loss (B,) on the true clips of cases, with gradient.

    As an anchor it is a forward divergence to the data (DDRL, arXiv 2512.04332); it is defined where the generator
    makes no clips, which a divergence on its own samples is not.

    Raises:
        InvalidArgument: The suite knows no true clips.
    """
    clips = [suite.true_clip(case) for case in cases]  # type: ignore[attr-defined]
    if any(clip is None for clip in clips):
        raise InvalidArgument("this suite knows no true clips: neither a data anchor nor supervised tuning can be had")
    loss: Tensor = generator.denoising_loss(generator.encode(clips), [case.request for case in cases], rng)
    return loss

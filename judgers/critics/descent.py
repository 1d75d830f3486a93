"""Steps of an optimiser, as all critics take them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from wmenv.judgers.critics.form import Precision

WARM_UP = 30


class Descent:
    """AdamW, a rise of 30 steps, a cosine to 0, gradients of norm 1 at most.

    Attributes:
        weights: What is trained, by name: whatever of the model requires a gradient.
        optimiser: The optimiser.
    """

    def __init__(self, model: nn.Module, learning_rate: float, steps: int, precision: Precision) -> None:
        self.rate, self.steps, self.precision = learning_rate, steps, precision
        self.weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self.optimiser = torch.optim.AdamW(
            self.weights.values(), lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.01
        )

    def step(self, number: int, forward: Callable[[], Tensor], loss: Callable[[Tensor], Tensor]) -> float:
        """Take step `number`, from 0, down a loss of the logits of a pass forward; returns the loss."""
        rising = min(1.0, (number + 1) / (WARM_UP + 1))
        falling = 0.5 * (1.0 + math.cos(math.pi * number / self.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * rising * falling
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            logits = forward()
        value = loss(logits.float())
        self.optimiser.zero_grad()
        torch.autograd.backward(value)
        nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self.optimiser.step()
        return float(value.detach())


def loss_of(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of the cross-entropy with targets in [0, 1], nats; NaN targets have no part in it."""
    known = ~targets.isnan()
    each = binary_cross_entropy_with_logits(logits, targets.nan_to_num(0.0), reduction="none")
    weights = torch.where(known, weights, 0.0)
    return (each * weights).sum() / weights.sum().clamp_min(1e-9)

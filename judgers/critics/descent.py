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
    """AdamW, a rise of 30 steps, a cosine to 0, gradients of norm 1 at most."""

    def __init__(self, model: nn.Module, learning_rate: float, steps: int, precision: Precision) -> None:
        self.model, self.rate, self.steps, self.precision = model, learning_rate, steps, precision
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.01)

    def step(self, number: int, loss: Callable[[Tensor], Tensor], frames: Tensor) -> float:
        """Take step `number`, from 0, down a loss of the logits of frames; returns the loss."""
        rising = min(1.0, (number + 1) / (WARM_UP + 1))
        falling = 0.5 * (1.0 + math.cos(math.pi * number / self.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * rising * falling
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            logits = self.model(frames)
        value = loss(logits.float())
        self.optimiser.zero_grad()
        torch.autograd.backward(value)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return float(value.detach())


def loss_of(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of the cross-entropy with targets in [0, 1], nats; NaN targets have no part in it."""
    known = ~targets.isnan()
    each = binary_cross_entropy_with_logits(logits, targets.nan_to_num(0.0), reduction="none")
    weights = torch.where(known, weights, 0.0)
    return (each * weights).sum() / weights.sum().clamp_min(1e-9)

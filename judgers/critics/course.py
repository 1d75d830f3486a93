"""How a judger is taught by labelled clips."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from wmenv.core.errors import InvalidArgument

ALTERATIONS = ("mirror", "hues", "noise")


@dataclass(frozen=True, slots=True)
class Course:
    """How a critic is taught.

    Attributes:
        seed: Decides weights, batches and what is done to the pictures.
        steps: Optimiser steps at most; the learning rate falls by a cosine until the last one.
        batch: Clips a step, or windows of clips; a multiple of 3.
        learning_rate: Of AdamW, at its peak.
        every: Steps from one look at what is held out to the next.
        patience: Looks without a better one after which the training ends.
        alter: What is done to pictures so that they are others and the targets stay: names of `ALTERATIONS`.
        rank: Of LoRA; None where a whole network is taught.
    """

    seed: int = 0
    steps: int = 2000
    batch: int = 24
    learning_rate: float = 2e-3
    every: int = 200
    patience: int = 4
    alter: tuple[str, ...] = ("noise",)
    rank: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate", "every", "patience"):
            if not getattr(self, name) > 0:
                raise InvalidArgument(f"{name} must be positive, got {getattr(self, name)}")
        if self.rank is not None and self.rank < 1:
            raise InvalidArgument(f"rank must be at least 1, got {self.rank}")
        if self.batch % 3:
            raise InvalidArgument(f"batch must be a multiple of 3, got {self.batch}")
        unknown = [one for one in self.alter if one not in ALTERATIONS]
        if unknown:
            raise InvalidArgument(f"pictures are altered by {', '.join(ALTERATIONS)}, got {unknown[0]!r}")

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "alter": list(self.alter)}

"""How a critic of the disc world is made from an endless stream of planted clips: all that decides its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from wmenv.core.errors import InvalidArgument
from wmenv.judgers.critics.form import Form, Precision
from wmenv.worlds.discs.world import FPS, Law

Kind = Literal["flat", "deep"]
KINDS: tuple[Kind, ...] = ("flat", "deep")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A critic of the disc world.

    Attributes:
        kind: `flat` is a 2-D network that sees frames and frame differences as channels, `deep` a 3-D network.
        seed: Decides weights, clips and faults.
        steps: Optimiser steps.
        batch: Clips a step, all new.
        learning_rate: Of AdamW, at its peak.
        law: Law of the clips.
        split: Split of the clips.
        size: Side of the picture, pixels; a multiple of 16.
        frames: Length of a clip.
        given: Frames at the start that are always true.
        width: Channels of the layers are multiples of it, or of half of it; a multiple of 16.
        precision: Of training passes, float32 or bfloat16.
        examined: Fresh clips of the exam that goes on the card.
    """

    kind: Kind = "flat"
    seed: int = 0
    steps: int = 1500
    batch: int = 32
    learning_rate: float = 2e-3
    law: Law = "uniform_motion"
    split: str = "wide_v"
    size: int = 32
    frames: int = 16
    given: int = 3
    width: int = 32
    precision: Precision = "float32"
    examined: int = 512

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidArgument(f"kind of a critic is {' or '.join(KINDS)}, got {self.kind!r}")
        if not 1 <= self.given < self.frames - 3:
            raise InvalidArgument(f"expected 1 <= given < frames - 3, got given={self.given}, frames={self.frames}")
        _ = self.form
        for name in ("steps", "batch", "examined", "learning_rate"):
            if not getattr(self, name) > 0:
                raise InvalidArgument(f"{name} must be positive, got {getattr(self, name)}")

    @property
    def form(self) -> Form:
        """Of the network."""
        return Form(self.kind, self.size, self.frames, self.width, str(FPS), self.precision)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Recipe:
        """From what `plain` gave."""
        return cls(**plain)

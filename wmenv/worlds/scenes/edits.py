"""What can be forced on a simulation: the outside hand of planted violations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Push:
    """An acceleration from nowhere.

    Attributes:
        mover: Name.
        start: Seconds.
        stop: Seconds.
        acceleration: (x, z) m/s^2, on top of everything lawful.
    """

    mover: str
    start: float
    stop: float
    acceleration: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Soften:
    """A pair that overlaps before it touches.

    Attributes:
        first: Name.
        second: Name.
        start: Seconds.
        depth: Metres.
    """

    first: str
    second: str
    start: float
    depth: float


@dataclass(frozen=True, slots=True)
class LiquidEdit:
    """A liquid that loses volume or hangs still.

    Attributes:
        kind: `lose` takes a share of the particles away, evenly; `hang` stops them.
        start: Seconds.
        stop: Seconds; of `hang`.
        share: Share lost; of `lose`.
    """

    kind: Literal["lose", "hang"]
    start: float
    stop: float
    share: float = 0.0


Edit = Push | Soften | LiquidEdit

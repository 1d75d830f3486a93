"""Random parameters of a scene: a pure function of the scene's name, a seed and a stream."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from wmenv.worlds.counter_rng import uniforms

T = TypeVar("T")

_COUNT = 64


class Dice:
    """Numbers in order, from wmenv's counter-based generator, which no release of numpy can change.

    Args:
        name: Of the scene.
        seed: Of the case.
        stream: 0 for the case itself, others for its alternatives and plants.
    """

    def __init__(self, name: str, seed: int, stream: int = 0) -> None:
        key = hashlib.blake2b(f"{name} {seed}".encode(), digest_size=8).digest()
        self._numbers = uniforms(np.array([int.from_bytes(key, "little")], np.uint64), stream, _COUNT)[0].tolist()
        self._next = 0

    def _draw(self) -> float:
        value: float = self._numbers[self._next]
        self._next += 1
        return value

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self._draw()

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[min(int(self._draw() * len(items)), len(items) - 1)]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """Different items, in random order."""
        left = list(items)
        return [left.pop(min(int(self._draw() * len(left)), len(left) - 1)) for _ in range(count)]

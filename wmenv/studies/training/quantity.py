"""Numbers that claims are about: expressions over the read-outs of one training seed that can print themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Readouts = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Run -> split -> read-out -> value, of one training seed."""


class Absent(LookupError):
    """A read-out is missing: its cell failed, or no clip could be read."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number computed from the read-outs of one training seed.

    Attributes:
        told: The expression in words, the same that is computed.
        reads: (run, split, read-out) of everything it needs.
        of: Computes it; raises `Absent` where something is missing.
    """

    told: str
    reads: tuple[tuple[str, str, str], ...]
    of: Callable[[Readouts], float]

    def __truediv__(self, other: Quantity) -> Quantity:
        def ratio(cells: Readouts) -> float:
            below = other.of(cells)
            if below == 0.0:
                raise Absent(f"{other.told} is 0")
            return self.of(cells) / below

        return Quantity(f"{_atom(self)} / {_atom(other)}", self.reads + other.reads, ratio)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(
            f"{self.told} − {_atom(other)}", self.reads + other.reads, lambda cells: self.of(cells) - other.of(cells)
        )


def read(name: str, run: str, split: str) -> Quantity:
    """A read-out of a run's model on a split, such as `error`; see `wmenv.studies.training.readout`."""

    def value(cells: Readouts) -> float:
        try:
            found = cells[run][split][name]
        except KeyError as error:
            raise Absent(f"no {name} of {run} on {split}") from error
        if found is None:
            raise Absent(f"{name} of {run} on {split} could not be read")
        return float(found)

    return Quantity(f"{name}({run}, {split})", ((run, split, name),), value)


def geometric_mean(*parts: Quantity) -> Quantity:
    """Geometric mean of positive quantities."""

    def join(values: list[float]) -> float:
        if min(values) <= 0.0:
            raise Absent(f"no geometric mean of {values}")
        return math.exp(math.fsum(map(math.log, values)) / len(values))

    return _joined("geometric mean", parts, join)


def mean(*parts: Quantity) -> Quantity:
    """Arithmetic mean."""
    return _joined("mean", parts, lambda values: math.fsum(values) / len(values))


def least(*parts: Quantity) -> Quantity:
    """The smallest: above a threshold only if all are."""
    return _joined("least", parts, min)


def _joined(name: str, parts: tuple[Quantity, ...], join: Callable[[list[float]], float]) -> Quantity:
    told = f"{name} of {', '.join(part.told for part in parts)}"
    reads = tuple(one for part in parts for one in part.reads)
    return Quantity(told, reads, lambda cells: join([part.of(cells) for part in parts]))


def _atom(one: Quantity) -> str:
    plain = "(" in one.told and one.told.endswith(")") and one.told.count("(") == 1
    return one.told if plain else f"({one.told})"

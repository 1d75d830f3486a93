"""What is held out of a training: whole generators, whole domains, and a share of the cases."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.core.errors import InvalidArgument
from wmenv.judgers.critics.lessons import Lessons


@dataclass(frozen=True, slots=True)
class Held:
    """What a training must not see. A clip is taught only where none of its three is held.

    Attributes:
        generators: Names of generators.
        domains: Names of domains.
        cases: Share of the cases, dealt by the hash of their id: all clips of a case fall together, whatever else
            there is.
    """

    generators: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    cases: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.cases < 1:
            raise InvalidArgument(f"the share of cases that is held out lies in [0, 1), got {self.cases}")

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def masks(self, lessons: Lessons) -> tuple[NDArray[np.bool_], Mapping[str, NDArray[np.bool_]]]:
        """Which clips are taught, and which are held, by what holds them (`cases`, `generators`, `domains`).

        Raises:
            InvalidArgument: A name that no clip has, or nothing is left to teach or to examine.
        """
        for what, wanted, found in (
            ("generator", self.generators, lessons.generators),
            ("domain", self.domains, lessons.domains),
        ):
            unknown = [name for name in wanted if name not in found]
            if unknown:
                there = ", ".join(sorted(filter(None, set(found)))) or "none that is known"
                raise InvalidArgument(f"no clip has the {what} {unknown[0]!r} that is to be held out; there is {there}")
        held = {
            "cases": np.array([_dealt(case.id) < self.cases for case in lessons.cases]),
            "generators": np.isin(lessons.generators, self.generators),
            "domains": np.isin(lessons.domains, self.domains),
        }
        taught = ~np.any(list(held.values()), axis=0)
        if not taught.any() or taught.all():
            raise InvalidArgument(
                f"{int(taught.sum())} clips of {len(lessons)} would be taught and {int((~taught).sum())} held out; "
                "both must be some: give more clips, or hold other ones out"
            )
        return taught, {name: mask for name, mask in held.items() if mask.any()}


def _dealt(case_id: str) -> float:
    """A number in [0, 1) that belongs to an id."""
    return zlib.crc32(case_id.encode()) / (1 << 32)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of lessons.

    Attributes:
        taught: What is taught.
        watched: One half of what is held out, by case: it decides when to stop.
        examined: The other half, by what holds it; where generators and domains are held, `both` has the clips that
            are held by both.
    """

    taught: Lessons
    watched: Lessons
    examined: Mapping[str, Lessons]

    @classmethod
    def of(cls, lessons: Lessons, held: Held) -> Parts:
        """Divide lessons.

        Raises:
            InvalidArgument: A name that no clip has; nothing to teach; fewer than two cases are held out.
        """
        taught, by = held.masks(lessons)
        ids = [case.id for case in lessons.cases]
        order = {name: k for k, name in enumerate(sorted({ids[k] for k in np.flatnonzero(~taught)}, key=_dealt))}
        if len(order) < 2:
            raise InvalidArgument(
                f"{len(order)} case is held out; it takes two: one to stop by, and one to be examined on"
            )
        second = ~taught & np.array([order.get(name, 0) % 2 == 1 for name in ids])
        if "generators" in by and "domains" in by:
            by = {**by, "both": by["generators"] & by["domains"]}
        examined = {name: lessons.part(mask & second) for name, mask in by.items() if (mask & second).any()}
        return cls(lessons.part(taught), lessons.part(~taught & ~second), examined)

    @property
    def counts(self) -> dict[str, int]:
        """Clips of each part."""
        many = {"taught": len(self.taught), "watched": len(self.watched)}
        return many | {f"examined on held {name}": len(one) for name, one in self.examined.items()}

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

DEALT = 1000


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

    def parts(self, lessons: Lessons) -> tuple[NDArray[np.bool_], Mapping[str, NDArray[np.bool_]]]:
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
    return zlib.crc32(case_id.encode()) % DEALT / DEALT

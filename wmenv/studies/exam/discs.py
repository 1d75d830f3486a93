"""The exam's clips of the disc world."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.protocols import Judger
from wmenv.core.registries import make_env
from wmenv.studies.exam.shown import PlantFacts, Shown
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.graded import GRADED, plant_graded
from wmenv.worlds.discs.splits import SEED_BITS
from wmenv.worlds.discs.world import FPS, frame_times

FIRST_SEED = 20_000
"""Thresholds of `physics` were checked on seeds under 12,000; critics are taught on random ones of 48 bits."""


class DiscWorld:
    """True clips of a law and graded faults, drawn as the environment draws."""

    oracle: str = "physics"

    def __init__(self, env_id: str, count: int, options: Mapping[str, Any]) -> None:
        """Choose cases.

        Args:
            env_id: A PhyWorld environment.
            count: Number of cases.
            options: Of the environment; the split is where cases come from.
        """
        self.env_id, self.options = env_id, {"scheme": "laws", **options}
        self.env: Any = self.suite(self.oracle)
        split = self.env.default_split
        self.cases: tuple[str, ...] = tuple(f"{split}-{FIRST_SEED + k:0{SEED_BITS // 4}x}" for k in range(count))
        self.plants: Mapping[str, PlantFacts] = {
            name: PlantFacts(fault.criterion, fault.unit, fault.sizes)
            for name, fault in GRADED.items()
            if self.env.law in fault.laws
        }

    def identity(self) -> dict[str, Any]:
        """The protocol, its judger left out, with cases and plants."""
        protocol = {key: value for key, value in self.env.protocol().items() if key != "judger"}
        return {"env": self.env_id, "protocol": protocol, "cases": list(self.cases)}

    def suite(self, judger: str | Judger) -> Any:
        """The environment with a judger."""
        return make_env(self.env_id, judger=judger, **self.options).unwrapped

    def question(self, case_id: str) -> Case:
        """The case."""
        case: Case = self.env.cases([case_id])[0]
        return case

    def clips(self, case_id: str) -> list[Shown]:
        """The true clip and every fault that the case has room for, in all its sizes."""
        case = self.question(case_id)
        names = tuple(criterion.id for criterion in case.criteria)
        shown = [Shown("true", case, self.env.true_clip(case), holds=names)]
        for name, fault in self.plants.items():
            seed = zlib.crc32(f"{case_id} {name}".encode())
            for size in fault.sizes:
                discs = plant_graded(name, case.truth, self._times, size, seed)
                if discs is not None:
                    clip = Clip(draw(discs, self.env.size, self.env.edge), FPS)
                    shown.append(Shown("planted", case, clip, name, size, fault.criterion))
        return shown

    @cached_property
    def _times(self) -> Any:
        return frame_times(self.env.clip_spec.frames)

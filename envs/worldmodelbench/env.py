"""WorldModelBench as an environment."""

from __future__ import annotations

from pathlib import Path

from wmenv.core.criterion import Criterion
from wmenv.envs.prompted.cases import CaseSource
from wmenv.envs.prompted.env import PromptedEnv
from wmenv.envs.vector import SuiteVectorEnv
from wmenv.envs.worldmodelbench.criteria import SCHEME, criteria
from wmenv.envs.worldmodelbench.published import PublishedCases
from wmenv.envs.worldmodelbench.scenes import SceneCases
from wmenv.official.worldmodelbench.cases import DOMAINS


class WorldModelBenchEnv(PromptedEnv):
    """Show what an instruction says, in one of seven domains; eight criteria, 10 points.

    Observation: `{"prompt": str, "frames": uint8 (K, size, size, 3)}`, K = 1 in condition `image` and 0 in `text`.
    Action: uint8 (frames, size, size, 3), the given frame included. Reward: points over the points that could be
    reached, in [0, 1]: instruction following 0 to 3, five laws of physics, two of common sense.
    """

    family = "WorldModelBench"
    benchmark = "worldmodelbench"
    domains = tuple(DOMAINS)
    schemes = ("points",)
    own_judger = "scene-pixels"
    own_condition = "image"

    def own(self) -> CaseSource:
        """Procedural scenes of the domain."""
        return SceneCases(self.domain, self.clip_spec)

    def published(self, folder: Path, verified: bool) -> CaseSource:
        """Published cases of the domain."""
        return PublishedCases(folder, self.domain, verified)

    def scheme_criteria(self, scheme: str) -> tuple[str, tuple[Criterion, ...]]:
        """Points, at most 10."""
        return SCHEME, criteria()


class WorldModelBenchVectorEnv(SuiteVectorEnv):
    """N episodes of WorldModelBench side by side; see `SuiteVectorEnv`."""

    suite_class = WorldModelBenchEnv

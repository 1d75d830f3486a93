"""VideoVerse as an environment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wmenv.core.criterion import Criterion
from wmenv.envs.prompted.cases import CaseSource, PromptedCase
from wmenv.envs.prompted.env import PromptedEnv
from wmenv.envs.prompted.published import PublishedSource
from wmenv.envs.vector import SuiteVectorEnv
from wmenv.envs.videoverse.criteria import SCHEMES, by_points, criteria
from wmenv.envs.videoverse.scenes import SceneCases
from wmenv.official.videoverse.cases import Record, load


class VideoVerseEnv(PromptedEnv):
    """Show several events in their order, with everything that they imply; ten dimensions.

    Observation: `{"prompt": str, "frames": uint8 (K, size, size, 3)}`, K = 1 in condition `image` and 0 in `text`.
    Action: uint8 (frames, size, size, 3), the given frame included. Reward, in [0, 1]: the points won of those that
    the case has (scheme `points`: one an event in order, one a check), or the mean share over its dimensions
    (`shares`).
    """

    family = "VideoVerse"
    benchmark = "videoverse"
    schemes = tuple(SCHEMES)
    own_judger = "scene-pixels"
    own_condition = "image"

    def own(self) -> CaseSource:
        """Procedural scenes with clear events."""
        return SceneCases(self.clip_spec)

    def published(self, folder: Path, verified: bool) -> CaseSource:
        """The 300 prompts."""
        return PublishedPrompts(folder, verified)

    def scheme_criteria(self, scheme: str) -> tuple[str, tuple[Criterion, ...]]:
        """Points or shares."""
        return SCHEMES[scheme], criteria()

    def weighted(self, criteria: Sequence[Criterion]) -> tuple[Criterion, ...]:
        """Weights are the points of the case, where points are counted."""
        return by_points(criteria) if self.scheme == SCHEMES["points"] else tuple(criteria)


class PublishedPrompts(PublishedSource[Record]):
    """The published prompts, with the judge's own words where the copy has the script."""

    name = "videoverse"

    def records(self) -> dict[str, Record]:
        """All of them."""
        return {one.key: one for one in load(self.folder)}

    def prompted(self, record: Record) -> PromptedCase:
        """The case of a record."""
        words = self.templates
        if words is None:
            asked = criteria(record.events, record.checks)
        else:
            asked = criteria(record.events, record.checks, words.event_prompt(record.events), words.check_prompt)
        return PromptedCase(record.key, {"text": record.prompt}, asked, {"events": str(len(record.events))})


class VideoVerseVectorEnv(SuiteVectorEnv):
    """N episodes of VideoVerse side by side; see `SuiteVectorEnv`."""

    suite_class = VideoVerseEnv

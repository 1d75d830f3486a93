"""`oracle`: reads the truth; the ceiling of every suite whose truth can be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from wmenv.agents.base import closed_spec, continued
from wmenv.agents.discs import draw_after
from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import frame_times
from wmenv.worlds.scenes.scene import SceneCase


class Oracle:
    """Draws the true clip. Privileged: it gets cases, and reports mark it.

    Attributes:
        name: `oracle`.
        privileged: True.
        card: Identity.
    """

    name = "oracle"
    privileged: ClassVar[bool] = True

    def __init__(self) -> None:
        self.card: dict[str, Any] = {"identity": "oracle-v0"}

    def act(self, requests: Sequence[Case], seeds: Sequence[int]) -> list[Clip]:
        """The true clips."""
        return [self._clip(case) for case in requests]

    def _clip(self, case: Case) -> Clip:
        truth = case.truth
        if isinstance(truth, SceneCase):
            return continued(case.request, truth.rendering.clip.frames[len(case.request.frames) :])
        if not isinstance(truth, DiscTruth):
            raise InvalidArgument(
                f"'oracle' draws discs and scenes; case {case.id} has a truth of type {type(truth).__name__}"
            )
        frames, _, fps = closed_spec(case.request)
        times = frame_times(frames, fps)[len(case.request.frames) :]
        return draw_after(case.request, truth.discs(times), truth.edge)

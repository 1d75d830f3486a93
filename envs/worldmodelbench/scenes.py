"""The cases that ship with wmenv: procedural scenes of the seven domains."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

from wmenv.core.case import ClipSpec
from wmenv.envs.prompted.cases import PromptedCase
from wmenv.envs.prompted.scenes import SceneSource, first_frame, formed, known
from wmenv.envs.worldmodelbench.criteria import criteria
from wmenv.worlds.scenes.catalogue import case, shipped


class SceneCases(SceneSource):
    """Cases of one domain, or all."""

    title = "WorldModelBench"

    def __init__(self, domain: str | None, spec: ClipSpec) -> None:
        """Cases of a domain in a form."""
        super().__init__(spec)
        self.domain = domain

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        return tuple(one.id for one in shipped(self.domain))

    def names(self) -> Sequence[str]:
        """Eight of every scene."""
        return self._ids

    def case(self, case_id: str) -> PromptedCase:
        """The case of an id."""
        found = case(case_id)
        scene = found.scene
        return PromptedCase(
            case_id,
            {"text": f"{found.description} {found.instruction}", "image": found.instruction},
            criteria(found.instruction),
            {"domain": scene.domain, "subdomain": scene.subdomain, "scene": scene.name},
            partial(first_frame, case_id),
            partial(formed, case_id, self.spec),
            partial(known, case_id, self.spec),
        )

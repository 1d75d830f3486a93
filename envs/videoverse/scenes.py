"""The cases that ship with wmenv: what happens in a scene, in its order, and what that implies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from wmenv.core.case import ClipSpec
from wmenv.envs.prompted.cases import PromptedCase
from wmenv.envs.prompted.scenes import SceneSource, first_frame, formed, known
from wmenv.envs.videoverse.criteria import criteria
from wmenv.official.videoverse.cases import EVENTS
from wmenv.worlds.scenes.catalogue import case
from wmenv.worlds.scenes.claims import Claim, complement, question
from wmenv.worlds.scenes.events import narrated
from wmenv.worlds.scenes.facts import Asked, Facts
from wmenv.worlds.scenes.planning import Plan, plans

CHECKED = {
    "interaction": ("pushed", "law impenetrability"),
    "mechanics": ("waits", "law newton"),
    "material_properties": ("law mass",),
    "natural_constraints": ("law gravity",),
    "attribution_correctness": ("shown",),
    "layout_2d": ("beside",),
}
"""Dimension -> claims that examine it, of which the first that a case has is asked. Nothing of a scene witnesses camera
control, common sense or depth: the camera stands still and everything lies in one plane."""


class SceneCases(SceneSource):
    """Scenes with at least two clear events."""

    title = "VideoVerse"

    def names(self) -> Sequence[str]:
        """In the order of the catalogue."""
        return tuple(plans())

    def case(self, case_id: str) -> PromptedCase:
        """The case of an id."""
        found, plan = case(case_id), plans()[case_id]
        told = narrated(plan.events)
        scene = found.scene
        return PromptedCase(
            case_id,
            {"text": f"{found.description} {told}", "image": told},
            criteria(
                [event.words for event in plan.events],
                [(name, question(claim)) for name, claim in checks(plan).items()],
                opposites={question(claim): complement(claim) for claim in checks(plan).values()},
            ),
            {"domain": scene.domain, "scene": scene.name, "events": str(len(plan.events))},
            partial(first_frame, case_id),
            partial(formed, case_id, self.spec),
            partial(_facts, case_id, self.spec),
        )


def checks(plan: Plan) -> dict[str, Claim]:
    """Dimension -> what is claimed of a case in it."""
    by_name: dict[str, Claim] = {}
    for claim in plan.claims:
        by_name.setdefault(claim.topic, claim)
    return {
        dimension: by_name[found]
        for dimension, names in CHECKED.items()
        if (found := next((name for name in names if name in by_name), None)) is not None
    }


def _facts(case_id: str, spec: ClipSpec) -> Facts:
    plan = plans()[case_id]
    asked: dict[str, tuple[Asked, ...]] = {name: (claim,) for name, claim in checks(plan).items()}
    return replace(known(case_id, spec), asked={EVENTS: (plan.events,), **asked})

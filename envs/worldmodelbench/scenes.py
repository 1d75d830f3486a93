"""The cases that ship with wmenv: procedural scenes of the seven domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.core.case import ClipSpec
from wmenv.core.clip import Clip
from wmenv.envs.prompted.cases import PromptedCase
from wmenv.envs.worldmodelbench.criteria import criteria
from wmenv.worlds.scenes.catalogue import case, shipped
from wmenv.worlds.scenes.facts import Facts, facts
from wmenv.worlds.scenes.scene import SceneCase

VERSION = 0
SPLIT = "all"


class SceneCases:
    """Cases of one domain, or all; the truth of a case is its `SceneCase`, in the form that is asked for.

    Attributes:
        case_set: Name in titles.
        identity: Version of the cases.
    """

    case_set = f"WorldModelBench protocol, wmenv cases v{VERSION}"
    identity: Mapping[str, Any] = {"wmenv": VERSION}

    def __init__(self, domain: str | None, spec: ClipSpec) -> None:
        """Cases of a domain in a form."""
        self.domain, self.spec = domain, spec

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        return tuple(one.id for one in shipped(self.domain))

    def ids(self) -> Mapping[str, Sequence[str]]:
        """One split."""
        return {SPLIT: self._ids}

    def case(self, case_id: str) -> PromptedCase:
        """The case of an id; its picture is drawn when it is asked for, its truth simulated when it is read."""
        found = case(case_id)
        scene = found.scene
        return PromptedCase(
            case_id,
            {"text": f"{found.description} {found.instruction}", "image": found.instruction},
            criteria(found.instruction),
            {"domain": scene.domain, "subdomain": scene.subdomain, "scene": scene.name},
            partial(_first_frame, case_id),
            partial(_formed, case_id, self.spec),
            partial(_facts, case_id, self.spec),
        )

    def true_clip(self, case_id: str, spec: ClipSpec) -> Clip:
        """What really happens."""
        clip: Clip = _formed(case_id, spec).rendering.clip
        return clip


@lru_cache(maxsize=256)
def _first_frame(case_id: str, spec: ClipSpec) -> NDArray[np.uint8]:
    return _formed(case_id, spec).first_frame


@lru_cache(maxsize=16)
def _formed(case_id: str, spec: ClipSpec) -> SceneCase:
    """A case in a form; the last few keep what was simulated and drawn."""
    assert spec.frames is not None and spec.fps is not None and spec.height is not None
    return replace(case(case_id), frames=spec.frames, fps=spec.fps, size=spec.height)


@lru_cache(maxsize=256)
def _facts(case_id: str, spec: ClipSpec) -> Facts:
    return facts(_formed(case_id, spec))

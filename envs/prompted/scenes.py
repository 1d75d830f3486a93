"""What sources of wmenv's own cases share: scenes in the form that is asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from wmenv.core.case import ClipSpec
from wmenv.core.clip import Clip
from wmenv.envs.prompted.cases import PromptedCase
from wmenv.worlds.scenes.catalogue import case
from wmenv.worlds.scenes.facts import Facts, facts
from wmenv.worlds.scenes.scene import SceneCase

SPLIT = "all"


class SceneSource(ABC):
    """Cases that are scenes; the truth of a case is its `SceneCase`, in the form that is asked for.

    Attributes:
        title: Name of the benchmark in titles.
        version: Version of the cases.
    """

    title: ClassVar[str]
    version: ClassVar[int] = 0

    def __init__(self, spec: ClipSpec) -> None:
        """Cases in a form."""
        self.spec = spec

    @property
    def case_set(self) -> str:
        """Name in titles."""
        return f"{self.title} protocol, wmenv cases v{self.version}"

    @property
    def identity(self) -> Mapping[str, Any]:
        """Version of the cases."""
        return {"wmenv": self.version}

    @abstractmethod
    def names(self) -> Sequence[str]:
        """Ids."""

    @abstractmethod
    def case(self, case_id: str) -> PromptedCase:
        """The case of an id; its picture is drawn when it is asked for, its truth simulated when it is read."""

    def ids(self) -> Mapping[str, Sequence[str]]:
        """One split."""
        return {SPLIT: self.names()}

    def true_clip(self, case_id: str, spec: ClipSpec) -> Clip:
        """What really happens."""
        clip: Clip = formed(case_id, spec).rendering.clip
        return clip


@lru_cache(maxsize=256)
def first_frame(case_id: str, spec: ClipSpec) -> NDArray[np.uint8]:
    """(H, W, 3) first frame of a case in a form."""
    return formed(case_id, spec).first_frame


@lru_cache(maxsize=16)
def formed(case_id: str, spec: ClipSpec) -> SceneCase:
    """A case in a form; the last few keep what was simulated and drawn."""
    assert spec.frames is not None and spec.fps is not None and spec.height is not None
    return replace(case(case_id), frames=spec.frames, fps=spec.fps, size=spec.height)


@lru_cache(maxsize=256)
def known(case_id: str, spec: ClipSpec) -> Facts:
    """Public facts of a case in a form."""
    return facts(formed(case_id, spec))

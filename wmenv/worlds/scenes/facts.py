"""What anybody may know about a case: what stands in its first frame, and what its words ask for; no outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.answers import CRITERIA, answers, level
from wmenv.worlds.scenes.claims import Claim
from wmenv.worlds.scenes.events import Event
from wmenv.worlds.scenes.motion import resting
from wmenv.worlds.scenes.render import Rendering, render
from wmenv.worlds.scenes.scene import SceneCase, Tracks
from wmenv.worlds.scenes.simulate import start
from wmenv.worlds.scenes.world import Part, World

Asked = tuple[Event, ...] | Claim
"""What a question means: events in the order in which they should happen, or a claim that should hold."""


@dataclass(frozen=True, eq=False)
class Facts:
    """Public facts of a case.

    Attributes:
        world: The world at rest in its first frame: shapes, sizes, places, colours, camera, view. Velocities, masses,
            friction, what actors will do and what is gripped are not in it.
        elastic: Names of actors whose shape may change, as the words of a cartoon ask.
        concerned: Criteria that concern the case: those whose law has a witness.
        grade: Level of the instruction, 0 to 3, of measured tracks; see `answers.level`.
        asked: By criterion, what its questions mean: events in their order, or a claim each; empty where a suite has
            no such questions.
    """

    world: World
    elastic: frozenset[str]
    concerned: frozenset[str]
    grade: Callable[[Tracks], int]
    asked: Mapping[str, tuple[Asked, ...]] = field(default_factory=dict)

    def plate(self, size: int) -> Rendering:
        """One frame without anything that moves."""
        still = tuple(part for part in self.world.parts if not part.moves)
        return render(start(replace(self.world, parts=still, grips=(), liquid=None)), size)

    def first_frame(self, size: int) -> NDArray[np.uint8]:
        """(H, W, 3)."""
        frame: NDArray[np.uint8] = render(start(self.world), size).clip.frames[0]
        return frame


def facts(case: SceneCase) -> Facts:
    """The public facts of a case.

    Which criteria concern it is found by simulation, as everything that the authors of a case state about it.
    """
    poses = start(case.world).pose[0]
    parts = tuple(_bare(part, pose.tolist()) for part, pose in zip(case.world.parts, poses, strict=True))
    right: Mapping[str, int | None] = answers(case)
    return Facts(
        world=replace(case.world, parts=parts, grips=()),
        elastic=frozenset(part.name for part in case.world.parts if part.stretch is not None),
        concerned=frozenset(name for name in CRITERIA if right[name] is not None),
        grade=partial(level, case),
    )


def _bare(part: Part, pose: list[float]) -> Part:
    """A part without what its first frame does not show."""
    if part.role == "actor":
        part = replace(part, at=(pose[0], pose[1]), angle=pose[2], path=resting(*pose), stretch=None)
    return replace(part, velocity=(0.0, 0.0, 0.0), mass=1.0, friction=1.0, restitution=0.0, drag=0.0)

"""Lawful alternatives: the same first frame and the same words, but other controls, speeds, targets, masses, friction.

They obey every law, so a judger that flags one for physics is wrong; whether they follow the instruction is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.worlds.scenes.answers import answers
from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.render import Rendering, render
from wmenv.worlds.scenes.rollout import Rollout
from wmenv.worlds.scenes.scene import Parameters, SceneCase
from wmenv.worlds.scenes.simulate import simulate

DIFFERENT = 2.0
"""Pixels at a width of 128 by which something must move otherwise than in the true clip."""
ATTEMPTS = 60
_FIRST_STREAM = 1000


@dataclass(frozen=True, eq=False)
class Alternative:
    """One lawful alternative to a case's true clip.

    Attributes:
        case: The case whose words and first frame it has.
        parameters: Those it was simulated with.
        rollout: What happens in it.
    """

    case: SceneCase
    parameters: Parameters
    rollout: Rollout

    @property
    def changed(self) -> Mapping[str, Any]:
        """What differs from the case's parameters."""
        return {name: value for name, value in self.parameters.items() if value != self.case.parameters[name]}

    @cached_property
    def answers(self) -> Mapping[str, int | None]:
        """Right answers of this clip to the case's questions."""
        return answers(self.case, self.rollout)

    @cached_property
    def rendering(self) -> Rendering:
        """Its clip."""
        return render(self.rollout, self.case.size)


def alternatives(case: SceneCase, count: int = 5) -> tuple[Alternative, ...]:
    """Lawful alternatives to a case's true clip, all visibly different from it.

    Args:
        case: The case.
        count: How many.

    Raises:
        InvalidArgument: The scene has too little freedom for as many.
    """
    found = some_alternatives(case, count)
    if len(found) < count:
        raise InvalidArgument(f"{case.id} has {len(found)} alternatives in {ATTEMPTS} attempts; asked for {count}")
    return found


def some_alternatives(case: SceneCase, count: int) -> tuple[Alternative, ...]:
    """As `alternatives`, but as many as are found, at most `count`; none of a count of 0."""
    found: list[Alternative] = []
    for attempt in range(ATTEMPTS):
        if len(found) == count:
            break
        parameters = _varied(case, attempt)
        try:
            rollout = simulate(case.scene.build(parameters), case.frames, case.fps)
        except InvalidCase:  # an arm that cannot reach that far
            continue
        if _differ(case.rollout, rollout) >= DIFFERENT:
            found.append(Alternative(case, parameters, rollout))
    return tuple(found)


def _varied(case: SceneCase, attempt: int) -> dict[str, Any]:
    """The case's parameters with some hidden ones drawn anew."""
    dice = Dice(case.scene.key, case.seed, _FIRST_STREAM + attempt)
    names = dice.some(tuple(case.scene.hidden), dice.pick(range(1, len(case.scene.hidden) + 1)))
    parameters = dict(case.parameters)
    for name in names:
        values = case.scene.hidden[name]
        parameters[name] = dice.between(*values) if isinstance(values[0], float) else dice.pick(values)
    return parameters


def _differ(first: Rollout, second: Rollout) -> float:
    """Largest distance of anything tracked between two rollouts, pixels at a width of 128."""
    other = second.tracks()
    apart = max(
        float(np.linalg.norm(path[:, :2] - other[name][:, :2], axis=1).max()) for name, path in first.tracks().items()
    )
    return apart * first.world.camera.scale(128)

"""Planted violations: true clips in which one law is broken, by a multiple of the just-visible change.

A plant edits the render copy (what is drawn) or forces the simulation from outside, so that everything else goes on
lawfully. Its label is its criterion; what it breaks besides is measured (`effects`) and kept as side effects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from wmenv.core.errors import InvalidArgument, UnknownName
from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.effects import VISIBLE, effects
from wmenv.worlds.scenes.forced import floating, hanging, losing, penetrating, pushed
from wmenv.worlds.scenes.redrawn import (
    blurred,
    flickering,
    grown,
    noisy,
    recoloured,
    shrunk,
    squashed,
    teleported,
    vanished,
)
from wmenv.worlds.scenes.render import Rendering, render
from wmenv.worlds.scenes.rollout import Rollout
from wmenv.worlds.scenes.scene import SceneCase

Planter = Callable[[SceneCase, Dice, float], Rollout | None]

MULTIPLES = (4, 8, 16)
"""Of the just-visible change: small, medium, large."""
ATTEMPTS = 6
"""Victims and moments tried; the one with the least side effects at the largest multiple is kept, for all sizes."""
_FIRST_STREAM = 2000


@dataclass(frozen=True, slots=True)
class Plant:
    """One kind of violation.

    Attributes:
        name: Its name.
        criterion: What it breaks.
        magnitude: What one multiple of it is, in words.
        make: The planter; None where a case has no room for it.
        inherent: Criteria that it cannot but break too.
    """

    name: str
    criterion: str
    magnitude: str
    make: Planter
    inherent: tuple[str, ...] = ()


PLANTS: Mapping[str, Plant] = {
    plant.name: plant
    for plant in (
        Plant("teleport", "newton", "a jump of 1 px", teleported, ("temporal",)),
        Plant("push", "newton", "1 px of displacement by a push from nowhere within 4 frames", pushed),
        Plant("grow", "mass", "1 px more across, for good within 5 frames or for 7", grown),
        Plant("shrink", "mass", "as grow, inverted", shrunk),
        Plant("squash", "mass", "1 px wider at constant area, as grow", squashed),
        Plant("vanish", "mass", "1 frame of absence", vanished, ("temporal",)),
        Plant("lose", "fluid", "volume lost that takes 1 px off the diameter of an equal disc", losing),
        Plant("hang", "fluid", "1 frame of standing still", hanging, ("gravity",)),
        Plant("penetrate", "impenetrability", "1 px of overlap before contact", penetrating),
        Plant(
            "float", "gravity", "1 px of rise, at rest or in flight, by a pull from nowhere within 6 frames", floating
        ),
        Plant("blur", "quality", "edges spread over 1 px (10 to 90 %)", blurred),
        Plant("noise", "quality", "99 % of the noise within 8 grey levels", noisy),
        Plant("flicker", "temporal", "8 grey levels of change from frame to frame in light grey", flickering),
        Plant("recolour", "temporal", "8 grey levels of change of one channel", recoloured),
    )
}


@dataclass(frozen=True, eq=False)
class Planted:
    """A clip with a planted violation.

    Attributes:
        case: The case it was made from.
        plant: What was planted.
        multiple: How much.
        rollout: Its truth.
    """

    case: SceneCase
    plant: Plant
    multiple: float
    rollout: Rollout

    @property
    def label(self) -> str:
        """The criterion that it breaks."""
        return self.plant.criterion

    @cached_property
    def effects(self) -> Mapping[str, float]:
        """How far each criterion is broken, in just-visible changes."""
        return effects(self.rollout, self.case.rollout)

    @property
    def side_effects(self) -> tuple[str, ...]:
        """Other criteria that it visibly breaks."""
        return tuple(name for name, size in self.effects.items() if size >= VISIBLE and name != self.label)

    @property
    def strays(self) -> float:
        """Sum of the side effects that it could do without, in just-visible changes."""
        return sum(self.effects[name] for name in self.side_effects if name not in self.plant.inherent)

    @cached_property
    def rendering(self) -> Rendering:
        """Its clip."""
        return render(self.rollout, self.case.size)


def plant(case: SceneCase, name: str, multiple: float, variant: int = 0) -> Planted | None:
    """Plant a violation.

    Args:
        case: The case.
        name: A name of `PLANTS`.
        multiple: Size in just-visible changes, such as those of `MULTIPLES`.
        variant: Another victim, moment or direction.

    Returns:
        The clip's truth, or None where the case has no room for it (no liquid, no free object, nothing touches).

    Raises:
        UnknownName: No such plant.
        InvalidArgument: A multiple that is not positive.
    """
    if name not in PLANTS:
        raise UnknownName(f"no plant {name!r}; there are {', '.join(PLANTS)}")
    if not multiple > 0:
        raise InvalidArgument(f"expected a positive multiple of the just-visible change, got {multiple}")
    for reference in (MULTIPLES[-1], multiple):
        attempt, best = _best(case, name, reference, variant)
        if best is not None:
            made = best if reference == multiple else _made(case, name, multiple, variant, attempt)
            if made is not None:
                return made
    return None


def _best(case: SceneCase, name: str, multiple: float, variant: int) -> tuple[int, Planted | None]:
    """The first attempt without needless side effects, or the one with the least, and its number."""
    number, best = 0, None
    for attempt in range(ATTEMPTS):
        made = _made(case, name, multiple, variant, attempt)
        if made is not None and (best is None or made.strays < best.strays):
            number, best = attempt, made
            if made.strays == 0.0:
                break
    return number, best


def _made(case: SceneCase, name: str, multiple: float, variant: int, attempt: int) -> Planted | None:
    dice = Dice(f"{case.scene.key} {name}", case.seed, _FIRST_STREAM + ATTEMPTS * variant + attempt)
    rollout = PLANTS[name].make(case, dice, multiple)
    return None if rollout is None else Planted(case, PLANTS[name], multiple, rollout)

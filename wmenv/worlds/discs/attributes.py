"""Attributes in conflict: what a generator keeps where two attributes of a ball call for different training clips.

Each of two attributes takes two values. A model is trained on two of the four combinations (red and small, blue and
large) and shown the other two (red and large): whichever attribute it keeps, the other one is drawn towards what the
kept one went with in training. Arrangement of the combinations: arXiv 2411.02385, section 5, and phyworld/phyworld
commit ee0e473, `one_ball_uniform_motion_{color_size,color_vel,size_vel}.py` and
`one_object_uniform_motion_{vel_shape,size_shape}.py`; the script of colour and shape is not released, the paper's
text has red balls and blue squares.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from wmenv.worlds.discs.regions import RADII, SPEEDS, Interval, Region
from wmenv.worlds.discs.world import DISC, RING, SHAPES, SQUARE

Attribute = Literal["colour", "size", "velocity", "shape"]
ATTRIBUTES: tuple[Attribute, ...] = ("colour", "size", "velocity", "shape")
"""In the paper's order of priority, the strongest first."""

MIDDLE = {"size": 1.05, "velocity": 2.5}
"""Where the halves of radius (world units) and speed (units/s) meet."""

HALVES: dict[str, tuple[Interval, Interval]] = {
    "size": (Interval(RADII.low, MIDDLE["size"]), Interval(MIDDLE["size"], RADII.high)),
    "velocity": (Interval(SPEEDS.low, MIDDLE["velocity"]), Interval(MIDDLE["velocity"], SPEEDS.high)),
}
WORDS: dict[str, tuple[str, str]] = {
    "colour": ("red", "blue"),
    "size": ("small", "large"),
    "velocity": ("slow", "fast"),
}

CORES: dict[str, tuple[Interval, Interval]] = {
    attribute: tuple(  # type: ignore[misc]
        Interval(half.low + (half.high - half.low) / 4, half.high - (half.high - half.low) / 4) for half in halves
    )
    for attribute, halves in HALVES.items()
}
"""The middle of each half, a quarter of its length left out at either end: see `call`."""

TRAIN = ((0, 0), (1, 1))
TEST = ((0, 1), (1, 0))


@dataclass(frozen=True, slots=True)
class Conflict:
    """A pair of attributes of which two combinations are trained and two are tested.

    Attributes:
        first: One attribute; its values 0 and 1 go with those of the second in training.
        second: The other.
        other_shape: The shape beside the disc, an index in `world.SHAPES`; plays a part if shape is in the pair.
    """

    first: Attribute
    second: Attribute
    other_shape: int = SQUARE

    @property
    def pair(self) -> tuple[Attribute, Attribute]:
        """Both attributes."""
        return self.first, self.second

    @property
    def name(self) -> str:
        """Such as `colour_size`; with rings for squares `colour_ring`."""
        return f"{self.first}_{'ring' if self.other_shape == RING else self.second}"

    def words(self, attribute: Attribute) -> tuple[str, str]:
        """What the two values of an attribute are called in levels."""
        return (SHAPES[DISC], SHAPES[self.other_shape]) if attribute == "shape" else WORDS[attribute]

    def values(self, level: str) -> dict[Attribute, int]:
        """Value (0 or 1) of each attribute of the pair in a level such as `red_large`."""
        told = level.split("_")
        return {a: self.words(a).index(word) for a, word in zip(self.pair, told, strict=True)}

    def conflicts(self, level: str) -> bool:
        """Whether a level's combination was left out of training."""
        return tuple(self.values(level).values()) in TEST

    def region(self, values: tuple[int, int]) -> Region:
        """The starts of one combination."""
        region = Region("_".join(self.words(a)[value] for a, value in zip(self.pair, values, strict=True)))
        for attribute, value in zip(self.pair, values, strict=True):
            match attribute:
                case "colour":
                    region = replace(region, colour=value)
                case "size":
                    region = replace(region, radius=HALVES["size"][value])
                case "velocity":
                    region = replace(region, speed=HALVES["velocity"][value])
                case "shape":
                    region = replace(region, shape=(DISC, self.other_shape)[value])
        return region

    def splits(self) -> dict[str, tuple[Region, ...]]:
        """Regions of `conflict_<name>_train`, `_test` and `_all` (the four combinations of the official evaluation)."""
        parts = {"train": TRAIN, "test": TEST, "all": (*TRAIN, *TEST)}
        return {f"conflict_{self.name}_{part}": tuple(map(self.region, held)) for part, held in parts.items()}


def call(attribute: Attribute, value: int, shown: float) -> float:
    """The size or velocity that a training half calls for: the one nearest to what is shown in the half's middle.

    The halves touch: the nearest value of a half as such is next to no distance from a ball shown just beyond it, and a
    share of that distance would be noise over nothing. The middle half of it is at least a quarter of its length away
    from every ball shown, and to arrive there is unmistakably to have changed halves.

    Args:
        attribute: `size` or `velocity`.
        value: Which half, 0 or 1.
        shown: The radius (world units) or speed (units/s) in the given frames.
    """
    low, high = CORES[attribute][value]
    return min(max(shown, low), high)


CONFLICTS: tuple[Conflict, ...] = (
    Conflict("colour", "size"),
    Conflict("colour", "velocity"),
    Conflict("size", "velocity"),
    Conflict("velocity", "shape"),
    Conflict("size", "shape"),
    Conflict("colour", "shape"),
    Conflict("velocity", "shape", RING),
    Conflict("size", "shape", RING),
    Conflict("colour", "shape", RING),
)
"""The official pairs in the order of the paper's experiments, then those of shape with rings for squares."""

CONFLICT_SPLITS: dict[str, tuple[Region, ...]] = {
    name: regions for conflict in CONFLICTS for name, regions in conflict.splits().items()
}

_BY_SPLIT: dict[str, Conflict] = {name: conflict for conflict in CONFLICTS for name in conflict.splits()}


def conflict_of(split: str) -> Conflict | None:
    """The conflict that a split belongs to; None for any other split."""
    return _BY_SPLIT.get(split)

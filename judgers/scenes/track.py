"""What was seen of one thing in a clip: where it was, how much of it, and whether it kept its size, shape and hue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.colours import ANGLE, hue, turned
from wmenv.worlds.scenes.world import Part

FloatArray = NDArray[np.float64]

FOUND, SHOWN = 0.35, 0.2
"""Least agreement of a silhouette with the pixels, and least share of it that nothing hides, of what was found."""
DOUBTFUL = 0.1
"""Loss of agreement, against what is usual for a thing, from which it may have been fitted wrongly."""
FITS = 0.8
"""Agreement of what shows of a silhouette from which it has its size, also where something hides the rest."""
FREE = 0.97
"""Share of a silhouette that must be free for its size and shape to be told well."""
BOTH = 0.03
"""Least logarithms by which a thing that is flattened is longer and shorter."""
OPEN = 0.9
"""Share of a silhouette that nothing must be in front of for that, too: what hides one side narrows it one way."""
ALIKE, LEFT = 0.2, 0.1
"""Difference of two logarithms up to which a thing has kept its shape, and share of it by which that is told."""
SHRUNK, FLAT = 0.1, 0.2
"""Logarithms from which a thing that is smaller both ways has shrunk, and from which one has been flattened."""
AS_MUCH = 0.1
"""Change of the logarithm of what is seen of a thing, within which nothing of it is hidden."""
COVERED = 0.5
"""Share of a silhouette that must not be hidden."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What was seen of one thing.

    Attributes:
        part: The thing.
        pose: (T, 3) metres and radians; carried on where it was not seen.
        agreement: (T,) intersection over union of silhouette and pixels, those hidden left out.
        clear: (T,) share of the silhouette that nothing hides and the picture holds.
        amount: (T,) pixels of its colour over the pixels of its silhouette.
        spread: (T, 2) standard deviations of its pixels along its own axes, over those of its silhouette.
        width: (T,) the same along x.
        other: (T,) share of its silhouette that shows another colour than any known one.
        shade: (T,) hue of its pixels, radians, NaN where unseen.
        open: (T,) share of its silhouette that nothing can be in front of: what is solid is in one plane.
        shown: (T,) pixels of its colour there over the pixels of its silhouette.
        axes: (T, 2) largest and smallest standard deviation of those pixels over those of the silhouette.
    """

    part: Part
    pose: FloatArray
    agreement: FloatArray
    clear: FloatArray
    amount: FloatArray
    spread: FloatArray
    width: FloatArray
    other: FloatArray
    shade: FloatArray
    open: FloatArray
    shown: FloatArray
    axes: FloatArray

    @property
    def lengths(self) -> FloatArray:
        """(T, 2) logarithms by which it is longer than at first, along its longest and its shortest way."""
        return np.asarray(np.log(np.maximum(self.axes, 0.05) / np.maximum(self.axes[0], 0.05)))

    @property
    def dwindled(self) -> FloatArray:
        """(T,) logarithm by which it is smaller than at first, both ways alike: what has sunk into something is not.

        0 where something may be in front of it, or too little of it is left to tell.
        """
        change = self.lengths
        alike = np.abs(change[:, 0] - change[:, 1]) < ALIKE
        told = (self.open > OPEN) & (self.shown > LEFT) & (self.axes.min(axis=1) > 0) & alike
        return np.asarray(np.where(told, np.maximum(-change.max(axis=1), 0.0), 0.0))

    @property
    def reshaped(self) -> bool:
        """Whether it shrinks or is flattened in the clip: its silhouette then covers more than the thing."""
        return second(self.dwindled) > SHRUNK or second(self.flattened) > FLAT

    @property
    def flattened(self) -> FloatArray:
        """(T,) logarithm by which it is longer one way and shorter the other, as much of it being seen; 0 likewise."""
        change = self.lengths
        amount = np.log(np.maximum(self.shown, 0.05) / max(self.shown[0], 0.05))
        told = (
            (self.open > OPEN) & (np.abs(amount) < AS_MUCH) & (change.max(axis=1) > BOTH) & (change.min(axis=1) < -BOTH)
        )
        return np.asarray(np.where(told, np.abs(change[:, 0] - change[:, 1]), 0.0))

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(T,) whether it was found."""
        return np.asarray((self.agreement >= FOUND) & (self.clear >= SHOWN))

    @property
    def fitted(self) -> NDArray[np.bool_]:
        """(T,) whether it was found as well as it mostly is; elsewhere its place is in doubt."""
        seen = self.seen
        usual = float(np.median(self.agreement[seen])) if seen.any() else 0.0
        return np.asarray(seen & (self.agreement > usual - DOUBTFUL))

    @property
    def sure(self) -> NDArray[np.bool_]:
        """(T,) whether it was found as well as in the first frame, where its place is known: not another limb."""
        return np.asarray(self.seen & (self.agreement > self.agreement[0] - DOUBTFUL))

    @property
    def own(self) -> NDArray[np.bool_]:
        """(T,) whether what was seen of it has its own colour; where too little was seen to tell, it has."""
        turn = np.nan_to_num(np.abs(turned(self.shade - hue(self.part.colour))))
        return np.asarray((turn < ANGLE) & (self.other < 0.5))

    @property
    def whole(self) -> NDArray[np.bool_]:
        """(T,) whether it is as wide as it should be: one that has sunk into something is, one that shrank is not."""
        return np.asarray(np.abs(np.log(np.maximum(self.width, 0.05) / max(self.width[0], 0.05))) < 0.1)

    @property
    def lasting(self) -> NDArray[np.bool_]:
        """(T,) whether it has its size and shape, as far as that can be seen."""
        amount = np.abs(np.log(np.maximum(self.amount, 0.05) / max(self.amount[0], 0.05)))
        wide = np.log(np.maximum(self.spread, 0.05) / np.maximum(self.spread[0], 0.05))
        free = self.clear > FREE
        changed = (amount > np.where(free, 0.1, 0.15)) | (free & (np.abs(wide[:, 0] - wide[:, 1]) > 0.1))
        changed |= ~self.seen & (self.clear > COVERED)
        return np.asarray(~changed)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(T,) whether it had neither grown nor been flattened when it was last seen freely."""
        grown = np.log(np.maximum(self.amount, 0.05) / max(self.amount[0], 0.05)) > AS_MUCH
        changed = grown | (self.flattened > AS_MUCH)
        last = np.maximum.accumulate(np.where(self.clear > FREE, np.arange(len(self.clear)), -1))
        return np.asarray((last < 0) | ~changed[np.maximum(last, 0)])


def second(values: FloatArray) -> float:
    """The second largest of (T,) values, at least 0: an accident of one frame does not count."""
    return max(0.0, float(np.sort(values)[-2])) if len(values) > 1 else 0.0

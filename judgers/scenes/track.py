"""What was seen of one thing in a clip: where it was, how much of it, and whether it kept its size, shape and hue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.world import Part

FloatArray = NDArray[np.float64]

FOUND = 0.35
"""Least agreement of a silhouette with the pixels."""
FREE = 0.97
"""Share of a silhouette that must be free for its size and shape to be told well."""
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

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(T,) whether it was found."""
        return np.asarray((self.agreement >= FOUND) & (self.clear >= 0.2))

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
        """(T,) whether it had its size and shape when it was last seen freely."""
        last = np.maximum.accumulate(np.where(self.clear > FREE, np.arange(len(self.clear)), -1))
        return np.asarray((last < 0) | self.lasting[np.maximum(last, 0)])


def second(values: FloatArray) -> float:
    """The second largest of (T,) values, at least 0: an accident of one frame does not count."""
    return max(0.0, float(np.sort(values)[-2])) if len(values) > 1 else 0.0

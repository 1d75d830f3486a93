"""What is drawn: the state of the discs of one clip, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.world import COLOURS


@dataclass(frozen=True, slots=True)
class Discs:
    """T frames of B discs, later discs drawn over earlier ones.

    Attributes:
        position: (T, B, 2) centres in world units, float64.
        radius: (T, B) world units, float64.
        colour: (T, B, 3) RGB, uint8.
        present: (T, B) whether the disc is drawn at all.
    """

    position: NDArray[np.float64]
    radius: NDArray[np.float64]
    colour: NDArray[np.uint8]
    present: NDArray[np.bool_]

    @classmethod
    def of(cls, position: NDArray[np.float64], radii: NDArray[np.float64]) -> Discs:
        """Discs of constant radius in the official colours.

        Args:
            position: (T, B, 2) world units.
            radii: (B,) world units.
        """
        frames, balls = position.shape[:2]
        return cls(
            position=np.ascontiguousarray(position, dtype=np.float64),
            radius=np.broadcast_to(np.asarray(radii, dtype=np.float64), (frames, balls)).copy(),
            colour=np.broadcast_to(COLOURS[:balls], (frames, balls, 3)).copy(),
            present=np.ones((frames, balls), dtype=bool),
        )

    def __len__(self) -> int:
        return len(self.position)

    def __getitem__(self, frames: slice) -> Discs:
        """A range of frames."""
        return Discs(self.position[frames], self.radius[frames], self.colour[frames], self.present[frames])

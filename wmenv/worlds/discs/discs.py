"""What is drawn: the state of the discs (squares, rings) of one clip, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.laws import Starts, positions
from wmenv.worlds.discs.world import COLOURS, DISC, Mode

_ALL_DISCS: NDArray[np.uint8] = np.empty((0, 0), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Discs:
    """T frames of B discs, later discs drawn over earlier ones.

    Attributes:
        position: (T, B, 2) centres in world units, float64.
        radius: (T, B) world units, float64; of a square half its side, of a ring the outer one.
        colour: (T, B, 3) RGB, uint8.
        present: (T, B) whether the disc is drawn at all.
        shape: (T, B) indices in `world.SHAPES`, uint8; discs where nothing is said.
    """

    position: NDArray[np.float64]
    radius: NDArray[np.float64]
    colour: NDArray[np.uint8]
    present: NDArray[np.bool_]
    shape: NDArray[np.uint8] = field(default_factory=lambda: _ALL_DISCS)

    def __post_init__(self) -> None:
        if self.shape is _ALL_DISCS:
            object.__setattr__(self, "shape", np.full(self.radius.shape, DISC, dtype=np.uint8))

    @classmethod
    def of(
        cls,
        position: NDArray[np.float64],
        radii: NDArray[np.float64],
        colours: NDArray[np.uint8] | None = None,
        shapes: NDArray[np.uint8] | None = None,
    ) -> Discs:
        """Discs of constant radius, colour and shape.

        Args:
            position: (T, B, 2) world units.
            radii: (B,) world units.
            colours: (B, 3) RGB; the official ones if not given.
            shapes: (B,) indices in `world.SHAPES`; discs if not given.
        """
        frames, balls = position.shape[:2]
        colours = COLOURS[:balls] if colours is None else colours
        look = np.uint8(DISC) if shapes is None else shapes
        return cls(
            position=np.ascontiguousarray(position, dtype=np.float64),
            radius=np.broadcast_to(np.asarray(radii, dtype=np.float64), (frames, balls)).copy(),
            colour=np.broadcast_to(colours, (frames, balls, 3)).copy(),
            present=np.ones((frames, balls), dtype=bool),
            shape=np.broadcast_to(look, (frames, balls)).copy(),
        )

    def __len__(self) -> int:
        return len(self.position)

    def __getitem__(self, frames: slice) -> Discs:
        """A range of frames."""
        return Discs(
            self.position[frames], self.radius[frames], self.colour[frames], self.present[frames], self.shape[frames]
        )


def discs_of(starts: Starts, times: NDArray[np.float64], mode: Mode = "exact") -> list[Discs]:
    """What the true clips of N starts show, in their own colours and shapes.

    Args:
        starts: N initial states.
        times: (T,) seconds.
        mode: `exact` or `box2d`.
    """
    paths = positions(starts, times, mode)
    return [Discs.of(*one) for one in zip(paths, starts.radii, starts.colours, starts.shapes, strict=True)]


def joined(starts: Starts, times: NDArray[np.float64], mode: Mode = "exact") -> Discs:
    """The N clips of `discs_of` one after the other, (N T) frames: what `draw_clips` draws in one go."""
    paths = positions(starts, times, mode)
    shape = paths.shape[:3]  # (N, T, B)

    def every_frame(values: NDArray[Any]) -> NDArray[Any]:
        repeated = np.broadcast_to(values[:, None], (*shape, *values.shape[2:]))
        return repeated.reshape(shape[0] * shape[1], *repeated.shape[2:])

    return Discs(
        position=np.ascontiguousarray(paths.reshape(-1, *paths.shape[2:])),
        radius=every_frame(starts.radii),
        colour=every_frame(starts.colours),
        present=np.ones((shape[0] * shape[1], shape[2]), dtype=bool),
        shape=every_frame(starts.shapes),
    )

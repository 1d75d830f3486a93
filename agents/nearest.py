"""`nearest-neighbour`: the case-based generaliser that the PhyWorld paper holds video models to be (section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wmenv.agents.discs import DiscAgent
from wmenv.core.errors import InvalidArgument
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.glimpse import Glimpse
from wmenv.worlds.discs.laws import Starts, positions
from wmenv.worlds.discs.splits import draw_starts, split_levels
from wmenv.worlds.discs.world import FIRST_FRAME_TIME, GRAVITY, LAWS, VIEW, Edge, Law, Mode, Ranges

FloatArray = NDArray[np.float64]

BANK_SEED = 1 << 40
"""First case seed of the bank; evaluation draws seeds at random from 2^48, so a case is hardly ever in it."""


class NearestNeighbour(DiscAgent):
    """Continues as the most similar clip of a bank of training clips did.

    Similarity is a weighted distance between what the given frames show and what the bank clip shows at the same
    moment, each attribute in units of its range: position and velocity of every disc, radius (size), colour and shape.
    The bank clip's motion, size, colour and shape are copied; `anchored` moves the whole picture so that it goes on
    from where the given frames end, as a generator conditioned on them does.
    """

    name = "nearest-neighbour"

    def __init__(
        self,
        position: float = 0.0,
        colour: float = 1.0,
        size: float = 0.1,
        velocity: float = 1.0,
        shape: float = 0.0,
        bank: int = 3000,
        split: str = "id",
        anchored: bool = True,
        edge: Edge = "area",
        ranges: Ranges = "code",
        mode: Mode = "exact",
    ) -> None:
        """Make the agent.

        Args:
            position: Weight of the discs' positions.
            colour: Weight of their colours (in most splits every clip of the bank has the official ones).
            size: Weight of their radii.
            velocity: Weight of their velocities.
            shape: What another shape costs (in most splits all are discs).
            bank: Number of clips in the bank.
            split: The split that the bank is drawn from, such as `conflict_colour_size_train`.
            anchored: Whether the copied picture is moved to where the given frames end.
            edge: How the suite draws pictures under 256 pixels.
            ranges: Parameter ranges of the bank.
            mode: Law mode of the bank.

        Raises:
            InvalidArgument: No law has such a split.
        """
        super().__init__(edge)
        if not any(split_levels(law, split) for law in LAWS):
            raise InvalidArgument(f"no split {split!r} of any law; see wmenv show PhyWorld-uniform_motion-v0")
        self.weights = {"position": position, "colour": colour, "size": size, "velocity": velocity, "shape": shape}
        self.bank, self.split, self.anchored, self.ranges, self.mode = bank, split, anchored, ranges, mode
        options = {"bank": bank, "split": split, "anchored": anchored, "ranges": ranges, "mode": mode}
        self.card = {**self.card, **self.weights, **options}

    def future(self, seen: Glimpse, times: FloatArray) -> Discs:
        """What the nearest clip of the bank goes on to show."""
        moment = FIRST_FRAME_TIME + seen.duration
        memory = _memory(seen.law, self.split, self.bank, moment, self.ranges, self.mode)
        nearest = memory.starts[np.array([memory.nearest(seen, self.weights)])]
        path = positions(nearest, moment + np.concatenate([[0.0], times]), self.mode)[0]
        if self.anchored:
            path = path + (seen.position - path[0]).mean(axis=0)
        return Discs.of(path[1:], nearest.radii[0], nearest.colours[0], nearest.shapes[0])


@dataclass(frozen=True, slots=True)
class _Memory:
    """The bank at one moment: N starts, and their positions and velocities then."""

    starts: Starts
    position: FloatArray
    velocity: FloatArray

    def nearest(self, seen: Glimpse, weights: dict[str, float]) -> int:
        """Index of the most similar clip."""
        colour = np.abs(seen.colour - self.starts.colours).sum(axis=(1, 2)) / 255.0
        distance = (
            weights["position"] * (((self.position - seen.position) / VIEW) ** 2).sum(axis=(1, 2))
            + weights["velocity"] * (((self.velocity - seen.velocity) / 3.0) ** 2).sum(axis=(1, 2))
            + weights["size"] * ((self.starts.radii - seen.radius) ** 2).sum(axis=1)
            + weights["colour"] * colour**2
            + weights["shape"] * (self.starts.shapes != seen.shape).sum(axis=1)
        )
        return int(np.argmin(distance))


@lru_cache(maxsize=8)
def _memory(law: Law, split: str, count: int, moment: float, ranges: Ranges, mode: Mode) -> _Memory:
    seeds = np.arange(BANK_SEED, BANK_SEED + count, dtype=np.uint64)
    starts, _ = draw_starts(law, split, seeds, ranges=ranges, mode=mode)
    velocity = starts.velocity.copy()
    if law == "parabola":
        velocity[..., 1] -= GRAVITY * moment
    return _Memory(starts, positions(starts, np.array([moment]), mode)[:, 0], velocity)

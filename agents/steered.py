"""`steered`: discs that move as a latent says, so that a policy learns to predict by steering."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.agents.base import closed_spec
from wmenv.agents.discs import DiscAgent, FloatArray, painted
from wmenv.core.case import Request
from wmenv.core.clip import Clip, describe
from wmenv.core.errors import InvalidArgument
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.glimpse import Glimpse, glimpse
from wmenv.worlds.discs.world import FASTEST


class Steered(DiscAgent):
    """A steering wheel for RL, not a model: the latent is the velocity of each disc after the given frames.

    The latent of B discs is (2 B,): vx, vy of each, red before blue, in units of 6 units/s. Radii, colours
    and last positions are read off the given frames; every disc then moves on in a straight line, through
    all. It knows no law: which velocities are right is what a policy has to learn, and acceleration is out of
    its reach.

    As a plain agent it moves on at the velocities it saw.
    """

    name = "steered"

    def latent_dimension(self, request: Request) -> int:
        """Two numbers a disc in the given frames; 0 where no disc can be read."""
        seen = glimpse(request.frames, closed_spec(request)[2], self.edge)
        return 0 if seen is None else 2 * len(seen.radius)

    def decode(self, request: Request, latent: NDArray[np.floating]) -> Clip:
        """Given frames, then the discs in straight lines.

        Where the frames do not show as many discs as the latent steers, the last frame is repeated.

        Args:
            request: Asks for a square clip of a stated form.
            latent: (2 B,) velocities / (6 units/s); [-1, 1] reaches every speed of every split.

        Raises:
            InvalidArgument: The latent is not a vector of finite pairs.
        """
        latent = np.asarray(latent, dtype=np.float64)
        if latent.ndim != 1 or latent.size % 2 or not np.isfinite(latent).all():
            raise InvalidArgument(
                f"expected a latent (2 B,) of finite numbers, vx and vy a disc, got {describe(latent)}"
            )
        velocity = latent.reshape(-1, 2) * FASTEST

        def straight(seen: Glimpse, times: FloatArray) -> Discs | None:
            steers = len(seen.radius) == len(velocity)
            return painted(seen, seen.position + velocity * times[:, None, None]) if steers else None

        return self.drawn(request, straight)

    def future(self, seen: Glimpse, times: FloatArray) -> Discs:
        """Straight on at the velocities seen."""
        return painted(seen, seen.position + seen.velocity * times[:, None, None])

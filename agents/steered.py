"""`steered`: discs that move as a latent says, so that a policy learns to predict by steering."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from wmenv.agents.base import closed_spec
from wmenv.agents.discs import DiscAgent, FloatArray, painted
from wmenv.core.case import Request
from wmenv.core.clip import Clip, describe
from wmenv.core.errors import InvalidArgument
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.glimpse import Glimpse, glimpse
from wmenv.worlds.discs.world import FASTEST, Edge

After = Literal["given", "contact"]


class Steered(DiscAgent):
    """A steering wheel for RL, not a model: the latent is the velocity of each disc from some moment on.

    The latent of B discs is (2 B,): vx, vy of each, red before blue, in units of 6 units/s. Radii, colours
    and last positions are read off the given frames; every disc then moves on in a straight line, through
    all. It knows no law: which velocities are right is what a policy has to learn, and acceleration is out of
    its reach.

    With `after="given"` the latent holds from the last given frame on. With `after="contact"` two discs first go
    straight on as they were seen to move until they touch, and the latent is how they fly apart: what is left to
    learn is the outcome of a collision.

    As a plain agent it moves on at the velocities it saw.
    """

    name = "steered"

    def __init__(self, after: After = "given", edge: Edge = "area") -> None:
        """Make the agent.

        Args:
            after: From when on the latent holds.
            edge: How the suite draws pictures under 256 pixels.

        Raises:
            InvalidArgument: No such moment.
        """
        if after not in get_args(After):
            raise InvalidArgument(f"after must be one of {', '.join(get_args(After))}, got {after!r}")
        super().__init__(edge)
        self.after: After = after

    def latent_dimension(self, request: Request) -> int:
        """Two numbers a disc in the given frames; 0 where no disc can be read, or none can touch another."""
        seen = glimpse(request.frames, closed_spec(request)[2], self.edge)
        if seen is None or (self.after == "contact" and len(seen.radius) < 2):
            return 0
        return 2 * len(seen.radius)

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
            if len(seen.radius) != len(velocity):
                return None
            start = seen.contact if self.after == "contact" else 0.0
            as_seen, steered = np.minimum(times, start), np.maximum(times - start, 0.0)
            path = seen.position + seen.velocity * as_seen[:, None, None] + velocity * steered[:, None, None]
            return painted(seen, path)

        return self.drawn(request, straight)

    def future(self, seen: Glimpse, times: FloatArray) -> Discs:
        """Straight on at the velocities seen."""
        return painted(seen, seen.position + seen.velocity * times[:, None, None])

"""`law` and `constant-velocity`: physics, and half of it, from the given pixels alone."""

from __future__ import annotations

from wmenv.agents.discs import DiscAgent, FloatArray, painted
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.glimpse import Glimpse


class LawAgent(DiscAgent):
    """Measures position, velocity, radius and colour in the given frames, picks the law, and draws its future.

    One disc moves uniformly or falls (decided by whether its path bends); two discs collide elastically with
    masses r^2. It reads no truth: what it gets wrong is what three frames cannot tell.
    """

    name = "law"

    def future(self, seen: Glimpse, times: FloatArray) -> Discs:
        """By the law."""
        return painted(seen, seen.future(times))


class ConstantVelocity(DiscAgent):
    """Moves every disc on at its last velocity: no gravity, and discs pass through each other."""

    name = "constant-velocity"

    def future(self, seen: Glimpse, times: FloatArray) -> Discs:
        """Straight lines."""
        return painted(seen, seen.position + seen.velocity * times[:, None, None])

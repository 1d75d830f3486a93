"""`law` and `constant-velocity`: physics, and half of it, from the given pixels alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.agents.base import ClipAgent, closed_spec, continued
from wmenv.core.case import Request
from wmenv.core.clip import Clip
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.glimpse import Glimpse, glimpse
from wmenv.worlds.discs.world import Edge


class LawAgent(ClipAgent):
    """Measures position, velocity, radius and colour in the given frames, picks the law, and draws its future.

    One disc moves uniformly or falls (decided by whether its path bends); two discs collide elastically with
    masses r^2. It reads no truth: what it gets wrong is what three frames cannot tell.
    """

    name = "law"

    def __init__(self, edge: Edge = "area") -> None:
        """Make the agent.

        Args:
            edge: How the suite draws pictures under 256 pixels.
        """
        super().__init__()
        self.edge: Edge = edge

    def clip(self, request: Request, seed: int) -> Clip:
        """Given frames and the fitted future; the last frame again where no disc can be read."""
        frames, size, fps = closed_spec(request)
        missing = frames - len(request.frames)
        seen = glimpse(request.frames, fps, self.edge)
        if seen is None:
            return continued(request, np.repeat(request.frames[-1:], missing, axis=0))
        path = self.future(seen, np.arange(1, missing + 1) / float(fps))
        return continued(request, draw(painted(seen, path), size, self.edge))

    def future(self, seen: Glimpse, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """(T, B, 2) positions `times` seconds after the last given frame."""
        return seen.future(times)


class ConstantVelocity(LawAgent):
    """Moves every disc on at its last velocity: no gravity, and discs pass through each other."""

    name = "constant-velocity"

    def future(self, seen: Glimpse, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Straight lines."""
        return seen.position + seen.velocity * times[:, None, None]


def painted(seen: Glimpse, path: NDArray[np.float64]) -> Discs:
    """Discs on a path in the measured radii and colours.

    Args:
        seen: What they look like.
        path: (T, B, 2) world units.
    """
    discs = Discs.of(path, seen.radius)
    discs.colour[:] = np.rint(seen.colour).astype(np.uint8)
    return discs

"""What the agents of the disc world share: read the discs off the given frames, say where they go, draw that."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from wmenv.agents.base import ClipAgent, closed_spec
from wmenv.core.case import Request
from wmenv.core.clip import Clip
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.glimpse import Glimpse, glimpse
from wmenv.worlds.discs.world import Edge

FloatArray = NDArray[np.float64]
Future = Callable[[Glimpse, FloatArray], Discs | None]


class DiscAgent(ClipAgent):
    """An agent that says where the discs go; a subclass writes `future`."""

    def __init__(self, edge: Edge = "area") -> None:
        """Make the agent.

        Args:
            edge: How the suite draws pictures under 256 pixels.
        """
        super().__init__()
        self.edge: Edge = edge

    @abstractmethod
    def future(self, seen: Glimpse, times: FloatArray) -> Discs | None:
        """The discs `times` seconds after the last given frame; None repeats that frame."""

    def clip(self, request: Request, seed: int) -> Clip:
        """Given frames and the future; the last frame again where no disc can be read. The seed plays no part."""
        return self.drawn(request, self.future)

    def drawn(self, request: Request, future: Future) -> Clip:
        """The clip of a future."""
        frames, _, fps = closed_spec(request)
        seen = glimpse(request.frames, fps, self.edge)
        times = np.arange(1, frames - len(request.frames) + 1) / float(fps)
        return draw_after(request, None if seen is None else future(seen, times), self.edge)


def draw_after(request: Request, discs: Discs | None, edge: Edge) -> Clip:
    """The given frames followed by pictures of `discs`, or by the last given frame again.

    Args:
        request: Asks for a square clip of a stated form.
        discs: The missing frames.
        edge: How the suite draws pictures under 256 pixels.
    """
    frames, size, fps = closed_spec(request)
    clip = np.empty((frames, size, size, 3), dtype=np.uint8)
    given = len(request.frames)
    clip[:given] = request.frames
    if discs is None:
        clip[given:] = request.frames[-1]
    else:
        draw(discs, size, edge, out=clip[given:])
    return Clip(clip, fps)


def painted(seen: Glimpse, path: FloatArray) -> Discs:
    """Discs (or a square, or a ring) on a path in the measured radii, colours and shapes.

    Args:
        seen: What they look like.
        path: (T, B, 2) world units.
    """
    return Discs.of(path, seen.radius, np.rint(seen.colour).astype(np.uint8), seen.shape)

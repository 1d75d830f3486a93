"""The disc world as a state vector, measured from the given frames."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from wmenv.core.errors import InvalidArgument
from wmenv.envs.wrappers.samples import sample_requests, suite_of
from wmenv.worlds.discs.glimpse import Glimpse, glimpse
from wmenv.worlds.discs.world import FASTEST, FPS, VIEW, Edge

PER_DISC = ("x", "y", "vx", "vy", "r")
LARGEST = 2.0
"""Radius of the largest disc of any split, world units."""

BOUND = 2.0


class DiscState(
    gym.ObservationWrapper[NDArray[np.float32], Any, dict[str, Any]],
    RecordConstructorArgs,
):
    """The observation becomes what the given frames tell about the discs: float32 (5 B,) for B discs.

    Disc after disc, red before blue: x, y, vx, vy, r in the last given frame. Positions are relative to the
    middle of the view and divided by half of it (5 units), velocities divided by 6 units/s (the fastest disc
    of any split), radii by 2 units (the largest), so that every number of every split lies in about [-1, 1];
    measurement noise is cut at 2. No truth is read. Where the frames do not show the discs of the suite, all
    numbers are 0.
    """

    def __init__(self, env: gym.Env[dict[str, Any], Any]) -> None:
        """Wrap an environment.

        Args:
            env: An environment of the disc world that gives at least two frames.

        Raises:
            InvalidArgument: It is another one, or no disc can be read in its pictures.
        """
        RecordConstructorArgs.__init__(self)
        gym.ObservationWrapper.__init__(self, env)
        suite = suite_of(env, "DiscState")
        inner = env.observation_space
        frames = inner.spaces.get("frames") if isinstance(inner, Dict) else None
        if frames is None or frames.shape is None or frames.shape[0] < 2:
            raise InvalidArgument(
                f"DiscState expects an observation with at least two 'frames', got {inner}; "
                "put it next to the suite, below wrappers that change observations"
            )
        self._fps = suite.clip_spec.fps or FPS
        self._edge: Edge = getattr(suite, "edge", "area")
        seen = (self._glimpse(request.frames) for request in sample_requests(suite))
        self.discs = next((len(one.radius) for one in seen if one is not None), 0)
        if self.discs == 0:
            raise InvalidArgument(
                f"DiscState expects pictures of one or two discs, found none in {suite!r}; "
                "use it on PhyWorld environments, with a larger `size` if the discs are tiny"
            )
        self.observation_space = Box(-BOUND, BOUND, (self.discs * len(PER_DISC),), np.float32)

    def observation(self, observation: dict[str, Any]) -> NDArray[np.float32]:
        """The state vector of an observation."""
        seen = self._glimpse(observation["frames"])
        if seen is None or len(seen.radius) != self.discs:
            return np.zeros(self.discs * len(PER_DISC), dtype=np.float32)
        half = VIEW / 2
        columns = ((seen.position - half) / half, seen.velocity / FASTEST, seen.radius[:, None] / LARGEST)
        state = np.concatenate(columns, axis=1).ravel()
        return np.clip(state, -BOUND, BOUND).astype(np.float32)

    def _glimpse(self, frames: NDArray[np.uint8]) -> Glimpse | None:
        return glimpse(frames, self._fps, self._edge)

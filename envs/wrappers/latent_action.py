"""A small action in front of a generator, instead of a whole clip."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from wmenv.core.clip import Clip, describe
from wmenv.core.errors import InvalidArgument, InvalidResponse
from wmenv.core.protocols import LatentGenerator
from wmenv.core.registries import AGENTS
from wmenv.envs.wrappers.samples import sample_requests, suite_of


class LatentAction(gym.ActionWrapper[Any, NDArray[np.float32], Any], RecordConstructorArgs):
    """The action becomes a latent vector of a generator: `Box(-1, 1, (d,), float32)`.

    The generator decodes it, together with the current request, into the clip that the suite judges. d is
    what the generator says for the suite's requests.

    Attributes:
        generator: The generator in force.
    """

    def __init__(self, env: gym.Env[Any, Any], generator: str | LatentGenerator) -> None:
        """Wrap an environment.

        Args:
            env: An environment of wmenv whose responses are clips.
            generator: Specification of a registered agent that has a latent, such as `steered`, or an object
                with `latent_dimension` and `decode`.

        Raises:
            UnknownName: No agent has that name.
            InvalidArgument: The generator has no latent, or none for the requests of this suite.
        """
        # The generator may hold a model: it is recorded as it is, not copied.
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, generator=generator)
        gym.ActionWrapper.__init__(self, env)
        self._suite = suite_of(env, "LatentAction")
        self.generator = latent_generator(generator)
        sizes = (self.generator.latent_dimension(request) for request in sample_requests(self._suite))
        dimension = next((size for size in sizes if size > 0), 0)
        if dimension == 0:
            raise InvalidArgument(
                f"expected a latent of at least one number, got none from {generator!r} for the requests of "
                f"{self._suite!r}; choose another generator or suite, or a larger picture"
            )
        self.action_space = Box(-1.0, 1.0, (dimension,), np.float32)

    def action(self, action: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The frames, uint8 (T, H, W, 3), that a latent stands for under the current request.

        Args:
            action: (d,), within [-1, 1].

        Raises:
            InvalidResponse: Another shape, NaN, out of range, or the generator's clip has another rate than
                the suite asks for. Nothing was judged and the episode goes on.
        """
        return self.decode(action).frames

    def decode(self, action: NDArray[np.float32]) -> Clip:
        """The clip that a latent stands for; `action` with its rate."""
        space = self.action_space
        try:
            latent = np.asarray(action, dtype=np.float32)
        except (TypeError, ValueError):
            raise InvalidResponse(f"expected a latent action in {space}, got {describe(action)}") from None
        if latent.shape != space.shape:
            raise InvalidResponse(f"expected a latent action in {space}, got {describe(latent)}")
        if not space.contains(latent):
            raise InvalidResponse(
                f"expected a latent action in {space}, got {latent.tolist()}; "
                "gymnasium.wrappers.ClipAction brings a policy's actions into the box"
            )
        request = self._suite.request
        clip = self.generator.decode(request, latent)
        if request.spec.fps is not None and clip.fps != request.spec.fps:
            raise InvalidResponse(
                f"expected a clip at {request.spec.fps} fps, got {clip.fps} fps; "
                "the generator must follow request.spec, nothing is resampled"
            )
        return clip


def latent_generator(generator: str | LatentGenerator) -> LatentGenerator:
    """The generator that a specification names, or the object itself.

    Raises:
        UnknownName: No agent has that name.
        InvalidArgument: It has no latent.
    """
    made: object = AGENTS.create(generator) if isinstance(generator, str) else generator
    if not isinstance(made, LatentGenerator):
        able = [entry.name for entry in AGENTS.entries() if entry.tags.get("latent") == "true"]
        raise InvalidArgument(
            f"expected a generator with `latent_dimension` and `decode`, got {generator!r}; "
            f"agents that have a latent: {', '.join(able)}"
        )
    return made

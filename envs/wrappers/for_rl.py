"""One call from a suite to an environment that RL libraries take as it is."""

from __future__ import annotations

from typing import Any, Literal

import gymnasium as gym
from gymnasium.wrappers import FlattenObservation

from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import LatentGenerator
from wmenv.envs.wrappers.disc_state import DiscState
from wmenv.envs.wrappers.encode_prompt import EncodePrompt
from wmenv.envs.wrappers.latent_action import LatentAction


def for_rl(
    env: gym.Env[Any, Any],
    generator: str | LatentGenerator,
    observation: Literal["state", "frames"] = "state",
) -> gym.Env[Any, Any]:
    """Make the observation a flat array and the action a latent of a generator.

    The episode stays what it was: one request, one clip, one reward, `terminated=True` in one-step suites.

    Args:
        env: An environment of wmenv.
        generator: What turns a latent into a clip, see `LatentAction`: an object, or a name such as
            `steered`.
        observation: `state` (disc world only): float32 (5 B,) in about [-1, 1], see `DiscState`. `frames`:
            the UTF-8 bytes of the prompt and all pixels of the given frames, uint8 (K H W 3 + 512,) in [0,
            255], frames first.

    Returns:
        An environment with `Box` spaces; the suite is at `.unwrapped`.

    Raises:
        InvalidArgument: No such observation, or the wrappers do not fit the environment.

    Examples:
        >>> import gymnasium as gym
        >>> env = for_rl(gym.make("wmenv:PhyWorld-collision-v0", size=32), "steered")
        >>> env.observation_space.shape, env.action_space.shape
        ((10,), (4,))
    """
    acting = LatentAction(env, generator)
    if observation == "state":
        return DiscState(acting)
    if observation == "frames":
        return FlattenObservation(EncodePrompt(acting))
    raise InvalidArgument(f"observation must be 'state' or 'frames', got {observation!r}")

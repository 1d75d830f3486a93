"""Prompts as arrays of fixed size."""

from __future__ import annotations

from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from wmenv.core.clip import describe
from wmenv.core.errors import InvalidArgument


class PromptEncoder(Protocol):
    """Turns a prompt into a vector, for instance a text encoder.

    Attributes:
        dimension: Length of the vectors.
    """

    dimension: int

    def __call__(self, prompt: str, /) -> NDArray[np.float32]:
        """The vector of a prompt, float32 (dimension,)."""
        ...


class EncodePrompt(
    gym.ObservationWrapper[dict[str, Any], Any, dict[str, Any]],
    RecordConstructorArgs,
):
    """Replaces `"prompt"` in the observation by an array, which every vector env and RL library can carry.

    Without an encoder the new entry is `"prompt_utf8"`, uint8 (max_bytes,): the UTF-8 bytes of the prompt,
    filled up with zeros; `decode` gives the prompt back, in any script. With an encoder it is
    `"prompt_embedding"`, float32 (encoder.dimension,). The other entries stay as they are.
    """

    def __init__(
        self, env: gym.Env[dict[str, Any], Any], encoder: PromptEncoder | None = None, max_bytes: int = 512
    ) -> None:
        """Wrap an environment.

        Args:
            env: Its observation is a `Dict` with an entry `"prompt"`.
            encoder: Makes a vector of a prompt; the raw bytes without one.
            max_bytes: Room for the bytes, at least 1. A longer prompt is cut, never inside a character.

        Raises:
            InvalidArgument: The observation has no prompt, or a number is not positive.
        """
        # The encoder may hold a model: it is recorded as it is, not copied.
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, encoder=encoder, max_bytes=max_bytes)
        gym.ObservationWrapper.__init__(self, env)
        inner = env.observation_space
        if not isinstance(inner, Dict) or "prompt" not in inner.spaces:
            raise InvalidArgument(
                f"EncodePrompt expects a Dict observation with an entry 'prompt', got {inner}; "
                "put it next to the suite, below wrappers that flatten"
            )
        room = max_bytes if encoder is None else encoder.dimension
        if room < 1:
            raise InvalidArgument(f"max_bytes and the encoder's dimension must be at least 1, got {room}")
        self.encoder, self.max_bytes = encoder, max_bytes
        self.key = "prompt_utf8" if encoder is None else "prompt_embedding"
        own = Box(0, 255, (room,), np.uint8) if encoder is None else Box(-np.inf, np.inf, (room,), np.float32)
        others = {key: space for key, space in inner.spaces.items() if key != "prompt"}
        self.observation_space = Dict({**others, self.key: own})

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """The observation with the prompt's array in place of the prompt.

        Raises:
            InvalidArgument: The encoder gave a vector of another length.
        """
        others = {key: value for key, value in observation.items() if key != "prompt"}
        return {**others, self.key: self._encode(observation["prompt"])}

    def _encode(self, prompt: str) -> NDArray[Any]:
        if self.encoder is None:
            return self.encode(prompt, self.max_bytes)
        vector = np.asarray(self.encoder(prompt), dtype=np.float32)
        if vector.shape != (self.encoder.dimension,):
            raise InvalidArgument(
                f"the prompt encoder must give float32 ({self.encoder.dimension},), got {describe(vector)}; "
                "correct its `dimension`"
            )
        return vector

    @staticmethod
    def encode(prompt: str, max_bytes: int = 512) -> NDArray[np.uint8]:
        """UTF-8 bytes of a prompt, zero padded, uint8 (max_bytes,); cut at a character if it is longer.

        What UTF-8 has no bytes for (half a surrogate pair) becomes a question mark.
        """
        data = prompt.encode(errors="replace")[:max_bytes].decode(errors="ignore").encode()
        array = np.zeros(max_bytes, dtype=np.uint8)
        array[: len(data)] = np.frombuffer(data, dtype=np.uint8)
        return array

    @staticmethod
    def decode(array: NDArray[np.uint8]) -> str:
        """The prompt in an array that `encode` made, or in one row of a batch of them.

        Args:
            array: uint8 (max_bytes,).
        """
        return np.asarray(array, dtype=np.uint8).tobytes().rstrip(b"\0").decode()

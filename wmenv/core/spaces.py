"""Gymnasium spaces for videos and prompts that cost nothing to hold.

A plain `Box(0, 255, (81, 480, 832, 3), uint8)` keeps two bound arrays and two masks of the clip's size, and a
`Text` over all of Unicode keeps a character table of 231 MB. These two keep neither, batched or not.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Text
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray


class VideoSpace(Box):
    """uint8 videos (T, H, W, 3), or batches (N, T, H, W, 3), with bounds that take no memory.

    The bounds are zero-stride views of a single 0 and a single 255: `low` and `high` have the full shape and
    one byte each.
    """

    def __init__(self, *shape: int, seed: int | np.random.Generator | None = None) -> None:
        """Make the space.

        Args:
            *shape: (T, H, W, 3) or (N, T, H, W, 3), sizes at least 1; T may be 0 where a
                suite gives no frames.
            seed: As for every Gymnasium space.
        """
        if len(shape) not in (4, 5) or shape[-1] != 3 or min(shape[-3:]) < 1 or min(shape) < 0:
            raise ValueError(f"expected a shape (T, H, W, 3) or (N, T, H, W, 3) of whole sizes, got {shape}")
        self.dtype = np.dtype(np.uint8)
        self._shape = tuple(int(side) for side in shape)
        self._attach_bounds()
        gym.Space.__init__(self, self._shape, self.dtype, seed)

    def _attach_bounds(self) -> None:
        self.low = np.broadcast_to(np.uint8(0), self._shape)
        self.high = np.broadcast_to(np.uint8(255), self._shape)
        self.low_repr, self.high_repr = "0", "255"
        everywhere = np.broadcast_to(np.True_, self._shape)
        self.bounded_below = self.bounded_above = everywhere

    def __getstate__(self) -> dict[str, Any]:
        bounds = {"low", "high", "bounded_below", "bounded_above"}
        return {key: value for key, value in self.__dict__.items() if key not in bounds}

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(dict(state))
        self._attach_bounds()

    def is_bounded(self, manner: str = "both") -> bool:
        """Bounded on both sides."""
        return True

    def sample(self, mask: None = None, probability: None = None) -> NDArray[np.uint8]:
        """Uniform noise of the space's shape."""
        if mask is not None or probability is not None:
            raise gym.error.Error("VideoSpace.sample takes neither a mask nor probabilities")
        return self.np_random.integers(0, 256, self._shape, dtype=np.uint8)

    def contains(self, x: Any) -> bool:
        """Whether x is a uint8 array of the space's shape; every such array is inside."""
        return isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.shape == self._shape

    def __repr__(self) -> str:
        return f"VideoSpace{self._shape}"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, VideoSpace) and self._shape == other._shape

    def __hash__(self) -> int:
        return hash(("VideoSpace", self._shape))


@batch_space.register(VideoSpace)
def _batch_videos(space: VideoSpace, n: int = 1) -> VideoSpace | Box:
    if len(space._shape) == 5:
        raise ValueError(f"{space} is batched already")
    return VideoSpace(n, *space._shape, seed=deepcopy(space.np_random))


class PromptSpace(Text):
    """Strings of at most `max_length` code points, of any script.

    Membership is only a length test, so no character table is kept; samples use printable ASCII. `Text`
    observations in `AsyncVectorEnv` with shared memory are silently wrong in Gymnasium 1.4 (the buffer is
    decoded once): pass `shared_memory=False`, or wrap the env in `wmenv.wrappers.EncodePrompt`.
    """

    def __init__(self, max_length: int = 2048, *, seed: int | np.random.Generator | None = None) -> None:
        """Make the space.

        Args:
            max_length: Most code points of a prompt.
            seed: As for every Gymnasium space.
        """
        printable = "".join(map(chr, range(32, 127)))
        super().__init__(max_length, min_length=0, charset=printable, seed=seed)

    def __getstate__(self) -> dict[str, Any]:
        # The character table is the same for all: it is made anew, so that a pickled space stays under 1 kB.
        return {key: value for key, value in self.__dict__.items() if not key.startswith("_char")}

    def __setstate__(self, state: Any) -> None:
        PromptSpace.__init__(self, state["max_length"])
        self.__dict__.update(state)

    def contains(self, x: Any) -> bool:
        """Whether x is a string of at most `max_length` code points."""
        return isinstance(x, str) and len(x) <= self.max_length

    def __repr__(self) -> str:
        return f"PromptSpace({self.max_length})"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, PromptSpace) and self.max_length == other.max_length

    def __hash__(self) -> int:
        return hash(("PromptSpace", self.max_length))

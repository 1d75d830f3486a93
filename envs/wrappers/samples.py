"""Requests to look at before the first reset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np

from wmenv.core.case import Request
from wmenv.core.errors import InvalidArgument
from wmenv.envs.base import SuiteEnv

TRIED, AT_ONCE = 64, 8


def suite_of(env: gym.Env[Any, Any], wrapper: str) -> SuiteEnv:
    """The suite under the wrappers.

    Raises:
        InvalidArgument: The environment is none of wmenv's.
    """
    suite = env.unwrapped
    if not isinstance(suite, SuiteEnv):
        raise InvalidArgument(
            f"{wrapper} expects an environment of wmenv, got {type(suite).__name__}; "
            "make one by gym.make('wmenv:PhyWorld-uniform_motion-v0')"
        )
    return suite


def sample_requests(suite: SuiteEnv) -> Iterator[Request]:
    """Up to 64 requests of the suite's own split, always the same; the episodes to come are not touched."""
    rng = np.random.default_rng(0)
    for _ in range(TRIED // AT_ONCE):
        yield from suite.observe(suite.draw(AT_ONCE, rng))

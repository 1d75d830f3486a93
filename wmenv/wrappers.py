"""The wrappers, under the short name: `from wmenv.wrappers import for_rl`."""

from wmenv.envs.wrappers import *  # noqa: F403
from wmenv.envs.wrappers import __all__ as __all__

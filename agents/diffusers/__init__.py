"""`diffusers:PATH_OR_ID`: video pipelines of diffusers. torch loads when an agent is made, not with this package.

`wmenv.agents.diffusers.generator.DiffusersGenerator` is the same pipeline as a generator that can be aligned.
"""

from wmenv.agents.diffusers.agent import DiffusersAgent

__all__ = ["DiffusersAgent"]

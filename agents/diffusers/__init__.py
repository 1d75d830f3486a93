"""`diffusers:PATH_OR_ID`: video pipelines of diffusers. torch loads when an agent is made, not with this package."""

from wmenv.agents.diffusers.agent import DiffusersAgent

__all__ = ["DiffusersAgent"]

"""The four registries: where suites, agents, judgers and methods meet without importing each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wmenv.core.registry import Registry

if TYPE_CHECKING:
    from wmenv.core.protocols import Agent, Judger

SUITES: Registry[Any] = Registry("environment", "wmenv.suites")
AGENTS: Registry[Agent] = Registry("agent", "wmenv.agents")
JUDGERS: Registry[Judger] = Registry("judger", "wmenv.judgers")
METHODS: Registry[Any] = Registry("alignment method", "wmenv.methods")

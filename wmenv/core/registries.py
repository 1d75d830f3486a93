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


def newest_id(name: str) -> str:
    """Full id of an environment: a name without `-vN` means the newest version.

    Args:
        name: `PhyWorld-collision`, `PhyWorld-collision-v0` or `wmenv:PhyWorld-collision-v0`.

    Raises:
        UnknownName: No such environment, with the nearest known names.
    """
    name = name.removeprefix("wmenv:")
    versions = [e.name for e in SUITES.entries() if e.name.rpartition("-v")[0] == name]
    if versions:
        return max(versions, key=lambda one: int(one.rpartition("-v")[2]))
    return SUITES.entry(name).name

"""The four registries: where suites, agents, judgers and methods meet without importing each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wmenv.core.errors import InvalidArgument
from wmenv.core.registry import Registry

if TYPE_CHECKING:
    from wmenv.core.protocols import Agent, Judger

SUITES: Registry[Any] = Registry("environment", "wmenv.suites")
AGENTS: Registry[Agent] = Registry("agent", "wmenv.agents")
JUDGERS: Registry[Judger] = Registry("judger", "wmenv.judgers")
METHODS: Registry[Any] = Registry("alignment method", "wmenv.methods")


def make_env(name: str, **options: Any) -> Any:
    """Make an environment, those of plugins included.

    Args:
        name: Id with or without its version.
        **options: Options of the environment.

    Raises:
        UnknownName: No such environment.
        InvalidArgument: No such option, with the nearest known ones, or a value of another type.
    """
    import difflib
    import inspect

    import gymnasium as gym

    env_id = newest_id(name)
    factory = SUITES.load(env_id)
    if env_id not in gym.registry:  # a plugin's entry point is all that is known of it
        gym.register(id=env_id, entry_point=SUITES.entry(env_id).target, disable_env_checker=True)
    parameters = inspect.signature(factory).parameters.values()
    known = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    fixed = gym.registry[env_id].kwargs
    for option in options:
        if option in fixed or (option not in known and not any(p.kind is p.VAR_KEYWORD for p in parameters)):
            settable = [one for one in known if one not in fixed and one != "render_mode"]
            near = difflib.get_close_matches(option, settable, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(settable)}"
            raise InvalidArgument(f"{env_id} has no option {option!r}; {hint}")
    try:
        return gym.make(env_id, **options)
    except TypeError as error:
        if not options:
            raise
        raise InvalidArgument(f"{env_id} cannot be made with {options}: {error}") from error


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

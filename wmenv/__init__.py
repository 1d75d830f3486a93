"""wmenv: is this video generator a world model?

The benchmark is a Gymnasium environment, the video generator is the agent, a judger gives the reward per
criterion. Importing the package registers the environment ids::

    import gymnasium as gym

    env = gym.make("wmenv:PhyWorld-collision-v0")

Everything heavy is imported on first use, Gymnasium included: the ids are registered once it is imported.
"""

from __future__ import annotations

import importlib
from typing import Any

from wmenv.builtin import register_builtin

_PUBLIC = {
    "Agent": "wmenv.core.protocols",
    "Case": "wmenv.core.case",
    "Clip": "wmenv.core.clip",
    "ClipSpec": "wmenv.core.case",
    "Criterion": "wmenv.core.criterion",
    "Judgement": "wmenv.core.verdict",
    "Judger": "wmenv.core.protocols",
    "PromptSpace": "wmenv.core.spaces",
    "Request": "wmenv.core.case",
    "Rollout": "wmenv.core.rollout",
    "Verdict": "wmenv.core.verdict",
    "VideoSpace": "wmenv.core.spaces",
    "WmenvError": "wmenv.core.errors",
    "compare": "wmenv.runs.compare",
    "evaluate": "wmenv.runs.evaluate",
    "planned_cases": "wmenv.runs.plan",
    "judgement": "wmenv.core.verdict",
    "merge": "wmenv.runs.merge",
    "read_clip": "wmenv.core.video",
    "write_clip": "wmenv.core.video",
    "write_report": "wmenv.report.html",
}

__all__ = ["__version__", "make", "wrappers", *sorted(_PUBLIC)]


def make(env_id: str, **kwargs: Any) -> Any:
    """Make an environment by id; without `-vN` the newest version, silently.

    Args:
        env_id: Such as `PhyWorld-collision` or `PhyWorld-collision-v0`.
        **kwargs: Passed to `gymnasium.make`.
    """
    from wmenv.core.registries import make_env

    return make_env(env_id, **kwargs)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("wmenv")
    if name == "wrappers":
        return importlib.import_module("wmenv.wrappers")
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'wmenv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC, "wrappers"])


register_builtin()

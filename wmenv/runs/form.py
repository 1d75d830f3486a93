"""One form of clips a run: what the user asks for, else what the agents make; nothing is resized in silence."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Agent, Suite
from wmenv.core.registries import SUITES, make_env, newest_id

_OPTIONS = {"size": "height", "frames": "frames", "given": "given"}
"""Options of an environment, and the entry of an agent's `card["clip"]` that decides each."""


def make_suited(env: str, agents: Mapping[str, Agent], **options: Any) -> Any:
    """Make an environment in the form of clips that its agents make, where no option says otherwise.

    Args:
        env: Id of the environment.
        agents: Agents by name; one that makes clips of one form only states it in `card["clip"]`: `frames`,
            `height`, `width`, `fps` and `given`, each of them or none.
        **options: Options of the environment; they come first.

    Raises:
        InvalidArgument: Two agents make clips of different forms, or an agent cannot make what an option asks for.
    """
    takes = inspect.signature(SUITES.load(newest_id(env))).parameters
    wanted: dict[str, tuple[str, Any]] = {}
    for option, entry in _OPTIONS.items():
        for name, agent in agents.items():
            value = _form(agent).get(entry)
            if value is None or option not in takes:
                continue
            first, known = wanted.setdefault(option, (name, value))
            if known != value:
                raise InvalidArgument(
                    f"agents of one run share one form of clips: {entry} is {known} for {first}, {value} for {name}; "
                    "evaluate them in two runs"
                )
    made = make_env(env, **{option: value for option, (_, value) in wanted.items()} | options)
    check_suited(made.unwrapped, agents)
    return made


def check_suited(suite: Suite, agents: Mapping[str, Agent]) -> None:
    """See to it that every agent can make the clips that a suite asks for.

    Raises:
        InvalidArgument: One cannot; the message says which options would suit it.
    """
    asked = suite.protocol()
    form = {**(asked.get("clip") or {}), "given": asked.get("given")}
    for name, agent in agents.items():
        makes = {entry: value for entry, value in _form(agent).items() if value is not None}
        other = [entry for entry, value in makes.items() if form.get(entry) is not None and form[entry] != value]
        if other:
            wants = ", ".join(f"{entry} {makes[entry]} (the run asks for {form[entry]})" for entry in other)
            fits = " ".join(f"--{o} {makes[e]}" for o, e in _OPTIONS.items() if e in makes and o != "given")
            raise InvalidArgument(f"agent {name} makes clips of one form only: {wants}; its form: {fits}")


def told_form(protocol: Mapping[str, Any]) -> str:
    """The form of a protocol's clips in words, for the first lines of a run; empty where the suite leaves it open."""
    clip = protocol.get("clip") or {}
    if not all(clip.get(entry) for entry in ("frames", "height", "width", "fps")):
        return ""
    words = f"{clip['frames']} frames of {clip['width']} x {clip['height']} at {clip['fps']} fps"
    return f"{words}, {protocol['given']} given" if protocol.get("given") else words


def _form(agent: Agent) -> Mapping[str, Any]:
    form = agent.card.get("clip")
    return form if isinstance(form, Mapping) else {}

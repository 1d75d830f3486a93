"""Which exam a judger sits: that of its world, in the form that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Judger
from wmenv.core.registries import newest_id
from wmenv.studies.exam.discs import DiscWorld
from wmenv.studies.exam.shown import World

DISCS = "PhyWorld"
COUNTS = {DISCS: {True: 40, False: 200}}
"""Cases by family: of a quick exam, and of a whole one."""


def world_for(
    judger: Judger, env: str | None, *, quick: bool, cases: int | None, options: Mapping[str, Any] | None = None
) -> World:
    """The exam of a judger.

    Args:
        judger: Who sits it.
        env: Environment whose clips it is about; by default the one of the judger's world.
        quick: Whether a short one is enough.
        cases: Number of cases instead of the usual.
        options: Of the environment; those that the judger's own form decides are filled in.

    Raises:
        UnknownName: No such environment.
        InvalidArgument: There are no plants for that environment, or no cases.
    """
    if cases is not None and cases < 1:
        raise InvalidArgument(f"an exam needs at least one case, got {cases}")
    form = _form(judger.card)
    law = form.pop("law", "uniform_motion")
    env_id = newest_id(env or f"{DISCS}-{law}")
    given = {**form, **(options or {})}
    return DiscWorld(env_id, cases or COUNTS[DISCS][quick], given)


def _form(card: Mapping[str, Any]) -> dict[str, Any]:
    """Form of the clips that a judger was taught on, and where they come from; empty of one that takes any."""
    for inside in card.get("inside", ()):
        if found := _form(inside):
            return found
    recipe = card.get("model", {}).get("recipe", {})
    return {key: recipe[key] for key in ("law", "split", "size", "frames", "given") if key in recipe}

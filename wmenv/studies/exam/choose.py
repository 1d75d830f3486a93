"""Which exam a judger sits: that of its world, in the form that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Judger
from wmenv.core.registries import JUDGERS, newest_id
from wmenv.studies.exam.discs import DiscWorld
from wmenv.studies.exam.scenes import ORDER, SceneWorld
from wmenv.studies.exam.shown import World

DISCS, SCENES = "PhyWorld", "WorldModelBench"
WORLDS: Mapping[str, type[DiscWorld] | type[SceneWorld]] = {DISCS: DiscWorld, SCENES: SceneWorld}
COUNTS: Mapping[str, tuple[int, int]] = {DISCS: (40, 200), SCENES: (7, len(ORDER))}
"""Cases by family: of a quick exam, and of a whole one; of scenes one of every domain, and one of every scene."""


def world_for(
    judger: Judger, env: str | None, *, quick: bool, cases: int | None, options: Mapping[str, Any] | None = None
) -> World:
    """The exam of a judger.

    Args:
        judger: Who sits it.
        env: Environment whose clips it is about; by default the one of the judger's world.
        quick: Whether a short one is enough.
        cases: Number of cases instead of the usual.
        options: Of the environment; those that decide the form of a judger that takes one alone are filled in.

    Raises:
        UnknownName: No such environment.
        InvalidArgument: Nothing can be planted in that environment, or no cases are asked for.
    """
    if cases is not None and cases < 1:
        raise InvalidArgument(f"an exam needs at least one case, got {cases}")
    form = _form(judger.card)
    law = form.pop("law", "uniform_motion")
    usual = newest_id(f"{DISCS}-{law}" if _worlds(judger) == {"discs"} else SCENES)
    env_id = usual if env is None else newest_id(env)
    family = _family(env_id)
    if family is None:
        raise InvalidArgument(
            f"{env_id}: violations are planted in {DISCS}-LAW and {SCENES} alone; choose one by --env"
        )
    taught = form if family == _family(usual) else {}
    if env_id != usual:
        taught.pop("split", None)
    return WORLDS[family](env_id, cases or COUNTS[family][not quick], {**taught, **(options or {})})


def _family(env_id: str) -> str | None:
    return next((name for name in WORLDS if env_id.startswith(f"{name}-")), None)


def _worlds(judger: Judger) -> set[str]:
    """Worlds that a judger, or those inside it, were made for; empty of one for any."""
    inside = getattr(judger, "inside", ())
    if inside:
        return set().union(*map(_worlds, inside))
    tags = {entry.name: entry.tags for entry in JUDGERS.entries()}.get(judger.name, {})
    return {tags["world"]} if "world" in tags else set()


def _form(card: Mapping[str, Any]) -> dict[str, Any]:
    """Form of the clips that a judger was taught on, and where they come from; empty of one that takes any."""
    for inside in card.get("inside", ()):
        if found := _form(inside):
            return found
    recipe = card.get("model", {}).get("recipe", {})
    return {key: recipe[key] for key in ("law", "split", "size", "frames", "given") if key in recipe}

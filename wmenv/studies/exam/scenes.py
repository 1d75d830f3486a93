"""The exam's clips of scenes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Judger
from wmenv.core.registries import make_env
from wmenv.envs.worldmodelbench.criteria import SCHEME, criteria
from wmenv.studies.exam.shown import PlantFacts, Shown
from wmenv.worlds.scenes.alternatives import some_alternatives
from wmenv.worlds.scenes.answers import answers
from wmenv.worlds.scenes.catalogue import EXAM_KEYS, KEYS, case, scene
from wmenv.worlds.scenes.facts import facts
from wmenv.worlds.scenes.plants import MULTIPLES, PLANTS, plant
from wmenv.worlds.scenes.scene import SceneCase

FIRST_SEED = 200
"""Seeds 0 to 7 ship as cases, thresholds of `scene-pixels` were set on 0 to 12, its own exam has 100 to 142."""
ALTERNATIVES = 2
LEVEL = 3
"""Level of the instruction from which a clip counts as carrying it out."""
ORDER = (*KEYS[::4], *EXAM_KEYS, *KEYS[2::4], *KEYS[1::4], *KEYS[3::4])
"""Scenes in the order in which they are taken: one of every domain, then those that are for exams only."""


class SceneWorld:
    """True clips of scenes, lawful alternatives, and planted violations."""

    oracle: str = "scene-oracle"

    def __init__(self, env_id: str, count: int, options: Mapping[str, Any]) -> None:
        """Choose cases.

        Args:
            env_id: An environment of WorldModelBench; of one domain, its scenes alone are shown.
            count: Number of cases: the scenes one after another, then again with the next seed.
            options: Of the environment.

        Raises:
            InvalidArgument: Cases of a published benchmark are asked for, whose truth nobody knows.
        """
        if options.get("cases", "wmenv") != "wmenv" or "data" in options:
            raise InvalidArgument("an exam plants violations in wmenv's own scenes; leave cases= and data= out")
        self.env_id, self.options = env_id, dict(options)
        self.env: Any = self.suite(self.oracle)
        domain = self.env.domain
        keys = [key for key in ORDER if domain is None or key.startswith(f"{domain}/")]
        chosen = [scene(keys[k % len(keys)]).case(FIRST_SEED + k // len(keys)) for k in range(count)]
        self.cases: tuple[str, ...] = tuple(one.id for one in chosen)
        self.plants: Mapping[str, PlantFacts] = {
            name: PlantFacts(one.criterion, "just-visible changes", tuple(map(float, MULTIPLES)))
            for name, one in PLANTS.items()
        }

    def identity(self) -> dict[str, Any]:
        """The protocol, its judger and cases left out, with the exam's cases."""
        protocol = {key: value for key, value in self.env.protocol().items() if key not in ("judger", "cases")}
        return {"env": self.env_id, "protocol": protocol, "cases": list(self.cases)}

    def suite(self, judger: str | Judger) -> Any:
        """The environment with a judger."""
        return make_env(self.env_id, judger=judger, **self.options).unwrapped

    def question(self, case_id: str) -> Case:
        """The case, with its first frame in condition `image`."""
        one = _formed(case_id, self.env.clip_spec)
        known = facts(one)
        image = self.env.condition == "image"
        prompt = one.instruction if image else f"{one.description} {one.instruction}"
        request = Request(one.id, prompt, one.first_frame[None][: self.env.given], self.env.clip_spec)
        asked = criteria(one.instruction)
        return Case(request, asked, SCHEME, {"scene": one.scene.key}, load_truth=lambda: one, load_facts=lambda: known)

    def clips(self, case_id: str) -> list[Shown]:
        """The true clip, alternatives, and every violation that the case has room for, in all its sizes.

        The truth of each, which an oracle may read, is its own simulation.
        """
        one, asked = _formed(case_id, self.env.clip_spec), self.question(case_id)
        shown = [Shown("true", asked, one.rendering.clip, holds=_holds(answers(one)))]
        for other in some_alternatives(one, ALTERNATIVES):
            shown.append(Shown("alternative", _of(asked, other), other.rendering.clip, holds=_holds(other.answers)))
        for name, facts_ in self.plants.items():
            for size in facts_.sizes:
                made = plant(one, name, size)
                if made is not None:
                    clip = made.rendering.clip
                    shown.append(Shown("planted", _of(asked, made), clip, name, size, facts_.criterion))
        return shown


def _of(asked: Case, truth: Any) -> Case:
    return replace(asked, load_truth=lambda: truth)


def _holds(right: Mapping[str, int | None]) -> tuple[str, ...]:
    """Criteria that a lawful clip meets for certain."""
    return tuple(
        name for name, one in right.items() if one is not None and one >= (LEVEL if name == "instruction" else 1)
    )


@lru_cache(maxsize=8)
def _formed(case_id: str, spec: ClipSpec) -> SceneCase:
    """A case in the form that is asked for; the last few keep what was simulated and drawn."""
    assert spec.frames is not None and spec.fps is not None and spec.height is not None
    return replace(case(case_id), frames=spec.frames, fps=spec.fps, size=spec.height)

"""The cases that ship with wmenv: what follows from the first frame of a scene, asked in four phases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

from wmenv.core.case import ClipSpec
from wmenv.core.criterion import Criterion
from wmenv.core.question import Question
from wmenv.envs.prompted.cases import PromptedCase
from wmenv.envs.prompted.scenes import SceneSource, first_frame, formed, known
from wmenv.envs.worldreasonbench.criteria import PHASES, grades, phases
from wmenv.official.worldreasonbench.cases import Kind
from wmenv.worlds.scenes.catalogue import case
from wmenv.worlds.scenes.claims import Claim, open_question, question
from wmenv.worlds.scenes.events import narrated
from wmenv.worlds.scenes.facts import Asked, Facts
from wmenv.worlds.scenes.planning import plans

DOMAIN = "world_knowledge"
"""The domain that scenes belong to: what the laws of mechanics make of a first frame."""
EXAMINED = {
    "state": ("beside", "happens", "stays", "apart"),
    "process": ("before",),
    "fidelity": ("shown", "law mass"),
    "mechanism": ("waits", "pushed", "law newton", "law gravity"),
}
"""Phase -> claims that examine it, those asked first before the others."""
MOST = 2
"""Questions of a phase."""


class Posed(NamedTuple):
    """A question before it has words: its phase, what it claims, and whether yes is right."""

    phase: str
    claim: Claim
    positive: bool


class SceneCases(SceneSource):
    """Scenes with at least two clear events."""

    title = "WorldReasonBench"

    def __init__(self, spec: ClipSpec, kind: Kind, difficulty: str, graded: bool) -> None:
        """Cases in a form.

        Args:
            spec: The form.
            kind: Kind of the questions.
            difficulty: Of the prompts: `easy` says what shall happen, `medium` how it starts and what is wanted,
                `difficult` how it starts.
            graded: Whether grades are asked for, not questions.
        """
        super().__init__(spec)
        self.kind, self.difficulty, self.graded = kind, difficulty, graded

    def names(self) -> Sequence[str]:
        """In the order of the catalogue."""
        return tuple(plans())

    def case(self, case_id: str) -> PromptedCase:
        """The case of an id."""
        found = case(case_id)
        prompt = {
            "easy": f"{found.description} {narrated(plans()[case_id].events)}",
            "medium": f"{found.description} {found.instruction}",
            "difficult": f"{found.description} Show what happens next.",
        }[self.difficulty]
        scene = found.scene
        return PromptedCase(
            case_id,
            {"text": prompt, "image": prompt},
            self._criteria(case_id),
            {"domain": DOMAIN, "subdomain": scene.domain, "scene": scene.name},
            partial(first_frame, case_id),
            partial(formed, case_id, self.spec),
            partial(_facts, case_id, self.spec),
        )

    def _criteria(self, case_id: str) -> tuple[Criterion, ...]:
        return grades() if self.graded else phases([_question(one, self.kind) for one in posed()[case_id]])


@cache
def posed() -> dict[str, tuple[Posed, ...]]:
    """What is asked, by case id; of each kind of claim yes and no are right by turns, over all cases."""
    turns = {name: k for names in EXAMINED.values() for k, name in enumerate(names)}
    found = {}
    for case_id, plan in plans().items():
        asked = []
        for phase, names in EXAMINED.items():
            claims = [claim for name in names for claim in plan.claims if name == claim.topic]
            for claim in _varied(claims):
                asked.append(Posed(phase, claim, turns[claim.topic] % 2 == 0))
                turns[claim.topic] += 1
        found[case_id] = tuple(asked)
    return found


def _varied(claims: Sequence[Claim]) -> list[Claim]:
    """The first of each kind, then more of them, up to `MOST`."""
    kinds: dict[str, Claim] = {}
    for claim in claims:
        kinds.setdefault(claim.topic, claim)
    first = list(kinds.values())
    return [*first, *(claim for claim in claims if claim not in first)][:MOST]


def _question(one: Posed, kind: Kind) -> Question:
    if kind == "binary":
        return Question(
            question(one.claim, one.positive),
            polarity=1 if one.positive else -1,
            topic=one.phase,
            complement=question(one.claim, not one.positive),
        )
    text, reference = open_question(one.claim)
    rubric = "The answer must say the same of the clip as the reference does; more may be said."
    return Question(text, "text", reference=reference, rubric=rubric, topic=one.phase)


def _facts(case_id: str, spec: ClipSpec) -> Facts:
    asked: dict[str, tuple[Asked, ...]] = {
        phase: tuple(one.claim for one in posed()[case_id] if one.phase == phase) for phase in PHASES
    }
    return replace(known(case_id, spec), asked=asked)

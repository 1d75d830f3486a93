"""The cases that ship with wmenv: what follows from the first frame of a scene, asked in four phases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Literal, NamedTuple

from wmenv.core.case import ClipSpec
from wmenv.core.criterion import Criterion
from wmenv.core.question import Question
from wmenv.envs.prompted.cases import PromptedCase
from wmenv.envs.prompted.scenes import SceneSource, first_frame, formed, known
from wmenv.envs.worldreasonbench.criteria import PHASES, grades, phases
from wmenv.official.worldreasonbench.cases import Kind
from wmenv.worlds.scenes.catalogue import CASES, case, scene
from wmenv.worlds.scenes.claims import (
    Claim,
    coloured,
    complement,
    mirrored,
    open_question,
    question,
    recoloured,
    reversible,
    turned,
)
from wmenv.worlds.scenes.events import narrated
from wmenv.worlds.scenes.facts import Asked, Facts
from wmenv.worlds.scenes.planning import plans
from wmenv.worlds.scenes.world import COLOURS

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
    """A question before it has words: its phase, what is true, and what is asked, which is that or contradicts it."""

    phase: str
    claim: Claim
    asked: Claim
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
    """What is asked, by case id.

    Of each form of words yes and no are right by turns, over all cases, and so of each colour as nearly as can be, in
    a scene and over all: what a question says of the answer is nothing.
    """
    turns: dict[tuple[str, ...], int] = {}
    balance: Counter[tuple[str, ...]] = Counter()
    found = {}
    for case_id, plan in plans().items():
        asked = []
        for phase, names in EXAMINED.items():
            claims = [claim for name in names for claim in plan.claims if name == claim.topic]
            for claim in _varied(claims):
                key = (phase, *form(claim))
                turn = turns.setdefault(key, int(balance[phase,] > 0))
                turns[key] += 1
                asked.append(_posed(case_id, phase, claim, turn, balance))
        found[case_id] = tuple(asked)
    return found


def form(claim: Claim) -> tuple[str, ...]:
    """What tells the form of words of a claim: its topic, kinds of events, and the direction that a side lies in."""
    way = ("across" if claim.names[2] in ("left", "right") else "up",) if claim.kind == "beside" else ()
    kinds = tuple(event.kind for event in claim.events) if claim.kind in ("happens", "before") else ()
    return (claim.topic, *way, *kinds)


def _posed(case_id: str, phase: str, claim: Claim, turn: int, balance: Counter[tuple[str, ...]]) -> Posed:
    """A claim asked so that yes is right at even turns.

    Args:
        case_id: The case.
        phase: The phase.
        claim: What is true.
        turn: How many of its form were asked before.
        balance: How often yes was right so far, less no, by phase, by phase and colour, and by those and scene; it is
            kept up.
    """
    asked, positive, scene_key = claim, turn % 2 == 0, case(case_id).scene.key
    if claim.kind == "law":
        asked = replace(claim, names=(*claim.names, _thing(case_id)))
    colour = (coloured(asked) or "").partition(" ")[0]
    if reversible(claim):
        if claim.kind == "beside" and turn // 2 % 2:
            asked = mirrored(asked)
        asked = asked if positive else turned(asked)
    elif not positive:
        others = _others(case_id, coloured(asked))
        colour = max(others, key=lambda one: (balance[phase, one, scene_key], balance[phase, one]))
        asked = recoloured(asked, colour)
    for key in ((phase,), (phase, colour), (phase, colour, scene_key)):
        balance[key] += 1 if positive else -1
    return Posed(phase, claim, asked, positive)


def _thing(case_id: str) -> str:
    """The mover that laws are asked of: the first that is claimed to be seen, or takes part in an event."""
    plan, world = plans()[case_id], case(case_id).world
    names = [claim.names[0] for claim in plan.claims if claim.kind == "shown"]
    names += [name for event in plan.events for name in event.names]
    return next(name for name in names if world.part(name).role == "mover")


def _others(case_id: str, thing: str | None) -> list[str]:
    """Colours that a thing of this kind has in other cases of the scene, and nothing has in this one."""
    assert thing is not None, (
        f"a question of {case_id} names nothing by its colour, so that none of its words can be false"
    )
    one, kind = case(case_id), thing.partition(" ")[2]
    here = {part.name.partition(" ")[0] for part in one.world.parts}
    return [colour for colour in _colours(one.scene.key, kind) if colour not in here]


@cache
def _colours(key: str, kind: str) -> tuple[str, ...]:
    """Colours that things of a kind have in the cases of a scene that ship."""
    names = {part.name for seed in range(CASES) for part in scene(key).case(seed).world.parts}
    return tuple(colour for colour in COLOURS if f"{colour} {kind}" in names)


def _varied(claims: Sequence[Claim]) -> list[Claim]:
    """The first of each kind, then more of them, up to `MOST`."""
    kinds: dict[str, Claim] = {}
    for claim in claims:
        kinds.setdefault(claim.topic, claim)
    first = list(kinds.values())
    return [*first, *(claim for claim in claims if claim not in first)][:MOST]


def _question(one: Posed, kind: Kind) -> Question:
    if kind == "binary":
        polarity: Literal[1, -1] = 1 if one.positive else -1
        return Question(question(one.asked), polarity=polarity, topic=one.phase, complement=complement(one.asked))
    text, reference = open_question(one.claim)
    rubric = "The answer must say the same of the clip as the reference does; more may be said."
    return Question(text, "text", reference=reference, rubric=rubric, topic=one.phase)


def _facts(case_id: str, spec: ClipSpec) -> Facts:
    asked: dict[str, tuple[Asked, ...]] = {
        phase: tuple(one.claim for one in posed()[case_id] if one.phase == phase) for phase in PHASES
    }
    return replace(known(case_id, spec), asked=asked)

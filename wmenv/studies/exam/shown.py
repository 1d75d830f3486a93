"""What an exam shows a judger: clips with what is known of them, and what can be made of any clip."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from wmenv.agents.sanity import FROZEN, SHUFFLED, spoiled
from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.criterion import Criterion
from wmenv.core.protocols import Judger
from wmenv.core.question import Question
from wmenv.judgers.wrappers.polarity import offers, opposite
from wmenv.studies.degraded import coded

Kind = Literal["true", "alternative", "planted", "control", "again"]

GREY = 128
CRF = 18
"""Quality of the mp4 round trip, as `wmenv.core.video.write_clip` writes."""
BLANK, STATIC, SHUFFLE, WRONG = "blank", "static", "shuffled", "wrong prompt"
CONTROLS: Mapping[str, str] = {
    BLANK: "every frame grey",
    STATIC: "the first frame throughout",
    SHUFFLE: "the true frames after the first in random order",
    WRONG: "the true clip as an answer to another case",
}
"""Clips that no judger may take for the true one."""
MP4, RIGHT, DOWN, POLARITY, ORDER = "mp4 round trip", "1 px to the right", "1 px down", "polarity", "order"
AGAIN: Mapping[str, str] = {
    MP4: f"H.264 at CRF {CRF} and back",
    RIGHT: "clip and given frames moved, edge repeated",
    DOWN: "clip and given frames moved, edge repeated",
    POLARITY: "the same clip, every question in its opposite wording",
    ORDER: "the same clip and options in the opposite order: which of four instructions is carried out",
}
"""The same thing shown or asked in another way: the answer should stay."""
WHICH = "which"
"""Criterion of the question that order flips are counted on."""
OPTIONS = 4


Tell = Callable[[str, int, int, int], None]
"""Called after every case: its id, cases done, cases in all, verdicts that failed."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A clip of the exam.

    Attributes:
        kind: What it is for.
        case: The case that it answers.
        clip: The clip.
        how: Name of the plant, control or other form; empty of true clips and alternatives.
        size: Of the plant, in its unit; None elsewhere.
        broken: Criterion that the plant breaks; empty elsewhere.
        holds: Criteria that hold for certain, for true clips and lawful alternatives.
        base: Number of the clip, in the list of its case, that it is another form of.
    """

    kind: Kind
    case: Case
    clip: Clip
    how: str = ""
    size: float | None = None
    broken: str = ""
    holds: tuple[str, ...] = ()
    base: int | None = None


@dataclass(frozen=True, slots=True)
class PlantFacts:
    """What is told of a plant: the criterion that it breaks, its unit in words and its sizes."""

    criterion: str
    unit: str
    sizes: tuple[float, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"criterion": self.criterion, "unit": self.unit, "sizes": list(self.sizes)}


class World(Protocol):
    """Where the clips of an exam come from.

    Attributes:
        cases: Ids of its cases.
        plants: By name.
        oracle: Specification of the exact judger of this world.
    """

    cases: tuple[str, ...]
    plants: Mapping[str, PlantFacts]
    oracle: str

    def identity(self) -> dict[str, Any]:
        """Everything that decides what is shown, as plain JSON."""
        ...

    def suite(self, judger: str | Judger) -> Any:
        """The suite whose `score` asks a judger."""
        ...

    def clips(self, case_id: str) -> list[Shown]:
        """The true clip of a case, lawful alternatives, and every plant that the case has room for."""
        ...

    def question(self, case_id: str) -> Case:
        """The case as a judger gets it."""
        ...


def everything(world: World, case_id: str, words: bool = True) -> list[Shown]:
    """All that is shown of a case: its clips, controls, and other forms of some of them.

    Other forms are made of the true clip and, a criterion, of the largest size of the first plant that breaks it.

    Args:
        world: Where clips come from.
        case_id: The case.
        words: Whether questions are put in other words, too.
    """
    shown = world.clips(case_id)
    true = shown[0]
    bases = {"": 0}
    for k, one in enumerate(shown):
        if one.kind == "planted" and one.size == world.plants[one.how].sizes[-1]:
            bases.setdefault(one.broken, k)
    shown += _controls(true, _another(world, case_id))
    for k in bases.values():
        shown += [replace(one, kind="again", base=k) for one in _forms(shown[k], words)]
    which = _which(world, case_id) if words else None
    if which is not None:
        first, turned = which
        at = len(shown)
        shown += [replace(true, kind="again", how=ORDER, case=one, base=at) for one in (first, turned)]
    return shown


def _another(world: World, case_id: str) -> Case:
    k = world.cases.index(case_id)
    return world.question(world.cases[(k + 1) % len(world.cases)])


def _controls(true: Shown, another: Case) -> Iterator[Shown]:
    frames, fps = true.clip.frames, true.clip.fps
    seed = zlib.crc32(true.case.id.encode())
    made = {
        BLANK: Clip(np.full_like(frames, GREY), fps),
        STATIC: Clip(spoiled(FROZEN, frames), fps),
        SHUFFLE: Clip(spoiled(SHUFFLED, frames, seed=seed), fps),
    }
    yield from (Shown("control", true.case, clip, name) for name, clip in made.items())
    if another.id != true.case.id:
        yield Shown("control", another, true.clip, WRONG)


def _forms(base: Shown, words: bool) -> Iterator[Shown]:
    yield replace(base, how=MP4, clip=coded(base.clip, CRF))
    for name, axis in ((RIGHT, 2), (DOWN, 1)):
        request = replace(base.case.request, frames=moved(base.case.request.frames, axis))
        clip = Clip(moved(base.clip.frames, axis), base.clip.fps)
        yield replace(base, how=name, clip=clip, case=replace(base.case, request=request))
    asked = tuple(criterion for criterion in base.case.criteria if offers(criterion))
    if words and asked:
        yield replace(base, how=POLARITY, case=opposite(replace(base.case, criteria=asked)))


def moved(frames: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    """Frames (T, H, W, 3) moved by one pixel along an axis, the edge repeated."""
    first = np.take(frames, [0], axis=axis)
    rest = np.take(frames, range(frames.shape[axis] - 1), axis=axis)
    return np.ascontiguousarray(np.concatenate([first, rest], axis=axis))


def _which(world: World, case_id: str) -> tuple[Case, Case] | None:
    """The case with one question, which of four instructions is carried out, the right one first and then last.

    Whoever likes the first option, or the last, flips. None where the cases ask no questions, or their instructions
    are too few.
    """
    case = world.question(case_id)
    if not any(criterion.questions for criterion in case.criteria):
        return None
    k = world.cases.index(case_id)
    following = [*world.cases[k:], *world.cases[:k]]
    options = tuple(dict.fromkeys(world.question(one).request.prompt for one in following))[:OPTIONS]
    if len(options) < OPTIONS:
        return None
    right = options[0]
    asked = [_choice(case, one, right) for one in (options, options[::-1])]
    return asked[0], asked[1]


def _choice(case: Case, options: Sequence[str], right: str) -> Case:
    question = Question(
        "Which of these instructions does the clip carry out?", "choice", options=tuple(options), reference=right
    )
    return replace(case, criteria=(Criterion(WHICH, "exam", question.text, "choice", 1, questions=(question,)),))

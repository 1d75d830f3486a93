"""Claims: statements about a clip that its tracks can bear out, and how they are asked.

Every claim of a case is true of its true clip, so that yes is right where it is asked. Where no shall be right, a claim
of the same words is asked in its place that it contradicts: the other order, the other side, or a thing of another
colour. No form of words belongs to one of the answers. Each has an opposite wording, too, to which the other answer is
right; it is made of what is asked in the same way whether that is true or not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from wmenv.worlds.scenes.events import MOVED, Event, called, when
from wmenv.worlds.scenes.seen import Seen
from wmenv.worlds.scenes.world import COLOURS

Kind = Literal["happens", "before", "beside", "apart", "stays", "shown", "waits", "pushed", "law"]
Side = Literal["left", "right", "above", "below"]

OPPOSITE: dict[str, Side] = {"left": "right", "right": "left", "above": "below", "below": "above"}
PLACED: dict[str, str] = {
    "left": "to the left of",
    "right": "to the right of",
    "above": "higher in the picture than",
    "below": "lower in the picture than",
}
LAWS: dict[str, tuple[str, str, str]] = {
    "newton": (
        "Does everything that starts, stops or turns have something that pushes or pulls it?",
        "start, stop and turn only where something pushes or pulls it",
        "Does something start, stop or turn although nothing pushes or pulls it",
    ),
    "mass": (
        "Do solid things keep their shape and size?",
        "keep its shape and size throughout",
        "Does a solid thing change its shape or size",
    ),
    "impenetrability": (
        "Do solid things stay out of each other?",
        "stay out of all other solid things",
        "Does a solid thing pass through another one",
    ),
    "gravity": (
        "Does what is free to fall fall as gravity has it?",
        "fall as gravity has it wherever it is free to fall",
        "Does something hang, float or rise by itself",
    ),
}
"""Law -> asked of everything, asked of one thing, and asked in free words."""
SHOWN = 0.9
"""Share of frames in which something must be seen that is shown throughout."""
LATE = 1.5 / 16
"""Seconds by which something that waits may be seen to move before it is reached."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement about a clip.

    Attributes:
        kind: `happens` (an event), `before` (one event comes before another), `beside` (at the end the first is on a
            side of the second), `apart` (two never touch), `stays` (it does not move), `shown` (it is seen throughout,
            in its colour), `waits` (it moves only after it is reached), `pushed` (being reached sets it in motion),
            `law` (nothing breaks it).
        names: Whom it is about; of `beside` also the side, of `law` the law and, where only one is meant, the thing.
        events: The events that it is about; of `law` those of which one must happen for the law to show.
    """

    kind: Kind
    names: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def topic(self) -> str:
        """Its kind; of a law `law` and its name."""
        return f"law {self.names[0]}" if self.kind == "law" else self.kind


def holds(claim: Claim, seen: Seen) -> bool | None:
    """Whether a clip bears a claim out; None where it shows nothing to tell it by.

    What an order or a cause is asked of must happen: of a clip in which nothing happens neither yes nor no is known.
    Of a law it is said only whether it could show; whether it is kept is not for tracks to tell.

    Args:
        claim: The claim.
        seen: What the clip shows.
    """
    names = [name for name in claim.names if name in seen.tracks]
    if not all(seen.known(name) for name in names):
        return None
    frames = [when(event, seen) for event in claim.events]
    match claim.kind:
        case "law":
            return True if not frames or any(frame is not None for frame in frames) else None
        case "happens":
            return frames[0] is not None
        case "before":
            first, second = frames
            return None if first is None or second is None else bool(first < second)
        case "beside":
            return _beside(claim, seen)
        case "apart":
            return bool(np.nanmin(seen.gaps(*claim.names)) > 0) and seen.reached(*claim.names) is None
        case "stays":
            return bool(np.nanmax(seen.moved(claim.names[0])) <= MOVED)
        case "shown":
            return seen.shown[claim.names[0]] >= SHOWN
    if frames[0] is None:
        return None
    return _waits(claim.names[0], frames[0], seen) if claim.kind == "waits" else _pushed(claim, frames[0], seen)


def _beside(claim: Claim, seen: Seen) -> bool | None:
    """Where the first is at the end, seen from the second."""
    name, other, side = claim.names
    here, there = seen.tracks[name][-1], seen.tracks[other][-1]
    x, z = here[0] - there[0], here[1] - there[1]
    if not np.isfinite(x + z):
        return None
    return bool({"left": -x, "right": x, "above": z, "below": -z}[side] > 0)


def _waits(name: str, reached: float, seen: Seen) -> bool:
    with np.errstate(invalid="ignore"):
        gone = np.flatnonzero(seen.moved(name) > MOVED)
    return not len(gone) or bool(gone[0] >= reached - LATE * float(seen.fps))


def _pushed(claim: Claim, reached: float, seen: Seen) -> bool:
    """It has moved on after it was reached, and not much before."""
    moved = np.nan_to_num(seen.moved(claim.names[0]))
    return _waits(claim.names[0], reached, seen) and bool(moved[int(reached) :].max() > 2 * MOVED)


def question(claim: Claim) -> str:
    """A claim as a yes/no question. A thing known by its colour is `a red ball` at first, since there may be none."""
    if claim.kind == "law" and len(claim.names) == 1:
        return LAWS[claim.names[0]][0]
    return _definite(claim) if reversible(claim) else _counted(claim, "a")


def complement(claim: Claim) -> str:
    """The opposite wording of a claim: yes where `question` is to be answered by no, and no where by yes.

    It takes nothing but the claim, true or not, so that it tells no more of the answer than the claim's own words: the
    other order or side where there is one, else `no red ball` in place of `a red ball`. A claim of another colour would
    be none, as both can be false of a clip. Empty where a claim has none, as it names nothing by its colour.
    """
    if claim.kind == "law" and len(claim.names) == 1:
        return f"{LAWS[claim.names[0]][2]}?"
    if reversible(claim):
        return question(turned(claim))
    thing = coloured(claim)
    if claim.kind == "apart" and thing is not None:
        (other,) = {*claim.names} - {thing}
        return f"Does no {thing} stay clear of {called(other)}?"
    return "" if thing is None else _counted(claim, "no")


def _counted(claim: Claim, article: str) -> str:
    """A claim as a question in which the thing that it knows by its colour has this article where it first stands."""
    asked, thing = _definite(claim), coloured(claim)
    if thing is None:
        return asked
    return asked.replace(called(thing), called(thing).replace("the", article, 1), 1)


def _definite(claim: Claim) -> str:
    if claim.kind == "before":
        first, second = claim.events
        return f"Does {first.asked} before {second.words}?"
    if claim.kind == "beside":
        name, there, side = claim.names
        return f"At the end, is {called(name)} {PLACED[side]} {called(there)}?"
    if claim.kind == "happens":
        return f"Does {claim.events[0].asked}?"
    one, other = called(claim.names[0]), called(claim.names[-1])
    return {
        "apart": f"Do {one} and {other} stay clear of each other?",
        "stays": f"Does {one} stay where it is?",
        "shown": f"Is {one} to be seen throughout, always in that colour?",
        "waits": f"Does {one} keep still until {other} reaches it?",
        "pushed": f"Does {other} set {one} in motion by reaching it?",
        "law": f"Does {other} {LAWS.get(claim.names[0], ('',) * 3)[1]}?",
    }[claim.kind]


def reversible(claim: Claim) -> bool:
    """Whether the other order, or side, makes a claim of the same words: an order of two events of one kind does."""
    return claim.kind == "beside" or (claim.kind == "before" and claim.events[0].kind == claim.events[1].kind)


def turned(claim: Claim) -> Claim:
    """The contrary of a reversible claim: the other order, or the other side."""
    if claim.kind == "before":
        return replace(claim, events=claim.events[::-1])
    name, other, side = claim.names
    return replace(claim, names=(name, other, OPPOSITE[side]))


def mirrored(claim: Claim) -> Claim:
    """The same as a claim that one thing is beside another, told from the other."""
    name, other, side = claim.names
    return replace(claim, names=(other, name, OPPOSITE[side]))


def coloured(claim: Claim) -> str | None:
    """The thing by whose colour a claim can be made false: the first that it names whose name has a colour."""
    events = () if claim.kind == "law" else claim.events  # of a law they only tell when it could show
    names = (*claim.names, *(name for event in events for name in event.names))
    return next((name for name in names if name.partition(" ")[0] in COLOURS), None)


def recoloured(claim: Claim, colour: str) -> Claim:
    """A claim about a thing of another colour in place of `coloured(claim)`."""
    thing = coloured(claim)
    assert thing is not None
    names = {thing: f"{colour} {thing.partition(' ')[2]}"}
    events = (replace(e, name=names.get(e.name, e.name), other=names.get(e.other, e.other)) for e in claim.events)
    return replace(claim, names=tuple(names.get(name, name) for name in claim.names), events=tuple(events))


def open_question(claim: Claim) -> tuple[str, str]:
    """A claim as a question in free words, and the right answer."""
    if claim.kind == "law":
        return f"{LAWS[claim.names[0]][2]}, and if so, what?", "No, nothing does."
    if claim.kind == "before":
        first, second = claim.events
        one, other = sorted((first.words, second.words))
        return f"Which comes first: that {one}, or that {other}?", f"First {first.words}, then {second.words}."
    if claim.kind == "happens":
        (event,) = claim.events
        return f"What does {called(event.name)} do?", f"At some time {event.words}."
    one = called(claim.names[0])
    if claim.kind == "beside":
        other, side = called(claim.names[1]), claim.names[2]
        told = f"{one} is {PLACED[side]} {other}."
        return f"Where is {one} at the end, seen from {other}?", told[0].upper() + told[1:]
    other = called(claim.names[-1])
    return {
        "apart": (f"Do {one} and {other} ever touch?", "No, they stay clear of each other."),
        "stays": (f"Where does {one} go?", "Nowhere, it stays where it is."),
        "shown": (f"What becomes of the look of {one}?", "Nothing: it is to be seen throughout, in the same colour."),
        "waits": (f"When does {one} move for the first time?", f"Only when {other} reaches it."),
        "pushed": (f"What sets {one} in motion?", f"That {other} reaches it."),
    }[claim.kind]

"""What is asked of a scene case: its clear events in order, and claims that its simulation bears out.

`python -m wmenv.worlds.scenes.planning` writes the plans of the shipped cases (`plans.jsonl`), so that no environment
has to simulate a case in order to ask about it; a test makes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import combinations, pairwise

import numpy as np

from wmenv.worlds.scenes.answers import answers
from wmenv.worlds.scenes.catalogue import KEYS, scene
from wmenv.worlds.scenes.claims import LAWS, Claim, holds
from wmenv.worlds.scenes.events import CALLED, MOVED, Event, called, order, started, stopped, when
from wmenv.worlds.scenes.scene import SceneCase
from wmenv.worlds.scenes.seen import Seen

FILE = "plans.jsonl"
SEEDS = 4
"""Seeds 0 to 3 of a scene have plans, where their events are clear."""
MARGIN = 3.0
"""Frames between one event and the next, and between the first or last one and an end of the clip."""
FEWEST, MOST = 2, 5
"""Events of a case."""
WITHIN = 2.0
"""Frames by which the moment of a start or a stop may depend on how much motion is called motion."""
FAR = 6.0
"""Pixels at a width of 128 between things that stay clear of each other."""
BESIDE = 8.0
"""Pixels at a width of 128 by which one thing lies beside another."""
LIMBS = ("upper arm", "forearm", "back thigh", "back shin", "front thigh", "front shin", "trunk", "rod", "cable", "ram")
"""Tracked, but no event is told of them: they have the colour of their neighbours."""
PLAIN = ("ground", "floor", "roof", "wall", "end wall", "lower kerb", "upper kerb", "bin bottom")
"""Names of what lies still that everybody understands though a case's words do not have them."""
CUSHIONS = tuple(f"{side} cushion" for side in ("left", "right", "upper", "lower"))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a case.

    Attributes:
        case_id: The case.
        events: What happens, in order.
        claims: What is true of it besides.
    """

    case_id: str
    events: tuple[Event, ...]
    claims: tuple[Claim, ...]

    def plain(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "case": self.case_id,
            "events": [_plain(event) for event in self.events],
            "claims": [[c.kind, list(c.names), [_plain(event) for event in c.events]] for c in self.claims],
        }


def _plain(event: Event) -> list[str]:
    return [event.kind, *event.names]


@cache
def plans() -> Mapping[str, Plan]:
    """The plans that ship, by case id."""
    lines = resources.files(__package__).joinpath(FILE).read_text("utf-8").splitlines()
    found = {}
    for row in map(json.loads, lines):
        events = tuple(Event(*one) for one in row["events"])
        claims = tuple(Claim(kind, tuple(names), tuple(Event(*e) for e in on)) for kind, names, on in row["claims"])
        found[row["case"]] = Plan(row["case"], events, claims)
    return found


def plan(case: SceneCase) -> Plan | None:
    """The plan of a case, from its simulation; None where too few events are clear.

    Nor has a case one whose order a clip run backwards would have too.
    """
    seen = Seen.simulated(case.rollout)
    told = _told(case)
    moments = {event: frame for event in _candidates(told, seen) if (frame := _clear(event, seen)) is not None}
    events = _spaced(moments)
    if len(events) < FEWEST or not any(_free(*pair) for pair in pairwise(events)):
        return None
    backwards = replace(seen, tracks={name: path[::-1] for name, path in seen.tracks.items()}, contacts=None)
    if order(events, backwards) == tuple(range(len(events))):
        return None
    claims = [claim for claim in _claims(case, events, told, seen) if holds(claim, seen)]
    return Plan(case.id, events, tuple(claims))


def _told(case: SceneCase) -> tuple[str, ...]:
    """Names of what a case's words let everybody tell."""
    words = f"{case.description} {case.instruction}".lower()
    known = [part.name for part in case.world.parts if part.solid and part.name not in LIMBS]
    return tuple(
        name
        for name in known
        if name in words or name in CALLED or name in PLAIN + CUSHIONS or called(name)[4:] in words
    )


def _candidates(told: tuple[str, ...], seen: Seen) -> Iterator[Event]:
    """Everything that could be told, what is told best first."""
    assert seen.contacts is not None
    for contact in seen.contacts:
        pair = (contact.first, contact.second)
        frame = seen.reached(*pair)
        if frame is not None and set(pair) <= set(told):
            yield Event("reaches", *sorted(pair, key=lambda name: -_speed(name, frame, seen)))
    own = [name for name in told if name in seen.tracks and name not in CALLED]
    if seen.world.view == "top":
        for pair in combinations(own, 2):
            if "actor" in {seen.world.part(name).role for name in pair}:
                yield Event("passes", *pair)
                yield Event("passes", *pair[::-1])
    for name in own:
        yield Event("starts", name)
        yield Event("stops", name)


def _speed(name: str, frame: float, seen: Seen) -> float:
    """Pixels that it moves in the three frames before a moment; below zero for what never moves."""
    k = int(frame)
    return float(seen.moved(name, max(0, k - 3))[k]) if name in seen.tracks else -1.0


def _clear(event: Event, seen: Seen) -> float | None:
    """Moment of an event that can be told well enough, else None."""
    frame = when(event, seen)
    if frame is None or not MARGIN - 1 <= frame <= seen.length - MARGIN:
        return None
    moved = seen.moved(event.name)
    if event.kind == "starts":
        if frame < MARGIN + 1:  # what falls or rolls from the first frame on does not start
            return None
        later = started(event.name, seen, 3 * MOVED)
        return frame if later is not None and later - frame <= WITHIN else None
    if event.kind == "stops":
        sooner = stopped(event.name, seen, 2 * MOVED)
        return frame if sooner is not None and frame - sooner <= WITHIN else None
    if _speed(event.name, frame, seen) < MOVED / 2:
        return None
    if event.kind == "reaches" and seen.gaps(*event.names)[0] < FAR:  # it only comes back to what it lay on
        return None
    around = moved[max(0, int(frame) - 3) : int(frame) + 4]
    return frame if float(np.ptp(around)) >= MOVED else None


def _spaced(moments: Mapping[Event, float]) -> tuple[Event, ...]:
    """Events in order, each far enough from the others; those that come first in `moments` are kept."""
    kept: dict[Event, float] = {}
    for event, frame in moments.items():
        if len(kept) < MOST and all(abs(frame - other) >= MARGIN for other in kept.values()):
            kept[event] = frame
    return tuple(sorted(kept, key=lambda event: kept[event]))


def _free(first: Event, second: Event) -> bool:
    """Whether two events could come in the other order; nothing stops before it starts."""
    return first.name != second.name or {first.kind, second.kind} != {"starts", "stops"}


def _claims(case: SceneCase, events: tuple[Event, ...], told: tuple[str, ...], seen: Seen) -> Iterator[Claim]:
    """Claims about a case that may be true."""
    for first, second in pairwise(events):
        if _free(first, second):
            yield Claim("before", (), (first, second))
    yield Claim("happens", (), (events[case.seed % len(events)],))
    for event in events:
        if event.kind == "reaches":
            for name, other in (event.names, event.names[::-1]):
                if name in seen.tracks and seen.world.part(name).role == "mover" and _lay_still(name, event, seen):
                    yield Claim("waits", (name, other), (event,))
                    yield Claim("pushed", (name, other), (event,))
    own = [name for name in told if name in seen.tracks and name not in CALLED]
    yield from _sides(own, seen)
    for name, other in combinations(own, 2):
        if float(seen.gaps(name, other).min()) >= FAR and seen.inside(name).all() and seen.inside(other).all():
            yield Claim("apart", (name, other))
    for name in own:
        if float(seen.moved(name).max()) < MOVED / 4:
            yield Claim("stays", (name,))
    for name in own:
        if seen.world.part(name).role == "mover" and seen.shown[name] == 1.0:
            yield Claim("shown", (name,))
            break
    right = answers(case)
    for law in LAWS:
        if right[law]:
            yield Claim("law", (law,), () if law == "mass" else events)


def _lay_still(name: str, event: Event, seen: Seen) -> bool:
    frame = when(event, seen)
    return frame is not None and float(seen.moved(name)[: int(frame) + 1].max()) < MOVED / 2


def _sides(own: list[str], seen: Seen) -> Iterator[Claim]:
    """Where things lie at the end that lay elsewhere at the start, the clearest first; at most two."""
    found: list[tuple[float, Claim]] = []
    for name, other in combinations(own, 2):
        for axis, sides in ((0, ("left", "right")), (1, ("below", "above"))):
            start, end = ((seen.tracks[name][t, axis] - seen.tracks[other][t, axis]) / seen.pixel for t in (0, -1))
            inside = seen.inside(name)[-1] and seen.inside(other)[-1]
            if inside and abs(end) >= BESIDE and start * end < 0 and abs(start) >= BESIDE / 2:
                side = sides[int(end > 0)]
                found.append((abs(end), Claim("beside", (name, other, side))))
    for _, claim in sorted(found, key=lambda one: -one[0])[:2]:
        yield claim


def made() -> Iterator[Plan]:
    """Plans of all shipped cases that have one, by simulation; liquids are left out, which have no moments."""
    for key in KEYS:
        for seed in range(SEEDS):
            case = scene(key).case(seed)
            found = None if case.world.liquid is not None else plan(case)
            if found is not None:
                yield found


if __name__ == "__main__":
    for one in made():
        print(json.dumps(one.plain()))

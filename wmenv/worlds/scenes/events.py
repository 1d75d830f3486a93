"""Events: what happens to the things of a scene, and when.

An event has one definition, whether it is asked of a simulation or of measured tracks (`seen.Seen`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from wmenv.worlds.scenes.seen import Seen

Kind = Literal["starts", "reaches", "passes", "stops"]

MOVED = 2.0
"""Pixels at a width of 128 from which something that lay still has started to move."""
STILL = 1.5
"""Pixels within which something at rest stays."""
REST = 5 / 16
"""Seconds for which something must lie still to have stopped."""
BESIDE = 4.0
"""Pixels by which one thing was behind the other before it passed it."""

CALLED = {
    "hand": "the person's hand",
    "head": "the person's head",
    "tool": "the arm's tool",
    "hook": "the crane's hook",
    "bin bottom": "the bottom of the bin",
}
"""How parts are called whose name alone says too little."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens once, at a moment.

    Attributes:
        kind: `starts` to move, `reaches` the other, `passes` it from left to right or from right to left, `stops`.
        name: Who does it.
        other: Whom it reaches or passes.
    """

    kind: Kind
    name: str
    other: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Who takes part."""
        return (self.name, self.other) if self.other else (self.name,)

    @property
    def words(self) -> str:
        """As a clause: `the blue ball reaches the right cushion`."""
        match self.kind:
            case "starts":
                return f"{called(self.name)} starts to move"
            case "stops":
                return f"{called(self.name)} comes to rest"
        return f"{called(self.name)} {self.kind} {called(self.other)}"

    @property
    def asked(self) -> str:
        """As it stands in a question: `the blue ball reach the right cushion`."""
        match self.kind:
            case "starts":
                return f"{called(self.name)} start to move"
            case "stops":
                return f"{called(self.name)} come to rest"
        return f"{called(self.name)} {'reach' if self.kind == 'reaches' else 'pass'} {called(self.other)}"


def called(name: str) -> str:
    """A thing with its article."""
    return CALLED.get(name, f"the {name}").replace(" plank", " see-saw")


def narrated(events: Sequence[Event]) -> str:
    """Events in their order, as a prompt: first the ball starts to move, and then the ball reaches the wall."""
    *early, last = (event.words for event in events)
    lead = ["First", *["then"] * (len(early) - 1)]
    parts = [f"{word} {words}" for word, words in zip(lead, early, strict=True)]
    return f"{', '.join(parts)}, and then {last}."


def when(event: Event, seen: Seen) -> float | None:
    """Moment of an event in frames from the start, 0 to T - 1; None where it does not happen or cannot be seen."""
    if not all(name not in seen.tracks or seen.known(name) for name in event.names):
        return None
    match event.kind:
        case "starts":
            frame = started(event.name, seen)
        case "stops":
            frame = stopped(event.name, seen)
        case "reaches":
            frame = seen.reached(event.name, event.other)
        case "passes":
            frame = _passed(event.name, event.other, seen)
    if frame is None or not seen.inside(event.name)[min(int(frame + 0.5), seen.length - 1)]:
        return None
    return frame


def order(events: Sequence[Event], seen: Seen) -> tuple[int, ...]:
    """Indices of the events that happen, in the order in which they do."""
    found = [(frame, k) for k, event in enumerate(events) if (frame := when(event, seen)) is not None]
    return tuple(k for _, k in sorted(found))


def started(name: str, seen: Seen, limit: float = MOVED) -> float | None:
    """First frame from which it is displaced by `limit` pixels twice together, having lain still in the first two."""
    moved = seen.moved(name)
    with np.errstate(invalid="ignore"):
        gone = moved > limit
    both = np.flatnonzero(gone[:-1] & gone[1:])
    return float(both[0]) if len(both) and both[0] > 1 else None


def stopped(name: str, seen: Seen, limit: float = STILL) -> float | None:
    """First frame from which it stays within `limit` pixels of where it ends, having been elsewhere."""
    left = seen.moved(name, -1)
    if not np.isfinite(left[-1]):
        return None
    with np.errstate(invalid="ignore"):
        away = np.flatnonzero(~(left <= limit))
    if not len(away) or seen.length - away[-1] - 1 < REST * seen.fps or not np.nanmax(left) > 2 * MOVED:
        return None
    return float(away[-1] + 1)


def _passed(name: str, other: str, seen: Seen) -> float | None:
    """First frame in which it is level along x, having been behind; it has gone farther than the other."""
    ahead = (seen.tracks[name][:, 0] - seen.tracks[other][:, 0]) / seen.pixel
    side = np.sign(ahead[0])
    with np.errstate(invalid="ignore"):
        crossed = np.flatnonzero(ahead * side <= 0)
    if not len(crossed) or not abs(ahead[0]) >= BESIDE:
        return None
    gone, went = (abs(seen.tracks[one][crossed[0], 0] - seen.tracks[one][0, 0]) for one in (name, other))
    return float(crossed[0]) if gone > went else None

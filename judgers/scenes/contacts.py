"""Who may have touched whom between two frames, and which way: only what nothing can have touched must move freely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.colours import FAINT, chroma
from wmenv.judgers.scenes.silhouette import Window
from wmenv.judgers.scenes.track import COVERED, Track
from wmenv.judgers.scenes.tracking import LEVEL, Tracker
from wmenv.worlds.scenes.shapes import closest, distance, reach, shared
from wmenv.worlds.scenes.world import GRAVITY, Colour, Part, World

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

FAR = 9.0
"""Gap, metres, where there is nothing."""
LOOK = 30.0
"""Pixels around a mover within which pixels of actors and liquids are looked for."""
_TURNS = np.arange(16) * np.pi / 8
ALL_WAYS = np.concatenate([np.zeros((1, 2)), np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=-1)])
RIM = 2.0
"""Pixels around a silhouette that belong to it."""
SHOWS = 0.3
"""Share of a pixel that must show a colour; codecs thin colours out."""
REACHABLE = 1.5
"""Contact may have happened where gap over speed before, plus gap over speed after, is below it (frames)."""
SLACK = 0.8
"""Pixels by which a measured gap may be too large, and pixels a frame by which a speed may be too small."""
HELD = 1.6
"""The same of hands, which hold what they carry a little apart."""
SOFTENED = 0.5
"""Share by which both rise for every pixel by which a clip is soft."""
DEEP = 2.0
"""Pixels that two must be in each other to overlap: the places of both are measured."""
UPWARD = 0.5
"""Least share of a direction that is upward, of a contact that carries."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Something that a mover may touch.

    Attributes:
        normals: (T, N, 2) directions in which it can push the mover, friction apart; N = 0 where any is possible, as
            for hands that hold.
        possible: (T - 1,) whether the two may have touched between a frame and the next.
        speeds: (T - 1, N, 2) metres a frame, how it may move where they touch, from a frame to the next; None where
            that is not known.
    """

    normals: FloatArray
    possible: BoolArray
    speeds: FloatArray | None = None


class Gaps:
    """Distances between a mover and all that could touch it, metres, by frame.

    Attributes:
        sources: What could touch it and came near.
        solid: (T,) distance to what never moves; negative inside.
        others: (T,) to movers and actors that are seen or may be there, and to a liquid.
        touched: (T - 1,) whether anything may have touched it between a frame and the next.
        handled: (T - 1,) whether a mover, an actor or a liquid may have.
        carried: (T - 1,) whether something may have touched it that can push up.
        overlap: (T,) largest share of its area, or of the other's where that is smaller, that lies in something else.
    """

    def __init__(self, name: str, tracks: Mapping[str, Track], tracker: Tracker) -> None:
        """Measure them for one mover."""
        track, world = tracks[name], tracker.world
        frames = len(track.pose)
        self.sources: list[Source] = []
        self.solid, self.others, self.overlap = (np.full(frames, FAR), np.full(frames, FAR), np.zeros(frames))
        self.touched, self.handled, self.carried = np.zeros((3, frames - 1), bool)
        self.scale, self.soft = tracker.scale, 1 + SOFTENED * tracker.softness
        self.fps, self.pull = tracker.fps, GRAVITY / tracker.fps**2 if world.view == "side" else 0.0
        for part in (p for p in world.parts if p.role == "static" and p.solid):
            self._stand(track, part)
        for other, one in tracks.items():
            if other != name:
                alone = sum(part.colour == one.part.colour for part in world.parts if part.moves) == 1
                self._meet(track, one, alone, None if other in tracker.facts.elastic else _speeds(one, track))
        for colour in _painted_ones(world) - {track.part.colour}:
            known = [one for one in tracks.values() if one.part.colour == colour and one.part.role == "actor"]
            painted = np.array([_painted(track, t, colour, known, tracker) for t in range(frames)])
            self._add(False, painted, np.zeros((frames, 0, 2)), _fastest(known))

    def _stand(self, track: Track, part: Part) -> None:
        """Add what never moves."""
        place = np.array([*part.at, part.angle])
        found = [closest(track.part, pose, part, place) for pose in track.pose]
        gap, ways = np.array([one[0] for one in found]), np.stack([one[1] for one in found])
        self._add(True, gap, ways, np.tile([part.belt / self.fps, 0.0], (len(gap) - 1, 1, 1)))
        for t in () if track.reshaped else np.flatnonzero(gap * self.scale < -DEEP):
            self.overlap[t] = max(self.overlap[t], shared(track.part, track.pose[t], part, place))

    def _meet(self, track: Track, other: Track, alone: bool, speeds: FloatArray | None) -> None:
        """Add something that is tracked; an actor may hold the mover, and pushes anyhow.

        One that changes its shape as well has a surface that moves otherwise than its middle, so that its speed is not
        known. One that is gone may be anywhere.

        Limbs of one colour are easily taken for each other, and have no shape of their own: one that is not alone of
        its colour overlaps where it is found as well as at first, in two frames on end.
        """
        pairs = zip(track.pose, other.pose, strict=True)
        found = [closest(track.part, here, other.part, there) for here, there in pairs]
        gap = np.array([one[0] for one in found])
        ways = np.stack([one[1] for one in found])[:, : 0 if other.part.role == "actor" else 2]
        self._add(False, gap, ways, speeds)
        missing = ~other.seen & (other.clear > COVERED)
        self._add(False, np.where(missing, 0.0, FAR), np.zeros((len(gap), 0, 2)), None)
        told = alone or other.part.role == "mover"
        if abs(other.part.y) < LEVEL and not (track.reshaped or (told and other.reshaped)):
            there = other.seen & other.kept if told else other.sure
            common = np.zeros(len(gap))
            for t in np.flatnonzero((gap * self.scale < -DEEP) & there):
                common[t] = shared(track.part, track.pose[t], other.part, other.pose[t])
            if not told:
                around = np.pad(common, 1)
                common = np.minimum(common, np.maximum(around[:-2], around[2:]))
            self.overlap = np.maximum(self.overlap, common)

    def _add(self, solid: bool, gap: FloatArray, normals: FloatArray, speeds: FloatArray | None) -> None:
        upward = normals[..., 1].max(axis=1, initial=0.0)
        met = possible(gap, self.scale, self.pull * upward, self.soft * (SLACK if normals.shape[1] else HELD))
        if solid:
            self.solid = np.minimum(self.solid, gap)
        else:
            self.others = np.minimum(self.others, gap)
            self.handled |= met
        self.touched |= met
        if met.any():
            self.sources.append(Source(normals, met, speeds))
            up = upward > UPWARD if normals.shape[1] else np.ones(len(gap), bool)
            self.carried |= met & (up[1:] | up[:-1])


def _painted_ones(world: World) -> set[Colour]:
    """Colours of actors and of a liquid; grey ones look like the ground."""
    actors = {part.colour for part in world.parts if part.role == "actor"}
    vivid = {colour for colour in actors if np.hypot(*chroma(np.array(colour))) > FAINT}
    return vivid if world.liquid is None else vivid | {world.liquid.colour}


def _painted(track: Track, t: int, colour: Colour, known: Sequence[Track], tracker: Tracker) -> float:
    """Distance to the nearest pixel of a colour that is not of something followed: a limb, or what was lost."""
    window = Window(tracker.world.camera, tracker.size, track.pose[t, :2], reach(track.part) + LOOK / tracker.scale)
    shows = np.asarray(window.of(tracker.masks[colour][t]), float) > SHOWS
    for one in known:
        if one.seen[t]:
            shows &= distance(one.part, one.pose[t], window.points) * tracker.scale > RIM
    points = window.points[shows]
    return float(distance(track.part, track.pose[t], points).min()) if len(points) else FAR


def _speeds(other: Track, track: Track) -> FloatArray:
    """(T - 1, 2, 2) how another thing moves, at its centre and at that of the one it may touch; NaN where in doubt."""
    step = _steps(other)
    arm = (track.pose - other.pose)[:-1, :2]
    turning = step[:, 2:] * np.stack([-arm[:, 1], arm[:, 0]], axis=-1)
    return np.stack([step[:, :2], step[:, :2] + turning], axis=1)


def _fastest(known: Sequence[Track]) -> FloatArray | None:
    """(T - 1, N, 2) all ways in which limbs may move, as fast as the fastest that is followed; NaN where in doubt."""
    if not known:
        return None
    steps = [(_steps(one), reach(one.part)) for one in known]
    speed = np.max([np.hypot(step[:, 0], step[:, 1]) + np.abs(step[:, 2]) * arm for step, arm in steps], axis=0)
    return np.asarray(speed[:, None, None] * ALL_WAYS)


def _steps(track: Track) -> FloatArray:
    """(T - 1, 3) from frame to frame; NaN where a thing was not found as surely as at first."""
    step = np.diff(track.pose, axis=0)
    step[~(track.sure[1:] & track.sure[:-1])] = np.nan
    return np.asarray(step)


def possible(gap: FloatArray, scale: float, pull: FloatArray | float = 0.0, slack: float = SLACK) -> BoolArray:
    """(T - 1,) whether contact may have happened between a frame and the next.

    Two that met between frames came nearer before and part after. At these rates the way to each other and the way
    apart take one frame together; half a frame more is allowed. What touches in a frame touches before and after it.
    Before the first and after the last frame they may have been as fast as on the other way.

    Args:
        gap: (T,) metres.
        scale: Pixels per metre.
        pull: (T,) metres a frame by which gravity draws them together from frame to frame.
        slack: See `SLACK`.
    """
    step = np.diff(gap)
    slack = slack / scale
    drawn = np.broadcast_to(pull, gap.shape)
    before = np.maximum(-np.concatenate([step[:1], step[:-1]]), 0.0) + slack + drawn[:-1]
    after = np.maximum(np.concatenate([step[1:], step[-1:]]), 0.0) + slack + drawn[1:]
    before[0], after[-1] = max(before[0], after[0]), max(after[-1], before[-1])
    room = np.maximum(gap - slack, 0.0)
    close = room == 0
    return np.asarray((room[:-1] / before + room[1:] / after < REACHABLE) | close[:-1] | close[1:])

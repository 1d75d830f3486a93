"""Who may have touched whom between two frames, and which way: only what nothing can have touched must move freely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.colours import FAINT, chroma
from wmenv.judgers.scenes.silhouette import Window
from wmenv.judgers.scenes.track import Track
from wmenv.judgers.scenes.tracking import Tracker
from wmenv.worlds.scenes.shapes import closest, distance, outline, push, reach, shared
from wmenv.worlds.scenes.world import GRAVITY, Part

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

FAR = 9.0
"""Gap, metres, where there is nothing."""
LOOK = 30.0
"""Pixels around a mover within which pixels of actors and liquids are looked for."""
SHOWS = 0.3
"""Share of a pixel that must show a colour; codecs thin colours out."""
REACHABLE = 1.5
"""Contact may have happened where gap over speed before, plus gap over speed after, is below it (frames)."""
SLACK = 0.8
"""Pixels by which a measured gap may be too large, and pixels a frame by which a speed may be too small."""
UPWARD = 0.5
"""Least share of a direction that is upward, of a contact that carries."""
LEVEL = 0.05
"""Metres off the plane up to which a thing is in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Something that a mover may touch.

    Attributes:
        normals: (T, N, 2) directions in which it can push the mover, friction apart; N = 0 where any is possible, as
            for hands that hold.
        possible: (T - 1,) whether the two may have touched between a frame and the next.
    """

    normals: FloatArray
    possible: BoolArray


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
        self.scale = tracker.scale
        self.pull = GRAVITY / tracker.fps**2 if world.view == "side" else 0.0
        for part in (p for p in world.parts if p.role == "static" and p.solid):
            self._stand(track, part)
        for other, one in tracks.items():
            if other != name:
                alone = sum(part.colour == one.part.colour for part in world.parts if part.moves) == 1
                self._meet(track, one, alone)
        painted = np.array([self._painted(track, t, tracker) for t in range(frames)])
        self._add(False, painted, np.zeros((frames, 0, 2)))

    def _stand(self, track: Track, part: Part) -> None:
        """Add what never moves."""
        place = np.array([*part.at, part.angle])
        edges = np.stack([outline(track.part, pose) for pose in track.pose])
        distances = distance(part, place, edges)
        gap, nearest = distances.min(axis=1), distances.argmin(axis=1)
        ways = push(part, place, edges[np.arange(len(edges)), nearest])[:, None]
        self._add(True, gap, ways)
        for t in np.flatnonzero(gap < 0):
            self.overlap[t] = max(self.overlap[t], shared(track.part, track.pose[t], part, place))

    def _meet(self, track: Track, other: Track, alone: bool) -> None:
        """Add something that is tracked; an actor may hold the mover, and pushes anyhow.

        Limbs of one colour are easily taken for each other: only what is alone of its colour overlaps for sure.
        """
        pairs = zip(track.pose, other.pose, strict=True)
        found = [closest(track.part, here, other.part, there) for here, there in pairs]
        gap = np.array([one[0] for one in found])
        ways = np.stack([one[1] for one in found])[:, : 0 if other.part.role == "actor" else 2]
        self._add(False, gap, ways)
        if abs(other.part.y) < LEVEL and (alone or other.part.role == "mover"):
            for t in np.flatnonzero((gap < 0) & other.seen & other.kept):
                self.overlap[t] = max(self.overlap[t], shared(track.part, track.pose[t], other.part, other.pose[t]))

    def _add(self, solid: bool, gap: FloatArray, normals: FloatArray) -> None:
        upward = normals[..., 1].max(axis=1, initial=0.0)
        met = possible(gap, self.scale, self.pull * upward)
        if solid:
            self.solid = np.minimum(self.solid, gap)
        else:
            self.others = np.minimum(self.others, gap)
            self.handled |= met
        self.touched |= met
        if met.any():
            self.sources.append(Source(normals, met))
            up = upward > UPWARD if normals.shape[1] else np.ones(len(gap), bool)
            self.carried |= met & (up[1:] | up[:-1])

    def _painted(self, track: Track, t: int, tracker: Tracker) -> float:
        """Distance to the nearest pixel of the colour of an actor or a liquid; grey ones look like the ground."""
        world = tracker.world
        colours = {p.colour for p in world.parts if p.role == "actor" and np.hypot(*chroma(np.array(p.colour))) > FAINT}
        colours -= {track.part.colour}
        if world.liquid is not None:
            colours.add(world.liquid.colour)
        nearest = FAR
        for colour in colours:
            window = Window(world.camera, tracker.size, track.pose[t, :2], reach(track.part) + LOOK / tracker.scale)
            points = window.points[np.asarray(window.of(tracker.masks[colour][t]), float) > SHOWS]
            if len(points):
                nearest = min(nearest, float(distance(track.part, track.pose[t], points).min()))
        return nearest


def possible(gap: FloatArray, scale: float, pull: FloatArray | float = 0.0) -> BoolArray:
    """(T - 1,) whether contact may have happened between a frame and the next.

    Two that met between frames came nearer before and part after. At these rates the way to each other and the way
    apart take one frame together; half a frame more is allowed.

    Args:
        gap: (T,) metres.
        scale: Pixels per metre.
        pull: (T,) metres a frame by which gravity draws them together from frame to frame.
    """
    step = np.diff(gap)
    slack = SLACK / scale
    drawn = np.broadcast_to(pull, gap.shape)
    before = np.maximum(-np.concatenate([step[:1], step[:-1]]), 0.0) + slack + drawn[:-1]
    after = np.maximum(np.concatenate([step[1:], step[-1:]]), 0.0) + slack + drawn[1:]
    room = np.maximum(gap - slack, 0.0)
    return np.asarray(room[:-1] / before + room[1:] / after < REACHABLE)

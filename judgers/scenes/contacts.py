"""Who may have touched whom between two frames: only what nothing can have touched must move freely."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.silhouette import Window, reach
from wmenv.judgers.scenes.tracking import Track, Tracker
from wmenv.worlds.scenes.shapes import apart, distance, outline

FloatArray = NDArray[np.float64]

FAR = 9.0
"""Gap, metres, where there is nothing."""
LOOK = 30.0
"""Pixels around a mover within which pixels of actors and liquids are looked for."""
REACHABLE = 1.5
"""Contact may have happened where gap over speed before, plus gap over speed after, is below it (frames)."""
SLACK = 0.8
"""Pixels by which a measured gap may be too large, and pixels a frame by which a speed may be too small."""


class Gaps:
    """Distances between a mover and all that could touch it, metres, by frame.

    Attributes:
        solid: (T,) to what never moves; negative inside.
        others: (T,) to movers and actors that are seen or may be there, and to a liquid.
        touched: (T - 1,) whether anything may have touched it between a frame and the next.
        handled: (T - 1,) whether a mover, an actor or a liquid may have.
        overlap: (T,) deepest overlap with another mover or a solid, metres; actors, which may stand in front, left out.
    """

    def __init__(self, name: str, tracks: Mapping[str, Track], tracker: Tracker) -> None:
        """Measure them for one mover."""
        track, world = tracks[name], tracker.world
        frames = len(track.pose)
        statics = [p for p in world.parts if p.role == "static" and p.solid]
        self.solid, self.others, self.overlap = (np.full(frames, FAR), np.full(frames, FAR), np.zeros(frames))
        for t in range(frames):
            edge = outline(track.part, track.pose[t])
            for part in statics:
                gap = float(distance(part, np.array([*part.at, part.angle]), edge).min())
                self.solid[t] = min(self.solid[t], gap)
            self.overlap[t] = max(0.0, -self.solid[t])
        self.touched = possible(self.solid, _steps(track.pose), tracker.scale)
        self.handled = np.zeros(frames - 1, bool)
        for other, one in tracks.items():
            if other != name:
                pairs = zip(track.pose, one.pose, strict=True)
                between = np.array([apart(track.part, here, one.part, there) for here, there in pairs])
                self._meet(between, _steps(track.pose - one.pose), tracker.scale)
                if one.part.role == "mover":
                    self.overlap = np.maximum(self.overlap, np.where(one.seen, -between, 0.0))
        painted = np.array([self._painted(track, t, tracker) for t in range(frames)])
        own = _steps(track.pose)
        swift = [_steps(one.pose) for one in tracks.values() if one.part.role == "actor"]
        self._meet(painted, own + np.max([0 * own, *swift], axis=0), tracker.scale)
        self.touched |= self.handled

    def _meet(self, gap: FloatArray, steps: FloatArray, scale: float) -> None:
        self.others = np.minimum(self.others, gap)
        self.handled |= possible(gap, steps, scale)

    def _painted(self, track: Track, t: int, tracker: Tracker) -> float:
        """Distance to the nearest pixel of the colour of an actor or a liquid."""
        world = tracker.world
        colours = {p.colour for p in world.parts if p.role == "actor"} - {track.part.colour}
        if world.liquid is not None:
            colours.add(world.liquid.colour)
        nearest = FAR
        for colour in colours:
            window = Window(world.camera, tracker.size, track.pose[t, :2], reach(track.part) + LOOK / tracker.scale)
            points = window.points[np.asarray(window.of(tracker.masks[colour][t]), float) > 0.5]
            if len(points):
                nearest = min(nearest, float(distance(track.part, track.pose[t], points).min()))
        return nearest


def _steps(pose: FloatArray) -> FloatArray:
    """(T - 1,) metres from each frame to the next."""
    return np.asarray(np.linalg.norm(np.diff(pose[:, :2], axis=0), axis=1))


def possible(gap: FloatArray, steps: FloatArray, scale: float) -> NDArray[np.bool_]:
    """(T - 1,) whether contact may have happened between a frame and the next.

    Args:
        gap: (T,) metres.
        steps: (T - 1,) metres that the two moved against each other.
        scale: Pixels per metre.
    """
    step = steps + SLACK / scale
    before = np.concatenate([step[:1], step[:-1]])
    after = np.concatenate([step[1:], step[-1:]])
    room = np.maximum(gap - SLACK / scale, 0.0)
    return np.asarray(room[:-1] / np.maximum(before, step) + room[1:] / np.maximum(after, step) < REACHABLE)

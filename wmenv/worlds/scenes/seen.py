"""What a clip shows of the things of a scene, from the simulation or measured in pixels, in one form.

Whoever asks what happened asks it of this; the answer to a question is then one function, whatever it is asked of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.rollout import Contact, Rollout
from wmenv.worlds.scenes.shapes import apart, outline
from wmenv.worlds.scenes.world import Part, World

FloatArray = NDArray[np.float64]

SECONDS = 2
"""What is asked of a case is asked of as many seconds from its start."""
CLOSE = 1.2
"""Gap, pixels at a width of 128, from which two silhouettes touch."""
INTO = 0.3
"""Overlap, pixels, to which two things would have come by the next frame had nothing turned them away."""
TURNED = 0.8
"""Pixels by which they stay farther apart than that; more where they would not have come to such an overlap."""
AWAY = 3.0
"""Gap, pixels, that two things had before one reached the other."""
OTHER = 60.0
"""Grey levels, in any channel, from which a simulated thing is drawn in another colour than its own."""
LOST = 4
"""Frames; who is lost for longer is not known to have been anywhere meanwhile."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What a clip shows.

    Attributes:
        world: Shapes, sizes and the camera; of a measured clip the public ones.
        fps: Frames per second.
        tracks: (T, 3) by name: x, z in metres and angle in radians, NaN where it was not seen.
        contacts: What touched, where it was simulated; None where silhouettes have to tell.
        shown: By name, the share of frames in which it was seen in its own colour.
    """

    world: World
    fps: Fraction
    tracks: Mapping[str, FloatArray]
    contacts: tuple[Contact, ...] | None = None
    shown: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def simulated(cls, rollout: Rollout) -> Seen:
        """The truth of a clip, as drawn; contacts are those of the engine."""
        last = _frames(rollout.fps)
        tracks = {name: path[:last] for name, path in rollout.tracks().items()}
        own = np.array([part.colour for part in rollout.world.parts], float)
        here = np.abs(rollout.drawn[..., :2] - rollout.world.camera.centre).max(axis=-1)
        seen = rollout.look.visible & (here < rollout.world.camera.half_width)
        shown = (seen & (np.abs(rollout.look.colour - own).max(axis=-1) < OTHER))[:last].mean(axis=0)
        names = [part.name for part in rollout.world.parts]
        return cls(rollout.world, rollout.fps, tracks, rollout.contacts, dict(zip(names, shown.tolist(), strict=True)))

    @classmethod
    def measured(
        cls,
        world: World,
        fps: Fraction,
        poses: Mapping[str, FloatArray],
        found: Mapping[str, NDArray[np.bool_]],
        own: Mapping[str, NDArray[np.bool_]],
    ) -> Seen:
        """What was measured; short losses are bridged by straight lines, for long ones nothing is known.

        Args:
            world: Of the public facts.
            fps: Of the clip.
            poses: (T, 3) by name.
            found: (T,) by name, whether it was seen.
            own: (T,) by name, whether what was seen of it had its own colour.
        """
        last = _frames(fps)
        tracks = {name: _bridged(path[:last], found[name][:last]) for name, path in poses.items()}
        shown = {name: float((found[name] & own[name])[:last].mean()) for name in poses}
        return cls(world, fps, tracks, shown=shown)

    @cached_property
    def pixel(self) -> float:
        """Metres of a pixel at a width of 128."""
        return 1.0 / self.world.camera.scale(128)

    @property
    def length(self) -> int:
        """Frames."""
        return len(next(iter(self.tracks.values())))

    def known(self, name: str) -> bool:
        """Whether a thing was seen in half of the frames at least."""
        return name in self.tracks and bool(np.isfinite(self.tracks[name][:, 0]).mean() >= 0.5)

    def inside(self, name: str) -> NDArray[np.bool_]:
        """(T,) whether its centre lies in the picture."""
        camera = self.world.camera
        offset = np.abs(self.tracks[name][:, :2] - np.asarray(camera.centre))
        return np.asarray((offset < camera.half_width).all(axis=-1))

    def moved(self, name: str, since: int = 0) -> FloatArray:
        """(T,) pixels by which its edge is displaced from where it was in a frame; turns of round things do not show.

        Args:
            name: The thing.
            since: The frame; -1 is the last.
        """
        path, part = self.tracks[name], self.world.part(name)
        if part.shape in ("ball", "disc"):
            return np.asarray(np.linalg.norm(path[:, :2] - path[since, :2], axis=1) / self.pixel)
        edges = np.array([outline(part, pose, 8) for pose in path])
        return np.asarray(np.linalg.norm(edges - edges[since], axis=-1).max(axis=-1) / self.pixel)

    def gaps(self, name: str, other: str) -> FloatArray:
        """(T,) pixels between two things; negative where they overlap, NaN where one is not seen."""
        first, second = self.world.part(name), self.world.part(other)
        pairs = zip(self._path(first), self._path(second), strict=True)
        return np.array([apart(first, here, second, there) for here, there in pairs]) / self.pixel

    def reached(self, name: str, other: str) -> float | None:
        """When two things that were apart first touch, in frames; None where they do not.

        In a simulated clip that is a contact of the engine. In a measured one they touch where the gap closes, or
        where both would have run into each other by the next frame and have not: a ball rebounds between frames.
        """
        gaps = self.gaps(name, other)
        away = np.fmax.accumulate(gaps) >= AWAY
        if self.contacts is None:
            return self._met(name, other, gaps, away)
        for contact in self.contacts:
            if {contact.first, contact.second} == {name, other}:
                for k in np.flatnonzero(contact.touched[: self.length]).tolist():
                    if k and away[k - 1]:
                        start = contact.start * float(self.fps)
                        return start if k - 1 <= start <= k else k - 0.5
        return None

    def _met(self, name: str, other: str, gaps: FloatArray, away: NDArray[np.bool_]) -> float | None:
        first, second = self.world.part(name), self.world.part(other)
        here, there = self._path(first), self._path(second)
        for k in np.flatnonzero(away).tolist():
            if gaps[k] <= CLOSE:
                return k - 0.5 if k else 0.0
            if 0 < k < len(gaps) - 1:
                ahead = apart(first, 2 * here[k] - here[k - 1], second, 2 * there[k] - there[k - 1]) / self.pixel
                if ahead < CLOSE and gaps[k + 1] - ahead > TURNED + max(0.0, ahead + INTO):
                    return float(k + min(1.0, gaps[k] / (gaps[k] - ahead)))
        return None

    def _path(self, part: Part) -> FloatArray:
        if part.name in self.tracks:
            return self.tracks[part.name]
        return np.repeat(np.array([[*part.at, part.angle]]), self.length, axis=0)


def _frames(fps: Fraction) -> int:
    return max(2, round(SECONDS * fps))


def _bridged(path: FloatArray, found: NDArray[np.bool_]) -> FloatArray:
    """(T, 3) with straight lines over losses of up to `LOST` frames, NaN over longer ones."""
    seen = np.flatnonzero(found)
    if not len(seen):
        return np.full_like(path, np.nan)
    frames = np.arange(len(path))
    out = np.stack([np.interp(frames, seen, path[seen, axis]) for axis in range(3)], axis=-1)
    edges = [-1, *seen.tolist(), len(path)]
    for start, stop in pairwise(edges):
        if stop - start - 1 > LOST or (stop > start + 1 and (start < 0 or stop == len(path))):
            out[start + 1 : stop] = np.nan
    return out

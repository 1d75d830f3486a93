"""Poses of known things in a clip: at each frame the silhouette that agrees best with the pixels of its colour."""

from __future__ import annotations

from collections.abc import Mapping, Set

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.colours import ANGLE, FAINT, Colours, Paint, chroma, hue, turned
from wmenv.judgers.scenes.overlap import agreement
from wmenv.judgers.scenes.silhouette import Window
from wmenv.judgers.scenes.steady import Steady
from wmenv.judgers.scenes.track import FOUND, SHOWN, Track
from wmenv.worlds.scenes.facts import Facts
from wmenv.worlds.scenes.shapes import area, distance, reach
from wmenv.worlds.scenes.world import Colour, Part

FloatArray = NDArray[np.float64]

MARGIN = 3.0
"""Pixels around a silhouette that speak against it where they show its colour, in a sharp picture."""
STEPS = (1.0, 0.4, 0.15)
"""Pixels; of the search for a pose."""
TURNED = np.deg2rad(6.0)
"""Angle by which a hue must have turned to be another one."""
NARROW = np.deg2rad(12.0)
"""Angle within which the pixels of one thing have one hue."""
ALIKE = 0.6
"""Least agreement of a silhouette with pixels of another hue than its own."""
TURNS = np.arange(-4, 5) * np.pi / 8
"""Angles to begin with where something is found again and does not fit."""
SPUN = 0.6
"""Radians a frame; a larger change of its spin is a mistake."""
FITTING = 0.75
"""Agreement below which a thing is looked for elsewhere."""
HALF_HIDDEN, LEFT_OVER = 0.8, 1.3
"""Share of a silhouette that shows, and pixels of its colour over those expected, that speak for another pose."""
LARGE = 0.5
"""Share of the area of a thing that another one must have, to be taken for it."""
LEVEL = 0.05
"""Metres off the plane up to which a thing is in it."""
NEAR = 4.0
"""Pixels around the last pose of a thing within which its colour is put down to it."""


class Tracker:
    """Follows everything that is tracked in one clip."""

    def __init__(self, facts: Facts, steady: Steady, depth: FloatArray, fps: float) -> None:
        """Start.

        Args:
            facts: Public facts of the case.
            steady: The clip, levelled.
            depth: (H, W) metres along each ray to what the plate shows.
            fps: Frames per second.
        """
        self.facts, self.world, self.fps = facts, facts.world, fps
        self.size = steady.frames.shape[2]
        self.scale = self.world.camera.scale(self.size)
        self.softness = steady.softness
        self.colours = Colours(steady.frames, steady.plate)
        self.parts = [self.world.parts[k] for k in self.world.labelled]
        self.poses = [np.array([*part.at, part.angle]) for part in self.parts]
        self.speeds = [np.zeros(3) for _ in self.parts]
        self.paints = [Paint.of(part.colour) for part in self.parts]
        self.known = {part.colour for part in self.world.parts if part.moves}
        if self.world.liquid is not None:
            self.known.add(self.world.liquid.colour)
        self.followed = {part.colour for part in self.parts} - {
            part.colour for part in self.world.parts if part.moves and part not in self.parts
        }
        if self.world.liquid is not None:
            self.followed.discard(self.world.liquid.colour)
        beside = {p.colour for p in self.world.parts if p.moves and not (p.solid and abs(p.y) < LEVEL)}
        self.veiling = {colour for colour in beside if np.hypot(*chroma(np.array(colour))) > FAINT}
        if self.world.liquid is not None:
            self.veiling.add(self.world.liquid.colour)
        self.masks = {colour: self.colours.coverage(Paint.of(colour)) for colour in self.known}
        camera = self.world.camera
        across = (np.arange(self.size) + 0.5 - self.size / 2) / self.scale
        self.far = camera.distance * camera.half_width
        self.near = depth / np.sqrt(1 + (across[:, None] ** 2 + across**2) / self.far**2) - self.far
        self.rows: list[list[tuple[FloatArray, FloatArray]]] = [[] for _ in self.parts]

    def run(self) -> Mapping[str, Track]:
        """Follow all through all frames."""
        for t in range(len(self.colours.vivid)):
            for k in range(len(self.parts)):
                self._follow(k, t)
        return {part.name: self._track(k) for k, part in enumerate(self.parts)}

    @property
    def margin(self) -> float:
        """Pixels around a silhouette that speak against it where they show its colour."""
        return MARGIN + 2 * self.softness

    def _window(self, centre: FloatArray, radius: float) -> Window:
        return Window(self.world.camera, self.size, centre, radius, self.softness)

    def _track(self, k: int) -> Track:
        pose = np.array([row[0] for row in self.rows[k]])
        found = np.array([row[1] for row in self.rows[k]])
        agreement, clear, amount, along, across, width, other, shade, open_, shown, long, short = found.T
        spread, axes = np.stack([along, across], axis=-1), np.stack([long, short], axis=-1)
        return Track(self.parts[k], pose, agreement, clear, amount, spread, width, other, shade, open_, shown, axes)

    def _follow(self, k: int, t: int) -> None:
        """Find one thing in one frame."""
        last, speed = self.poses[k], self.speeds[k]
        candidates = [last, last + speed] if t > 1 else [last]
        best, score = self._fitted(k, t, candidates)
        if t and score < FOUND:
            best, score = self._recoloured(k, t, candidates) or (best, score)
        if t and (score < FITTING or self._leaves_over(k, t, best)):
            best, score = self._found_again(k, t, best, score)
        facts = self._measured(k, t, best)
        if facts[0] < FOUND or facts[1] < SHOWN:
            best = self._lost(k, t, last, last + speed)
            facts = self._measured(k, t, best)
        else:
            if t:
                self.speeds[k] = best - last
                if abs(self.speeds[k][2] - speed[2]) > SPUN:
                    self.speeds[k][2] = speed[2]
        self.poses[k] = best
        self.rows[k].append((best, facts))

    def _leaves_over(self, k: int, t: int, pose: FloatArray) -> bool:
        """Whether a pose that is half hidden leaves pixels of its colour unexplained."""
        _, clear, amount = self._measured(k, t, pose)[:3]
        return bool(clear < HALF_HIDDEN and amount > LEFT_OVER)

    def _found_again(self, k: int, t: int, pose: FloatArray, score: float) -> tuple[FloatArray, float]:
        """The better one of a pose and the best one where most pixels of its colour are."""
        far, last = self._elsewhere(k, t), self.poses[k]
        if far is None:
            return pose, score
        angles = (last[2], last[2] + self.speeds[k][2])
        other, better = self._fitted(k, t, [np.array([*far, angle]) for angle in angles])
        if better < FITTING:
            turns = [np.array([*far, last[2] + turn]) for turn in TURNS]
            other, better = max((other, better), self._fitted(k, t, turns), key=lambda one: one[1])
        if better > score + 0.05 or (score >= FITTING and better > FITTING and not self._leaves_over(k, t, other)):
            return other, better
        return pose, score

    def _lost(self, k: int, t: int, last: FloatArray, ahead: FloatArray) -> FloatArray:
        """Where something is taken to be that was not found: further on its way where it can hide there, or leave."""
        places = (last, ahead)
        hidden = [self._measured(k, t, pose)[1] < SHOWN for pose in places]
        return ahead if any(hidden) else last

    def _recoloured(self, k: int, t: int, candidates: list[FloatArray]) -> tuple[FloatArray, float] | None:
        """Pose and agreement where it stands in another hue, which is then taken for its own."""
        own = self.paints[k]
        for paint in self._shades(k, t, candidates):
            self.paints[k] = paint
            pose, score = self._fitted(k, t, candidates, strange=True)
            if score >= ALIKE and not self._taken(k, paint.hue, pose):
                return pose, score
        self.paints[k] = own
        return None

    def _shades(self, k: int, t: int, candidates: list[FloatArray]) -> list[Paint]:
        """Paints that most pixels where it should be have, or most of those around that nothing else explains."""
        part, found = self.parts[k], []
        window = self._around(k, candidates)
        vivid = np.asarray(window.of(self.colours.vivid[t]), bool)
        strange = vivid & ~self._known_hue(k, t, window, self.known)
        for place in (*(vivid & (window.coverage(part, pose) > 0.8) for pose in candidates), strange):
            if place.sum() < 0.4 * area(part) * self.scale**2:
                continue
            paint = self._painted(k, t, window, place)
            angle = np.asarray(window.of(self.colours.angle[t]), float)[place]
            if (np.abs(turned(angle - paint.hue)) < NARROW).mean() > 0.6:
                found.append(paint)
        return found

    def _painted(self, k: int, t: int, window: Window, place: NDArray[np.bool_]) -> Paint:
        """The paint of some pixels: their medians."""
        angle, length, total = (
            np.asarray(window.of(one), float)[place]
            for one in (self.colours.angle[t], self.colours.length[t], self.colours.sum[t])
        )
        own = self.paints[k].hue
        first = float(np.median(turned(angle - own))) + own
        shade = float(np.median(turned(angle - first))) + first
        return Paint(shade, float(np.median(length / np.maximum(total, 1.0))), float(np.median(total)))

    def _taken(self, k: int, shade: float, pose: FloatArray) -> bool:
        """Whether another thing of such a hue is at that place, and large enough to be what is seen there."""
        part = self.parts[k]
        for j, other in enumerate(self.parts):
            alike = abs(float(turned(self.paints[j].hue - shade))) < ANGLE
            near = distance(other, self.poses[j], pose[:2]) < 0.25 * part.extent
            if j != k and alike and near and area(other) > LARGE * area(part):
                return True
        return False

    def _around(self, k: int, candidates: list[FloatArray]) -> Window:
        """The pixels in which something may stand."""
        centre = np.mean([c[:2] for c in candidates], axis=0)
        apart = max(float(np.linalg.norm(c[:2] - centre)) for c in candidates)
        return self._window(centre, reach(self.parts[k]) + apart + 7.0 / self.scale)

    def _fitted(self, k: int, t: int, candidates: list[FloatArray], strange: bool = False) -> tuple[FloatArray, float]:
        """Pose of best agreement by coordinate descent from the best candidate."""
        part = self.parts[k]
        window = self._around(k, candidates)
        mask, care = self._mask(k, t, window, strange)
        scores = [self._agreement(part, c, window, mask, care) for c in candidates]
        best, score = candidates[int(np.argmax(scores))], max(scores)
        turn = self.scale * max(part.size[0], reach(part) * 0.7)
        fixed = part.shape in ("ball", "disc") and not part.details
        for step in STEPS:
            for _ in range(6):
                before = score
                for axis, unit in ((0, 1 / self.scale), (1, 1 / self.scale), (2, 1 / turn)):
                    if axis == 2 and fixed:
                        continue
                    for sign in (-1, 1):
                        tried = best.copy()
                        tried[axis] += sign * step * unit
                        value = self._agreement(part, tried, window, mask, care)
                        if value > score + 1e-6:
                            best, score = tried, value
                            break
                if score <= before + 1e-6:
                    break
        return best, score

    def _mask(self, k: int, t: int, window: Window, strange: bool = False) -> tuple[FloatArray, FloatArray]:
        """Pixels of its hue, and which pixels tell anything: those not hidden by others.

        Where others have its hue, theirs tell nothing; they do while a hue is only supposed to be its own (`strange`).
        """
        mask = np.asarray(window.of(self._own(k)[t]), float)
        vivid = window.of(self.colours.vivid[t])
        care = np.ones(mask.shape, bool)
        care &= ~(vivid & (mask == 0) & (self._known_hue(k, t, window, self.known)))
        care &= ~self._behind(k, window)
        for j, other in enumerate(self.parts):
            alike = other.colour == self.parts[k].colour if strange else self._alike(j, k)
            if j != k and alike:
                care &= window.coverage(other, self.poses[j]) < 0.1
        return mask, care.astype(float)

    def _alike(self, j: int, k: int) -> bool:
        """Whether two things have one hue: they always had, or one has taken it on in the clip."""
        one, other = self.paints[j], self.paints[k]
        coloured = one.saturation < 1.0 and other.saturation < 1.0
        turn = abs(float(turned(one.hue - other.hue)))
        return self.parts[j].colour == self.parts[k].colour or (coloured and turn < ANGLE)

    def _behind(self, k: int, window: Window) -> NDArray[np.bool_]:
        """Pixels where what never moves is in front of a thing."""
        part = self.parts[k]
        front = part.y - (part.depth if part.shape in ("box", "disc") else 0.0)
        return np.asarray(np.asarray(window.of(self.near), float) < front - 0.01)

    def _veiled(self, k: int, t: int, window: Window) -> NDArray[np.bool_]:
        """Pixels where something that shares no plane with a thing may be in front of it, or something of its colour.

        All that is solid is in one plane, and hides nothing else that is.
        """
        veil = np.asarray(window.of(self.colours.vivid[t]), bool) & self._known_hue(k, t, window, self.veiling)
        behind = self._behind(k, window)
        for j, other in enumerate(self.parts):
            if j != k and other.solid and abs(other.y) < LEVEL:
                veil &= distance(other, self.poses[j], window.points) > 0
        for j, other in enumerate(self.parts):
            if j != k and self._alike(j, k):
                veil |= window.coverage(other, self.poses[j]) > 0.1
        for one in self.world.parts:
            if one.role == "static" and one.solid and abs(one.y) < LEVEL:
                behind &= distance(one, np.array([*one.at, one.angle]), window.points) > 0
        return np.asarray(veil | behind)

    def _own(self, k: int) -> FloatArray:
        colour, paint = self.parts[k].colour, self.paints[k]
        if paint == Paint.of(colour):
            return self.masks[colour]
        nearest = min((abs(float(turned(paint.hue - hue(c)))) for c in self.known - {colour}), default=np.pi)
        return self.colours.coverage(paint, max(NARROW, min(ANGLE, nearest / 2)))

    def _known_hue(self, k: int, t: int, window: Window, colours: Set[Colour]) -> NDArray[np.bool_]:
        """Pixels that show one of some colours, of another thing that may be there."""
        angle = np.asarray(window.of(self.colours.angle[t]), float)
        near = np.zeros(angle.shape, bool)
        for colour in colours - {self.parts[k].colour}:
            shows = np.abs(turned(angle - hue(colour))) < ANGLE
            if shows.any() and colour in self.followed:
                there = np.zeros(angle.shape, bool)
                for j, other in enumerate(self.parts):
                    if other.colour == colour:
                        there |= self._near(j, window)
                shows &= there
            near |= shows
        return near

    def _agreement(self, part: Part, pose: FloatArray, window: Window, mask: FloatArray, care: FloatArray) -> float:
        told = care * ~window.details(part, pose) if part.details else care
        return agreement(window, part, pose, mask, told, self.margin)

    def _elsewhere(self, k: int, t: int) -> FloatArray | None:
        """Middle of the pixels of its hue; None where there are too few, or another thing is meant to have it, too.

        Those at a thing that has taken on this hue, or whose hue it has taken on, are left out.
        """
        alike = [j for j in range(len(self.parts)) if j != k and self._alike(j, k)]
        mask = self._own(k)[t] > 0.5
        whole = self._window(np.asarray(self.world.camera.centre, float), 2 * self.size / self.scale)
        for j in alike:
            mask = mask & ~self._near(j, whole)
        meant = any(self.parts[j].colour == self.parts[k].colour for j in alike)
        if meant or mask.sum() < 0.2 * area(self.parts[k]) * self.scale**2:
            return None
        return np.asarray(np.median(whole.points[mask], axis=0))

    def _near(self, j: int, window: Window) -> NDArray[np.bool_]:
        """Pixels within which the colour of a thing is put down to it: its last pose, and as far as it moves."""
        room = NEAR / self.scale + float(np.linalg.norm(self.speeds[j][:2]))
        return np.asarray(distance(self.parts[j], self.poses[j], window.points) < room)

    def _measured(self, k: int, t: int, pose: FloatArray) -> FloatArray:
        """(12,) agreement, clearness, amount, two spreads, width, other colour, hue, and `_outlined`."""
        part = self.parts[k]
        window = self._window(pose[:2], reach(part) * 1.35 + self.margin / self.scale)
        mask, care = self._mask(k, t, window)
        shown = window.coverage(part, pose)
        told = care * ~window.details(part, pose) if part.details else care
        full = area(part) * self.scale**2
        if part.details or self.softness:
            full = max(float((shown * ~window.details(part, pose)).sum()), 1.0)
        clear = float((told * shown).sum()) / full
        agreed = self._agreement(part, pose, window, mask, care)
        expected = float((told * shown).sum())
        wide = _around(window, part, pose, self.scale, 0.35 * reach(part) * self.scale + self.margin)
        amount = float((told * mask * wide).sum()) / max(expected, 1.0)
        spread = _spread(window, pose, told * mask * wide) / np.maximum(_spread(window, pose, told * shown), 1e-6)
        level = np.array([*pose[:2], 0.0])
        width = _spread(window, level, told * mask * wide)[0] / max(_spread(window, level, told * shown)[0], 1e-6)
        vivid = np.asarray(window.of(self.colours.vivid[t]), bool)
        inside = shown > 0.8 * (shown.max(initial=0.0) if self.softness else 1.0)
        strange = vivid & (mask == 0) & ~self._known_hue(k, t, window, self.known)
        other = float((strange & inside).sum()) / max(float(inside.sum()), 1.0)
        core = inside & (mask > 0.5 * (mask[inside].max(initial=0.0) if self.softness else 1.0))
        shade = np.nan
        if core.sum() >= 8:
            paint = self._painted(k, t, window, core)
            shade = paint.hue
            if not self.softness and abs(float(turned(shade - self.paints[k].hue))) > TURNED:
                self.paints[k] = paint
                return self._measured(k, t, pose)
        return np.array([agreed, clear, amount, *spread, width, other, shade, *self._outlined(k, t, pose, window)])

    def _outlined(self, k: int, t: int, pose: FloatArray, window: Window) -> FloatArray:
        """(4,) share that nothing can be in front of, amount of it, and the principal spreads of the pixels.

        Where a part of a thing is missing there, it has sunk into something or has shrunk.
        """
        part = self.parts[k]
        mask, care = np.asarray(window.of(self._own(k)[t]), float), ~self._veiled(k, t, window)
        shown = window.coverage(part, pose)
        if part.details:
            shown, mask = (one * ~window.details(part, pose) for one in (shown, mask))
        expected = max(float((care * shown).sum()), 1.0)
        near = care * mask * _around(window, part, pose, self.scale, 0.35 * reach(part) * self.scale + self.margin)
        spreads = _principal(window, near) / np.maximum(_principal(window, care * shown), 1e-6)
        return np.array([expected / max(float(shown.sum()), 1.0), float(near.sum()) / expected, *spreads])


def _around(window: Window, part: Part, pose: FloatArray, scale: float, margin: float) -> FloatArray:
    """(h, w) 1 within a margin, pixels, of a silhouette, else 0."""
    return (distance(part, pose, window.points) * scale < margin).astype(float)


def _principal(window: Window, weight: FloatArray) -> FloatArray:
    """(2,) largest and smallest standard deviation of weighted pixels, metres."""
    total = weight.sum()
    if total < 4:
        return np.zeros(2)
    flat, points = weight.reshape(-1) / total, window.points.reshape(-1, 2)
    offset = points - flat @ points
    values = np.linalg.eigvalsh((offset * flat[:, None]).T @ offset)
    return np.asarray(np.sqrt(np.maximum(values[::-1], 0.0)))


def _spread(window: Window, pose: FloatArray, weight: FloatArray) -> FloatArray:
    """(2,) standard deviations of weighted pixels along the axes of a pose, metres."""
    total = weight.sum()
    if total < 4:
        return np.zeros(2)
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    offset = window.points - pose[:2]
    out = []
    for axis in ((cos, sin), (-sin, cos)):
        along = offset @ np.array(axis)
        mean = (weight * along).sum() / total
        out.append(np.sqrt(max((weight * (along - mean) ** 2).sum() / total, 0.0)))
    return np.array(out)

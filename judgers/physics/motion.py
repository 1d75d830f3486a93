"""Errors of a tracked clip against the truth, in world units: the science of the physics judger."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.laws import energy, inside_view, scored_pairs
from wmenv.worlds.discs.track import Track
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import FPS, frame_times

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LEAST_SPEED = 1.0
"""Floor of speeds in normalisers, and least error charged for a frame in which a ball is gone, units/s."""

RATE_TOLERANCE = Fraction(1, 20)
"""Share of the nominal rate by which a clip's rate may miss a multiple of it."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """When a clip shows what: the frames of a clip of any rate against the truth of its case.

    Velocities are differenced over about 0.1 s whatever the rate, or noise would grow with it: of a clip of f frames
    a second every floor(f / 10)-th frame is read (f rounded up by 5 % of 10 fps at most).

    Attributes:
        stride: Every stride-th frame of the clip is read; the other attributes speak of those.
        rate: Frames a second that are read, about 10 to 20.
        times: (T,) seconds of the frames up to the end of the case.
        path: (T, B, 2) true positions.
        first: Index of the first predicted frame.
        last: Index of the last frame with every ball wholly inside the view.
        scored: (T,) predicted frames with every ball wholly inside.
        before: (T - 1,) scored frame pairs wholly before the contact.
        after: (T - 1,) scored frame pairs wholly after it.
    """

    stride: int
    rate: Fraction
    times: FloatArray
    path: FloatArray
    first: int
    last: int
    scored: BoolArray
    before: BoolArray
    after: BoolArray

    @classmethod
    def of(cls, truth: DiscTruth, fps: Fraction) -> Timeline:
        """The timeline of a clip of the given rate, at least 10 fps, that lasts as long as the case."""
        stride = int(fps / FPS + RATE_TOLERANCE)  # 30000/1001 fps is 30 fps
        rate = fps / stride
        nominal = frame_times(truth.frames)
        given, end = nominal[truth.given - 1], nominal[-1]
        times = frame_times(int(np.floor((end - nominal[0]) * float(rate) + 1e-6)) + 1, rate)
        path = truth.positions(times)
        inside = inside_view(path[None], truth.radii[None])
        before, after = scored_pairs(inside, times, np.array([truth.contact]), float(given))
        predicted = times > given + 1e-9
        scored = inside[0].all(axis=1) & predicted
        shown = np.flatnonzero(scored)
        first = int(np.argmax(predicted))
        last = int(shown[-1]) if len(shown) else first - 1
        return cls(stride, rate, times, path, first, last, scored, before[0], after[0])

    def headline_pairs(self, truth: DiscTruth) -> BoolArray:
        """The pairs of the paper's velocity error: after the contact of a collision, all of them elsewhere."""
        return self.after if truth.law == "collision" else self.before


@dataclass(frozen=True, slots=True)
class MotionErrors:
    """Errors of one clip, one a criterion, with what the statistics need beside them.

    Attributes:
        errors: Native error by criterion; None where the clip offers nothing to measure.
        lost: (B,) scored frames in which each ball is gone.
        true_speed: Mean over balls of |mean velocity| on the headline pairs, units/s.
        generated_speed: The same of the clip; None where a ball is never seen.
        along: Mean over balls of the clip's mean velocity along the true direction, units/s: negative where a ball was
            turned round; None where a ball is never seen or one truly stands still.
        baselines: Velocity error of copy-last, constant velocity and constant speed at the split's mean, exact.
    """

    errors: dict[str, float | None]
    lost: NDArray[np.int64]
    true_speed: float
    generated_speed: float | None
    along: float | None
    baselines: dict[str, float]


def motion_errors(truth: DiscTruth, timeline: Timeline, found: Track) -> MotionErrors:
    """Compare a track with the truth.

    Args:
        truth: Truth of the case.
        timeline: Timeline of the clip.
        found: Track over the frames `timeline.first` to `timeline.last`.
    """
    first, last = timeline.first, timeline.last
    window = slice(first, last + 1)
    # The frame before the first predicted one was given, so its positions are the true ones.
    true = timeline.path[first - 1 : last + 1]
    position = np.concatenate([true[:1], found.position])
    duration = np.diff(timeline.times[first - 1 : last + 1])[:, None, None]
    pairs = slice(first - 1, last)
    before, after = timeline.before[pairs], timeline.after[pairs]
    headline = timeline.headline_pairs(truth)[pairs]
    true_velocity, velocity = np.diff(true, axis=0) / duration, np.diff(position, axis=0) / duration
    speed = _length(true_velocity)
    deviation = _length(velocity - true_velocity)
    charged = np.where(np.isnan(deviation), np.maximum(speed, LEAST_SPEED), deviation)
    scored = timeline.scored[window]
    both = scored.copy()
    both[1:] &= scored[:-1]
    height, true_height = (position[1:, :, 1] + position[:-1, :, 1]) / 2, (true[1:, :, 1] + true[:-1, :, 1]) / 2
    jump = (deviation * duration[..., 0])[both]
    errors = {
        "velocity": _mean(charged[headline]),
        "continuity": _largest(jump),
        "momentum": _momentum(truth, velocity, true_velocity, speed, (before, after)),
        "energy": _energy(truth, velocity, true_velocity, height, true_height, speed, (before, after)),
        "radius": _largest(np.abs(found.radius / truth.radii - 1)[scored]),
        "colour": _largest(np.linalg.norm(found.colour - truth.colours, axis=-1)[scored] / 255.0),
        "count": float((~found.count_right[scored]).sum()) if scored.any() else None,
    }
    mean_true = _length(true_velocity[headline].mean(axis=0)).mean() if headline.any() else 0.0
    generated = _mean_velocity(velocity[headline])
    return MotionErrors(
        errors=errors,
        lost=np.isnan(found.position[..., 0])[scored].sum(axis=0),
        true_speed=float(mean_true),
        generated_speed=None if generated is None else float(_length(generated).mean()),
        along=None if generated is None else _along(generated, true_velocity[headline].mean(axis=0)),
        baselines=_baselines(truth, timeline, true_velocity, speed, headline),
    )


def _length(vectors: FloatArray) -> FloatArray:
    """Norms of (..., 2) vectors."""
    length: FloatArray = np.hypot(vectors[..., 0], vectors[..., 1])
    return length


def _mean(values: FloatArray) -> float | None:
    return float(values.mean()) if values.size else None


def _largest(values: FloatArray) -> float | None:
    seen = values[~np.isnan(values)]
    return float(seen.max()) if seen.size else None


def _mean_velocity(velocity: FloatArray) -> FloatArray | None:
    """(B, 2) mean velocity of each ball over the pairs in which it was seen; None where one never was."""
    seen = ~np.isnan(velocity[..., 0])
    if not seen.any(axis=0).all() or not len(velocity):
        return None
    mean: FloatArray = np.where(seen[..., None], velocity, 0.0).sum(axis=0) / seen.sum(axis=0)[:, None]
    return mean


def _along(generated: FloatArray, true: FloatArray) -> float | None:
    """Mean over balls of the velocity along the direction of the true one; both (B, 2)."""
    speed = _length(true)
    return float(((generated * true).sum(axis=1) / speed).mean()) if (speed > 0.0).all() else None


def _worst_window(deviation: FloatArray, scale: FloatArray, windows: tuple[BoolArray, BoolArray]) -> float | None:
    """Largest over windows of |mean deviation| / mean scale; pairs with a missing ball are left out."""
    shares = []
    for window in windows:
        window = window & ~np.isnan(deviation).any(axis=-1)
        if window.any():
            shares.append(float(np.linalg.norm(deviation[window].mean(axis=0)) / scale[window].mean()))
    return max(shares) if shares else None


def _momentum(
    truth: DiscTruth, velocity: FloatArray, true: FloatArray, speed: FloatArray, windows: tuple[BoolArray, BoolArray]
) -> float | None:
    mass = truth.starts.mass[0]
    axes = slice(0, 1) if truth.law == "parabola" else slice(0, 2)  # gravity takes vertical momentum
    deviation = (mass[:, None] * (velocity - true)).sum(axis=1)[:, axes]
    return _worst_window(deviation, (mass * np.maximum(speed, LEAST_SPEED)).sum(axis=1), windows)


def _energy(
    truth: DiscTruth,
    velocity: FloatArray,
    true: FloatArray,
    height: FloatArray,
    true_height: FloatArray,
    speed: FloatArray,
    windows: tuple[BoolArray, BoolArray],
) -> float | None:
    mass = truth.starts.mass[0]
    deviation = energy(truth.law, mass, height, velocity) - energy(truth.law, mass, true_height, true)
    scale = (0.5 * mass * np.maximum(speed, LEAST_SPEED) ** 2).sum(axis=1)
    return _worst_window(deviation[:, None], scale, windows)


def _baselines(
    truth: DiscTruth, timeline: Timeline, true: FloatArray, speed: FloatArray, headline: BoolArray
) -> dict[str, float]:
    """Velocity errors of generators of no knowledge, on the same frame pairs, without drawing them."""
    if not headline.any():
        return {}
    times = frame_times(truth.given)[-2:] if truth.given > 1 else None
    held = np.diff(truth.positions(times), axis=0)[0] / np.diff(times)[0] if times is not None else 0.0 * true[0]
    return {
        "copy_last": float(speed[headline].mean()),
        "constant_velocity": float(_length(true - held)[headline].mean()),
        "split_mean_speed": float(np.abs(speed - truth.mean_speed)[headline].mean()),
    }

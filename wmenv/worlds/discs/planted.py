"""Clips with planted faults of many sizes, with labels: what a critic learns from.

`faults` plants the smallest faults that a judger must find, one by one, for exams; here they come in batches, in all
sizes from these on, none, one or two in a clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.discs import Discs, joined
from wmenv.worlds.discs.draw import Frames, draw
from wmenv.worlds.discs.faults import FRAMES_SHOWN, GROWTH, TELEPORT
from wmenv.worlds.discs.laws import inside_view, positions
from wmenv.worlds.discs.splits import draw_starts
from wmenv.worlds.discs.world import Law, frame_times

FAULTS: dict[str, tuple[str, ...]] = {
    "speed": ("velocity",),
    "teleport": ("continuity",),
    "size": ("radius",),
    "vanish": ("count",),
    "colour": ("colour",),
    "blur": ("colour",),
    "noise": ("velocity", "continuity", "radius", "count", "colour"),
}
"""Faults, with the criteria that each breaks. A blurred ball is pale."""

CRITERIA = FAULTS["noise"]

SHARES = {"speed": 0.4, "noise": 0.05}
"""How likely a fault is a wrong speed, which is the hardest to see, and noise; the others share the rest."""

SPEEDS = (0.4, 4.0)
"""Smallest and largest error of a wrong speed, units/s."""
LARGEST_JUMP, LARGEST_GROWTH = 3.0, 2.0
COLOUR_APART = 100.0
"""Least RGB distance of a wrong colour."""


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """N clips.

    Attributes:
        frames: uint8 (N, T, S, S, 3).
        broken: (N, C) which of `CRITERIA` a clip breaks where it can be seen.
        faults: Names of the faults of each clip, visible or not.
    """

    frames: Frames
    broken: NDArray[np.bool_]
    faults: tuple[tuple[str, ...], ...]


def planted_clips(
    law: Law, split: str, seeds: NDArray[np.uint64], rng: np.random.Generator, *, size: int, frames: int, given: int
) -> Planted:
    """Draw clips, a third of them true, a third with one fault, a third with two.

    Args:
        law: The law.
        split: Split that the cases come from.
        seeds: N case seeds.
        rng: Decides the faults.
        size: Side of the picture S, pixels.
        frames: Length T.
        given: Frames at the start that stay true.
    """
    starts, _ = draw_starts(law, split, seeds)
    times = frame_times(frames)
    path = positions(starts, times, "exact")
    state = _reshaped(joined(starts, times), (len(starts), frames))
    inside = inside_view(path, starts.radii)
    broken = np.zeros((len(starts), len(CRITERIA)), dtype=np.bool_)
    others = (1.0 - sum(SHARES.values())) / (len(FAULTS) - len(SHARES))
    shares = [SHARES.get(name, others) for name in FAULTS]
    chosen: list[tuple[str, ...]] = []
    for k in range(len(starts)):
        names = tuple(str(one) for one in rng.choice(list(FAULTS), size=int(rng.integers(3)), replace=False, p=shares))
        chosen.append(names)
        planted = []
        for name in names:
            onset = int(rng.integers(given, frames - FRAMES_SHOWN + 1))
            ball = int(rng.integers(path.shape[2]))
            since = given if name in ("speed", "blur", "noise") else onset
            _plant(name, state, k, ball, since, rng)
            planted.append((name, ball, since))
        for name, ball, since in planted:
            seen = inside[k, since:, ball] if name == "vanish" else (inside & state.present)[k, since:, ball]
            if name == "noise" or seen.sum() >= FRAMES_SHOWN:
                broken[k] |= np.isin(CRITERIA, FAULTS[name])
    clips = draw(_reshaped(state, (len(starts) * frames,)), size).reshape(len(starts), frames, size, size, 3)
    for k, names in enumerate(chosen):
        if "blur" in names:
            clips[k, given:] = _blurred(clips[k, given:], int(rng.integers(1, 4)))
        if "noise" in names:
            clips[k, given:] = _noisy(clips[k, given:], rng)
    return Planted(clips, broken, tuple(chosen))


def _plant(name: str, state: Discs, clip: int, ball: int, since: int, rng: np.random.Generator) -> None:
    """Change the state of a ball from a frame on; (N, T, B, ...) arrays are written in place."""
    there = (clip, slice(since, None), ball)
    if name == "speed":
        place = state.position[clip, since - 1, ball].copy()
        moved = state.position[there] - place
        speed = float(np.linalg.norm(moved[0])) / float(frame_times(2)[1] - frame_times(1)[0])
        error = np.exp(rng.uniform(*np.log(SPEEDS)))
        wrong = speed - error if speed > error and rng.random() < 0.5 else speed + error
        state.position[there] = place + moved * (wrong / max(speed, 1e-3))
    elif name == "teleport":
        angle, jump = rng.uniform(0, 2 * np.pi), rng.uniform(TELEPORT, LARGEST_JUMP)
        state.position[there] += jump * np.array([np.cos(angle), np.sin(angle)])
    elif name == "size":
        state.radius[there] *= rng.uniform(GROWTH, LARGEST_GROWTH) ** rng.choice([-1, 1])
    elif name == "vanish":
        until = since + int(rng.integers(FRAMES_SHOWN, state.present.shape[1] + 1))
        state.present[clip, since:until, ball] = False
    elif name == "colour":
        now = state.colour[clip, since, ball].astype(np.float64)
        other = rng.integers(0, 256, 3)
        while np.linalg.norm(other - now) < COLOUR_APART:
            other = rng.integers(0, 256, 3)
        state.colour[there] = other


def _blurred(frames: Frames, times: int) -> Frames:
    """A box filter of 3 x 3 pixels, so many times."""
    picture = frames.astype(np.float64)
    for _ in range(times):
        wide = np.pad(picture, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        rows = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
        picture = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9.0
    return np.rint(picture).astype(np.uint8)


def _noisy(frames: Frames, rng: np.random.Generator) -> Frames:
    """Up to all of the picture is replaced by noise."""
    share = rng.uniform(0.3, 1.0)
    noise = rng.integers(0, 256, frames.shape)
    return np.rint((1.0 - share) * frames + share * noise).astype(np.uint8)


def _reshaped(discs: Discs, shape: tuple[int, ...]) -> Discs:
    """Copies with another shape in front of the balls' axis: (N T,) as (N, T), or back."""
    balls = discs.radius.shape[-1]
    return Discs(
        position=discs.position.reshape(*shape, balls, 2).copy(),
        radius=discs.radius.reshape(*shape, balls).copy(),
        colour=discs.colour.reshape(*shape, balls, 3).copy(),
        present=discs.present.reshape(*shape, balls).copy(),
        shape=discs.shape.reshape(*shape, balls).copy(),
    )

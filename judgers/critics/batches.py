"""Batches of a training: planted clips beside the ones they were made from, altered alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wmenv.core.errors import InvalidArgument
from wmenv.judgers.critics.course import Course
from wmenv.judgers.critics.form import Form
from wmenv.judgers.critics.lessons import Lessons

NOISE = 0.03
"""Largest standard deviation of noise on every training clip, share of full scale, so that no critic learns to tell a
clip by marks of the renderer that no eye would see."""
SEEN = 3
"""Frames from the onset of a violation on that a window shows at least."""
REHEARSED = 64
"""Batches by which it is reckoned how often a criterion is broken in them."""


class Batch(NamedTuple):
    """B clips, or windows of clips.

    Attributes:
        clips: (B,) which of the lessons.
        frames: (B, T, 3, S, S) in [0, 1].
        targets: (B, C).
        weights: (B, C) of the targets.
    """

    clips: NDArray[np.int64]
    frames: Tensor
    targets: Tensor
    weights: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """Clips that are shown alike.

    Attributes:
        window: Frames that are shown of each.
        broken: By criterion, the clips in which it is broken.
        met: By criterion, those in which it is met.
    """

    window: int
    broken: Mapping[int, NDArray[np.int64]]
    met: Mapping[int, NDArray[np.int64]]

    @classmethod
    def of(cls, lessons: Lessons, window: int, broken: NDArray[np.bool_], met: NDArray[np.bool_]) -> Shelf:
        """Of the clips (N,) among which broken ones, and met ones, are looked for."""
        return cls(
            window,
            {c: np.flatnonzero(lessons.broken[:, c] & broken) for c in range(len(lessons.criteria))},
            {c: np.flatnonzero((lessons.targets[:, c] >= 0.5) & met) for c in range(len(lessons.criteria))},
        )

    @property
    def taught(self) -> list[int]:
        """Criteria that are broken in some and met in others."""
        return [c for c in self.broken if len(self.broken[c]) and len(self.met[c])]


class Batches:
    """Batch k is a function of (seed, k) alone.

    A third are clips that break a criterion, each criterion as often as any other; a third are what those were made
    from, or others that meet it; a third are any that meet it. Where the onset of a violation is known, `windows`
    are taught on one window a clip: one in which the violation sets in, and the same one of its twin. Clips that break
    something nobody knows when come in batches of their own, as many as their share is, and are shown whole.
    """

    def __init__(self, lessons: Lessons, form: Form, course: Course) -> None:
        """Look over the clips.

        Raises:
            InvalidArgument: No criterion is broken in some and met in others, or clips are shorter than a window.
        """
        self.lessons, self.course = lessons, course
        length = lessons.frames.shape[1]
        if length < form.frames or (form.kind != "windows" and length != form.frames):
            raise InvalidArgument(f"clips have {length} frames, the critic is made for {form.frames}")
        faulty, every = lessons.broken.any(axis=1), np.ones(len(lessons), bool)
        dated = lessons.onset >= 0 if form.kind == "windows" else ~every
        shelves = (
            Shelf.of(lessons, form.frames, dated, dated | ~faulty),
            Shelf.of(lessons, length, ~dated, every),
        )
        self.shelves = [one for one in shelves if one.taught]
        if not self.shelves:
            raise InvalidArgument(
                f"there is nothing to learn: no criterion of {', '.join(lessons.criteria)} is broken in some clips and "
                "met in others"
            )
        self.dated = float((faulty & dated).sum() / faulty.sum())
        self.weights = self._even()

    def batch(self, step: int) -> Batch:
        """The batch of a step."""
        rng = np.random.default_rng([self.course.seed, step])
        index, start, window = self._chosen(rng)
        frames = floats(np.stack([self.lessons.frames[k, s : s + window] for k, s in zip(index, start, strict=True)]))
        targets = torch.from_numpy(self.lessons.targets[index])
        weights = torch.where(targets < 0.5, self.weights, 1.0)
        return Batch(index, altered(frames, self.course.alter, rng), targets, weights)

    def _chosen(self, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Indices of clips, the first frame of each that is shown, and how many are."""
        shelf = self.shelves[0] if len(self.shelves) == 1 or rng.random() < self.dated else self.shelves[1]
        lessons, room = self.lessons, self.lessons.frames.shape[1] - shelf.window
        planted, beside, other, start = [], [], [], []
        for c in rng.choice(shelf.taught, self.course.batch // 3):
            k = int(rng.choice(shelf.broken[c]))
            twin, first = int(lessons.twin[k]), int(lessons.onset[k])
            planted.append(k)
            beside.append(twin if twin >= 0 else int(rng.choice(shelf.met[c])))
            other.append(int(rng.choice(shelf.met[c])))
            low = min(room, max(0, first - shelf.window + SEEN))
            start.append(int(rng.integers(low, max(low, min(room, first - 1)) + 1)))
        anywhere = rng.integers(0, room + 1, len(other))
        index = np.array([*planted, *beside, *other])
        return index, np.array([*start, *start, *anywhere]), shelf.window

    def _even(self) -> Tensor:
        """(C,) weights of broken ones with which they weigh as much as the met ones."""
        rng = np.random.default_rng(self.course.seed)
        shown = self.lessons.targets[np.concatenate([self._chosen(rng)[0] for _ in range(REHEARSED)])]
        broken, met = np.nansum(1 - shown, axis=0), np.nansum(shown, axis=0)
        return torch.from_numpy(np.where(broken > 0, met / np.maximum(broken, 1.0), 1.0).astype(np.float32))


def floats(frames: NDArray[np.uint8]) -> Tensor:
    """(N, T, 3, S, S) in [0, 1], of uint8 (N, T, S, S, 3)."""
    return torch.from_numpy(np.moveaxis(frames, -1, 2).astype(np.float32)) / 255.0


def altered(frames: Tensor, how: tuple[str, ...], rng: np.random.Generator) -> Tensor:
    """Other pictures of the same; the k-th of each third is altered as the k-th of the others.

    Args:
        frames: (B, T, 3, S, S), B a multiple of 3.
        how: `mirror` turns left and right about; `hues` deals red, green and blue anew; `noise` adds some.
        rng: Decides it.
    """
    thirds = frames.reshape(3, -1, *frames.shape[1:]).clone()
    for k in range(thirds.shape[1]):
        if "mirror" in how and rng.random() < 0.5:
            thirds[:, k] = thirds[:, k].flip(-1)
        if "hues" in how:
            thirds[:, k] = thirds[:, k][:, :, rng.permutation(3).tolist()]
        if "noise" in how:
            level = NOISE * rng.random()
            thirds[:, k] += level * torch.from_numpy(rng.standard_normal(thirds[:, k].shape, dtype=np.float32))
    return thirds.flatten(0, 1).clamp(0.0, 1.0)

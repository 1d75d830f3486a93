"""Batches of a training: planted clips beside the ones they were made from, altered alike."""

from __future__ import annotations

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


class Batches:
    """Batch k is a function of (seed, k) alone.

    A third are clips that break a criterion, each criterion as often as any other; a third are what those were made
    from, or others that meet it; a third are any that meet it. Where the onset of every violation is known, `windows`
    are taught on one window a clip: one in which the violation sets in, and the same one of its twin.
    """

    def __init__(self, lessons: Lessons, form: Form, course: Course) -> None:
        """Look over the clips.

        Raises:
            InvalidArgument: No criterion is broken in some and met in others, or clips are shorter than a window.
        """
        self.lessons, self.course = lessons, course
        broken, met = lessons.broken, lessons.targets >= 0.5
        self.by_broken = {c: np.flatnonzero(broken[:, c]) for c in range(len(lessons.criteria))}
        self.by_met = {c: np.flatnonzero(met[:, c]) for c in range(len(lessons.criteria))}
        self.taught = [c for c in self.by_broken if len(self.by_broken[c]) and len(self.by_met[c])]
        if not self.taught:
            raise InvalidArgument(
                f"there is nothing to learn: no criterion of {', '.join(lessons.criteria)} is broken in some clips and "
                "met in others"
            )
        length = lessons.frames.shape[1]
        if length < form.frames or (form.kind != "windows" and length != form.frames):
            raise InvalidArgument(f"clips have {length} frames, the critic is made for {form.frames}")
        known = bool((lessons.onset[broken.any(axis=1)] >= 0).all())
        self.window = form.frames if form.kind == "windows" and known else length
        self.weights = self._even()

    def batch(self, step: int) -> Batch:
        """The batch of a step."""
        rng = np.random.default_rng([self.course.seed, step])
        index, start = self._chosen(rng)
        frames = floats(
            np.stack([self.lessons.frames[k, s : s + self.window] for k, s in zip(index, start, strict=True)])
        )
        targets = torch.from_numpy(self.lessons.targets[index])
        weights = torch.where(targets < 0.5, self.weights, 1.0)
        return Batch(index, altered(frames, self.course.alter, rng), targets, weights)

    def _chosen(self, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of clips, and the first frame of each that is shown."""
        lessons, room = self.lessons, self.lessons.frames.shape[1] - self.window
        planted, beside, other, start = [], [], [], []
        for c in rng.choice(self.taught, self.course.batch // 3):
            k = int(rng.choice(self.by_broken[c]))
            twin, first = int(lessons.twin[k]), int(lessons.onset[k])
            planted.append(k)
            beside.append(twin if twin >= 0 else int(rng.choice(self.by_met[c])))
            other.append(int(rng.choice(self.by_met[c])))
            low = min(room, max(0, first - self.window + SEEN))
            start.append(int(rng.integers(low, max(low, min(room, first - 1)) + 1)))
        anywhere = rng.integers(0, room + 1, len(other))
        index = np.array([*planted, *beside, *other])
        return index, np.array([*start, *start, *anywhere])

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

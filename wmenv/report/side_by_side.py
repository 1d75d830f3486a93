"""Two clips as one: what was predicted beside what really happens, at one rate and one size."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from wmenv.core.clip import Clip

Frames = NDArray[np.uint8]
SEPARATOR = 2
"""Pixels between the two halves; even, as H.264 4:2:0 wants."""

TALLEST = 384
"""Taller clips are shown smaller by a whole factor."""

CRISP = 128
"""Smaller clips are shown larger by a whole factor: H.264 4:2:0 halves the resolution of colours."""

SLOWEST, FASTEST = Fraction(1), Fraction(60)
LONGEST = 600
"""Shown frames; whatever rate a clip claims, a report stays of a size that opens."""

_GREY = 128


def side_by_side(predicted: Clip, true: Clip | None) -> Clip:
    """The predicted clip left and the true one right; the predicted one alone where the truth has no clip.

    Both run in their own time: the faster rate is shown, frames of the slower clip are repeated, and a clip
    that ends before the other fades to grey. The true clip is brought to the height of the predicted one by
    taking the nearest pixels.

    Args:
        predicted: What an agent drew.
        true: What the suite knows.

    Returns:
        At most `LONGEST` frames at `SLOWEST` to `FASTEST` frames a second.
    """
    clips = [predicted] if true is None else [predicted, true]
    fps = min(max(SLOWEST, *(clip.fps for clip in clips)), FASTEST)
    seconds = max(len(clip) / clip.fps for clip in clips)
    # Half a frame of grace: durations are rationals and need not be whole numbers of shown frames.
    count = min(LONGEST, max(1, math.ceil(seconds * fps - Fraction(1, 2))))
    shown = [_smaller(_in_time(clip, fps, count)) for clip in clips]
    if len(shown) == 2:
        height = shown[0].shape[1]
        bar = np.full((count, height, SEPARATOR, 3), _GREY, dtype=np.uint8)
        shown = [shown[0], bar, _to_height(shown[1], height)]
    return Clip(np.concatenate(shown, axis=2), fps)


def enlarged(clip: Clip) -> Clip:
    """The clip with every pixel repeated, as often as brings its height to `CRISP` or just under."""
    factor = max(1, CRISP // clip.frames.shape[1])
    return Clip(clip.frames.repeat(factor, axis=1).repeat(factor, axis=2), clip.fps) if factor > 1 else clip


def _in_time(clip: Clip, fps: Fraction, count: int) -> Frames:
    """The frames that are seen at the times k / fps; after the end a greyed last frame."""
    index = np.array([min(int(k * clip.fps / fps), len(clip)) for k in range(count)])
    ended = index == len(clip)
    shown: Frames = clip.frames[np.minimum(index, len(clip) - 1)]
    if ended.any():
        shown[ended] = shown[ended] // 4 + (_GREY - _GREY // 4)
    return shown


def _smaller(frames: Frames) -> Frames:
    """The mean over squares of whole pixels, where a clip is too tall to be embedded."""
    factor = -(-frames.shape[1] // TALLEST)
    if factor == 1 or min(frames.shape[1:3]) < factor:
        return frames
    count, height, width = len(frames), frames.shape[1] // factor, frames.shape[2] // factor
    blocks = frames[:, : height * factor, : width * factor].reshape(count, height, factor, width, factor, 3)
    shrunk: Frames = blocks.mean(axis=(2, 4), dtype=np.float32).round().astype(np.uint8)
    return shrunk


def _to_height(frames: Frames, height: int) -> Frames:
    """Nearest pixels at another height, same proportions."""
    if frames.shape[1] == height:
        return frames
    width = max(1, round(frames.shape[2] * height / frames.shape[1]))
    rows = ((np.arange(height) + 0.5) * frames.shape[1] / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * frames.shape[2] / width).astype(np.intp)
    taken: Frames = frames[:, rows][:, :, columns]
    return taken

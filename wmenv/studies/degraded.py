"""True clips made poor without breaking a law: blurred, noisy, sent through a video codec, warped."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wmenv.core.clip import Clip
from wmenv.core.video import encode_mp4, read_clip

FloatArray = NDArray[np.float64]

WAVES = 3
"""Waves of a warp along each axis."""
PERIOD = 16.0
"""Frames in which its phase turns once."""


def blurred(clip: Clip, sigma: float) -> Clip:
    """A Gaussian of standard deviation sigma, pixels; edges repeated."""
    frames = clip.frames.astype(float)
    reach = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    for axis in (1, 2):
        pad = [(reach, reach) if k == axis else (0, 0) for k in range(4)]
        wide = np.pad(frames, pad, mode="edge")
        count = frames.shape[axis]
        parts = (w * np.take(wide, np.arange(count) + k, axis=axis) for k, w in enumerate(weights / weights.sum()))
        frames = np.sum(list(parts), axis=0)
    return _clip(frames, clip)


def noisy(clip: Clip, levels: float) -> Clip:
    """Gaussian noise of as many grey levels, another one in every frame."""
    return _clip(clip.frames + np.random.default_rng(0).normal(0, levels, clip.frames.shape), clip)


def coded(clip: Clip, crf: int) -> Clip:
    """There and back through H.264."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        path.write_bytes(encode_mp4(clip, crf))
        return read_clip(path)


def warped(clip: Clip, pixels: float) -> Clip:
    """Every point moved by as many pixels at most, smoothly in space and time; the first frame, which is given, not."""
    length, height, width, _ = clip.frames.shape
    y, x = np.mgrid[:height, :width].astype(float)
    frames = clip.frames.astype(float)
    for t in range(1, length):
        phase = 2 * np.pi * t / PERIOD
        dx = pixels * np.sin(2 * np.pi * WAVES * y / height + phase)
        dy = pixels * np.sin(2 * np.pi * WAVES * x / width + 1.3 * phase)
        frames[t] = _sampled(frames[t], y + dy, x + dx)
    return _clip(frames, clip)


def _sampled(picture: FloatArray, y: FloatArray, x: FloatArray) -> FloatArray:
    """Values (H, W, C) at places between pixels, bilinear."""
    y, x = (np.clip(v, 0, n - 1.001) for v, n in zip((y, x), picture.shape, strict=False))
    top, left = y.astype(int), x.astype(int)
    b, a = (y - top)[..., None], (x - left)[..., None]
    upper = picture[top, left] * (1 - a) + picture[top, left + 1] * a
    lower = picture[top + 1, left] * (1 - a) + picture[top + 1, left + 1] * a
    return np.asarray(upper * (1 - b) + lower * b)


def _clip(frames: FloatArray, like: Clip) -> Clip:
    return Clip(np.clip(np.rint(frames), 0, 255).astype(np.uint8), like.fps)


DEGRADATIONS: Mapping[str, Callable[[Clip], Clip]] = {
    "blur of 1 px": partial(blurred, sigma=1.0),
    "noise of 4 levels": partial(noisy, levels=4.0),
    "mp4, crf 18": partial(coded, crf=18),
    "mp4, crf 26": partial(coded, crf=26),
    "mp4, crf 34": partial(coded, crf=34),
    "warp of 0.25 px": partial(warped, pixels=0.25),
    "warp of 0.5 px": partial(warped, pixels=0.5),
    "warp of 1 px": partial(warped, pixels=1.0),
}
"""By name; the first three are slight."""
SLIGHT = tuple(DEGRADATIONS)[:3]

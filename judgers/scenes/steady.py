"""Frames brought to one brightness and one sharpness, so that a poor picture is not taken for a broken law.

Things are measured against the first frame. Where later frames are darker, softer or noisier, each of these looks like
another size, shape or speed. What is still to be seen is seen best when all frames are as soft as the softest, noisy
ones softened besides, and silhouettes are expected as soft.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.colours import FAINT, chroma

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

DULL = 60.0
"""Grey levels within which a pixel may show what is behind everything."""
UNSEEN = 99.0
"""Noise of a picture in which nothing of the plate can be recognised."""
BLURS = np.array([0.0, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0])
"""Standard deviations tried, pixels at a width of 128."""
SLIGHT = 0.12
"""Loss of steepness up to which a frame is as sharp as the plate."""
CALM = 3.5
"""Standard deviation of noise, levels, that does no harm to colours."""
LEAST = 50
"""Pixels from which something can be told of a picture."""
PAIRED = 0.25
"""Change of colour within pairs of columns over that between pairs, up to which colours were kept at half the
resolution (4:2:0), as video codecs do; 1 is usual."""
HALVED, SMOOTHED = 0.5, 0.8
"""Pixels by which such colours are soft, and by which they are softened besides, so that no pairs are left."""
_FLAT, _STEEP = 4.0, 24.0


@dataclass(frozen=True, slots=True, eq=False)
class Steady:
    """A clip before and after.

    Attributes:
        frames: (T, H, W, 3) brought to one brightness and sharpness.
        plate: (H, W, 3) as soft.
        softness: Standard deviation of the blur that all share, pixels; 0 where the clip is sharp and calm.
        gain: (T,) brightness against the plate.
        noise: (T,) standard deviation of flat grey, levels; `UNSEEN` where no grey is left to see it.
        sharpness: (T,) steepness of grey edges over that of the plate.
    """

    frames: FloatArray
    plate: FloatArray
    softness: float
    gain: FloatArray
    noise: FloatArray
    sharpness: FloatArray


def steadied(frames: FloatArray, plate: FloatArray) -> Steady:
    """Measure and level a clip.

    Args:
        frames: (T, H, W, 3) levels.
        plate: (H, W, 3) the picture without anything that moves.
    """
    unit = frames.shape[2] / 128
    still = _Still(plate.mean(axis=-1), unit)
    gain, noise, sharpness, blur = np.array([_state(frame, still, unit) for frame in frames]).T
    calmed = np.where((noise > CALM) & (noise < UNSEEN), noise / (2 * np.sqrt(np.pi) * CALM), 0.0)
    if _halved(frames):
        blur, calmed = np.hypot(blur, HALVED), np.hypot(calmed, SMOOTHED)
    softness = float(np.sort(np.hypot(blur, calmed))[-2])
    out = frames / np.maximum(gain, 0.05)[:, None, None, None]
    if softness:
        more = np.sqrt(np.maximum(softness**2 - blur**2, 0.0))
        out = np.stack([blurred(one, sigma) for one, sigma in zip(out, more, strict=True)])
    return Steady(out, blurred(plate, softness), softness, gain, noise, sharpness)


def _halved(frames: FloatArray) -> bool:
    """Whether two columns each share their colours."""
    change = np.abs(np.diff(chroma(frames), axis=2)).sum(axis=(0, 1, 3))
    within, between = change[0::2].sum(), change[1::2].sum()
    return bool(within < PAIRED * between)


class _Still:
    """Grey levels of the plate (H, W), where it is flat and steep, and what it looks like when blurred."""

    def __init__(self, grey: FloatArray, unit: float) -> None:
        self.grey, self.unit = grey, unit
        self.slope = _slope(grey)
        self.flat, self.steep = eroded(self.slope < _FLAT), self.slope > _STEEP
        self.near = ~eroded(~self.steep, 4)

    @cached_property
    def softer(self) -> FloatArray:
        """(len(BLURS), H, W)."""
        return np.stack([blurred(self.grey, sigma * self.unit) for sigma in BLURS])

    def blur(self, grey: FloatArray, seen: BoolArray) -> float:
        """Standard deviation of the blur, pixels, that makes the plate most like a picture where it is seen."""
        place = self.near & seen
        if place.sum() < 50:
            return 0.0
        apart = np.abs(self.softer[:, place] - grey[place]).mean(axis=1)
        k = int(np.clip(apart.argmin(), 1, len(BLURS) - 2))
        left, here, right = apart[k - 1 : k + 2]
        offset = 0.5 * (left - right) / max(left - 2 * here + right, 1e-9)
        return float(np.interp(k + np.clip(offset, -1, 1), np.arange(len(BLURS)), BLURS)) * self.unit


def _state(frame: FloatArray, still: _Still, unit: float) -> tuple[float, float, float, float]:
    """Gain, noise, sharpness and blur of one frame."""
    grey = frame.mean(axis=-1)
    rough = _noise(grey, np.ones(grey.shape, bool)) > CALM
    seen_by = blurred(frame, 2.0 * unit) if rough else frame
    quiet = eroded(np.hypot(*np.moveaxis(chroma(seen_by), -1, 0)) < (2 * FAINT if rough else FAINT))
    if quiet.sum() < LEAST:
        return 1.0, UNSEEN, 1.0, 0.0
    smooth = seen_by.mean(axis=-1)
    gain = float(np.median(smooth[quiet] / np.maximum(still.grey[quiet], 1.0)))
    quiet &= np.abs(smooth / max(gain, 0.05) - still.grey) < DULL
    level = grey / max(gain, 0.05)
    noise = _noise(grey, still.flat & quiet)
    edges = still.steep & quiet
    if rough or edges.sum() < 20:
        return gain, noise, 1.0, 0.0
    sharpness = float(np.median(_slope(level)[edges] / still.slope[edges]))
    return gain, noise, sharpness, still.blur(level, quiet) if sharpness < 1 - SLIGHT else 0.0


def _slope(grey: FloatArray) -> FloatArray:
    y, x = np.gradient(grey)
    return np.asarray(np.hypot(x, y))


def _noise(grey: FloatArray, place: BoolArray) -> float:
    """Standard deviation of noise from the difference of two second differences (Immerkaer 1996), robust."""
    if place.sum() < LEAST:
        return UNSEEN
    c = np.pad(grey, 1, mode="edge")
    across = c[:, :-2] - 2 * c[:, 1:-1] + c[:, 2:]
    both = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(1.4826 * np.median(np.abs(both[place])) / 6.0)


def blurred(picture: FloatArray, sigma: float) -> FloatArray:
    """A picture (H, W) or (H, W, C) after a Gaussian of standard deviation sigma, pixels; edges repeated."""
    if sigma <= 0.05:
        return picture
    rows, columns = (_matrix(count, sigma) for count in picture.shape[:2])
    return np.asarray(np.tensordot(rows, np.tensordot(columns, picture, (1, 1)), (1, 1)))


def _matrix(count: int, sigma: float) -> FloatArray:
    """(count, count) the Gaussian along one axis, edges repeated."""
    reach = int(np.ceil(4 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    out = np.zeros((count, count))
    for offset, weight in zip(range(-reach, reach + 1), kernel / kernel.sum(), strict=True):
        np.add.at(out, (np.arange(count), np.clip(np.arange(count) + offset, 0, count - 1)), weight)
    return out


def eroded(mask: BoolArray, times: int = 2) -> BoolArray:
    """A mask (H, W) without the pixels next to its edge, as often."""
    out = mask.copy()
    for _ in range(times):
        shrunk = out.copy()
        shrunk[1:] &= out[:-1]
        shrunk[:-1] &= out[1:]
        shrunk[:, 1:] &= out[:, :-1]
        shrunk[:, :-1] &= out[:, 1:]
        out = shrunk
    return out

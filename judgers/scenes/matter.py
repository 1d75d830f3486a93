"""Amount and shape of things, and volume and flow of a liquid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.judgers.scenes.contacts import Gaps
from wmenv.judgers.scenes.motion import inside
from wmenv.judgers.scenes.track import COVERED, FITS, FREE, Track, second
from wmenv.judgers.scenes.tracking import Tracker
from wmenv.worlds.scenes.world import Liquid

FloatArray = NDArray[np.float64]

MINGLED = 0.05
"""Share of its area that lies in something else, from which its size is not told."""
SOFT, SOFT_VEILED = 0.6, 0.4
"""Agreement, and share of a silhouette that must be free, for its amount to be told roughly in a soft picture: colours
that run into each other make both small. Its shape takes `FITS` and `VEILED`."""
VEILED, DOUBT = 0.6, 0.35
"""Share of a silhouette that must be free for its size to be told roughly, and how much a change then counts."""


@dataclass(frozen=True, slots=True)
class Matter:
    """What the amount and shape of one mover show.

    Attributes:
        growth: Second largest logarithm of its area over that of its silhouette, against the first frame.
        loss: Likewise for less.
        aspect: Second largest change of the logarithm of its width over its height.
        narrow: Second largest change of the logarithm of its width where it seems to have sunk into something.
        gone: Frames at which its place shows what is behind it.
        blink: The same where it went from one frame to the next.
        told: Share of the frames that tell its amount, or that it is gone.
    """

    growth: float
    loss: float
    aspect: float
    narrow: float
    gone: int
    blink: int
    told: float


def matter(track: Track, gaps: Gaps, tracker: Tracker) -> Matter:
    """Measure one mover.

    Of one that hardly shows, as the picture is so soft, nothing is told. One that has taken on another hue may have
    that of what it touches; its amount is then told only where it touches nothing.
    """
    scale, sharp = tracker.scale, tracker.softness == 0
    if not sharp and track.agreement[0] < SOFT:
        return Matter(0.0, 0.0, 0.0, 0.0, 0, 0, 0.0)
    here = inside(track, tracker.world)
    apart = (gaps.others > 2.0 / scale) & ((gaps.solid > -1.0 / scale) | ~track.whole)
    clear = here & (track.clear > FREE)
    mingled = _mingled(track, gaps)
    rough = track.seen & here & (track.clear > (VEILED if sharp else SOFT_VEILED)) & track.own
    more = np.where(track.seen & clear & apart, 1.0, np.where(rough, DOUBT, 0.0))
    fits, well = sharp | (track.agreement > SOFT), sharp | ((track.agreement > FITS) & (track.clear > VEILED))
    more *= fits
    known = np.where(mingled, 0.0, more)
    amount = np.log(np.maximum(track.amount, 0.05) / max(track.amount[0], 0.05))
    ratio = np.where(track.spread[:, 1] > 0, track.spread[:, 0] / np.maximum(track.spread[:, 1], 1e-6), 1.0)
    aspect = np.log(np.maximum(ratio, 0.05) / max(ratio[0], 0.05))
    width = np.log(np.maximum(track.width, 0.05) / max(track.width[0], 0.05))
    sunk = (gaps.solid * scale < -1.0 - tracker.softness) & (track.clear > 0.3) & (track.amount > 0.15)
    gone = here & ~mingled & (track.clear > COVERED) & (track.amount < 0.15) & (track.other < 0.3)
    return Matter(
        growth=second(more * amount),
        loss=max(second(-known * amount), second(2 * (here & well & ~mingled) * track.dwindled)),
        aspect=max(
            second(known * np.where(track.spread[:, 1] > 0, np.abs(aspect), 0.0)),
            second((here & well) * track.flattened),
        ),
        narrow=second(np.abs(width) * np.where(here & sunk, np.where(gaps.others > 2 / scale, 1.0, DOUBT), 0.0)),
        gone=int(gone.sum()),
        blink=int(gone.sum()) if _sudden(gone, track) else 0,
        told=float(((more > 0) | gone).mean()),
    )


def _mingled(track: Track, gaps: Gaps) -> NDArray[np.bool_]:
    """(T,) whether it shares room with something, or did when it was last found well: what has sunk is hard to fit."""
    near = np.convolve((gaps.overlap > MINGLED) & track.seen, np.ones(3, int), "same").astype(bool)
    seen, well = (np.maximum.accumulate(np.where(one, np.arange(len(near)), 0)) for one in (track.seen, track.fitted))
    return np.asarray(near[seen] | near[well])


def _sudden(gone: NDArray[np.bool_], track: Track) -> bool:
    """Whether it was there, more than half, right before it was gone."""
    return bool((gone[1:] & ~gone[:-1] & (track.amount[:-1] > 0.5)).any())


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """What a liquid shows.

    Attributes:
        less: Logarithm of the volume lost.
        more: Likewise gained.
        stop: Logarithm of how suddenly it came to rest.
        track: (T, 3) centre and half spread along x, metres; NaN where it is not seen.
    """

    less: float
    more: float
    stop: float
    track: FloatArray


def flow(liquid: Liquid, tracker: Tracker) -> Flow:
    """Measure a liquid: its area, less three quarters of a pixel along its edge, and the pixels that change."""
    mask = tracker.masks[liquid.colour]
    body = mask > 0.5
    edge = np.abs(np.diff(body.astype(int), axis=1)).sum((1, 2)) + np.abs(np.diff(body.astype(int), axis=2)).sum((1, 2))
    volume = np.maximum(mask.sum((1, 2)) - 0.75 * edge * tracker.size / 128, 1.0)
    change = np.log(volume / volume[0])
    track = np.full((len(mask), 3), np.nan)
    scale, centre, size = tracker.scale, tracker.world.camera.centre, tracker.size
    for t, one in enumerate(mask):
        if one.sum() > 4:
            x = (np.arange(size) + 0.5 - size / 2) / scale + centre[0]
            z = -(np.arange(size) + 0.5 - size / 2) / scale + centre[1]
            across, up = one.sum(0) / one.sum(), one.sum(1) / one.sum()
            middle = float(across @ x)
            track[t] = middle, float(up @ z), 2 * np.sqrt(float(across @ (x - middle) ** 2))
    moved = (np.abs(np.diff(mask, axis=0)) > 0.3).sum((1, 2)) + 1.0
    stop = [np.log(np.median(moved[t - 3 : t]) / moved[t : t + 2].max()) for t in range(3, len(moved) - 1)]
    ordered = np.sort(change)
    return Flow(
        less=max(0.0, -float(np.median(ordered[:4]))),
        more=max(0.0, float(np.median(ordered[-4:]))),
        stop=max([0.0, *map(float, stop)]),
        track=track,
    )

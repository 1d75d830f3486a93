"""What a batch of clips should show: the truth of N cases as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wmenv.judgers.physics.ink import pixel_step
from wmenv.judgers.physics.motion import Timeline
from wmenv.worlds.discs.shapes import AREA
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import DISC, EDGE_SOFTNESS, RING, RING_HOLE, SQUARE, Edge, Law

_SHARP = 1.0 - EDGE_SOFTNESS
_DISC_MOMENT = np.pi * (_SHARP**2 / 2 + ((1 - _SHARP**2) / 2 - (1 - _SHARP**3) / 3) / EDGE_SOFTNESS)
SECOND_MOMENT = {DISC: _DISC_MOMENT, SQUARE: 8.0 / 3.0, RING: _DISC_MOMENT * (1 - RING_HOLE**4)}
"""Integral of coverage times squared distance from the centre, of each shape of radius 1. Of a disc with the soft edge
alpha(u) = min((1 - u) / 0.03, 1) at squared distance u it is pi times the integral of u alpha(u) over [0, 1]."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The truth of N cases of one law, all of one length and rate.

    Attributes:
        law: The law of motion.
        edge: The grid of the picture.
        given: Number of given frames.
        duration: Seconds between two frames.
        path: (N, T, B, 2) true centres, world units.
        colour: (N, B, 3) deficits of the true colours.
        unmix: (N, 3, 3) takes a deficit apart, see `read_ink`.
        mass: (N, B) true ink, pixels.
        growth: (N, B) spread of a ball over its mass, world units squared a pixel.
        blur: Spread that the pixel grid itself adds, world units squared.
        inertia: (N, B) r^2, the balls' masses in mechanics.
        scored: (N, T) predicted frames with every ball wholly inside.
        headline: (N, T - 1) pairs of the paper's velocity error.
        before: (N, T - 1) scored pairs wholly before the contact.
        after: (N, T - 1) scored pairs wholly after it.
    """

    law: Law
    edge: Edge
    given: int
    duration: float
    path: Tensor
    colour: Tensor
    unmix: Tensor
    mass: Tensor
    growth: Tensor
    blur: float
    inertia: Tensor
    scored: Tensor
    headline: Tensor
    before: Tensor
    after: Tensor

    @classmethod
    def of(cls, truths: Sequence[DiscTruth], timelines: Sequence[Timeline], size: int, like: Tensor) -> Targets:
        """Collect the truths of cases of one law, grid and number of given frames.

        Args:
            truths: N truths.
            timelines: Their timelines, of one rate and length.
            size: Side of the picture, pixels.
            like: Decides device and precision.
        """
        first, timeline = truths[0], timelines[0]
        step = pixel_step(size, first.edge)
        radii = np.stack([t.radii for t in truths])
        shapes = np.stack([t.shapes for t in truths])
        area = np.vectorize(AREA.__getitem__, otypes=[np.float64])(shapes)
        moment = np.vectorize(SECOND_MOMENT.__getitem__, otypes=[np.float64])(shapes)
        colour = 1.0 - np.stack([t.colours for t in truths]) / 255.0
        values = {
            "path": np.stack([t.path for t in timelines]),
            "colour": colour,
            "unmix": _unmixing(colour),
            "mass": area * (radii / step) ** 2,
            "growth": moment / area**2 * step**2,
            "inertia": radii**2,
        }
        masks = {
            "scored": np.stack([t.scored for t in timelines]),
            "headline": np.stack([t.headline_pairs(truth) for t, truth in zip(timelines, truths, strict=True)]),
            "before": np.stack([t.before for t in timelines]),
            "after": np.stack([t.after for t in timelines]),
        }
        return cls(
            law=first.law,
            edge=first.edge,
            given=timeline.first,
            duration=1.0 / float(timeline.rate),
            blur=step**2 / 6.0,
            **{name: torch.from_numpy(value).to(like) for name, value in values.items()},
            **{name: torch.from_numpy(mask).to(like.device) for name, mask in masks.items()},
        )


def _unmixing(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3, 3): columns of the pseudo-inverse of the balls' colours, then a basis of what is orthogonal to all."""
    beyond = np.linalg.svd(colours)[2][:, colours.shape[1] :]
    return np.concatenate([np.linalg.pinv(colours).swapaxes(1, 2), beyond], axis=1)


def group_key(truth: DiscTruth, timeline: Timeline) -> tuple[object, ...]:
    """Cases of the same key fit in one `Targets`."""
    return truth.law, truth.edge, timeline.first, timeline.rate, len(timeline.times), len(truth.radii)

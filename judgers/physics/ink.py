"""Ink: how much of every pixel is of a ball's colour, and the moments of it. Tensors, with gradient.

A pixel's deficit d = 1 - rgb is 0 on white. On the balls' colours it is unmixed linearly, d = sum_b a_b c_b + rest, c_b
the deficit of ball b's colour, a_b in [0, 1] its *ink* and the rest at right angles to all c_b. Unlike a mask, ink
changes with every change of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from wmenv.worlds.discs.draw import pixel_centres
from wmenv.worlds.discs.world import VIEW, Edge

FAINT = 0.1
"""Ink under it counts less: haze that no eye sees would otherwise draw every centre to the middle of the picture."""
LEAK = 0.1
"""What the faintest ink still counts, so that there is a gradient on pure white: where a ball is missing too."""
NO_INK = 0.02
"""Share of a ball's true ink under which its centre is drawn to where it was last given."""


@dataclass(frozen=True, slots=True)
class Ink:
    """What is seen of B balls in T frames of N clips.

    Attributes:
        mass: (N, T, B) ink, pixels.
        solid: (N, T, B) pixels that are more of the ball's colour than not, softly.
        centre: (N, T, B, 2) world units.
        spread: (N, T, B) mean squared distance of the ink from its centre, world units squared.
        colour: (N, T, B, 3) deficit of the ball's core.
        stray: (N, T) squared deficit that no ball explains, and squared excess over [0, 1], summed over pixels.
    """

    mass: Tensor
    solid: Tensor
    centre: Tensor
    spread: Tensor
    colour: Tensor
    stray: Tensor


def read_ink(frames: Tensor, unmix: Tensor, expected: Tensor, last: Tensor, edge: Edge) -> Ink:
    """Ink and its moments.

    Args:
        frames: (N, T, 3, S, S) finite floats; row 0 at the top. Values outside [0, 1] count as its ends, yet the
            gradient passes them by (straight through), or pure white that overshoots would never learn.
        unmix: (N, 3, 3) takes a deficit apart: B rows of ink, then coordinates of what no ball's colour explains.
        expected: (N, B) true ink of each ball, pixels.
        last: (N, B, 2) where each ball was last given, world units: the centre of a ball without ink.
        edge: The grid of the picture, see `draw`.
    """
    size = frames.shape[-1]
    excess = frames - frames.clamp(0.0, 1.0)
    deficit = ((1.0 - frames) + excess.detach()).flatten(3)  # (N, T, 3, P)
    balls = expected.shape[1]
    parts = torch.matmul(unmix[:, None], deficit)
    ink = parts[:, :, :balls].clamp(0.0, 1.0)
    weight, solid, core = Weighed.apply(ink)  # type: ignore[no-untyped-call]
    mass, x, y, square = torch.matmul(weight, _basis(size, edge, frames)).unbind(-1)
    floor = (mass**2 + (NO_INK * expected[:, None]) ** 2).sqrt()
    origin = last[:, None] - VIEW / 2
    centre = origin + (torch.stack([x, y], dim=-1) - mass[..., None] * origin) / floor[..., None]
    off = (centre * torch.stack([x, y], dim=-1)).sum(-1)
    spread = (square - 2.0 * off + mass * (centre**2).sum(-1)).clamp(min=0.0) / floor
    colour = torch.matmul(core, deficit.transpose(-1, -2)) / (core.sum(-1)[..., None] + NO_INK**2)
    return Ink(
        mass=mass,
        solid=solid.sum(-1),
        centre=centre + VIEW / 2,
        spread=spread,
        colour=colour,
        stray=(parts[:, :, balls:] ** 2).sum((2, 3)) + (excess**2).sum((2, 3, 4)),
    )


class Weighed(torch.autograd.Function):
    """Ink as it counts in moments, in solidity and in colour; with its derivatives in one pass.

    weight = a (LEAK + (1 - LEAK) h(a / FAINT)), solid = h((a - 1/4) / (1/2)), core = a^8 with the smooth step h.
    """

    @staticmethod
    def forward(context: Any, ink: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three weights of ink in [0, 1], each of its shape."""
        faint = (ink / FAINT).clamp_(max=1.0)
        gate = LEAK + (1.0 - LEAK) * faint * faint * (3.0 - 2.0 * faint)
        half = ((ink - 0.25) * 2.0).clamp_(0.0, 1.0)
        square = ink * ink
        fourth = square * square
        context.save_for_backward(
            gate + ink * (faint * (1.0 - faint)) * (6.0 * (1.0 - LEAK) / FAINT),
            half * (1.0 - half) * 12.0,
            fourth * square * ink * 8.0,
        )
        context.set_materialize_grads(False)
        return ink * gate, half * half * (3.0 - 2.0 * half), fourth * fourth

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor | None) -> Tensor | None:
        """Chain rule."""
        parts = [g * d for g, d in zip(gradients, context.saved_tensors, strict=True) if g is not None]
        return sum(parts[1:], parts[0]) if parts else None


def smooth_step(x: Tensor) -> Tensor:
    """0 up to 0, 1 from 1 on, 3 x^2 - 2 x^3 between."""
    x = x.clamp(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def pixel_step(size: int, edge: Edge) -> float:
    """World units from one pixel to the next."""
    grid = pixel_centres(size, edge)
    return float(grid[1] - grid[0])


def _basis(size: int, edge: Edge, like: Tensor) -> Tensor:
    """(P, 4): one, x, y and x^2 + y^2 of the pixels, from the middle of the view (small numbers, exact in float32)."""
    grid = torch.from_numpy(pixel_centres(size, edge) - VIEW / 2).to(like)
    x, y = grid.repeat(size), grid.flip(0).repeat_interleave(size)
    return torch.stack([torch.ones_like(x), x, y, x * x + y * y], dim=1)

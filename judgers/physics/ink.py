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
"""What the faintest ink still counts in places and widths, so that pure white has a gradient, where a ball is missing
too. Sums of ink (`Ink.mass`) count it in full: moving a little ink from a wrong place to the right one costs none."""
NO_INK, NO_CORE = 0.02, 1e-6
"""Shares of a ball's true ink (of the 8th powers of it) under which its centre is drawn to where it was last given."""
WINDOW, PAD, FALL = 1.5, 2.0, 0.5
"""A ball's centre is read in a square around its core, of half a side of 1.5 radii and 2 pixels, which fades out over
half as much again. Ink beyond has no lever: in a mean over the picture unseen haze moves a ball by its width. Whether a
disc is where it should be is read in a tighter square, of a radius and 2 pixels, as `measure` reads shapes."""


@dataclass(frozen=True, slots=True)
class Ink:
    """What is seen of B balls in T frames of N clips.

    Attributes:
        mass: (N, T, B) ink of the whole picture, pixels.
        near: (N, T, B) ink in the window around the ball, pixels.
        solid: (N, T, B) pixels that are more of the ball's colour than not, softly.
        centre: (N, T, B, 2) world units.
        there: (N, T, B) ink in a tighter window around the true place, pixels.
        width: (N, T, B) mean squared distance of that ink from its own centre, world units squared.
        square: (N, T, B) mean squared distance of the ink from the middle of the view, world units squared.
        first: (N, T, B, 2) mean place of the ink from the middle of the view, 0 without any.
        share: (N, T, B) 1, but falling to 0 where there is hardly any ink.
        colour: (N, T, B, 3) deficit of the ball's core.
        stray: (N, T) squared deficit that no ball explains, and squared excess over [0, 1], summed over pixels.
    """

    mass: Tensor
    near: Tensor
    solid: Tensor
    centre: Tensor
    there: Tensor
    width: Tensor
    square: Tensor
    first: Tensor
    share: Tensor
    colour: Tensor
    stray: Tensor

    def spread(self, point: Tensor) -> Tensor:
        """(N, T, B) mean squared distance of the ink from points (N, T, B, 2), world units squared; 0 without ink."""
        point = point - VIEW / 2
        return (self.square - 2.0 * (point * self.first).sum(-1) + self.share * (point**2).sum(-1)).clamp(min=0.0)


def read_ink(frames: Tensor, unmix: Tensor, expected: Tensor, last: Tensor, true: Tensor, edge: Edge) -> Ink:
    """Ink and its moments.

    Args:
        frames: (N, T, 3, S, S) finite floats; row 0 at the top. Values outside [0, 1] count as its ends, yet the
            gradient passes them by (straight through), or pure white that overshoots would never learn.
        unmix: (N, 3, 3) takes a deficit apart: B rows of ink, then coordinates of what no ball's colour explains.
        expected: (N, B) true ink of each ball, pixels.
        last: (N, B, 2) where each ball was last given, world units: the centre of a ball without ink.
        true: (N, T, B, 2) where the balls should be, world units.
        edge: The grid of the picture, see `draw`.
    """
    size = frames.shape[-1]
    excess = frames - frames.clamp(0.0, 1.0)
    deficit = ((1.0 - frames) + excess.detach()).flatten(3)  # (N, T, 3, P)
    balls = expected.shape[1]
    parts = torch.matmul(unmix[:, None], deficit)
    ink = parts[:, :, :balls].clamp(0.0, 1.0)
    weight, solid, core = Weighed.apply(ink)  # type: ignore[no-untyped-call]
    grid = torch.from_numpy(pixel_centres(size, edge) - VIEW / 2).to(frames)
    counted, x, y, square = torch.matmul(weight, _basis(grid)).unbind(-1)
    floor = _floored(counted, NO_INK * expected[:, None])
    share, first = counted / floor, torch.stack([x, y], dim=-1) / floor[..., None]
    core_mass, core_x, core_y, _ = torch.matmul(core, _basis(grid)).unbind(-1)
    core_floor = _floored(core_mass, NO_CORE * expected[:, None])[..., None]
    origin = last[:, None] - VIEW / 2
    about = origin + (torch.stack([core_x, core_y], dim=-1) - core_mass[..., None] * origin) / core_floor
    picture, step = weight.unflatten(-1, (size, size)), grid[1] - grid[0]
    radius, none = step * (expected / torch.pi).sqrt()[:, None], NO_INK * expected[:, None]
    near, lean, _ = _moments(picture, grid, about, WINDOW * radius + PAD * step)
    centre = about + lean / _floored(near, none)[..., None]
    there, lean, square_there = _moments(picture, grid, true - VIEW / 2, radius + PAD * step)
    floor_there = _floored(there, none)
    width = (square_there / floor_there - (lean / floor_there[..., None]).square().sum(-1)).clamp(min=0.0)
    colour = torch.matmul(core, deficit.transpose(-1, -2)) / core_floor
    return Ink(
        mass=ink.sum(-1),
        near=near,
        solid=solid.sum(-1),
        centre=centre + VIEW / 2,
        there=there,
        width=width,
        square=square / floor,
        first=first,
        share=share,
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


def _basis(grid: Tensor) -> Tensor:
    """(P, 4): one, x, y and x^2 + y^2 of the pixels, from the middle of the view (small numbers, exact in float32)."""
    x, y = grid.repeat(len(grid)), grid.flip(0).repeat_interleave(len(grid))
    return torch.stack([torch.ones_like(x), x, y, x * x + y * y], dim=1)


def _floored(values: Tensor, floor: Tensor) -> Tensor:
    """sqrt(values^2 + floor^2): a divisor that differs from the values only where they are small."""
    return (values**2 + floor**2).sqrt()


def _moments(weight: Tensor, grid: Tensor, about: Tensor, reach: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Moments in a soft square window.

    Args:
        weight: (N, T, B, S, S).
        grid: (S,) x of the pixels, from the middle of the view.
        about: (N, T, B, 2) middle of the windows, likewise.
        reach: (N, 1, B) half a side of the windows, world units; they fade out over `FALL` of it.

    Returns:
        (N, T, B) ink, pixels; (N, T, B, 2) and (N, T, B) its sums of distances and of squared ones from the middle.
    """
    away = grid - about[..., None]  # (N, T, B, 2, S)
    window = 1.0 - smooth_step((away.abs() / reach[..., None, None] - 1.0) / FALL)
    across, up = torch.stack([window, window * away, window * away**2], dim=-1).unbind(-3)  # (N, T, B, S, 3) each
    found = torch.matmul(up.flip(-2).mT, torch.matmul(weight, across))  # (N, T, B, 3, 3): powers of y, of x
    first = torch.stack([found[..., 0, 1], found[..., 1, 0]], dim=-1)
    return found[..., 0, 0], first, found[..., 0, 2] + found[..., 2, 0]

"""The errors of `physics`, from ink instead of tracked discs: tensors with gradient, one row a clip.

What a clip is charged beyond the error of its criterion keeps a generator from cheating. For 0 <= ink <= 1 a disc is
the one picture of smallest spread at given ink, so that right ink and right spread leave it nothing but the true disc.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from wmenv.judgers.physics.ink import Ink, read_ink, smooth_step
from wmenv.judgers.physics.motion import LEAST_SPEED
from wmenv.judgers.physics.soft_targets import Targets
from wmenv.worlds.discs.criteria import FORFEITED_BY_LOSS, MEASURES
from wmenv.worlds.discs.measure import BLUR, BLURRED, MIN_AREA_SHARE, ROUND
from wmenv.worlds.discs.world import GRAVITY

HALFWAY, WORST = 50.0, 100.0
"""Costs are counted in half-score errors: as they are up to 50 (12.5 units/s, twice the fastest ball of any split),
then pressed towards 100, which no finite picture reaches and a forfeit costs."""

SMOOTH = 1e-3
"""Lengths are sqrt(|x|^2 + s^2) - s with this s (units/s, units): differentiable at 0, at most s too small."""

GONE = 0.35
"""Share of a ball's area that is mostly ink, at which it is half gone. `physics` loses a ball of which no pixel is over
half covered, which is what balls that fade or smear come to; a ball that shrank it follows down to 15 %."""

SMEARED = 0.15
"""To either side of the mean squared width at which `physics` tracks a ball no more (the inverse of
`least_compactness`), as a share of a disc's: from where to where a ball turns into none."""

STRANGE, DOUBLED = (MIN_AREA_SHARE, 0.5), (0.25, 0.75)
"""From where to where stray ink, as a share of the balls', and excess width turn a frame's count of balls wrong."""

CHARGES = {"mass": 2.0, "vanish": 2.0, "blur": 4.0, "stray": 2.0}
"""What one unit of each of the `penalties` costs beside an error of velocity, units/s: a ball of twice its ink as much
as a velocity error of 2 units/s. At half of it ascent on pixels from wrong clips ended in smeared balls whose centres
moved rightly; the more they cost, the more they rather than the velocity error rank imperfect clips."""


@dataclass(frozen=True, slots=True)
class SoftErrors:
    """Errors of N clips.

    Attributes:
        native: By criterion, (N,) errors in the criterion's unit, comparable with those of `physics`.
        cost: By criterion, (N,) error with all that is charged, over the criterion's half-score error.
        measured: By criterion, (N,) whether the case offers anything to measure.
        terms: By term, (N,) what `penalties` found, unweighted.
        lost: (N,) the largest degree, in [0, 1], to which a ball is gone from a scored frame.
    """

    native: dict[str, Tensor]
    cost: dict[str, Tensor]
    measured: dict[str, Tensor]
    terms: dict[str, Tensor]
    lost: Tensor

    def value(self, criterion: str) -> Tensor:
        """(N,) minus the cost, pressed into (-WORST, 0]; strictly decreasing in the cost."""
        cost = self.cost[criterion]
        return -torch.where(cost > HALFWAY, WORST - HALFWAY**2 / cost.clamp(min=HALFWAY), cost)


def soft_errors(frames: Tensor, targets: Targets, weights: Mapping[str, float]) -> SoftErrors:
    """Compare clips with the truth.

    Args:
        frames: (N, T, 3, S, S) finite floats in [0, 1], given frames included.
        targets: Truth of the N cases.
        weights: Weight of each term of `CHARGES`, 1 for the reward as it is meant.
    """
    last = int(targets.scored.any(dim=0).nonzero().max()) if bool(targets.scored.any()) else targets.given
    targets = _until(targets, last)
    seen = read_ink(
        frames[:, targets.given : last + 1],
        targets.unmix,
        targets.mass,
        targets.path[:, targets.given - 1],
        targets.path[:, targets.given :],
        targets.edge,
    )
    scored = targets.scored[:, targets.given :]
    faint, smeared = _faint(seen, targets), _smeared(seen, targets)
    lost = torch.maximum(faint * float(weights["vanish"] > 0), smeared * float(weights["blur"] > 0))
    terms = penalties(seen, smeared, targets)
    # The frames before the first predicted one were given, so their positions are the true ones.
    position = torch.cat([targets.path[:, : targets.given], seen.centre], dim=1)
    native = _motion(position, lost, targets) | _identity(seen, targets, lost)
    gone = weights["vanish"] * _mean(faint.mean(-1), scored)
    cost = {name: native[name] / MEASURES[name].half for name in native}
    for name in FORFEITED_BY_LOSS:
        cost[name] = cost[name] + HALFWAY * gone
    charged = sum(weights[name] * charge * terms[name] for name, charge in CHARGES.items())
    cost["velocity"] = cost["velocity"] + charged / MEASURES["velocity"].half
    shown = scored.any(dim=1)
    pairs = (targets.before | targets.after).any(dim=1)
    both = (targets.scored[:, 1:] & targets.scored[:, :-1]).any(dim=1)
    measured = {name: shown for name in native} | {
        "velocity": targets.headline.any(dim=1), "continuity": both, "momentum": pairs, "energy": pairs,
    }  # fmt: skip
    return SoftErrors(native, cost, measured, terms, torch.where(scored[..., None], lost, 0.0).amax(dim=(1, 2)))


def penalties(seen: Ink, smeared: Tensor, targets: Targets) -> dict[str, Tensor]:
    """What a clip gets wrong beside its velocities, (N,) each, means over scored frames and balls.

    With M the ink of a ball, M' that around its core, M* its true ink, s the mean squared distance of its ink from
    where the ball truly is, and s*(M) that of the true shape of ink M:

        mass    max(M / M* - 1, 0)                                swelling, a second ball
        vanish  max(1 - M' / M*, 0)                               fading, shrinking
        blur    max(sqrt(s) - sqrt(s*(max(M, M*))), 0) + e        blur, smear, ink in wrong places; world units
        stray   sum of squares of what no ball's colour explains / M* of all balls      wrong colours

    Distances are taken from the true place since at given ink they are linear in every pixel then: ink anywhere feels
    where it should be, also in a frame between two wrong pairs, which gets no gradient from mean velocity errors
    (moving it takes from the one what it adds to the other), and nothing is to be won half-way between two places.
    e in [0, 1] is the degree to which the ink there is no disc (`_smeared`): without it a generator is led to smears
    whose centres move rightly. It looks at the true place alone, since a ball must smear to get there by small steps.

    Args:
        seen: What the predicted frames show.
        smeared: (N, T, B) in [0, 1].
        targets: Truth of the N cases.
    """
    scored = targets.scored[:, targets.given :]
    share = seen.mass / targets.mass[:, None]
    present = {
        "mass": (share - 1.0).clamp(min=0.0),
        "vanish": (1.0 - share).clamp(min=0.0),
        "blur": (_width(seen.spread(targets.path[:, targets.given :])) - _sharp_width(seen, targets)).clamp(min=0.0)
        + smeared,
    }
    terms = {name: _mean(value.mean(-1), scored) for name, value in present.items()}
    return terms | {"stray": _mean(seen.stray / targets.mass.sum(-1)[:, None], scored)}


def _faint(seen: Ink, targets: Targets) -> Tensor:
    """(N, T, B) degree to which a ball is solid nowhere, in [0, 1]."""
    return 1.0 - smooth_step(seen.solid / (2.0 * GONE * targets.mass[:, None]))


def _smeared(seen: Ink, targets: Targets) -> Tensor:
    """(N, T, B) degree to which the ink where a ball should be makes no disc, in [0, 1]."""
    ink = torch.maximum(seen.there, targets.mass[:, None])
    widest = (1.0 + 2.0 * torch.pi * BLUR**2 / targets.mass[:, None]).clamp(1.0 / ROUND, 1.0 / BLURRED)
    excess = seen.width / (targets.growth[:, None] * ink + targets.blur) - widest
    return _ramp(excess, -SMEARED, SMEARED)


def _width(spread: Tensor) -> Tensor:
    return (spread + SMOOTH**2).sqrt()


def _sharp_width(seen: Ink, targets: Targets) -> Tensor:
    """(N, T, B) width of the true shape at the ink that is seen, at least the true ink, world units."""
    ink = torch.maximum(seen.mass, targets.mass[:, None])
    return _width(targets.growth[:, None] * ink + targets.blur)


def _motion(position: Tensor, lost: Tensor, targets: Targets) -> dict[str, Tensor]:
    """Native errors of the criteria on motion; the formulas of `motion_errors`."""
    velocity, true = (torch.diff(p, dim=1) / targets.duration for p in (position, targets.path))
    speed = _norm(true)
    deviation = _length(velocity - true)  # (N, T - 1, B)
    gone = torch.cat([torch.zeros_like(targets.path[:, : targets.given, :, 0]), lost], dim=1)
    gone = torch.maximum(gone[:, 1:], gone[:, :-1])
    # A lost ball costs at least max(|v|, 1); never less than its ink did before it went.
    charged = deviation + gone * (speed.clamp(min=LEAST_SPEED) - deviation).clamp(min=0.0)
    both = targets.scored[:, 1:] & targets.scored[:, :-1]
    jump = torch.where(both[..., None], deviation * targets.duration, 0.0)
    windows = (targets.before, targets.after)
    inertia = targets.inertia[:, None]
    axes = slice(0, 1) if targets.law == "parabola" else slice(0, 2)  # gravity takes vertical momentum
    momentum = (inertia[..., None] * (velocity - true)).sum(2)[..., axes]
    energy = (_energy(targets, position, velocity) - _energy(targets, targets.path, true))[..., None]
    floored = speed.clamp(min=LEAST_SPEED)
    return {
        "velocity": _mean(charged.mean(-1), targets.headline),
        "continuity": jump.amax(dim=(1, 2)),
        "momentum": _worst_window(momentum, (inertia * floored).sum(-1), windows),
        "energy": _worst_window(energy, (0.5 * inertia * floored**2).sum(-1), windows),
    }


def _identity(seen: Ink, targets: Targets, lost: Tensor) -> dict[str, Tensor]:
    """Native errors of the criteria on what the balls are."""
    scored = targets.scored[:, targets.given :]
    radius = ((seen.near / targets.mass[:, None] + SMOOTH**2).sqrt() - 1.0).abs()
    colour = _norm(seen.colour - targets.colour[:, None])
    doubled = _ramp(_width(seen.spread(seen.centre)) / _sharp_width(seen, targets) - 1.0, *DOUBLED)
    strange = _ramp(seen.stray / targets.mass.sum(-1)[:, None], *STRANGE)
    wrong = torch.cat([lost, doubled, strange[..., None]], dim=-1).amax(-1)
    return {
        "radius": torch.where(scored[..., None], radius, 0.0).amax(dim=(1, 2)),
        "colour": torch.where(scored[..., None], colour, 0.0).amax(dim=(1, 2)),
        "count": torch.where(scored, wrong, 0.0).sum(1),
    }


def _energy(targets: Targets, position: Tensor, velocity: Tensor) -> Tensor:
    """(N, T - 1) mechanical energy between frames; the formula of `laws.energy`."""
    total = 0.5 * (velocity**2).sum(-1)
    if targets.law == "parabola":
        total = total + GRAVITY * (position[:, 1:, :, 1] + position[:, :-1, :, 1]) / 2.0
    return (targets.inertia[:, None] * total).sum(-1)


def _worst_window(deviation: Tensor, scale: Tensor, windows: tuple[Tensor, Tensor]) -> Tensor:
    """(N,) largest over windows of |mean deviation| / mean scale; 0 where no window has a pair."""
    shares = []
    for window in windows:
        mean = torch.stack([_mean(part, window) for part in deviation.unbind(-1)], dim=-1)
        shares.append(_length(mean) / torch.where(window.any(1), _mean(scale, window), 1.0))
    return torch.maximum(*shares)


def _until(targets: Targets, last: int) -> Targets:
    """The targets up to frame `last`."""
    cut = {name: getattr(targets, name)[:, : last + 1] for name in ("path", "scored")}
    return replace(targets, **cut, **{n: getattr(targets, n)[:, :last] for n in ("headline", "before", "after")})


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """(N,) mean of (N, T) values where the mask holds, 0 where it holds nowhere."""
    return torch.where(mask, values, 0.0).sum(1) / mask.sum(1).clamp(min=1)


def _ramp(values: Tensor, low: float, high: float) -> Tensor:
    return smooth_step((values - low) / (high - low))


def _norm(vectors: Tensor) -> Tensor:
    return (vectors**2).sum(-1).sqrt()


def _length(vectors: Tensor) -> Tensor:
    """Length of vectors (..., D), smooth at 0."""
    return ((vectors**2).sum(-1) + SMOOTH**2).sqrt() - SMOOTH

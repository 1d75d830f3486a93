"""From a differentiable judger to one number a clip and its gradient with respect to the pixels, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wmenv.core.case import Case
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument, told
from wmenv.core.protocols import DifferentiableJudger

Combine = Literal["weighted-mean", "probability-gap"]
COMBINATIONS: tuple[Combine, ...] = ("weighted-mean", "probability-gap")

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rewards:
    """What a judger says of a batch of B clips.

    Attributes:
        values: (B,) combined reward; NaN where masked.
        criteria: (B, C) values of the criteria in the judger's units; NaN where they are not valid.
        kept: (B,) clips with a finite reward and a finite gradient.
        reasons: Why others are masked; each reason once.
        gradient: Of each clip's reward with respect to its frames, as the frames; 0 where masked. None if not asked.
    """

    values: FloatArray
    criteria: FloatArray
    kept: NDArray[np.bool_]
    reasons: tuple[str, ...]
    gradient: Tensor | None


def criterion_weights(criteria: Sequence[Criterion], chosen: Mapping[str, float]) -> FloatArray:
    """Weights (C,) of the criteria in a reward: those chosen, else those of the suite's scheme.

    Raises:
        InvalidArgument: A name that is no criterion of the suite, a negative weight, or nothing left.
    """
    known = [c.id for c in criteria]
    for name in chosen:
        if name not in known:
            raise InvalidArgument(f"no criterion {name!r}; this suite has {', '.join(known)}")
    weights = np.array([chosen.get(c.id, 0.0) if chosen else c.weight for c in criteria], dtype=np.float64)
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
        raise InvalidArgument(f"weights of criteria must be positive, 0 leaves one out; got {dict(chosen)}")
    return weights


def differentiable(judger: Any) -> DifferentiableJudger:
    """The judger, if its reward has a gradient.

    Raises:
        InvalidArgument: It has none.
    """
    if not callable(getattr(judger, "reward", None)):
        name = getattr(judger, "name", type(judger).__name__)
        raise InvalidArgument(
            f"judger {name!r} has no gradient: reward-gradient needs one with reward(cases, frames), such as "
            "physics-soft; use --method policy-gradient for any other judger"
        )
    found: DifferentiableJudger = judger
    return found


def rewards(
    judger: DifferentiableJudger,
    cases: Sequence[Case],
    frames: Tensor,
    weights: FloatArray,
    combine: Combine = "weighted-mean",
    *,
    ceiling: float | None = None,
    gradient: bool = True,
) -> Rewards:
    """Judge clips and take the gradient of each one's reward with respect to its own frames.

    The judger sees the frames clamped to [0, 1], as a clip would show them. The clamp itself would stop the gradient
    of every saturated pixel; instead the gradient passes, except where it would drive a pixel further out. Stopping
    at the pixels keeps a reward that is NaN in one clip out of all others, which a product with a mask would not.

    Args:
        judger: Asked for the batch, and for single clips where that raises or is not finite.
        cases: B cases of equal criteria.
        frames: (B, T, 3, H, W), about [0, 1].
        weights: (C,) of the criteria.
        combine: `weighted-mean`: sum w v / sum w over the valid criteria. `probability-gap`: sum of w (p(yes) - p(no))
            over them, tanh(v / 2) of log-odds; other units enter as they are. It is WorldModelBench's reward
            (arXiv 2502.20694), which adds over criteria and saturates where an answer is certain.
        ceiling: Rewards above it count as it and have no gradient (ReFL's relu(margin - r), arXiv 2304.05977).
        gradient: Whether to take the gradient.
    """
    leaf = frames.detach()
    leaf = (leaf if leaf.element_size() >= 4 else leaf.float()).clamp(0.0, 1.0)
    shown = [c if judger.reads_truth else c.without_truth(f"judger {judger.name}") for c in cases]
    totals, table, reasons = np.full(len(cases), np.nan), np.full((len(cases), len(weights)), np.nan), dict[str, None]()
    slope = torch.zeros_like(leaf) if gradient else None

    def ask(rows: list[int]) -> None:
        part = leaf[rows].requires_grad_(gradient)
        with torch.set_grad_enabled(gradient):
            values, valid = judger.reward([shown[k] for k in rows], part)
            _check(values, valid, (len(rows), len(weights)))
            total = _combined(
                values,
                valid,
                torch.as_tensor(weights, dtype=values.dtype, device=values.device),
                _units(judger, cases[0]),
                combine,
            )
            total = total if ceiling is None else total.clamp(max=ceiling)
            if slope is not None and total.requires_grad:
                (slope[rows],) = torch.autograd.grad(total.nansum(), part)
        totals[rows] = total.detach().double().cpu().numpy()
        table[rows] = torch.where(valid, values, torch.nan).detach().double().cpu().numpy()

    def alone(row: int) -> None:
        try:
            ask([row])
        except Exception as error:
            totals[row], table[row] = np.nan, np.nan
            reasons[f"judger {judger.name}: {told(error)}"] = None

    def finite() -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = np.isfinite(totals)
        if slope is not None:
            right &= slope.isfinite().flatten(1).all(dim=1).cpu().numpy()
        return right

    try:
        ask(list(range(len(cases))))
        again = np.flatnonzero(~finite())
    except Exception:
        again = np.arange(len(cases))
    for row in again:
        alone(int(row))  # what is not finite in one clip may reach others inside the judger: 0 times NaN is NaN
    kept = finite()
    if slope is not None:
        slope[torch.as_tensor(~kept, device=slope.device)] = 0.0
        outward = ((frames.detach() > 1.0) & (slope > 0)) | ((frames.detach() < 0.0) & (slope < 0))
        slope[outward] = 0.0
    if not kept.all() and not reasons:
        reasons[f"judger {judger.name}: a reward or its gradient is not finite, or no criterion is valid"] = None
    return Rewards(np.where(kept, totals, np.nan), table, kept, tuple(reasons), slope)


def _combined(values: Tensor, valid: Tensor, weights: Tensor, units: Sequence[str], combine: Combine) -> Tensor:
    """One number a clip, (B,); NaN where no weighted criterion is valid."""
    counted = valid.to(values.dtype) * weights
    if combine == "probability-gap":
        odds = torch.tensor([unit == "log-odds" for unit in units], device=values.device)
        values = torch.where(odds, torch.tanh(values / 2.0), values)
    weight = counted.sum(dim=1)
    # Columns that do not count are left out of the sum rather than multiplied by 0: they may be NaN.
    total = torch.where(counted > 0, values * counted, 0.0).sum(dim=1)
    total = total if combine == "probability-gap" else total / weight.clamp(min=1e-12)
    return torch.where(weight > 0, total, torch.nan)


def _units(judger: DifferentiableJudger, case: Case) -> list[str]:
    units = judger.card.get("units", {})
    usual = {"binary": "log-odds", **units}  # a card states units by criterion, or by kind of answer
    return [str(units.get(c.id, usual.get(c.answer, ""))) for c in case.criteria]


def _check(values: Tensor, valid: Tensor, shape: tuple[int, int]) -> None:
    if tuple(values.shape) != shape or tuple(valid.shape) != shape or valid.dtype != torch.bool:
        raise ValueError(
            f"expected values and boolean valid of shape {shape}, got {tuple(values.shape)} and "
            f"{tuple(valid.shape)} of {valid.dtype}"
        )


FRAMES: dict[str, str] = {
    "all": "no bias",
    "random": "no bias for rewards that are means over frames, at more variance; n evenly likely frames",
    "first": "biased: nothing is learnt about later frames",
}
"""Ways to choose the frames that are decoded and judged, with the bias of the gradient that follows."""


def frame_chooser(spec: str, judger: DifferentiableJudger) -> Callable[[int, np.random.Generator], list[int] | None]:
    """How frames are chosen for the judger: decoding is the memory wall of large models.

    Args:
        spec: `all`, `random:4` or `first:4`.
        judger: One that is to see some frames must say that it judges frames one by one: `framewise = True`.

    Returns:
        (number of frames, rng) -> indices in order; None is all.

    Raises:
        InvalidArgument: Another specification, or a judger that needs the whole clip.
    """
    name, _, count = spec.partition(":")
    if name == "all" and not count:
        return lambda total, rng: None
    if name not in FRAMES or name == "all" or not count.isdigit() or int(count) < 1:
        raise InvalidArgument(f"frames must read all, random:N or first:N, got {spec!r}")
    if not getattr(judger, "framewise", False):
        raise InvalidArgument(f"judger {judger.name!r} needs whole clips: it does not say framewise = True; frames=all")

    def choose(total: int, rng: np.random.Generator) -> list[int]:
        n = min(int(count), total)
        return list(range(n)) if name == "first" else sorted(rng.choice(total, size=n, replace=False).tolist())

    return choose

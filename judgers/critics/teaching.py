"""Teach a critic by labelled clips, stop by clips that are held out, examine it on others, write it down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wmenv.core.errors import InvalidArgument
from wmenv.judgers.critics.batches import Batches, floats
from wmenv.judgers.critics.checkpoint import write_critic
from wmenv.judgers.critics.descent import Descent, loss_of
from wmenv.judgers.critics.exam import Exam, examine
from wmenv.judgers.critics.form import Form
from wmenv.judgers.critics.held import Held
from wmenv.judgers.critics.lessons import Lessons
from wmenv.judgers.critics.network import Network, network
from wmenv.judgers.critics.state import State, restored, save_state

AT_ONCE = 16
"""Clips a pass where nothing is learnt."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a critic is taught.

    Attributes:
        seed: Decides weights, batches and what is done to the pictures.
        steps: Optimiser steps at most; the learning rate falls by a cosine until the last one.
        batch: Clips a step, or windows of clips; a multiple of 3.
        learning_rate: Of AdamW, at its peak.
        every: Steps from one look at what is held out to the next.
        patience: Looks without a better one after which the training ends.
        alter: What is done to pictures so that they are others and the targets stay: `mirror`, `hues`, `noise`.
    """

    seed: int = 0
    steps: int = 2000
    batch: int = 24
    learning_rate: float = 2e-3
    every: int = 200
    patience: int = 4
    alter: tuple[str, ...] = ("noise",)

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate", "every", "patience"):
            if not getattr(self, name) > 0:
                raise InvalidArgument(f"{name} must be positive, got {getattr(self, name)}")
        if self.batch % 3:
            raise InvalidArgument(f"batch must be a multiple of 3, got {self.batch}")
        unknown = [one for one in self.alter if one not in ("mirror", "hues", "noise")]
        if unknown:
            raise InvalidArgument(f"pictures are altered by mirror, hues and noise, got {unknown[0]!r}")

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "alter": list(self.alter)}


@dataclass(frozen=True, slots=True)
class Look:
    """A look at what is held out.

    Attributes:
        step: Optimiser steps done.
        taught: Mean loss of the batches since the look before, nats.
        held: Loss on held clips after scale and shift were fitted, broken and met ones weighing alike, nats; of a
            critic that knows nothing 0.693.
        best: Whether no look before was as good.
        cpu_seconds: Spent so far.
    """

    step: int
    taught: float
    held: float
    best: bool
    cpu_seconds: float


def teach(
    lessons: Lessons,
    held: Held,
    form: Form,
    course: Course,
    folder: Path,
    *,
    facts: dict[str, Any] | None = None,
    minutes: float | None = None,
    resume: bool = False,
    told: Callable[[Look | int], None] = lambda what: None,
) -> dict[str, Any]:
    """Train a critic and write it to a folder.

    Args:
        lessons: The clips, those included that are held out.
        held: What is held out. One half of it, by case, decides when to stop and how log-odds are scaled; the exam on
            the card is on the other half.
        form: The network.
        course: How it is taught.
        folder: Made if missing. `training.safetensors` holds what is needed to go on; `model.safetensors` and
            `card.json` appear at the end.
        facts: More for the card, such as where the clips came from.
        minutes: Stop for now after as much wall time; the critic is written as it is, and `resume` goes on.
        resume: Go on with the training in the folder.
        told: Called with the number of every step and with every look.

    Returns:
        The card.

    Raises:
        InvalidArgument: Nothing to teach, or nothing to hold out; another training lies in the folder.
    """
    taught, by = held.parts(lessons)
    stop, exam = _halves(lessons, ~taught)
    school, watch = lessons.part(taught), lessons.part(stop)
    batches = Batches(school, form, course)
    model = network(form, len(lessons.criteria), course.seed).train()
    descent = Descent(model, course.learning_rate, course.steps, form.precision)
    identity = {"form": form.plain(), "course": course.plain(), "held": held.plain(), "clips": _digest(lessons)}
    folder.mkdir(parents=True, exist_ok=True)
    state = restored(folder, identity, descent, resume)
    started, clock, losses = time.process_time() - state.cpu_seconds, time.monotonic(), []
    late = False
    while state.step < course.steps and state.waited < course.patience and not late:
        frames, targets, weights = batches.batch(state.step)
        losses.append(descent.step(state.step, lambda logits, t=targets, w=weights: loss_of(logits, t, w), frames))
        state.step += 1
        told(state.step)
        late = minutes is not None and time.monotonic() - clock > 60 * minutes
        if state.step % course.every == 0 or state.step == course.steps or late:
            state.cpu_seconds = time.process_time() - started
            told(_look(model, watch, state, float(np.mean(losses))))
            losses = []
            save_state(folder, identity, descent, state)
    if state.best:
        model.load_state_dict(state.best)
    model.eval()
    exams = {
        name: examine(lessons.part(mask & exam), said_of(model, lessons.part(mask & exam))) for name, mask in by.items()
    }
    card = {
        "form": form.plain(),
        "criteria": list(lessons.criteria),
        "held": held.plain(),
        "course": course.plain(),
        "clips": {"taught": int(taught.sum()), "watched": int(stop.sum()), "examined": int(exam.sum())},
        "steps_done": state.step,
        "looks": state.looks,
        "exam": {name: _plain(one) for name, one in exams.items()},
        "cpu_seconds": round(state.cpu_seconds, 1),
        **(facts or {}),
    }
    return write_critic(folder, model, card, torch.bfloat16)


def said_of(model: nn.Module, lessons: Lessons) -> NDArray[np.float32]:
    """Log-odds (N, C) of whole clips."""
    with torch.no_grad():
        parts = [model(floats(lessons.frames[k : k + AT_ONCE])) for k in range(0, len(lessons), AT_ONCE)]
    return torch.cat(parts).numpy() if parts else np.empty((0, len(lessons.criteria)), np.float32)


def _look(model: Network, watch: Lessons, state: State, taught: float) -> Look:
    """Fit scale and shift, and keep the weights where they are the best so far."""
    model.eval()
    model.scale.fill_(1.0)
    model.shift.fill_(0.0)
    said, targets = torch.from_numpy(said_of(model, watch)), torch.from_numpy(watch.targets)
    scale, shift, loss = fitted(said, targets)
    model.scale.copy_(scale)
    model.shift.copy_(shift)
    better = loss < state.least
    if better:
        state.least, state.waited = loss, 0
        state.best = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    else:
        state.waited += 1
    model.scale.fill_(1.0)
    model.shift.fill_(0.0)
    model.train()
    look = Look(state.step, taught, loss, better, state.cpu_seconds)
    state.looks.append(asdict(look))
    return look


def fitted(said: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, float]:
    """Scale and shift of log-odds by criterion that make targets likeliest (Platt 1999), and the loss that is left.

    Broken and met ones weigh alike, so that log-odds of 0 lie between them. A criterion of which all targets agree
    keeps its log-odds, and has no part in the loss.

    Args:
        said: (N, C) log-odds.
        targets: (N, C) in [0, 1]; NaN where nothing is known.
    """
    weights = even_weights(targets)
    both = (weights > 0).any(dim=0)
    log_scale, shift = (torch.zeros(said.shape[1], dtype=torch.float64, requires_grad=True) for _ in range(2))
    optimiser = torch.optim.LBFGS([log_scale, shift], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = loss_of(said.double() * log_scale.exp() + shift, targets.double(), weights.double())
        loss = loss + 1e-3 * (log_scale.square().mean() + 1e-2 * shift.square().mean())
        torch.autograd.backward(loss)
        return loss

    if both.any():
        optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        scale, moved = torch.where(both, log_scale.exp(), 1.0).float(), torch.where(both, shift, 0.0).float()
        left = float(loss_of(said * scale + moved, targets, weights)) if both.any() else math.log(2.0)
    return scale, moved, left


def even_weights(targets: Tensor) -> Tensor:
    """(N, C) weights with which the broken and the met of a criterion weigh alike, and criteria too.

    0 where nothing is known, or where all of a criterion are broken, or all met.
    """
    known = ~targets.isnan()
    met = targets.nan_to_num(0.0)
    up, down = met.sum(dim=0), (known.float() - met).sum(dim=0)
    both = (up > 0) & (down > 0)
    weights = met / up.clamp_min(1e-9) + (1.0 - met) / down.clamp_min(1e-9)
    return torch.where(known & both, weights, 0.0)


def _halves(lessons: Lessons, held: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two masks of the held clips: every second case, in order of id."""
    ids = np.array([case.id for case in lessons.cases])
    order = {name: k for k, name in enumerate(sorted(set(ids[held].tolist())))}
    if len(order) < 2:
        raise InvalidArgument(f"{len(order)} case is held out; it takes two: one to stop by, one to be examined on")
    second = np.array([order.get(name, 0) % 2 == 1 for name in ids.tolist()])
    return held & ~second, held & second


def _plain(exam: Exam) -> dict[str, Any]:
    return asdict(exam)


def _digest(lessons: Lessons) -> str:
    from hashlib import blake2b

    hasher = blake2b(digest_size=16)
    for array in (lessons.frames, lessons.targets, lessons.onset, lessons.twin):
        hasher.update(np.ascontiguousarray(array).data)
    hasher.update(repr((lessons.criteria, lessons.generators, [case.id for case in lessons.cases])).encode())
    return hasher.hexdigest()

"""Teach a critic by labelled clips, stop by clips that are held out, examine it on others, write it down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wmenv.judgers.critics.batches import Batch, Batches, floats
from wmenv.judgers.critics.checkpoint import write_critic
from wmenv.judgers.critics.course import Course
from wmenv.judgers.critics.descent import Descent, loss_of
from wmenv.judgers.critics.exam import examine
from wmenv.judgers.critics.form import Form
from wmenv.judgers.critics.held import Held, Parts
from wmenv.judgers.critics.learning import Pace, course_facts, learn, over
from wmenv.judgers.critics.lessons import Lessons
from wmenv.judgers.critics.network import network
from wmenv.judgers.critics.state import finished

NONE: Mapping[str, Lessons] = MappingProxyType({})
AT_ONCE = 16
"""Clips a pass where nothing is learnt."""


def teach(
    lessons: Lessons,
    held: Held,
    form: Form,
    course: Course,
    folder: Path,
    facts: Mapping[str, Any],
    pace: Pace,
    exams: Mapping[str, Lessons] = NONE,
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
        pace: How long for now.
        exams: More clips to be examined on, by name; they take no other part.

    Returns:
        The card.

    Raises:
        InvalidArgument: Nothing to teach, or nothing to hold out; another training lies in the folder.
    """
    parts = Parts.of(lessons, held)
    model = network(form, len(lessons.criteria), course.seed).train()
    descent = Descent(model, course.learning_rate, course.steps, form.precision)
    watch = torch.from_numpy(parts.watched.targets)

    def look() -> tuple[float, dict[str, Tensor]]:
        scale, shift, loss = fitted(torch.from_numpy(said_of(model, parts.watched)), watch)
        return loss, {"scale": scale, "shift": shift}

    def forward(batch: Batch) -> Tensor:
        logits: Tensor = model(batch.frames)
        return logits

    identity = {"form": form.plain(), "course": course.plain(), "held": held.plain(), "clips": lessons.digest}
    batches = Batches(parts.taught, form, course)
    state = learn(descent, batches, forward, look, folder, identity, pace)
    model.load_state_dict(state.best)
    model.eval()
    whole = {**parts.examined, **{name: one.under(lessons.criteria) for name, one in exams.items()}}
    card = {
        "form": form.plain(),
        "recipe": {"size": form.size, "frames": int(lessons.frames.shape[1])},  # the form that its exam takes
        "criteria": list(lessons.criteria),
        "held": held.plain(),
        "clips": parts.counts,
        "exam": {name: asdict(examine(one, said_of(model, one))) for name, one in whole.items()},
        **course_facts(course, state),
        **facts,
    }
    written = write_critic(folder, model, card, torch.bfloat16)
    if over(course, state):
        finished(folder)
    return written


def said_of(model: nn.Module, lessons: Lessons) -> NDArray[np.float32]:
    """Log-odds (N, C) of whole clips."""
    with torch.no_grad():
        parts = [model(floats(lessons.frames[k : k + AT_ONCE])) for k in range(0, len(lessons), AT_ONCE)]
    return torch.cat(parts).numpy() if parts else np.empty((0, len(lessons.criteria)), np.float32)


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

"""The training that all taught judgers share: steps, looks at what is held out, a state on disk, an early end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from wmenv.core.errors import InvalidArgument
from wmenv.judgers.critics.batches import Batch, Batches
from wmenv.judgers.critics.course import Course
from wmenv.judgers.critics.descent import Descent, loss_of
from wmenv.judgers.critics.state import State, restored, save_state


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


Told = Callable[[Look | int], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a training goes on for now.

    Attributes:
        minutes: Of wall time at most.
        resume: Whether it goes on with what lies in the folder.
        told: Called with the number of every step, and with every look.
    """

    minutes: float | None = None
    resume: bool = False
    told: Told = lambda what: None


def learn(
    descent: Descent,
    batches: Batches,
    forward: Callable[[Batch], Tensor],
    look: Callable[[], tuple[float, Mapping[str, Tensor]]],
    folder: Path,
    identity: Mapping[str, Any],
    pace: Pace,
) -> State:
    """Train until the last step, or until held clips get no better.

    Args:
        descent: Takes the steps.
        batches: What is taught.
        forward: Logits (B, C) of a batch, with gradient.
        look: Loss on held clips, and what was fitted there and belongs to the weights.
        folder: Where the state is kept, so that a crash loses the steps since the last look.
        identity: Of the training; one of another identity is not gone on with.
        pace: How long.

    Returns:
        The state, with the best weights.

    Raises:
        InvalidArgument: The training diverged, or another one lies in the folder.
    """
    course = batches.course
    folder.mkdir(parents=True, exist_ok=True)
    state = restored(folder, identity, descent, pace.resume)
    began, clock = time.process_time() - state.cpu_seconds, time.monotonic()
    losses, late = list[float](), False
    while not over(course, state) and not late:
        batch = batches.batch(state.step)
        loss = partial(loss_of, targets=batch.targets, weights=batch.weights)
        losses.append(descent.step(state.step, partial(forward, batch), loss))
        state.step += 1
        pace.told(state.step)
        late = pace.minutes is not None and time.monotonic() - clock > 60 * pace.minutes
        if state.step % course.every == 0 or state.step == course.steps or late:
            held, fitted = look()
            best = held < state.least
            state.waited = 0 if best else state.waited + 1
            if best:
                state.least = held
                state.best = {name: one.detach().clone() for name, one in {**descent.weights, **fitted}.items()}
            state.cpu_seconds = time.process_time() - began
            told = Look(state.step, float(np.mean(losses)), held, best, state.cpu_seconds)
            state.looks.append(asdict(told))
            losses = []
            save_state(folder, identity, descent, state)
            pace.told(told)
    if not state.best:
        raise InvalidArgument(
            "the loss on held clips was never a number: the training diverged; lower the learning rate"
        )
    return state


def over(course: Course, state: State) -> bool:
    """Whether there is nothing to go on with."""
    return state.step >= course.steps or state.waited >= course.patience


def course_facts(course: Course, state: State) -> dict[str, Any]:
    """For a card."""
    return {
        "course": course.plain(),
        "steps_done": state.step,
        "looks": state.looks,
        "cpu_seconds": round(state.cpu_seconds, 1),
    }

"""What a long command tells while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tick:
    """Progress of a run after a batch.

    Attributes:
        agent: Agent at work.
        split: Split at work.
        done: Rollouts finished, resumed ones included.
        total: Rollouts planned.
        reward: Mean reward of the agent on the split so far; None before the first.
        failed: Rollouts failed so far.
    """

    agent: str
    split: str
    done: int
    total: int
    reward: float | None
    failed: int


Progress = Callable[[Tick], None]

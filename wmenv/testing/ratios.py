"""Speed as a ratio of one run: two pieces of work in turns, so that what else the machine does cancels out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any


def ratio(
    slow: Callable[[], Any],
    fast: Callable[[], Any],
    slow_items: float = 1,
    fast_items: float = 1,
    rounds: int = 7,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Median over rounds of (time an item of `slow`) / (time an item of `fast`); neither always goes first.

    Args:
        slow: Work, called once a round and once before the first.
        fast: Other work, likewise.
        slow_items: How many items a call of `slow` makes.
        fast_items: How many items a call of `fast` makes.
        rounds: Number of rounds.
        clock: CPU time by default; wall time for work that another process or a GPU does.
    """

    def seconds(work: Callable[[], Any]) -> float:
        started = clock()
        work()
        return clock() - started

    seconds(fast), seconds(slow)
    found = []
    for k in range(rounds):
        took = {work: seconds(work) for work in ((fast, slow) if k % 2 else (slow, fast))}
        found.append((took[slow] / slow_items) / (max(took[fast], 1e-9) / fast_items))
    return float(statistics.median(found))

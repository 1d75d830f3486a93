"""How fast and how much may be asked: pace, and a budget that outlives the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from wmenv.judgers.servers.faults import Unanswered
from wmenv.judgers.servers.store import Spent, Store

MILLION = 1_000_000


class Pace:
    """Lets requests go one after another at most `per_minute` a minute, and none while the server wants rest."""

    def __init__(self, per_minute: float | None, sleep: Callable[[float], object]) -> None:
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may go."""
        with self._lock:
            now = time.monotonic()
            mine = max(now, self._next)
            self._next = mine + self._gap if self._gap else self._next
        if mine > now:
            self._sleep(mine - now)

    def hold(self, seconds: float) -> None:
        """Let nobody go for some seconds."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be spent.

    Attributes:
        requests: Requests that may be sent, repeated ones included; None without a limit.
        cost: What may be paid, in the unit of the prices; None without a limit.
        price_in: Price of a million tokens read.
        price_out: Price of a million tokens written.
    """

    requests: int | None = None
    cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0


class Budget:
    """Counts requests before they are sent and their cost after, in the store, so that a killed run forgets nothing.

    The cost of a request is known when it is answered. So that the budget holds, each request under way counts as
    the dearest one so far, and so does one that was never answered.
    """

    def __init__(self, terms: Terms, store: Store) -> None:
        self.terms, self.store = terms, store
        self._under_way, self._dearest = 0, 0.0
        self._lock = threading.Lock()

    def reserve(self) -> None:
        """Count one request.

        Raises:
            Unanswered: There is none left.
        """
        terms = self.terms
        with self._lock:
            spent = self.store.spent()
            if terms.requests is not None and spent.requests >= terms.requests:
                raise Unanswered(
                    f"the budget of {terms.requests} requests is spent; go on with a larger one "
                    "(--max-requests, --resume --retry-failed)"
                )
            if terms.cost is not None and spent.cost + (self._under_way + 1) * self._dearest > terms.cost:
                raise Unanswered(
                    f"the budget of {terms.cost:g} is spent but for {max(0.0, terms.cost - spent.cost):.3g}; go on "
                    "with a larger one (--max-cost, --resume --retry-failed)"
                )
            self._under_way += 1
            self.store.spend(Spent(requests=1))

    def settle(self, usage: tuple[int, int] | None) -> None:
        """Count what a reserved request cost.

        Args:
            usage: Tokens read and written; None where there was no answer or it does not say.
        """
        read, written = usage or (0, 0)
        cost = (read * self.terms.price_in + written * self.terms.price_out) / MILLION
        with self._lock:
            self._under_way -= 1
            self._dearest = max(self._dearest, cost)
            self.store.spend(Spent(0, read, written, cost if usage is not None else self._dearest))

"""Asking a server until it answers: retries with jitter, a shared pace, a budget, and an end."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wmenv.judgers.servers.faults import Closing, Lasting, Passing, Unanswered
from wmenv.judgers.servers.limits import Budget, Pace, Terms
from wmenv.judgers.servers.reply import Reply, parse
from wmenv.judgers.servers.store import Store
from wmenv.judgers.servers.wire import Wire

LONGEST_PAUSE = 60.0
"""Seconds between two tries, unless the server asks for more."""
LONGEST_HOLD = 600.0
"""Seconds that a server may ask everybody to wait."""
UNCLEAR = 3
"""Times that a question is put whose answers come and cannot be used."""
GONE = 8
"""Questions in a row that no try got an answer to, after which the server counts as gone."""

Usable = Callable[[Reply], str]
"""Why a reply cannot be used; empty where it can."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How a request is tried.

    Attributes:
        tries: Times that it is sent, at most.
        pause: Seconds before the second try, at most; doubled for each further one.
        parallel: Requests under way at once.
        per_minute: Requests a minute, at most; None without a limit.
    """

    tries: int = 6
    pause: float = 1.0
    parallel: int = 16
    per_minute: float | None = None


class Client:
    """One server.

    Attributes:
        store: Replies and what was spent.
        closed: Why nothing is asked any more; empty while it is.
    """

    def __init__(self, wire: Wire, store: Store, patience: Patience, terms: Terms) -> None:
        self.wire, self.store, self.patience = wire, store, patience
        self.closed = ""
        self._budget = Budget(terms, store)
        self._stopped = threading.Event()
        self._pace = Pace(patience.per_minute, self._stopped.wait)
        self._room = threading.BoundedSemaphore(patience.parallel)
        self._lock = threading.Lock()
        self._unanswered = 0
        self._dice = random.Random()

    def ask(self, payload: Mapping[str, Any], usable: Usable, reworded: Callable[[int], Mapping[str, Any]]) -> Reply:
        """A usable reply to a chat request.

        Args:
            payload: The request.
            usable: Says why a reply cannot be used.
            reworded: The request for the k-th time that a reply could not be used, from 1.

        Raises:
            Unanswered: There is none, with the reason of the last try.
        """
        unclear = 0
        reason = ""
        for k in range(self.patience.tries):
            try:
                reply = self._sent(payload)
            except Passing as fault:
                reason = str(fault)
                if k + 1 < self.patience.tries:
                    self._rest(k, fault)
                continue
            if not (reason := usable(reply)):
                return reply
            unclear += 1
            if unclear == UNCLEAR:
                raise Unanswered(reason)
            payload = reworded(unclear)
        if not unclear:
            self._give_up(reason)
        raise Unanswered(f"{reason} (after {self.patience.tries} tries)")

    def models(self) -> list[str]:
        """Names of the models that the server has.

        Raises:
            Unanswered: It does not say.
        """
        reason = ""
        for k in range(self.patience.tries):
            try:
                plain = self._guarded(lambda: self.wire.send("/models"))
                return [str(one["id"]) for one in plain["data"]]
            except Passing as fault:
                reason = str(fault)
                self._rest(k, fault)
            except (KeyError, TypeError, IndexError):
                reason = "JSON that is no list of models"
        raise Unanswered(f"{reason} (after {self.patience.tries} tries)")

    def stop(self) -> None:
        """Let every thread that asks or waits come back at once."""
        self._stopped.set()
        self.wire.end()

    def go_on(self) -> None:
        """Ask again after a `stop`."""
        self._stopped.clear()
        self.wire.begin()

    def _sent(self, payload: Mapping[str, Any]) -> Reply:
        body = json.dumps(payload, separators=(",", ":")).encode()
        usage: tuple[int, int] | None = None

        def exchange() -> Reply:
            nonlocal usage
            self._budget.reserve()
            try:
                plain = self.wire.send("/chat/completions", body)
                try:
                    reply = parse(plain, self.wire.key.scrub)
                except ValueError as error:
                    raise Passing(str(error)) from None
                usage = reply.usage
            except (Lasting, Closing):
                usage = (0, 0)  # refused, not billed
                raise
            finally:
                self._budget.settle(usage)
            return reply

        reply: Reply = self._guarded(exchange)
        with self._lock:
            self._unanswered = 0
        return reply

    def _guarded(self, exchange: Callable[[], Any]) -> Any:
        """Do one exchange when there is room for it.

        Raises:
            Passing: It failed and may not next time.
            Unanswered: It failed for good.
        """
        with self._room:
            self._pace.wait()
            if self._stopped.is_set():
                raise Unanswered("stopped")
            if self.closed:
                raise Unanswered(self.closed)
            try:
                return exchange()
            except Lasting as fault:
                raise Unanswered(str(fault), refused=True) from None
            except Closing as fault:
                self.closed = str(fault)
                raise Unanswered(self.closed) from None

    def _rest(self, tried: int, fault: Passing) -> None:
        """Wait before the next try: a random part of a time that doubles (full jitter), or as the server says."""
        if fault.after is not None:
            wait = min(fault.after, LONGEST_HOLD) + self._dice.uniform(0.0, 0.1 * fault.after)
            if fault.busy:
                self._pace.hold(min(fault.after, LONGEST_HOLD))
        else:
            wait = self._dice.uniform(0.0, min(LONGEST_PAUSE, self.patience.pause * 2.0**tried))
        self._stopped.wait(wait)

    def _give_up(self, reason: str) -> None:
        with self._lock:
            self._unanswered += 1
            if self._unanswered >= GONE and not self.closed:
                self.closed = (
                    f"the server is gone: {GONE} questions in a row had no answer in {self.patience.tries} tries "
                    f"({reason}); start it and go on with --resume --retry-failed"
                )

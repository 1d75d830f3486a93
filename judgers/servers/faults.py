"""What goes wrong with a server, by what is to be done about it."""

from __future__ import annotations


class Passing(Exception):
    """It may go better when asked again: a time-out, a busy server, half a body.

    Attributes:
        after: Seconds to wait before, as the server states it; None where it does not.
        busy: Whether the server said that it gets too many requests; then everybody waits.
    """

    def __init__(self, reason: str, after: float | None = None, busy: bool = False) -> None:
        super().__init__(reason)
        self.after, self.busy = after, busy


class Lasting(Exception):
    """The same request would be refused again; another one may be answered."""


class Closing(Exception):
    """No request will be answered: the key is refused, the account is empty, the address is another one."""


class Unanswered(Exception):
    """A question has no answer, for good as far as this call goes; the text is the reason of the failed verdict.

    Attributes:
        refused: Whether the server refused the request itself (HTTP 400 and its like).
    """

    def __init__(self, reason: str, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused

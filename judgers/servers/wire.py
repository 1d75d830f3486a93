"""One request to a server and its JSON: connections kept open, a deadline for the whole answer, faults told apart.

The standard library's client follows no redirect, so that a key goes to the host that was named and nowhere else.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from wmenv.core.errors import InvalidArgument, printable, told
from wmenv.judgers.servers.faults import Closing, Lasting, Passing
from wmenv.judgers.servers.key import Key

MAX_BYTES = 16 << 20
"""A longer answer is no answer."""
MOMENTARY = (408, 409, 425, 429)
LONGEST = 160
"""Characters of a server's own message that go into a reason."""


def checked_url(url: str) -> str:
    """The base address in one form: `http://localhost:8000` and `http://localhost:8000/v1/` are one.

    Raises:
        InvalidArgument: It is no http(s) address, or holds what may be a secret; the message does not repeat it.
    """
    parts = urlsplit(str(url).strip())
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise InvalidArgument("server:URL wants an address such as server:http://localhost:8000/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise InvalidArgument(
            "the address of a server holds no user, password or query: it is stored with the run. "
            "Name the key's place instead: key_env=VARIABLE or key_file=FILE"
        )
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return f"{parts.scheme}://{parts.netloc.lower()}{path or '/v1'}"


class Wire:
    """Connections to one server, as many as are in use at once."""

    def __init__(self, url: str, key: Key, timeout: float) -> None:
        """Prepare; nothing is sent.

        Args:
            url: Base address, as `checked_url` returns it.
            key: Sent with every request.
            timeout: Seconds for a whole answer.
        """
        parts = urlsplit(url)
        self.url, self.key, self.timeout = url, key, timeout
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = parts.path
        self._idle: list[http.client.HTTPConnection] = []
        self._used: set[http.client.HTTPConnection] = set()
        self._ended = False
        self._lock = threading.Lock()

    def send(self, path: str, body: bytes | None = None) -> Any:
        """The JSON that a path answers; POST with a body, else GET.

        Raises:
            Passing, Lasting, Closing: There is none.
        """
        connection = self._taken()
        fresh = connection.sock is None
        try:
            status, headers, data = self._exchange(connection, path, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise Passing(f"no answer within {self.timeout:g} s") from None
            if isinstance(error, ssl.SSLCertVerificationError):
                raise Closing(f"the certificate of {self.url} is not accepted: {error.verify_message}") from None
            # A connection that the server closed while it lay idle says nothing about the server.
            raise Passing(self._safe(told(error)), after=None if fresh else 0.0) from None
        finally:
            self._give_back(connection)
        if status != 200:
            raise self._fault(status, headers, data)
        try:
            return json.loads(data)
        except ValueError:
            raise Passing(f"the body is no JSON: {self._safe(data[:40].decode('utf-8', 'replace'))!r}") from None

    def close(self) -> None:
        """Close the connections that nobody uses; the next request opens a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def end(self) -> None:
        """End every request, those of other threads included, and send none until `begin`."""
        with self._lock:
            self._ended = True
            used = list(self._used)
        self.close()
        for connection in used:  # whoever uses it notices, and closes it; one that is not open yet, once it has asked
            with suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def begin(self) -> None:
        """Send requests again after an `end`."""
        self._ended = False

    def _taken(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._ended:
                raise Passing("requests were ended")
            if self._idle:
                connection = self._idle.pop()
            else:
                kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
                connection = kind(str(self._host), self._port, timeout=self.timeout)
            self._used.add(connection)
        return connection

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._used.discard(connection)
            if connection.sock is not None:
                self._idle.append(connection)

    def _exchange(
        self, connection: http.client.HTTPConnection, path: str, body: bytes | None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        deadline = time.monotonic() + self.timeout
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self.key.headers()}
        connection.request("GET" if body is None else "POST", f"{self._path}{path}", body, headers)
        if self._ended:
            raise ConnectionAbortedError("the request was ended while its connection was opened")
        response = connection.getresponse()
        parts: list[bytes] = []
        held = 0
        while part := response.read1(1 << 16):
            parts.append(part)
            held += len(part)
            if held > MAX_BYTES:
                raise http.client.HTTPException(f"the answer is longer than {MAX_BYTES >> 20} MiB")
            if time.monotonic() > deadline:  # a server that sends a byte now and then never times out by itself
                raise TimeoutError
        if response.length:
            raise http.client.HTTPException(f"the body ended {response.length} bytes early")
        response.close()  # this much was read of it; the connection stays
        if response.will_close:
            connection.close()
        return response.status, response.headers, b"".join(parts)

    def _fault(self, status: int, headers: http.client.HTTPMessage, data: bytes) -> Exception:
        said, code = _message(data)
        reason = f"HTTP {status}" + (f": {self._safe(said)}" if said else "")
        if status == 401:  # not 403: some gateways refuse single pictures by it
            return Closing(f"the server refuses the key ({reason}); name it by key_env=VARIABLE or key_file=FILE")
        if status == 402 or code == "insufficient_quota":
            return Closing(f"the account at the server is empty ({reason})")
        if 300 <= status < 400:
            return Closing(f"the server is elsewhere ({reason}); give the address that it really has")
        if status in MOMENTARY or status >= 500:
            return Passing(reason, _retry_after(headers.get("Retry-After")), busy=status in (429, 503))
        return Lasting(reason)

    def _safe(self, text: str) -> str:
        brief = printable(" ".join(self.key.scrub(text).split()))
        return brief if len(brief) <= LONGEST else f"{brief[: LONGEST - 3]}..."


def _message(data: bytes) -> tuple[str, str]:
    """Message and code of an error body, of whatever make."""
    text = data.decode("utf-8", "replace")
    try:
        plain = json.loads(text)
    except ValueError:
        return text, ""
    if not isinstance(plain, dict):
        return text, ""
    inner = plain.get("error", plain)
    if not isinstance(inner, dict):
        return str(inner), ""
    return str(inner.get("message") or inner.get("detail") or text), str(inner.get("code") or inner.get("type") or "")


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date."""
    if value is None:
        return None
    with suppress(ValueError):
        seconds = float(value)
        return seconds if 0 <= seconds < float("inf") else None
    with suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None

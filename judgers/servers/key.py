"""The key of a server: read from a variable or a file, sent in one header, and told to nobody."""

from __future__ import annotations

import os
from pathlib import Path

from wmenv.core.errors import InvalidArgument

HIDDEN = "[key]"
LEAST = 8
"""Shortest piece of a key that is taken out of a text: servers repeat keys with their middle left out."""


class Key:
    """A secret, or none (the empty text).

    Only `headers` gives it out. Texts that come back from a server, which may repeat it, go through `scrub`.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str = "") -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return f"Key({HIDDEN if self._secret else 'none'})"

    def __reduce__(self) -> str:
        raise TypeError("a key is not written anywhere")

    def headers(self) -> dict[str, str]:
        """The header that carries it."""
        return {"Authorization": f"Bearer {self._secret}"} if self._secret else {}

    def scrub(self, text: str) -> str:
        """A text without the key, or any piece of it of `LEAST` characters or more."""
        secret = self._secret
        if not secret:
            return text
        least = min(LEAST, len(secret))
        if not any(secret[k : k + least] in text for k in range(len(secret) - least + 1)):
            return text
        for length in range(len(secret), least - 1, -1):
            for k in range(len(secret) - length + 1):
                text = text.replace(secret[k : k + length], HIDDEN)
        return text


def read_key(variable: str | None, file: str | None) -> Key:
    """The key that an environment variable or the first line of a file holds; none where neither is named.

    Args:
        variable: Name of the environment variable.
        file: Path of the file.

    Raises:
        InvalidArgument: Both are named, the variable or file is missing or empty, or the key cannot be a header. No
            message repeats what was found.
    """
    if variable is not None and file is not None:
        raise InvalidArgument("key_env and key_file both name a key; give one of them")
    if variable is not None:
        where, found = f"environment variable {variable}", os.environ.get(str(variable), "")
    elif file is not None:
        path = Path(str(file)).expanduser()
        where = f"key file {path}"
        try:
            found = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            told = getattr(error, "strerror", None) or "it is no text"
            raise InvalidArgument(f"{where} cannot be read: {told}") from None
    else:
        return Key()
    secret = found.strip().partition("\n")[0].strip()
    if not secret:
        raise InvalidArgument(f"{where} is not set or empty; put the server's key into it")
    if not all(33 <= ord(one) <= 126 for one in secret):
        raise InvalidArgument(f"{where} holds something else than a key: expected printable ASCII without spaces")
    return Key(secret)

"""Files that appear whole or not at all, and files of others, which may hold anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wmenv.core.errors import WmenvError, told

FORM = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What Python raises where something read from a file has another form than expected."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place and move it there.

    Raises:
        OSError: The disk is full, the folder is read-only; nothing is left behind, an older file stays.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError:
        with suppress(OSError):  # on a read-only disk there is nothing to remove
            partial.unlink(missing_ok=True)
        raise


@contextmanager
def taking_apart(path: Path, error: type[WmenvError], way_out: str = "") -> Iterator[None]:
    """While the content of a file is read and taken apart, anything odd about it is an error that names the file.

    Args:
        path: The file.
        error: Which error.
        way_out: What to do about a damaged one, for the message.

    Raises:
        WmenvError: Of the type `error`, where the block raises one of `FORM` or cannot read the file.
    """
    try:
        yield
    except WmenvError:
        raise
    except OSError as reason:
        raise error(f"cannot read {path}: {reason.strerror or reason}{way_out and f'; {way_out}'}") from reason
    except FORM as reason:
        raise error(f"{path} is damaged ({told(reason)}){way_out and f'; {way_out}'}") from reason

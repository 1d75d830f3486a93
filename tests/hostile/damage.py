"""What happens to files on their way: cut short, bits turned, pieces lost, doubled or put in, values replaced.

`apply(data, damage)` is plain data in, bytes out; damage is a tuple that hypothesis draws. Where bytes are JSON, lines
of JSON, safetensors or SQLite, values within are replaced too, so that a reader gets past its parser.
"""

from __future__ import annotations

import json
import math
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

DEEP = "[" * 20_000
TOKENS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\n", b'"', b"{", b"[]", b"null", b"NaN", b"1e999", b"-1", b"\xf0\x9f",
    b",", b"9" * 5000, DEEP.encode(), b"\x7f\xff\xff\xff\xff\xff\xff\xff", b"../../../etc/passwd", b"\x1b[2J",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 3, 0.5, 1e308, math.nan, math.inf, 10**400, "", "x", "\ud800", "\x1b[2J", "../../x",
    "/etc/passwd", [], {}, [[]], [None], {"x": None}, "a" * 100_000, [0] * 3, ["a", "b"], {"criterion": 1}, 1 << 62,
    "no\nline",
)  # fmt: skip
"""What a value is replaced by."""

Damage = tuple[str, int, int]


def strategy() -> st.SearchStrategy[Damage]:
    """A kind of damage with two numbers, which `apply` takes as places, lengths and choices."""
    number = st.integers(0, 1 << 20)
    return st.tuples(
        st.sampled_from(["value", "value", "value", "cut", "flip", "drop", "repeat", "insert"]), number, number
    )


def apply(data: bytes, damage: Damage) -> bytes:
    """The damaged file."""
    kind, a, b = damage
    at = a % (len(data) + 1)
    match kind:
        case "cut":
            return data[:at]
        case "flip":
            turned = bytearray(data or b"\x00")
            for k in range(1 + b % 8):
                bit = (a * 2_654_435_761 + k * b * 40_503) % (8 * len(turned))
                turned[bit // 8] ^= 1 << bit % 8
            return bytes(turned)
        case "drop":
            return data[:at] + data[at + 1 + b % 64 :]
        case "repeat":
            return data[:at] + data[at : at + 1 + b % 64] * 2 + data[at + 1 + b % 64 :]
        case "insert":
            return data[:at] + TOKENS[b % len(TOKENS)] + data[at:]
    found = next(
        (made for made in (_in_sqlite(data, a, b), _in_safetensors(data, a, b), _in_lines(data, a, b)) if made), None
    )
    return apply(data, ("flip", a, b)) if found is None else found


def _in_lines(data: bytes, a: int, b: int) -> bytes | None:
    """JSON, or one of several lines of it."""
    try:
        return _dumped(_replaced(json.loads(data), a, b))
    except ValueError:
        lines = data.splitlines()
        k = a % len(lines) if lines else 0
        try:
            lines[k] = _dumped(_replaced(json.loads(lines[k]), a, b))
        except (ValueError, IndexError):
            return None
        return b"\n".join(lines)


def _in_safetensors(data: bytes, a: int, b: int) -> bytes | None:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data):
        return None
    try:
        head = json.loads(data[8 : 8 + length])
    except ValueError:
        return None
    for key, value in head.get("__metadata__", {}).items():  # what is JSON in JSON
        if a % 3 == 0:
            head["__metadata__"][key] = _dumped(_replaced(json.loads(value), b, a)).decode()
            break
    else:
        head = _replaced(head, a, b)
    told = _dumped(head)
    return len(told).to_bytes(8, "little") + told + data[8 + length :]


def _in_sqlite(data: bytes, a: int, b: int) -> bytes | None:
    if not data.startswith(b"SQLite format 3"):
        return None
    with tempfile.NamedTemporaryFile(suffix=".sqlite") as file:
        Path(file.name).write_bytes(data)
        db = sqlite3.connect(file.name)
        try:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            cells = [(t, column[1]) for t in tables for column in db.execute(f"PRAGMA table_info({t})")]
            table, column = cells[a % len(cells)]
            value = db.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()[0]
            try:
                new: Any = _dumped(_replaced(json.loads(value), b, a)).decode()
            except (ValueError, TypeError):
                new = VALUES[b % len(VALUES)]
                new = new if isinstance(new, int | float | None) and new != 10**400 else str(new).replace("\ud800", "")
            db.execute(f"UPDATE {table} SET {column} = ?", (new,))
            db.commit()
        except (sqlite3.Error, TypeError):
            return None
        finally:
            db.close()
        return Path(file.name).read_bytes()


def _replaced(value: Any, a: int, b: int) -> Any:
    """One value somewhere within is another one, or gone."""
    places = list(_places(value))
    if not places:
        return VALUES[b % len(VALUES)]
    holder, key = places[a % len(places)]
    if b % (len(VALUES) + 1) == len(VALUES):
        del holder[key]
    else:
        holder[key] = VALUES[b % (len(VALUES) + 1)]
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()

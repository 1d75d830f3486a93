"""Files of temperatures: which judger they calibrate, and by how much."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.core.files import FORM, write_whole

SCHEMA = "wmenv.calibration/0"


@dataclass(frozen=True, slots=True)
class Temperatures:
    """Temperatures of one judger.

    Attributes:
        judger: Identity of the judger that they calibrate.
        others: For criteria without labels.
        criteria: By criterion.
    """

    judger: str
    others: float
    criteria: Mapping[str, float]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"judger": self.judger, "others": self.others, "criteria": dict(self.criteria)}


def temperature(found: Temperatures, criterion: str) -> float:
    """The temperature of a criterion."""
    return found.criteria.get(criterion, found.others)


def write(path: Path, found: Temperatures, facts: Mapping[str, Any]) -> None:
    """Write a file, whole or not at all.

    Args:
        path: Where to.
        found: The temperatures.
        facts: How they came about, for people; nothing of it is read again.

    Raises:
        OSError: It cannot be written.
    """
    content = {"schema": SCHEMA, **found.plain(), "fit": dict(facts)}
    write_whole(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def read(path: Path) -> Temperatures:
    """Read a file.

    Raises:
        InvalidArgument: No such file, or something else than `write` writes.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise ValueError(f"its schema is {content['schema']!r}")
        criteria = {name: _checked(value) for name, value in content["criteria"].items()}
        found = Temperatures(str(content["judger"]), _checked(content["others"]), criteria)
    except OSError as error:
        raise InvalidArgument(f"cannot read {path}: {error.strerror or error}") from error
    except FORM as error:
        told = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise InvalidArgument(f"{path} is no file of wmenv judge calibrate ({SCHEMA}): {told}") from error
    return found


def _checked(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError(f"a temperature is {value!r}")
    return float(value)

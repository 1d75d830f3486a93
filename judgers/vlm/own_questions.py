"""Questions for criteria that bring none, so that a model can judge any suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument, told
from wmenv.core.question import Question

Questions = Mapping[str, tuple[Question, ...]]


def own_questions(given: str | Mapping[str, Any] | None) -> Questions:
    """Questions by criterion.

    Args:
        given: A JSON file, or a mapping, of criterion ids to a question's text, its fields, or a list of these; such as
            `{"count": {"text": "Does a disc vanish?", "polarity": -1}}`.

    Raises:
        InvalidArgument: It is none.
    """
    if given is None:
        return {}
    where = "questions="
    if isinstance(given, str):
        where = f"questions={given}"
        try:
            given = json.loads(Path(given).expanduser().read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InvalidArgument(f"{where} cannot be read as JSON: {told(error)}") from error
    if not isinstance(given, Mapping):
        raise InvalidArgument(f"{where} must map criterion ids to questions, got {type(given).__name__}")
    return {
        str(name): tuple(_question(one, f"{where}, {name}") for one in (value if isinstance(value, list) else [value]))
        for name, value in given.items()
    }


def plain(questions: Questions) -> dict[str, Any]:
    """As JSON values, for identities."""
    return {
        name: [{field: getattr(one, field) for field in Question.__slots__} for one in each]
        for name, each in sorted(questions.items())
    }


def _question(value: Any, where: str) -> Question:
    try:
        fields = {"text": value} if isinstance(value, str) else dict(value)
        if "options" in fields:
            fields["options"] = tuple(fields["options"])
        return Question(**fields)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{where}: no question ({told(error)}); give its text, or fields of Question") from error

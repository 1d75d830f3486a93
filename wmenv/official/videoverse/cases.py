"""The prompt file of VideoVerse: 300 prompts with events in order and yes/no checks of nine types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.core.case import check_case_id
from wmenv.core.errors import InvalidCase
from wmenv.official.files import entry, found, read_json, typed

REPOSITORY = "Zeqing-Wang/VideoVerse"
CASE_FILE = ("prompt/prompts_of_VideoVerse.json", "prompts_of_VideoVerse.json", "prompt.json")
EVENTS = "event_following"
CHECKS = {
    "Camera Control": "camera_control",
    "Interaction": "interaction",
    "Mechanics": "mechanics",
    "Material Properties": "material_properties",
    "Natural Constraints": "natural_constraints",
    "Common Sense": "common_sense",
    "Attribution Correctness": "attribution_correctness",
    "2d_layout": "layout_2d",
    "3d_depth": "depth_3d",
}
"""`check_type` in the prompt file -> criterion."""
STATIC = ("natural_constraints", "common_sense", "attribution_correctness", "layout_2d", "depth_3d")
"""Criteria that the paper calls static; the others are dynamic."""


@dataclass(frozen=True, slots=True)
class Record:
    """One published prompt.

    Attributes:
        key: Its UUID; the clip is `<key>.mp4`.
        prompt: What to show.
        events: What should happen, in order.
        checks: (criterion, question) pairs; yes is right for all of them.
    """

    key: str
    prompt: str
    events: tuple[str, ...]
    checks: tuple[tuple[str, str], ...]


def load(folder: Path) -> list[Record]:
    """Records of a copy, in file order.

    Raises:
        InvalidCase: The file is missing or damaged, or a record is not as described above.
    """
    path = found(folder, CASE_FILE, REPOSITORY)
    return [
        _record(key, row, f"{key!r} of {path.name}") for key, row in typed(read_json(path), dict, path.name).items()
    ]


def _record(key: str, row: Any, where: str) -> Record:
    fields: Mapping[str, Any] = typed(row, dict, where)
    prompt = entry(entry(fields, "t2v_following_prompt", dict, where), "t2v_prompt", str, where)
    plan = entry(entry(fields, "t2v_eval_event_info", dict, where), "verification_plan", list, where)
    events = tuple(entry(typed(one, dict, where), "event_description", str, where) for one in plan)
    if not 1 <= len(events) <= 26:
        raise InvalidCase(f"{where} has {len(events)} events; expected 1 to 26, one letter each")
    checks = []
    for one in entry(fields, "verification_checks", list, where):
        kind = entry(typed(one, dict, where), "check_type", str, where)
        if kind not in CHECKS:
            raise InvalidCase(f"{where} has a check of type {kind!r}; known: {', '.join(CHECKS)}")
        if one.get("check") is not False:  # the script does not ask these
            checks.append((CHECKS[kind], entry(one, "question", str, where)))
    return Record(check_case_id(key), prompt, events, tuple(checks))

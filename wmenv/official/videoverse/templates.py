"""The exact words that VideoVerse puts to its judge, out of a copy of its script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wmenv.core.errors import InvalidCase
from wmenv.official.source import Script
from wmenv.official.videoverse.results import event_lines

SCRIPT = ("scripts/eval_with_Gemini_like_video_url.py", "eval_with_Gemini_like_video_url.py")


@dataclass(frozen=True, slots=True)
class Templates:
    """The script's templates, each with one open field."""

    events: str
    check: str

    def event_prompt(self, events: Sequence[str]) -> str:
        """The prompt on the order of events."""
        return self.events.format(event_lines(list(events)))

    def check_prompt(self, question: str) -> str:
        """The prompt on a check."""
        return self.check.format(question)


def load(path: Path) -> Templates:
    """Templates of a copy's script.

    Raises:
        InvalidCase: The file is missing, no Python, or not the published script.
    """
    script = Script(path)
    found = [script.assigned(f"EVAL_PROMPT_FOR_{name}") for name in ("OVERALL_EVENTS", "STATISTIC_QUESTION")]
    events, check = found
    if not isinstance(events, str) or not isinstance(check, str) or "{}" not in events or "{}" not in check:
        raise InvalidCase(f"{path} should have two templates with a field {{}}; is it the published script?")
    return Templates(events, check)

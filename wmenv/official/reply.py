"""Replies: what a judge said about a clip, as a result file keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wmenv.core.question import Value


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply to one question.

    Attributes:
        raw: The reply in words; what the strict reading reads.
        official: What the benchmark's own script makes of it; None where it has no reading.
        strict: The strict reading, where the file itself has it (a score, a grader's verdict); None elsewhere.
        reason: Why there is no reply, where there is none.
    """

    raw: str
    official: Value | None = None
    strict: Value | None = None
    reason: str = ""


Replies = Mapping[str, Mapping[str, tuple[Reply, ...]]]
"""Case id -> criterion id -> replies to its questions, in their order."""

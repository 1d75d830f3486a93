"""Replies: what a judge said about a clip, as a file keeps it."""

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
        strict: The strict reading, where the file itself has it (a grader's verdict); None elsewhere.
        label: A label in place of words: a grade, or 1 where the criterion is met and 0 where it is not, or between.
        reason: Why there is no reply, where there is none.
        clip: Digest of the clip that was judged, where the file has it; empty elsewhere.
    """

    raw: str = ""
    official: Value | None = None
    strict: Value | None = None
    label: float | None = None
    reason: str = ""
    clip: str = ""


Replies = Mapping[str, Mapping[str, tuple[Reply, ...]]]
"""Case id -> criterion id -> replies to its questions, in their order."""

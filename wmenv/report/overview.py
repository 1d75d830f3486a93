"""Several runs in one table a protocol: what may be compared stands together, what may not stands apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wmenv.report.rows import Headline, Line, headline, split_tables
from wmenv.runs.results import Results


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with the run it comes from.

    Attributes:
        label: Name of the run.
        anchor: Id of the run's section.
        line: The row.
    """

    label: str
    anchor: str
    line: Line


@dataclass(frozen=True, slots=True)
class Protocol:
    """The runs of one protocol.

    Attributes:
        digest: Digest of the protocol.
        title: Title of its runs.
        first: Their headline criterion.
        splits: (split, rows, whether they are ranked).
        same_cases: Whether all runs drew the same cases, so that differences are paired.
    """

    digest: str
    title: str
    first: Headline | None
    splits: tuple[tuple[str, tuple[Entry, ...], bool], ...]
    same_cases: bool


def overview(runs: Sequence[tuple[str, str, Results]]) -> list[Protocol]:
    """Group runs by the digest of their protocol.

    Args:
        runs: (label, anchor, results) of each.
    """
    groups: dict[str, list[tuple[str, str, Results]]] = {}
    for run in runs:
        groups.setdefault(run[2].protocol_digest, []).append(run)
    return [_protocol(digest, members) for digest, members in groups.items()]


def _protocol(digest: str, members: list[tuple[str, str, Results]]) -> Protocol:
    found: dict[str, list[Entry]] = {}
    for label, anchor, results in members:
        for table in split_tables(results):
            found.setdefault(table.split, []).extend(Entry(label, anchor, line) for line in table.lines)
    results = members[0][2]
    draws = {(run.seed, run.samples, tuple(sorted(run.splits.items()))) for _, _, run in members}
    splits = tuple((split, *_ranked(entries)) for split, entries in found.items())
    return Protocol(digest, results.title, headline(results), splits, len(draws) == 1)


def _ranked(entries: list[Entry]) -> tuple[tuple[Entry, ...], bool]:
    """Best reward first, unless maxima differ."""
    maxima = {entry.line.row.maximum for entry in entries if entry.line.row and entry.line.reward}
    if len(maxima) > 1 or None in maxima:
        return tuple(entries), False
    key = lambda entry: -1.0 if entry.line.reward is None else entry.line.reward.mean  # noqa: E731
    return tuple(sorted(entries, key=key, reverse=True)), True

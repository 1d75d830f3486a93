"""Paired comparison of two runs, or of a baseline and a run: same cases, same samples, criterion by criterion."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.core.canonical import canonical_json
from wmenv.core.errors import InvalidArgument, ProtocolMismatch
from wmenv.core.statistics import Estimate, paired_difference
from wmenv.runs.baseline import REWARD, Baseline, Values, values_of
from wmenv.runs.store import stored_run

FOLLOWS = {"condition": ("given",)}
"""Entries of a protocol that change with another."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One paired difference, second minus first.

    Attributes:
        first: Agent of the first run.
        second: Agent of the second run.
        split: Split.
        measure: `reward` or the id of a criterion (its score).
        estimate: Mean difference with interval; None where no pair has both values.
        pairs: Pairs with both values.
        unpaired: Rollouts of either side without a counterpart or without a value.
    """

    first: str
    second: str
    split: str
    measure: str
    estimate: Estimate | None
    pairs: int
    unpaired: int

    @property
    def significant(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.estimate is not None and (self.estimate.low > 0 or self.estimate.high < 0)


def compare(
    first: str | os.PathLike[str],
    second: str | os.PathLike[str],
    *,
    pair: str | None = None,
    level: float = 0.95,
    expanded: bool = False,
) -> list[Difference]:
    """Compare two agents on the same cases.

    Args:
        first: A run folder, `FOLDER:AGENT` where the run has several agents, or the file of a baseline.
        second: The same; it may be the same folder with another agent.
        pair: Entry of the protocols in which the two may differ, such as `condition`: cases are paired all the same.
        level: Coverage of the intervals, in (0, 1).
        expanded: Whether to widen the intervals of few cases, as a decision needs it.

    Returns:
        One difference a split and measure, second minus first, the reward first. Agents are paired by name where
        both runs have several and none is given.

    Raises:
        ProtocolMismatch: The runs were made under different protocols (judger included); nothing is compared.
        RunFolderError: A folder is no run.
        InvalidArgument: No such agent, it is unclear which agents to pair, or the protocols have no entry `pair`.
    """
    sides = [_Side.open(str(side)) for side in (first, second)]
    _refuse_mixture(sides[0].identity["protocol"], sides[1].identity["protocol"], pair)
    found = []
    for left, right in _agent_pairs(*sides):
        for split in sides[0].identity["splits"]:
            if split in sides[1].identity["splits"]:
                pairs = (sides[0].of(left, split), sides[1].of(right, split))
                found += _differences(*pairs, left, right, split, level, expanded)
    if not found:
        raise InvalidArgument(f"{first} and {second} share no split; evaluate both on the same --split")
    return found


@dataclass(frozen=True, slots=True)
class _Side:
    """One run to compare."""

    folder: Path
    agent: str | None
    identity: dict[str, Any]
    values: Mapping[tuple[str, str], Mapping[tuple[str, int], Values]]

    @classmethod
    def open(cls, text: str) -> _Side:
        folder, colon, agent = text, "", ""
        if not Path(text).is_dir():
            if Path(text).is_file():
                baseline = Baseline.read(Path(text))
                return cls(Path(text), None, baseline.identity(), baseline.values())
            folder, colon, agent = text.rpartition(":") if ":" in text else (text, "", "")
        identity, rows = stored_run(Path(folder))
        names = [a["name"] for a in identity["agents"]]
        if colon and agent not in names:
            raise InvalidArgument(f"{folder} has no agent {agent!r}; it has {', '.join(names)}")
        values: dict[tuple[str, str], dict[tuple[str, int], Values]] = {}
        for row in rows:
            values.setdefault((row.agent, row.split), {})[row.case_id, row.sample] = values_of(row.final)
        return cls(Path(folder), agent if colon else None, identity, values)

    def names(self) -> list[str]:
        """The agent that was asked for, else those of the run; its sanity panel is no contestant."""
        if self.agent is not None:
            return [self.agent]
        agents = self.identity["agents"]
        return [a["name"] for a in agents if not a.get("sanity")] or [a["name"] for a in agents]

    def of(self, agent: str, split: str) -> Mapping[tuple[str, int], Values]:
        return self.values.get((agent, split), {})


def _agent_pairs(left: _Side, right: _Side) -> list[tuple[str, str]]:
    if len(left.names()) == 1 and len(right.names()) == 1:
        return [(left.names()[0], right.names()[0])]
    if len(left.names()) == 1 and left.agent is not None:
        return [(left.agent, name) for name in right.names()]
    shared = [(name, name) for name in left.names() if name in right.names()]
    if not shared:
        raise InvalidArgument(
            f"which agents? {left.folder} has {', '.join(left.names())}, {right.folder} has "
            f"{', '.join(right.names())}; name them as FOLDER:AGENT"
        )
    return shared


def _refuse_mixture(left: Mapping[str, Any], right: Mapping[str, Any], pair: str | None) -> None:
    if pair is not None and (pair not in left or pair not in right):
        raise InvalidArgument(f"the protocols have no entry {pair!r}; they have {', '.join(sorted({*left, *right}))}")
    keys = sorted({*left, *right} - {pair, *FOLLOWS.get(pair or "", ())})
    different = [key for key in keys if canonical_json(left.get(key)) != canonical_json(right.get(key))]
    if different:
        told = "; ".join(f"{key}: {_brief(left.get(key))} against {_brief(right.get(key))}" for key in different)
        raise ProtocolMismatch(f"the runs were made under different protocols and are not comparable: {told}")


def _brief(value: Any) -> str:
    text = canonical_json(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _differences(
    first: Mapping[tuple[str, int], Values],
    second: Mapping[tuple[str, int], Values],
    left: str,
    right: str,
    split: str,
    level: float,
    expanded: bool,
) -> list[Difference]:
    everything = sorted({*first, *second})
    measures = dict.fromkeys([REWARD, *(name for values in (*first.values(), *second.values()) for name in values)])
    found = []
    for measure in measures:
        pairs = [(first.get(key, {}).get(measure), second.get(key, {}).get(measure), key[0]) for key in everything]
        whole = [(a, b, case) for a, b, case in pairs if a is not None and b is not None]
        estimate = paired_difference(
            [a for a, _, _ in whole],
            [b for _, b, _ in whole],
            [case for _, _, case in whole],
            level=level,
            expanded=expanded,
        )
        found.append(Difference(left, right, split, measure, estimate, len(whole), len(everything) - len(whole)))
    return found

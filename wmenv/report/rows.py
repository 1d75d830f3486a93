"""The rows of the main table, for HTML and terminal alike: what stands together, and what is ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wmenv.report.numbers import number, spread, words
from wmenv.runs.interval import Interval
from wmenv.runs.results import CriterionResult, Results, Row

BASELINES = {
    "copy_last": "copy last",
    "constant_velocity": "constant velocity",
    "split_mean_speed": "constant at the split's mean speed",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """The criterion that stands for a run: the first of the protocol that has a weight.

    Attributes:
        criterion: Its id.
        unit: Unit of its native value.
        native: Whether any row has a native value; its score stands in where none has.
        smaller: Whether smaller is better.
        quantity: Name of the quantity whose slope of generated on true is reported; empty without one.
    """

    criterion: str
    unit: str
    native: bool
    smaller: bool
    quantity: str

    @property
    def name(self) -> str:
        """What is printed, in words."""
        if not self.native:
            return f"{words(self.criterion)} score"
        return f"{words(self.criterion)} error" if self.smaller else words(self.criterion)

    @property
    def label(self) -> str:
        """Column heading: the name with its unit."""
        return f"{self.name}, {self.unit}" if self.unit and self.native else self.name

    def value(self, result: CriterionResult | None) -> Interval | None:
        """The headline value of a row."""
        if result is None:
            return None
        return result.native if self.native else result.score


def headline(results: Results) -> Headline | None:
    """The headline criterion of a run; None of a protocol without criteria."""
    criteria: list[Mapping[str, Any]] = results.protocol.get("criteria", [])
    if not criteria:
        return None
    chosen = next((c for c in criteria if c.get("weight", 0) > 0), criteria[0])
    found = [row.criteria[chosen["id"]] for row in results.rows if chosen["id"] in row.criteria]
    return Headline(
        criterion=chosen["id"],
        unit=chosen.get("unit", ""),
        native=any(result.native is not None for result in found),
        smaller=chosen.get("polarity", -1) < 0,
        quantity=next((name for result in found for name in result.slopes), ""),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the main table.

    Attributes:
        name: Agent, or words for a baseline.
        privileged: Whether the agent sees the truth.
        reward: Mean reward; None for baselines, which draw no pictures.
        error: Headline value.
        slope: Slope of generated on true, where it exists.
        row: The row of the results; None for baselines.
    """

    name: str
    privileged: bool
    reward: Interval | None
    error: Interval | None
    slope: float | None
    row: Row | None

    @property
    def baseline(self) -> bool:
        """Whether it is computed from the truth and no agent drew anything."""
        return self.row is None

    @property
    def total(self) -> str:
        """The total with its maximum where that is not 1; empty otherwise."""
        if self.row is None or self.reward is None or self.row.maximum == 1:
            return ""
        if self.row.maximum is None:
            return "maxima differ between its cases"  # a run of an earlier version
        total = self.reward.mean * self.row.maximum if self.row.total is None else self.row.total
        return f"total {number(total)} of {number(self.row.maximum)}"

    @property
    def reward_text(self) -> tuple[str, str]:
        """Mean and interval of the reward."""
        return number(self.reward.mean if self.reward else None, 3), spread(self.reward, 3)

    @property
    def error_text(self) -> tuple[str, str]:
        """Mean and interval of the headline value."""
        return number(self.error.mean if self.error else None), spread(self.error)

    @property
    def slope_text(self) -> str:
        """The slope with two decimals."""
        return number(self.slope, 2)


@dataclass(frozen=True, slots=True)
class SplitTable:
    """The rows of one split.

    Attributes:
        split: Its name.
        cases: Number of cases asked for.
        lines: Agents: best reward first if ranked, else in the order of the run.
        sanity: The sanity panel, in its order; never ranked among agents.
        baselines: Computed ones, the same for every agent.
        ranked: False where maxima differ, so that rewards cannot be put in an order.
    """

    split: str
    cases: int
    lines: tuple[Line, ...]
    sanity: tuple[Line, ...]
    baselines: tuple[Line, ...]
    ranked: bool


def split_tables(results: Results) -> list[SplitTable]:
    """The main table, split by split."""
    first = headline(results)
    privileged = {agent.name: agent.privileged for agent in results.agents}
    panel = {agent.name for agent in results.agents if agent.sanity}
    tables = []
    for split, cases in results.splits.items():
        rows = [row for row in results.rows if row.split == split]
        drawn = [_line(row, privileged.get(row.agent, False), first) for row in rows]
        lines = [line for line in drawn if line.name not in panel]
        aside = tuple(line for line in drawn if line.name in panel)
        maxima = {row.maximum for row in rows if row.reward is not None and row.agent not in panel}
        ranked = len(maxima) < 2 and None not in maxima
        if ranked:
            lines.sort(key=lambda line: -1.0 if line.reward is None else line.reward.mean, reverse=True)
        tables.append(SplitTable(split, cases, tuple(lines), aside, _baselines(rows, first), ranked))
    return tables


def _line(row: Row, privileged: bool, first: Headline | None) -> Line:
    result = row.criteria.get(first.criterion) if first else None
    slopes = list(result.slopes.values()) if result else []
    error = first.value(result) if first else None
    return Line(row.agent, privileged, row.reward, error, slopes[0] if slopes else None, row)


def _baselines(rows: list[Row], first: Headline | None) -> tuple[Line, ...]:
    """Baselines of the headline criterion, from whichever row of the split knows most cases."""
    known: dict[str, Interval] = {}
    for row in rows:
        for name, interval in row.criteria[first.criterion].baselines.items() if first else ():
            if name not in known or interval.n > known[name].n:
                known[name] = interval
    order = [
        *(name for name in BASELINES if name in known),
        *(name for name in known if name not in BASELINES),
    ]
    return tuple(Line(BASELINES.get(name, words(name)), False, None, known[name], None, None) for name in order)

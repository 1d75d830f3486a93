"""Whether an agent has become worse than its baseline: paired, criterion by criterion, beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wmenv.core.errors import InvalidArgument
from wmenv.runs.baseline import Baseline, values_of
from wmenv.runs.compare import Difference, compare
from wmenv.runs.store import stored_run

ALPHA, MARGIN = 0.05, 0.001
LEAST_CASES = 8
"""Cases a split below which an interval over cases says nothing."""
TOLD = 5


@dataclass(frozen=True, slots=True)
class Regression:
    """A comparison with a baseline.

    Attributes:
        differences: All of them, now minus before, in order of split and measure.
        level: Coverage of each interval.
        margin: Drops up to here are no news.
        lost: Rollouts that had a value of a measure and have none now, in words.
    """

    differences: Sequence[Difference]
    level: float
    margin: float
    lost: Sequence[str]

    @property
    def drops(self) -> list[Difference]:
        """Differences whose whole interval lies below minus the margin, the worst first; of fewer than 8 cases none."""
        found = []
        for d in self.differences:
            if d.estimate is not None and d.estimate.clusters >= LEAST_CASES and d.estimate.high < -self.margin:
                found.append((d.estimate.mean, d))
        return [d for _, d in sorted(found, key=lambda pair: pair[0])]

    @property
    def worse(self) -> bool:
        """Whether something dropped, or is no longer answered."""
        return bool(self.drops or self.lost)

    def told(self) -> str:
        """What dropped, a line each; empty where nothing did."""
        lines = []
        if self.drops:
            words = f"{100 * self.level:.4g} % interval"
            pairs = [(d.split, d.measure) for d in self.drops]
            wide, wider = (max(len(name) for name in names) for names in zip(*pairs, strict=True))
            for d in self.drops:
                assert d.estimate is not None
                e = d.estimate
                head = f"  {d.split:<{wide}}  {d.measure:<{wider}}  {e.mean:+.4f}"
                lines.append(f"{head}  {words} [{e.low:+.4f}, {e.high:+.4f}]  {d.pairs} pairs of {e.clusters} cases")
        if self.lost:
            more = f", and {len(self.lost) - TOLD} more" if len(self.lost) > TOLD else ""
            lines.append(
                f"  {len(self.lost)} values are missing that the baseline has: {'; '.join(self.lost[:TOLD])}{more}"
            )
        return "\n".join(lines)


def regression(baseline: Path, run: Path, *, alpha: float = ALPHA, margin: float = MARGIN) -> Regression:
    """Compare the run of one agent with a baseline.

    Every criterion and the reward on every split are looked at together: each interval is so wide that with no change
    at all, the chance that any of them lies below zero is about `alpha` at most (Bonferroni; intervals expanded for
    few cases, see `wmenv.core.statistics.expanded_level`). A value that is missing now although the baseline has it
    counts against the agent: one that fails on hard cases does not become better by it.

    Args:
        baseline: File of the baseline.
        run: The run folder.
        alpha: Chance of a false alarm, in (0, 0.5).
        margin: A drop of the mean, in the unit of scores ([0, 1]), up to which nobody wants to hear of it; it also
            swallows what processors compute differently.

    Raises:
        ProtocolMismatch: The run has other settings than the baseline.
        InvalidArgument: `alpha` or `margin` is out of range, or a split has fewer than 8 cases.
    """
    if not 0 < alpha < 0.5 or margin < 0:
        raise InvalidArgument(f"expected 0 < alpha < 0.5 and margin >= 0, got {alpha} and {margin}")
    before = Baseline.read(baseline)
    before.check(run, baseline)
    check_cases(before)
    tail = alpha / len(before.measured())
    differences = compare(baseline, run, level=1 - 2 * tail, expanded=True)
    return Regression(differences, 1 - 2 * tail, margin, _lost(before, run))


def check_cases(baseline: Baseline) -> None:
    """See to it that there are cases enough for intervals.

    Raises:
        InvalidArgument: There are not.
    """
    few = {split: count for split, count in baseline.settings["splits"].items() if count < LEAST_CASES}
    if few:
        told = ", ".join(f"{split} has {count}" for split, count in few.items())
        raise InvalidArgument(
            f"an interval over so few cases says nothing: {told}; take at least {LEAST_CASES} episodes"
        )


def _lost(before: Baseline, run: Path) -> list[str]:
    rows = {(row.split, row.case_id, row.sample): row for row in stored_run(run)[1]}
    found = []
    for key, values in sorted(before.rollouts.items()):
        row = rows.get(key)
        now = {} if row is None else values_of(row.final)
        gone = [measure for measure, value in values.items() if value is not None and now.get(measure) is None]
        if gone:
            failed = [] if row is None or row.final is None else [v.reason for v in row.final.verdicts if v.reason]
            why = "not made" if row is None else row.reason or (failed[0] if failed else "no answer")
            found.append(f"{key[1]} #{key[2]} {', '.join(gone) if now else 'everything'}: {why}")
    return found

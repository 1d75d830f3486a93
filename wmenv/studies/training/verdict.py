"""From a claim and the cells to a verdict: agrees, disagrees or undecided, by the interval over training seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from wmenv.studies.training.declare import Claim, Side
from wmenv.studies.training.interval import SeedInterval, seed_interval
from wmenv.studies.training.outcome import ClaimResult, Seeds
from wmenv.studies.training.quantity import Absent, Readouts

Word = Literal["agrees", "disagrees", "undecided"]


def decide(side: Side, threshold: float, interval: SeedInterval) -> Word:
    """Where an interval lies.

    Args:
        side: On which side of the threshold the statement holds. `not below` is the statement that nothing shows: an
            interval that reaches the threshold agrees.
        threshold: The threshold; a value on it does not support that something lies above or below.
        interval: Interval over seeds; one seed decides nothing.

    Returns:
        `agrees` if the whole interval is on the statement's side, `disagrees` if none of it is, else `undecided`.
    """
    if interval.seeds < 2:
        return "undecided"
    if side == "not below":
        return "agrees" if interval.high >= threshold else "disagrees"
    if side == "above":
        return "agrees" if interval.low > threshold else "disagrees" if interval.high <= threshold else "undecided"
    return "agrees" if interval.high < threshold else "disagrees" if interval.low >= threshold else "undecided"


def judge_claim(claim: Claim, seeds: Sequence[int], cells: Mapping[int, Readouts]) -> ClaimResult:
    """The verdict on a claim; undecided, with the reason, where any declared seed gave no number.

    Seeds that fail need not fail by chance, so that the others decide nothing without them.

    Args:
        claim: The claim.
        seeds: The declared seeds.
        cells: Read-outs by seed.
    """
    values: dict[int, float] = {}
    missing: dict[str, list[str]] = {}
    for seed in seeds:
        try:
            values[seed] = claim.quantity.of(cells.get(seed, {}))
        except Absent as error:
            missing.setdefault(str(error), []).append(str(seed))
    interval = seed_interval(list(values.values()))
    word: Word = "undecided"
    reason = "; ".join(f"{why} (seed {', '.join(seeds_of)})" for why, seeds_of in missing.items())
    if not missing and interval is not None:
        word = decide(claim.side, claim.threshold, interval)
        reason = "one seed gives no interval" if interval.seeds < 2 else ""
    return ClaimResult(
        **claim.plain(),
        values={str(seed): round(value, 6) for seed, value in values.items()},
        interval=None if interval is None else Seeds(**interval.plain()),
        verdict=word,
        reason=reason,
    )

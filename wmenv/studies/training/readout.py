"""Read-outs of a finished run folder: one dictionary of numbers a split.

Everywhere: `cases`, `coverage`, `forfeited` (share of clips with a forfeited criterion) and, by other criterion,
`native`.

Splits asked for velocity: `error` (units/s, the paper's), `at_mean_speed` (the error of discs that all move at the
split's mean speed: one above it shows no law), `slope` (generated on true speed), `bias` (generated minus true speed,
units/s) and some `pairs` of both to draw. Uniform motion, where a ball has one velocity: `reversed` (share
of clips whose ball moves against its true direction) and `pull` (the function says what it is); there generated speeds
in `pairs` are negative where reversed. Bias, direction and pull leave out forfeited clips: a ball that is lost for some
frames has no one speed.

Splits of conflicting attributes: `margin` (first attribute's score minus the second's, mean over clips), `kept` (mean
score of each attribute of the pair), `shift` (mean shift of each) and `winners` (clips by the attribute that won).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.protocols import Suite
from wmenv.core.verdict import Verdict
from wmenv.runs.results import Results
from wmenv.runs.store import RolloutRow, RunStore
from wmenv.worlds.discs.splits import parameter_ranges, regions_of
from wmenv.worlds.discs.world import Law

DRAWN_PAIRS = 16
"""Pairs of true and generated speed kept for drawing."""

Intervals = tuple[tuple[float, float], ...]


def read_run(folder: Path, results: Results, suite: Suite, law: Law, train: str) -> dict[str, dict[str, Any]]:
    """All splits of a run of one agent.

    Args:
        folder: The run folder.
        results: Its results.
        suite: The environment it was made with; it knows the truth of the cases.
        law: Law of the world.
        train: Split the agent was trained on.

    Returns:
        Split -> read-outs; numbers have six decimals.
    """
    store = RunStore(folder)
    try:
        rollouts = store.rollouts(steps=True)
    finally:
        store.close()
    trained = trained_speeds(law, train)
    found: dict[str, dict[str, Any]] = {}
    for row in results.rows:
        of_split = [rollout for rollout in rollouts if rollout.split == row.split]
        readouts: dict[str, Any] = {
            "cases": row.cases,
            "coverage": row.coverage,
            "forfeited": row.forfeited / row.rollouts,
            "native": {
                name: round(one.native.mean, 4)
                for name, one in row.criteria.items()
                if one.native is not None and name != "velocity"
            },
        }
        if "velocity" in row.criteria:
            velocity = row.criteria["velocity"]
            readouts["error"] = None if velocity.native is None else velocity.native.mean
            readouts["slope"] = velocity.slopes.get("speed")
            readouts["at_mean_speed"] = velocity.baselines["split_mean_speed"].mean
            readouts |= _motion(of_split, suite, law, trained)
        else:
            readouts |= _attributes(of_split)
        found[row.split] = _rounded(readouts)
    return found


def trained_speeds(law: Law, train: str) -> Intervals:
    """The speeds of a training split, units/s, as disjoint intervals in order."""
    regions = regions_of(law, train)
    if regions is not None:
        return tuple(sorted({(region.speed.low, region.speed.high) for region in regions}))
    low, high = parameter_ranges(law, "code")["v"]["id"]
    return ((low, high),)


def nearest_trained(speed: float, trained: Intervals) -> float:
    """The speed of training that is nearest to a speed; itself inside."""
    ends = [min(max(speed, low), high) for low, high in trained]
    return min(ends, key=lambda end: abs(end - speed))


def pull(true: Sequence[float], generated: Sequence[float], trained: Intervals) -> float | None:
    """How far speeds never trained on are drawn to the nearest one that was: 0 not at all, 1 all the way.

    Sum of |true - end| - |generated - end| over sum of |true - end|, over clips whose true speed lies outside the
    trained ones, `end` the nearest trained speed. Negative where generated speeds move away from it.

    Args:
        true: N true speeds, units/s.
        generated: N generated ones.
        trained: Intervals of training speeds.

    Returns:
        The share; None where every true speed was trained on.
    """
    ends = [nearest_trained(speed, trained) for speed in true]
    before = np.array([abs(t - e) for t, e in zip(true, ends, strict=True)])
    after = np.array([abs(g - e) for g, e in zip(generated, ends, strict=True)])
    outside = before > 0
    if not outside.any():
        return None
    return float((before - after)[outside].sum() / before[outside].sum())


def _motion(rollouts: Sequence[RolloutRow], suite: Suite, law: Law, trained: Intervals) -> dict[str, Any]:
    """Bias, direction and pull."""
    seen: list[tuple[float, float]] = []
    for rollout in rollouts:
        verdict = _verdict(rollout, "velocity")
        if verdict is None or verdict.state != "answered":
            continue
        true, made = verdict.evidence["pairs"]["speed"]
        if true is None or made is None:
            continue
        if law == "uniform_motion":
            (case,) = suite.cases([rollout.case_id])
            made *= _direction(verdict, float(case.truth.starts.velocity[0, 0, 0]))
        seen.append((float(true), float(made)))
    if not seen:
        return {"bias": None, "pairs": []}
    speeds = np.array(seen)
    readouts: dict[str, Any] = {
        "bias": float((np.abs(speeds[:, 1]) - speeds[:, 0]).mean()),
        "pairs": [[round(t, 3), round(g, 3)] for t, g in seen[:DRAWN_PAIRS]],
    }
    if law == "uniform_motion":
        readouts["reversed"] = float((speeds[:, 1] < 0).mean())
        readouts["pull"] = pull(speeds[:, 0].tolist(), speeds[:, 1].tolist(), trained)
    return readouts


def _direction(verdict: Verdict, true_velocity: float) -> float:
    """1 where the ball of a clip moves as the true one does, -1 where it moves the other way."""
    places = [balls[0][0] for balls in verdict.evidence["track"] if balls[0][0] is not None]
    if len(places) < 2 or places[-1] == places[0]:
        return 1.0
    return float(np.sign((places[-1] - places[0]) * true_velocity))


def _attributes(rollouts: Sequence[RolloutRow]) -> dict[str, Any]:
    """Margins, scores and winners of a pair of attributes."""
    margins: list[float] = []
    kept: dict[str, list[float]] = {}
    shift: dict[str, list[float]] = {}
    winners: Counter[str] = Counter()
    for rollout in rollouts:
        conflict: dict[str, Any] = {}
        for verdict in rollout.steps[-1].judgement.verdicts if rollout.steps else ():
            if verdict.state == "answered" and "conflict" in verdict.evidence:
                conflict = verdict.evidence["conflict"]
                attribute = verdict.criterion.removesuffix("_kept")
                kept.setdefault(attribute, []).append(float(verdict.score or 0.0))
                shift.setdefault(attribute, []).append(float(verdict.native or 0.0))
        if conflict:
            margins.append(float(conflict["margin"]))
            winners[str(conflict["winner"] or "no conflict")] += 1
    return {
        "margin": float(np.mean(margins)) if margins else None,
        "kept": {name: float(np.mean(values)) for name, values in sorted(kept.items())},
        "shift": {name: float(np.mean(values)) for name, values in sorted(shift.items())},
        "least_kept": min((float(np.mean(values)) for values in kept.values()), default=None),
        "winners": dict(sorted(winners.items())),
    }


def _verdict(rollout: RolloutRow, criterion: str) -> Verdict | None:
    verdicts = rollout.steps[-1].judgement.verdicts if rollout.steps else ()
    return next((verdict for verdict in verdicts if verdict.criterion == criterion), None)


def _rounded(value: Any) -> Any:
    """Six decimals: beyond them processors differ."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value

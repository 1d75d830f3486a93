"""Fitting temperatures to labelled clips: what `wmenv judge calibrate` computes.

What it gains is told on clips that the temperature was not fitted on: cases are dealt to two halves, each of which is
scaled by the temperature of the other. The temperature that is written down is fitted on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.calibration import brier, expected_calibration_error, fit_temperature, log_loss, scaled
from wmenv.core.errors import InvalidArgument
from wmenv.judgers.wrappers.temperatures import Temperatures
from wmenv.studies.labelled import Labelled, judged, labelled

LEAST = 10
"""Labelled clips with a probability that a criterion needs for a temperature of its own."""
ALL = "all criteria"


@dataclass(frozen=True, slots=True)
class Quality:
    """How good probabilities are: mean negative log-likelihood (nats), Brier score, expected calibration error."""

    log_loss: float
    brier: float
    error: float


@dataclass(frozen=True, slots=True)
class Fit:
    """The fit of a criterion.

    Attributes:
        name: The criterion; `ALL` for the pool of all.
        n: Number of labelled probabilities.
        temperature: Fitted on all of them.
        before: Of the probabilities as they are.
        after: Of each half scaled by the temperature of the other; None where a half cannot be fitted.
    """

    name: str
    n: int
    temperature: float
    before: Quality
    after: Quality | None

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def fit(run: Path, labels: Path, agent: str | None = None) -> tuple[Temperatures, list[Fit]]:
    """Fit temperatures to what a run's judger said about labelled clips.

    Args:
        run: The run folder.
        labels: See `wmenv.studies.labelled.WANTED`.
        agent: Only this agent's clips.

    Returns:
        Temperatures, one for each criterion with at least ten labelled probabilities and one of all together for the
        others; and the fits, that of all last.

    Raises:
        InvalidArgument: There are fewer than ten labelled probabilities in all, or all are one half.
    """
    found = judged(run, agent)
    by_name = {one.name: [row for row in one.rows if row.probability is not None] for one in labelled(found, labels)}
    pool = [row for rows in by_name.values() for row in rows]
    whole = _fit(ALL, pool) if len(pool) >= LEAST else None
    if whole is None:
        raise InvalidArgument(
            f"{len(pool)} labelled clips have a probability by {found.identity}, other than one half; a temperature "
            f"needs {LEAST}: label more, or calibrate a judger that gives probabilities"
        )
    fits = [one for name, rows in by_name.items() if len(rows) >= LEAST and (one := _fit(name, rows)) is not None]
    criteria = {one.name: one.temperature for one in fits}
    return Temperatures(found.identity, whole.temperature, criteria), [*fits, whole]


def _fit(name: str, rows: Sequence[Labelled]) -> Fit | None:
    labels, said = np.array([row.label for row in rows]), np.array([row.probability for row in rows], dtype=np.float64)
    temperature = fit_temperature(labels, said)
    if temperature is None:
        return None
    half = _halves([row.clip.case_id for row in rows])
    after = said.copy()
    fitted: Mapping[bool, float | None] = {
        side: fit_temperature(labels[half == side], said[half == side]) for side in (False, True)
    }
    for side in (False, True):
        other = fitted[not side]
        if other is not None:
            after[half == side] = scaled(said[half == side], other)
    known = all(one is not None for one in fitted.values())
    return Fit(name, len(rows), temperature, _quality(labels, said), _quality(labels, after) if known else None)


def _halves(cases: Sequence[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Every second case, in order of id; all clips of a case fall together."""
    place = {case: k for k, case in enumerate(sorted(set(cases)))}
    return np.array([place[case] % 2 == 1 for case in cases])


def _quality(labels: np.ndarray[Any, Any], said: np.ndarray[Any, Any]) -> Quality:
    found = log_loss(labels, said), brier(labels, said), expected_calibration_error(labels, said)
    return Quality(*(round(value, 6) for value in found if value is not None))

"""What is asked of a clip of the disc world, and how an error becomes a score."""

from __future__ import annotations

from dataclasses import dataclass

from wmenv.core.criterion import Criterion
from wmenv.worlds.discs.attributes import ATTRIBUTES


@dataclass(frozen=True, slots=True)
class Measure:
    """A criterion with its reward map.

    Attributes:
        criterion: The question.
        half: Native error at which the score is 0.5; a verdict under 0.5 counts as a flag.
    """

    criterion: Criterion
    half: float

    def score(self, error: float) -> float:
        """1 / (1 + (error / half)^2): 1 at no error, 0.5 at `half`, strictly decreasing, never 0."""
        return 1.0 / (1.0 + (error / self.half) ** 2)


def _measure(name: str, family: str, half: float, unit: str, text: str) -> Measure:
    return Measure(Criterion(name, family, text, "continuous", -1, 1.0, unit), half)


MEASURES: dict[str, Measure] = {
    measure.criterion.id: measure
    for measure in (
        _measure(
            "velocity", "motion", 0.25, "units/s",
            "Mean over scored frame pairs and balls of |v - v_true| (paper, section 3; collision: after contact).",
        ),
        _measure(
            "velocity_official", "motion", 0.25, "units/s",
            "The official code's error: |mean of v_x - true v_x|, hard masks, pixel / W, absent balls at x = 0 or 10.",
        ),
        _measure(
            "continuity", "motion", 0.4, "units",
            "Largest deviation of a ball's movement between two frames from the true movement.",
        ),
        _measure(
            "momentum", "conservation", 0.1, "share",
            "Deviation of the mean momentum from the true one, over sum of m max(|v|, 1); "
            "worst of before / after contact.",
        ),
        _measure(
            "energy", "conservation", 0.04, "share",
            "Deviation of the mean energy from the true one, over sum of m max(|v|, 1)^2 / 2; worst of before / after.",
        ),
        _measure("radius", "identity", 0.12, "share", "Largest |r / r_true - 1| over frames and balls."),
        _measure("colour", "identity", 0.3, "share", "Largest RGB distance to the true colour, in units of 255."),
        _measure(
            "count", "identity", 1.5, "frames",
            "Number of frames that show another number of discs (vanish, split, appear).",
        ),
    )
}  # fmt: skip

FORFEITED_BY_LOSS = ("velocity", "continuity", "momentum", "energy")
"""Criteria that cannot be measured where a ball that should be in view is gone."""

KEPT: dict[str, Criterion] = {
    f"{attribute}_kept": Criterion(
        f"{attribute}_kept",
        "attributes",
        f"How far the {attribute} went from the one shown (0) to the one that the conflicting attribute calls for (1).",
        unit="share",
    )
    for attribute in ATTRIBUTES
}
"""Criteria of scheme `attributes`; the score is 1 - min(|share|, 1)."""

"""`attribute-conflict`: which of two conflicting attributes of a ball a generator keeps.

The clip is read (colour, size, velocity, shape) and each attribute of the case's pair gets a *shift*: 0 where the clip
kept what the given frames show, 1 where it went all the way to what the other attribute went with in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidCase
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.judgers.physics.judger import PhysicsJudger, refusal
from wmenv.judgers.physics.motion import Timeline
from wmenv.judgers.physics.reading import Reading, read_ball
from wmenv.worlds.discs.attributes import ATTRIBUTES, Attribute, Conflict, call, conflict_of
from wmenv.worlds.discs.criteria import KEPT
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import COLOURS, DISC

IDENTITY = "attribute-conflict-v0"

MOVED = 0.5
"""From this |shift| on an attribute counts as not kept."""

WIDEST = 2.0
"""Shifts are reported within [-2, 2], so that one clip gone astray does not carry a mean."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How one attribute went.

    Attributes:
        share: (generated - shown) / (called for - shown), within [-2, 2]; colour and shape as projections.
        shown: The attribute in the given frames: RGB, radius (world units), speed (units/s), share of the other shape.
        called: The value that the other attribute of the pair went with in training.
        generated: The attribute of the clip.
    """

    share: float
    shown: Any
    called: Any
    generated: Any

    @property
    def kept(self) -> float:
        """Score of the attribute's criterion: 1 where it stayed as shown, 0 from a shift of 1 on, either way."""
        return 1.0 - min(abs(self.share), 1.0)

    @classmethod
    def along(cls, shown: NDArray[np.float64], called: NDArray[np.float64], generated: NDArray[np.float64]) -> Shift:
        """A shift by projection on the way from the shown to the called value."""
        way = called - shown
        share = float((generated - shown) @ way / (way @ way))
        plain = [v.tolist() if len(v) > 1 else float(v[0]) for v in (shown, called, generated)]
        return cls(float(np.clip(share, -WIDEST, WIDEST)), *plain)


class AttributeConflictJudger:
    """Reads which attribute of a conflict was kept; cases come from the `conflict_*` splits of uniform motion.

    A case's pair of attributes gets two verdicts with score 1 - min(|shift|, 1); the others do not apply. Evidence of
    both holds the values behind the shift, and `conflict`: `winner` (the attribute that was kept, its |shift| under
    1/2, while the other one was not, else `both` or `neither`) and `margin`, the first attribute's score minus the
    second's: above 0 the first was kept better. All other criteria are put to `physics`.
    """

    name = "attribute-conflict"
    accepts = ("clip",)
    reads_truth = True
    exact = True

    def __init__(self) -> None:
        self.card: dict[str, Any] = {"identity": IDENTITY, "moved": MOVED}
        self._physics = PhysicsJudger()

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge clips; the physics judger's rules say which are admitted."""
        return [self._judge(case, response) for case, response in zip(cases, responses, strict=True)]

    def _judge(self, case: Case, response: Response) -> Judgement:
        truth = case.truth
        if not isinstance(truth, DiscTruth):
            raise InvalidCase(f"judger {self.name!r} needs cases of the disc world, got truth {type(truth).__name__}")
        assert isinstance(response, Clip)
        verdicts = self._attributes(case, response, truth)
        others = tuple(criterion for criterion in case.criteria if criterion.id not in KEPT)
        if others:
            verdicts += self._physics.judge([replace(case, criteria=others)], [response])[0].verdicts
        return judgement(case, verdicts, IDENTITY)

    def _attributes(self, case: Case, clip: Clip, truth: DiscTruth) -> list[Verdict]:
        asked = [attribute for attribute in ATTRIBUTES if f"{attribute}_kept" in {c.id for c in case.criteria}]
        conflict = conflict_of(case.tags.get("split", ""))
        if not asked or conflict is None:
            return [Verdict.not_applicable(f"{a}_kept", "no attributes are in conflict in this split") for a in asked]
        reason = refusal(clip, truth)
        reading = None
        if not reason:
            reading = read_ball(clip, truth, Timeline.of(truth, clip.fps), _other_shape(conflict))
            reason = "the ball is whole in fewer than three scored frames"
        shifts = {} if reading is None else shifts_of(conflict, case.tags["level"], truth, reading)
        outcome = outcome_of(conflict, case.tags["level"], shifts) if shifts else {}
        return [_verdict(attribute, conflict, shifts.get(attribute), outcome, reason) for attribute in asked]


def _verdict(
    attribute: Attribute, conflict: Conflict, shift: Shift | None, outcome: dict[str, Any], reason: str
) -> Verdict:
    name = f"{attribute}_kept"
    if attribute not in conflict.pair:
        return Verdict.not_applicable(name, f"{attribute} is not in conflict in this split")
    if shift is None:
        return Verdict.forfeited(name, reason)
    evidence: dict[str, Any] = {
        "shift": {"shown": shift.shown, "called": shift.called, "generated": shift.generated},
        "conflict": outcome,
    }
    if attribute in ("size", "velocity"):
        evidence["pairs"] = {attribute: (shift.shown, shift.generated)}
    return Verdict.answered(name, shift.kept, shift.share, **evidence)


def _other_shape(conflict: Conflict) -> int:
    return conflict.other_shape if "shape" in conflict.pair else DISC


def shifts_of(conflict: Conflict, level: str, truth: DiscTruth, reading: Reading) -> dict[Attribute, Shift]:
    """The shift of each attribute of a pair.

    Args:
        conflict: The pair.
        level: The combination that the case shows, such as `red_large`.
        truth: Truth of the case.
        reading: What the clip shows.
    """
    shifts: dict[Attribute, Shift] = {}
    for attribute, value in conflict.values(level).items():
        other = 1 - value
        match attribute:
            case "colour":
                shown, called = COLOURS[value].astype(np.float64), COLOURS[other].astype(np.float64)
                generated = reading.colour
            case "size":
                radius = float(truth.radii[0])
                shown, called = np.array([radius]), np.array([call(attribute, other, radius)])
                generated = np.array([reading.radius])
            case "velocity":
                velocity = truth.starts.velocity[0, 0]
                speed = float(np.hypot(*velocity))
                shown, called = np.array([speed]), np.array([call(attribute, other, speed)])
                generated = np.array([reading.velocity @ velocity / speed])
            case "shape":
                shown, called = np.array([float(value)]), np.array([float(other)])
                generated = np.array([reading.otherness])
        shifts[attribute] = Shift.along(shown, called, generated)
    return shifts


def outcome_of(conflict: Conflict, level: str, shifts: dict[Attribute, Shift]) -> dict[str, Any]:
    """Which attribute of a pair won, as evidence.

    Args:
        conflict: The pair.
        level: The combination that the case shows; nothing is in conflict in those of training.
        shifts: The shift of each attribute of the pair.
    """
    winner = None
    if conflict.conflicts(level):
        kept = [a for a in conflict.pair if abs(shifts[a].share) < MOVED]
        winner = kept[0] if len(kept) == 1 else "both" if kept else "neither"
    return {
        "pair": list(conflict.pair),
        "name": conflict.name,
        "level": level,
        "winner": winner,
        "margin": shifts[conflict.first].kept - shifts[conflict.second].kept,
    }

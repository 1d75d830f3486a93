"""`physics-soft`: the laws of the disc world with a gradient, for alignment by reward gradients.

It answers what `physics` answers, from the moments of ink (`ink`) instead of tracked discs, so that every pixel has a
say, also that of a ball which is faint, doubled or far from where it should be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidArgument, InvalidCase, MissingExtra
from wmenv.core.verdict import Judgement, Verdict, forfeit_all, judgement
from wmenv.judgers.physics.judger import SMALLEST_SIZE, refusal
from wmenv.judgers.physics.motion import Timeline
from wmenv.worlds.discs.criteria import FORFEITED_BY_LOSS, MEASURES
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import FPS

if TYPE_CHECKING:
    from torch import Tensor

    from wmenv.judgers.physics.soft_errors import SoftErrors

IDENTITY = "physics-soft-v0"
UNIT = "minus error in half-score errors"

LOST = 0.5
"""From this degree on a ball counts as gone in `judge`."""

UNANSWERED = {"velocity_official": "defined on hard masks, which have no gradient; use judger='physics'"}


class PhysicsSoft:
    """The physics judger in torch: differentiable, batched.

    Errors are those of `physics` with positions from first moments of ink. The reward of `velocity` also charges
    what a mean velocity error would let pass: swelling (`mass`), fading (`vanish`), blur, smears and ink in wrong
    places (`blur`), ink of other colours (`stray`); docs/phyworld.md states the formulas. `velocity_official` is not
    answered.
    """

    name = "physics-soft"
    accepts = ("clip",)
    reads_truth = True
    exact = True

    def __init__(self, mass: float = 1.0, vanish: float = 1.0, blur: float = 1.0, stray: float = 1.0) -> None:
        """Make the judger; a weight of 0 takes a term out, which is for drills.

        Args:
            mass: Weight of ink beyond the ball's own.
            vanish: Weight of missing ink, and of what a ball that is gone costs.
            blur: Weight of ink that lies farther from the true place than that of a sharp ball there.
            stray: Weight of ink of other colours.

        Raises:
            MissingExtra: torch is not installed.
            InvalidArgument: A weight is negative or no number.
        """
        try:
            import torch  # noqa: F401
        except ModuleNotFoundError as error:
            raise MissingExtra(f"judger 'physics-soft' needs {error.name}: pip install 'wmenv[gen]'") from error
        from wmenv.judgers.physics.soft_errors import CHARGES

        weights = {"mass": mass, "vanish": vanish, "blur": blur, "stray": stray}
        for name, weight in weights.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
                raise InvalidArgument(f"judger 'physics-soft': {name} must be a number from 0 on, got {weight!r}")
        self.weights = {name: float(weights[name]) for name in CHARGES}
        self.card: dict[str, Any] = {
            "identity": IDENTITY + "".join(f",{n}={w:g}" for n, w in self.weights.items() if w != 1.0),
            "weights": self.weights,
            "charges": CHARGES,
            "units": dict.fromkeys(MEASURES, UNIT),
            "half_score_errors": {name: m.half for name, m in MEASURES.items()},
        }

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge clips; the physics judger's rules say which are admitted. Scores fall as the reward's values do.

        One after another: sums over a batch round otherwise than over a clip, and no judgement may depend on which
        other clips are judged with it.
        """
        return [self._judge(case, response) for case, response in zip(cases, responses, strict=True)]

    def reward(self, cases: Sequence[Case], frames: Tensor) -> tuple[Tensor, Tensor]:
        """Judge a batch and keep the graph; see `wmenv.core.protocols.DifferentiableJudger`.

        Args:
            cases: N cases of the disc world, all with the same criteria.
            frames: Floats (N, T, 3, S, S) in [0, 1] with S from 16, T the cases' number of frames, at 10 fps.

        Returns:
            values: (N, C) minus the error in half-score errors, charges included, in (-100, 0]; from 50 on pressed
                (`SoftErrors.value`). The score of a verdict is 1 / (1 + error^2), so both rank alike. A clip that is
                not finite forfeits: -100.
            valid: (N, C) booleans; False for `velocity_official`, for criteria of other judgers, and where no frame
                or pair can be scored.

        Raises:
            InvalidCase: A case is not of the disc world.
            InvalidArgument: Frames of another shape or type, or cases whose criteria differ.
        """
        import torch

        from wmenv.judgers.physics.soft_errors import WORST

        truths = [self._truth(case) for case in cases]
        frames = _checked(cases, truths, frames)
        columns = [criterion.id for criterion in cases[0].criteria]
        # A sum is finite where all frames are (a pass over them less than asking each pixel).
        finite = torch.isfinite(frames.detach().sum(dim=(1, 2, 3, 4)))
        if not bool(finite.all()):
            frames = torch.where(finite[:, None, None, None, None], frames, 1.0)
        values = frames.new_zeros(len(cases), len(columns))
        valid = torch.zeros(values.shape, dtype=torch.bool, device=frames.device)
        for rows, found in self._groups(truths, frames):
            answered = [name for name in columns if name in found.cost]
            at = torch.tensor([columns.index(name) for name in answered], device=frames.device)
            into = (rows[:, None], at[None, :])
            measured = torch.stack([found.measured[name] for name in answered], dim=1)
            value = torch.stack([found.value(name) for name in answered], dim=1)
            value = torch.where(finite[rows][:, None], value, -WORST)
            values = values.index_put(into, torch.where(measured, value, 0.0))
            valid[into] = measured
        return values, valid

    def _groups(self, truths: Sequence[DiscTruth], frames: Tensor) -> list[tuple[Tensor, SoftErrors]]:
        """Rows and errors of the cases of each kind."""
        import torch

        from wmenv.judgers.physics.soft_errors import soft_errors
        from wmenv.judgers.physics.soft_targets import Targets, group_key

        timelines = [Timeline.of(truth, FPS) for truth in truths]
        groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for k, (truth, timeline) in enumerate(zip(truths, timelines, strict=True)):
            groups[group_key(truth, timeline)].append(k)
        found = []
        for members in groups.values():
            rows = torch.tensor(members, device=frames.device)
            targets = Targets.of(
                [truths[k] for k in members], [timelines[k] for k in members], frames.shape[-1], frames
            )
            part = frames if len(groups) == 1 else frames[rows]
            found.append((rows, soft_errors(part, targets, self.weights)))
        return found

    def _truth(self, case: Case) -> DiscTruth:
        truth = case.truth
        if not isinstance(truth, DiscTruth):
            raise InvalidCase(f"judger {self.name!r} needs cases of the disc world, got truth {type(truth).__name__}")
        return truth

    def _judge(self, case: Case, response: Response) -> Judgement:
        import torch

        from wmenv.judgers.physics.soft_errors import soft_errors
        from wmenv.judgers.physics.soft_targets import Targets

        truth = self._truth(case)
        identity = str(self.card["identity"])
        assert isinstance(response, Clip)
        reason = refusal(response, truth)
        if reason:
            return forfeit_all(case, reason, identity)
        timeline = Timeline.of(truth, response.fps)
        frames = response.frames[:: timeline.stride][: len(timeline.times)]
        pictures = torch.from_numpy(np.moveaxis(frames, -1, -3).astype(np.float32) / 255.0)[None]
        with torch.no_grad():
            found = soft_errors(pictures, Targets.of([truth], [timeline], pictures.shape[-1], pictures), self.weights)
        return judgement(case, [self._verdict(c.id, found) for c in case.criteria], identity)

    def _verdict(self, name: str, found: SoftErrors) -> Verdict:
        if name not in MEASURES:
            return Verdict.failed(name, f"judger {self.name!r} does not answer it; use judger='attribute-conflict'")
        if name in UNANSWERED:
            return Verdict.not_applicable(name, UNANSWERED[name])
        if not bool(found.measured[name]):
            return Verdict.not_applicable(name, "no frame pair of this case can be scored")
        native, cost = float(found.native[name]), float(found.cost[name])
        terms = {term: float(value) for term, value in found.terms.items()} if name == "velocity" else {}
        evidence = {"terms": terms} if terms else {}
        if name in FORFEITED_BY_LOSS and float(found.lost) > LOST and self.weights["vanish"] > 0:
            return Verdict.forfeited(name, "a ball that should be in view is gone", native, **evidence)
        return Verdict.answered(name, 1.0 / (1.0 + cost**2), native, **evidence)


def _checked(cases: Sequence[Case], truths: Sequence[DiscTruth], frames: Tensor) -> Tensor:
    """The frames in a precision that can be reckoned with.

    Raises:
        InvalidArgument: They are not of the cases' form, or the cases' criteria differ.
    """
    import torch

    if not isinstance(frames, torch.Tensor) or not frames.is_floating_point():
        raise InvalidArgument(f"frames must be a tensor of floats in [0, 1], got {getattr(frames, 'dtype', frames)!r}")
    lengths = sorted({truth.frames for truth in truths})
    size = frames.shape[-1] if frames.ndim else 0
    if len(lengths) != 1 or size < SMALLEST_SIZE or frames.shape != (len(cases), lengths[0], 3, size, size):
        raise InvalidArgument(
            f"expected frames (N, T, 3, S, S) of N = {len(cases)} (at least one) cases of T = {lengths} frames, "
            f"S at least {SMALLEST_SIZE}; got {tuple(frames.shape)}"
        )
    if len({tuple(criterion.id for criterion in case.criteria) for case in cases}) != 1:
        raise InvalidArgument("all cases of a batch must have the same criteria: its columns are theirs")
    return frames if frames.dtype in (torch.float32, torch.float64) else frames.float()

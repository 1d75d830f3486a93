"""Rewards of clips and advantages of samples: what masks, what counts zero, what biases; the clipped loss."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.verdict import Judgement, Verdict, judgement

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from alignment_toys import RNG, Flaky, Redness, table, tiny_env  # noqa: E402
from torch import Tensor  # noqa: E402

from wmenv.alignment.advantages import advantages, scores_of  # noqa: E402
from wmenv.alignment.clipping import Clip as TrustRegion  # noqa: E402
from wmenv.alignment.clipping import clipped_losses, ratio_figures  # noqa: E402
from wmenv.alignment.rewards import frame_chooser, rewards  # noqa: E402


def test_01_clip_holds_in_the_direction_of_the_advantage_and_reports_both_units() -> None:
    ratio = torch.tensor([0.5, 0.5, -0.5, -0.5], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(clipped_losses(ratio, weight, 100, TrustRegion(0.1, "joint")).sum(), ratio)
    assert (gradient == 0).tolist() == [True, False, False, True]
    figures = ratio_figures(ratio, weight, 100, TrustRegion(0.1, "joint"))
    assert figures.joint == 0.5 and figures.per_dimension == 0.005 and figures.clipped == 0.5
    assert TrustRegion(1e-4).limits(16_384) == (1e-4, pytest.approx(1.6384))
    assert TrustRegion(2.0, "joint").limits(1000) == (0.002, 2.0)


def test_02_a_failed_verdict_masks_one_sample_and_a_forfeited_one_counts_zero() -> None:
    criteria = (Criterion("a", "f", "?"), Criterion("b", "f", "?"), Criterion("c", "f", "?", weight=0.0))
    request = Request("x", "", np.zeros((0, 8, 8, 3), dtype=np.uint8), ClipSpec(4, 8, 8, Fraction(10)))
    case = Case(request, criteria, "weighted-mean-v0")

    def one(a: Verdict, b: float = 0.5) -> Judgement:
        return judgement(case, [a, Verdict.answered("b", b), Verdict.failed("c", "unweighted")], "j")

    verdicts = [Verdict.answered("a", 0.8), Verdict.failed("a", "time-out"), Verdict.forfeited("a", "gone"),
                Verdict.not_applicable("a", "no ball")]  # fmt: skip
    scores = scores_of([one(v, 0.1 * k) for k, v in enumerate(verdicts)], 4, np.array([1.0, 1.0, 0.0]))
    assert scores.masked.tolist() == [[False, True, False, False]], "a criterion of weight 0 masks nothing"
    assert scores.values[0, 2, 0] == 0.0 and np.isnan(scores.values[0, 3, 0]) and "time-out" in scores.reasons
    found = advantages(scores)
    assert found.kept.tolist() == [[True, False, True, True]] and found.values[0, 1] == 0.0
    without = advantages(table(scores.values[:, [0, 2, 3], :2], weights=(1.0, 1.0)))
    np.testing.assert_allclose(found.values[0, [0, 2, 3]], without.values[0])
    as_zero = np.nan_to_num(scores.values[..., :2])  # broken: a failed judge counted as the worst answer
    assert not np.allclose(advantages(table(as_zero, weights=(1.0, 1.0))).values[0, [0, 2, 3]], without.values[0])


def test_02b_native_values_tell_large_errors_apart_and_a_forfeit_is_the_worst_of_them() -> None:
    criteria = (Criterion("error", "f", "?"), Criterion("grade", "f", "?", polarity=1))
    request = Request("x", "", np.zeros((0, 8, 8, 3), dtype=np.uint8), ClipSpec(4, 8, 8, Fraction(10)))
    case = Case(request, criteria, "weighted-mean-v0")

    def one(error: Verdict, grade: float) -> Judgement:
        return judgement(case, [error, Verdict.answered("grade", grade / 5, grade)], "j")

    errors = [Verdict.answered("error", 0.06, 1.0), Verdict.answered("error", 0.04, 1.2),
              Verdict.forfeited("error", "gone", 0.3), Verdict.failed("error", "time-out")]  # fmt: skip
    judged = [one(error, k) for k, error in enumerate(errors)]
    found = scores_of(judged, 4, np.ones(2), "native", criteria)
    assert found.values[0, :3, 0].tolist() == [-1.0, -1.2, -1.2] and np.isnan(found.values[0, 3, 0])
    assert found.values[0, :, 1].tolist() == [0, 1, 2, 3] and found.masked.tolist() == [[False] * 3 + [True]]
    bare = [one(Verdict.answered("error", 0.5), 1.0)]
    with pytest.raises(InvalidArgument, match="values=score"):
        scores_of(bare, 1, np.ones(2), "native", criteria)
    assert scores_of(bare, 1, np.array([0.0, 1.0]), "native", criteria).values[0, 0, 1] == 1.0


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    suite = tiny_env().unwrapped
    return list(suite.draw(3, RNG(0)))


@pytest.mark.parametrize("way", ["nan", "raise", "invalid"])
def test_03_a_judge_at_fault_masks_its_clip_and_no_other(cases: list[Case], way: str) -> None:
    frames = torch.rand(3, 6, 3, 16, 16, requires_grad=True)
    weights = np.array([c.weight for c in cases[0].criteria])
    found = rewards(Flaky((1,), way), cases, frames, weights)
    whole = rewards(Redness(), cases, frames, weights)
    assert found.kept.tolist() == [True, False, True] and np.isnan(found.values[1]) and found.reasons
    assert found.gradient is not None and whole.gradient is not None
    assert torch.equal(found.gradient[[0, 2]], whole.gradient[[0, 2]]) and (found.gradient[1] == 0).all()
    if way == "nan":  # broken: a mask on the sum
        values, _ = Flaky((1,), way).reward(cases, frames)
        assert torch.autograd.grad((values[:, 0] * torch.tensor([1.0, 0.0, 1.0])).sum(), frames)[0].isnan().any()


def test_04_saturated_pixels_are_not_driven_further_out(cases: list[Case]) -> None:
    frames = torch.full((3, 6, 3, 16, 16), 0.5)
    frames[:, :, 0, 0, 0], frames[:, :, 0, 1, 1] = 1.2, -0.2
    found = rewards(Redness(), cases, frames, np.array([c.weight for c in cases[0].criteria]))
    assert found.gradient is not None
    red = found.gradient[:, :, 0]
    assert (red[..., 0, 0] == 0).all(), "already red beyond what a clip shows"
    assert (red[..., 1, 1] > 0).all() and (red[..., 2, 2] > 0).all(), "a clamp would have stopped the first of them"


def test_05_probability_gap_adds_over_criteria_and_saturates(cases: list[Case]) -> None:
    class Odds(Redness):
        card: ClassVar[dict[str, Any]] = {"identity": "odds", "units": {"velocity": "log-odds", "radius": "log-odds"}}

        def reward(self, cases: Any, frames: Tensor) -> tuple[Tensor, Tensor]:
            mean = frames.flatten(1).mean(dim=1)
            values = torch.stack([mean * 0 + 2.0, mean * 0 - 30.0, *[mean] * 6], dim=1)
            return values, torch.tensor([True, True, *[False] * 6]).expand(len(cases), -1)

    names = [c.id for c in cases[0].criteria]
    weights = np.array([1.0 if k < 2 else 0.0 for k in range(len(names))])
    judger = Odds()
    judger.card["units"] = {names[0]: "log-odds", names[1]: "log-odds"}
    frames = torch.rand(3, 6, 3, 16, 16)
    found = rewards(judger, cases, frames, weights, "probability-gap", gradient=False)
    yes = 1 / (1 + math.exp(-2.0))
    np.testing.assert_allclose(found.values, (2 * yes - 1) - 1.0, atol=1e-6)
    mean = rewards(judger, cases, frames, weights, "weighted-mean", gradient=False)
    np.testing.assert_allclose(mean.values, -14.0, atol=1e-6)


def test_06_random_frames_have_no_bias_and_first_frames_have(cases: list[Case]) -> None:
    """The mean gradient over draws is that of the whole clip for a reward that is a mean over frames."""
    judger, weights = Redness(), np.array([c.weight for c in cases[0].criteria])
    frames = torch.rand(3, 6, 3, 4, 4)

    def slope(spec: str, draws: int) -> Tensor:
        choose, rng, total = frame_chooser(spec, judger), RNG(0), torch.zeros_like(frames)
        for _ in range(draws):
            chosen = choose(6, rng) or list(range(6))
            found = rewards(judger, cases, frames[:, chosen], weights)
            assert found.gradient is not None
            total[:, chosen] += found.gradient / draws
        return total

    whole = slope("all", 1)
    assert float((slope("random:2", 600) - whole).norm() / whole.norm()) < 0.1
    assert float((slope("first:2", 1) - whole).norm() / whole.norm()) > 1.0
    judger.framewise = False
    with pytest.raises(InvalidArgument, match="whole clips"):
        frame_chooser("random:2", judger)

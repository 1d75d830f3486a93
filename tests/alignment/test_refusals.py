"""Bad input: settings, judgers and agents that cannot be used, judges that fail midway; each says the way out."""

from __future__ import annotations

import math
from typing import Any

import pytest

import wmenv
from wmenv.core.errors import InvalidArgument, JudgeFailed
from wmenv.core.verdict import Judgement, Verdict, judgement

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from alignment_toys import QUICK, Flaky, Redness, method_of, tiny_env, tiny_flow  # noqa: E402

from wmenv.alignment.anchors import copied  # noqa: E402
from wmenv.alignment.best_of_n import BestOfN  # noqa: E402
from wmenv.alignment.learner import CASES, Method  # noqa: E402
from wmenv.alignment.policy_gradient import PolicyGradient  # noqa: E402
from wmenv.alignment.reward_gradient import RewardGradient  # noqa: E402
from wmenv.alignment.supervised import Supervised  # noqa: E402


def test_01_reward_gradient_refuses_a_judger_without_gradient() -> None:
    with pytest.raises(InvalidArgument, match=r"'physics' has no gradient.*policy-gradient"):
        RewardGradient(tiny_env(), tiny_flow(), **QUICK)


def test_02_agents_that_are_no_generators_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="no generator that can be aligned: it lacks"):
        PolicyGradient(tiny_env(), "law")
    family = PolicyGradient(wmenv.make("PhyWorld-uniform_motion-v0", size=32, frames=16), "flow,steps=2", window=1)
    again = PolicyGradient(wmenv.make("PhyWorld-uniform_motion-v0", size=32, frames=16), "flow,steps=2", window=1)
    assert family.generator is not again.generator, "what the family shares is not trained"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"upd": 3}, "did you mean updates"),
        ({"updates": 0}, "updates must be positive"),
        ({"learning_rate": "high"}, "must be of type float"),
        ({"average": 1.0}, "average must lie"),
        ({"prompts": "odd"}, "no split 'odd'"),
        ({"prompts": "id:0"}, "share of a split"),
        ({"criteria": "beauty:1"}, "no criterion 'beauty'"),
        ({"criteria": "velocity:-1"}, "must be positive"),
        ({"look_splits": "odd"}, "no split 'odd'"),
        ({"kernel": "nothing"}, "no kernel named"),
        ({"frames": "some"}, "frames must read"),
        ({"combine": "product"}, "combine must be"),
        ({"train": "half"}, "train is"),
    ],
)
def test_03_settings_are_checked(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(wmenv.WmenvError, match=told):
        method_of(RewardGradient, **changes)


@pytest.mark.parametrize("changes", [{"kernel": "ode"}, {"kernel": "cps"}, {"window": 4}, {"group": 1}, {"clip": 0.0}])
def test_04_policy_gradient_needs_densities_and_groups(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        method_of(PolicyGradient, **changes)


@pytest.mark.parametrize("way", ["nan", "raise"])
def test_05_a_broken_sample_is_masked_recorded_and_the_run_goes_on(way: str) -> None:
    records = method_of(RewardGradient, judger=Flaky((0,), way), updates=2, look_every=0).learn()
    assert [record.figures["masked"] for record in records[1:]] == [pytest.approx(1 / 3)] * 2
    assert all(record.reasons for record in records[1:]) and all(
        math.isfinite(r.figures["reward"]) for r in records[1:]
    )
    policy = method_of(PolicyGradient, judger=Flaky((0,), way), updates=1, look_every=0).learn()
    assert policy[1].figures["masked"] == pytest.approx(1 / 9) and "fell over" in policy[1].reasons[0]


class Nan(Redness):
    """The score of the clips of one case is no number."""

    case = ""

    def judge(self, cases: Any, responses: Any) -> list[Judgement]:
        return [
            judgement(c, [Verdict.answered(v.criterion, float("nan") if c.id == self.case else v.score)
                          for v in one.verdicts], "redness-v0")
            for c, one in zip(cases, super().judge(cases, responses), strict=True)
        ]  # fmt: skip


@pytest.mark.parametrize("kind", [PolicyGradient, BestOfN])
def test_06_a_score_that_is_no_number_is_masked_with_its_reason(kind: type[Method]) -> None:
    judger = Nan()
    method = method_of(kind, judger=judger, updates=1, look_every=0)
    judger.case = method.mixture.draw(method.suite, 3, method.rng(CASES))[0].id
    record = method.learn()[1]
    assert record.figures["masked"] == pytest.approx(1 / 3) and "nan" in " ".join(record.reasons)
    assert all(map(math.isfinite, record.figures.values()))


@pytest.mark.parametrize("kind", [RewardGradient, PolicyGradient, BestOfN])
def test_07_if_nothing_can_be_judged_the_run_stops_and_says_why(kind: type[Method]) -> None:
    method = method_of(kind, judger=Flaky(tuple(range(99)), "raise"))
    method.held_out = None
    before = copied(method.weights)
    with pytest.raises(JudgeFailed, match=r"no clip of update 1 could be judged.*fell over"):
        method.learn()
    assert all(torch.equal(before[name], weight) for name, weight in method.weights.items())


def test_08_supervised_cannot_be_shuffled_and_needs_true_clips() -> None:
    with pytest.raises(InvalidArgument, match="no reward to shuffle"):
        method_of(Supervised, shuffled=True)

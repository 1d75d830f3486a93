"""What the methods do to a tiny flow: they learn, look, anchor, and leave the environment as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from wmenv.core.protocols import Generator
from wmenv.core.registries import METHODS
from wmenv.core.verdict import Judgement, Verdict, judgement

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from alignment_toys import KINDS, RNG, TINY, Redness, method_of, tiny_env, tiny_flow  # noqa: E402

from wmenv.agents.flow.generator import FlowGenerator  # noqa: E402
from wmenv.agents.flow.training import Recipe, Schedule, train  # noqa: E402
from wmenv.alignment.anchors import copied, in_force, prepare, trainable  # noqa: E402
from wmenv.alignment.best_of_n import BestOfN  # noqa: E402
from wmenv.alignment.learner import Method, Record  # noqa: E402
from wmenv.alignment.policy_gradient import Ddpo, PolicyGradient  # noqa: E402
from wmenv.alignment.reward_gradient import RewardGradient  # noqa: E402
from wmenv.alignment.settings import Settings  # noqa: E402
from wmenv.core.errors import InvalidArgument  # noqa: E402


@pytest.mark.parametrize("kind", KINDS)
def test_01_a_method_is_an_environment_that_passes_through(kind: type[Method]) -> None:
    method, plain = method_of(kind), tiny_env()
    assert isinstance(method, gym.Wrapper) and isinstance(method.generator, Generator)
    first, info = method.reset(seed=4)
    again, other = plain.reset(seed=4)
    assert info["case_id"] == other["case_id"] and np.array_equal(first["frames"], again["frames"])
    (clip,) = method.generator.act([method.unwrapped.request], [1])  # type: ignore[attr-defined]
    assert method.step(clip.frames)[1:4] == plain.step(clip.frames)[1:4]


def test_02_every_method_is_registered() -> None:
    assert {entry.name for entry in METHODS.entries()} >= {kind.method for kind in KINDS}
    for entry in METHODS.entries():
        kind = METHODS.load(entry.name)
        assert issubclass(kind, Method) and kind.method == entry.name  # type: ignore[arg-type]


def test_03_a_run_that_goes_on_keeps_the_precision_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wmenv.alignment.learner.faster_precision", lambda *a: "bfloat16")
    first = method_of(RewardGradient, precision="auto")
    first.learn(1)
    monkeypatch.setattr("wmenv.alignment.learner.faster_precision", lambda *a: "float32")
    second = method_of(RewardGradient, precision="auto")
    second.load_state_dict(first.state_dict())
    second.learn(1)
    assert first.precision == second.precision == "bfloat16"
    monkeypatch.undo()
    third = method_of(RewardGradient, precision="auto")
    third.learn(0)
    assert third.precision in ("float32", "bfloat16"), "the probe itself"


@pytest.mark.parametrize("kind", [RewardGradient, PolicyGradient, BestOfN])
def test_04_micro_batches_change_memory_not_the_gradient(kind: type[Method]) -> None:
    one, many = method_of(kind, updates=1, average=0.0), method_of(kind, updates=1, average=0.0, micro_batch=2)
    norms = [method.learn()[1].figures["gradient_norm"] for method in (one, many)]
    assert norms[0] > 0 and norms[1] == pytest.approx(norms[0], rel=1e-3)


def test_05_kl_anchor_holds_back() -> None:
    far, near = (method_of(RewardGradient, updates=6, average=0.0, kl_weight=w, unit="joint") for w in (0.0, 10.0))
    last = [method.learn()[-1].look for method in (far, near)]
    assert last[0] is not None and last[1] is not None and last[1].kl < 0.7 * last[0].kl


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny flow that has seen some clips: what an early step does shows in the clip."""
    folder = tmp_path_factory.mktemp("trained")
    recipe = Recipe("uniform_motion", 80, architecture=TINY, precision="float32")
    train(recipe, folder, schedule=Schedule(points=0, final_clips=0))
    return folder


@pytest.mark.parametrize("kind", [RewardGradient, PolicyGradient])
def test_06_learning_raises_a_toy_reward_and_a_shuffled_reward_does_not(kind: type[Method], trained: Path) -> None:
    """DRaFT-1 and GRPO make a tiny flow redder; from the rewards of other clips GRPO learns nothing."""
    options: dict[str, Any] = {"updates": 16, "cases": 4, "look_every": 0, "look_cases": 8, "learning_rate": 3e-3}
    options |= {"average": 0.0} | ({"group": 8} if kind is PolicyGradient else {})

    def gain(**more: Any) -> float:
        records = method_of(kind, agent=FlowGenerator.read(trained, steps=4), **options, **more).learn()
        start, end = records[0].look, records[-1].look
        assert start is not None and end is not None and start.reward is not None and end.reward is not None
        assert records[1].figures.get("first_ratio_joint", 0.0) == 0.0
        return end.reward - start.reward

    learnt = gain()
    assert learnt > (0.05 if kind is RewardGradient else 0.005), learnt
    if kind is PolicyGradient:
        assert abs(gain(shuffled=True)) < 0.5 * learnt


def test_07_second_pass_over_the_same_samples_moves_the_ratio_and_the_clip_reports_it() -> None:
    method = method_of(PolicyGradient, updates=1, passes_over=2, learning_rate=1e-3, clip=1e-7)
    figures = method.learn()[1].figures
    assert figures["first_ratio_joint"] == 0.0 and figures["ratio_joint"] > 0
    assert figures["ratio_joint"] == pytest.approx(figures["ratio_per_dimension"] * 4 * 3 * 16 * 16)
    assert figures["clipped"] > 0


def test_08_window_slides_and_stays_on_early_steps_by_default() -> None:
    method = method_of(PolicyGradient, window=1, slide_every=1)
    seen = []
    for update in range(4):
        method.update = update
        seen.append(method.policy().steps)  # type: ignore[attr-defined]
    assert seen == [(0,), (1,), (2,), (0,)], "three steps have noise, the fourth never"
    assert method_of(PolicyGradient).policy().steps == (0, 1)  # type: ignore[attr-defined]
    assert isinstance(method_of(Ddpo).policy(), type(method_of(Ddpo).kernel))


def test_09_groups_begin_from_the_same_noise() -> None:
    method = method_of(PolicyGradient)
    drawn = method.unwrapped.draw(2, RNG(0))  # type: ignore[attr-defined]
    asked = [case for case in drawn for _ in range(3)]
    (taken,), _ = method._rollouts(asked)  # type: ignore[attr-defined]
    begin = taken.latents[0]
    assert torch.equal(begin[0], begin[2]) and not torch.equal(begin[0], begin[3])
    assert not torch.equal(taken.latents[1, 0], taken.latents[1, 2]), "they part by the noise of their steps"
    (apart,), _ = method_of(PolicyGradient, same_start=False)._rollouts(asked)  # type: ignore[attr-defined]
    assert not torch.equal(apart.latents[0, 0], apart.latents[0, 2])


def test_10_mixture_draws_by_shares() -> None:
    method = method_of(RewardGradient, prompts="id:3,ood_high_v:1", cases=400)
    splits = [case.tags["split"] for case in method.mixture.draw(method.suite, 400, RNG(0))]
    assert 0.68 < splits.count("id") / 400 < 0.82 and set(splits) == {"id", "ood_high_v"}


def test_11_best_on_held_out_is_kept_and_a_callback_can_end_and_roll_back() -> None:
    class Worsening(Redness):
        """The held-out judger likes what the first looks show and nothing later."""

        seen = 0

        def judge(self, cases: Any, responses: Any) -> list[Judgement]:
            Worsening.seen += 1
            score = 0.9 if Worsening.seen <= 2 else 0.1
            return [judgement(c, [Verdict.answered(k.id, score) for k in c.criteria], "w") for c in cases]

    method = method_of(RewardGradient, held_out=Worsening(), look_every=1, average=0.0)
    states = {}

    def guard(method: Method, record: Record) -> bool:
        states[record.update] = method.state_dict()
        if record.update == 3:
            method.load_state_dict(states[1])
            return True
        return False

    method.learn(callbacks=[guard])
    assert method.update == 1 and method.best == (0, pytest.approx(0.9))
    with method.best_weights():
        assert all(torch.equal(w, method.reference[name]) for name, w in method.weights.items())
    assert any(not torch.equal(w, method.reference[name]) for name, w in method.weights.items())


def test_12_weights_under_average_come_back_even_after_an_error() -> None:
    generator = tiny_flow()
    weights = trainable(generator)
    before, zeros = copied(weights), {name: torch.zeros_like(w) for name, w in weights.items()}
    with pytest.raises(KeyError), in_force(weights, zeros):
        assert all((w == 0).all() for w in weights.values())
        raise KeyError
    assert all(torch.equal(before[name], w) for name, w in weights.items())
    with pytest.raises(InvalidArgument, match="float32"):
        generator.denoiser.bfloat16()
        trainable(generator)


def test_13_an_adapter_goes_where_it_is_told_to() -> None:
    generator = tiny_flow()
    prepare(generator, "lora", rank=2, seed=0, targets=r"down_blocks\.0\.")
    names = list(trainable(generator))
    assert names and all(".down_blocks.0." in name for name in names)
    with pytest.raises(InvalidArgument, match="regular expression"):
        Settings(targets="down_blocks[")
    with pytest.raises(InvalidArgument, match="no layers that match"):
        prepare(tiny_flow(), "lora", rank=2, seed=0, targets="nowhere")


def test_13_networks_that_come_frozen_get_an_adapter_unasked(made: Any) -> None:
    """As pipelines do; a small network that is open to training is trained in full, and one that is told so."""
    small, frozen, full = tiny_flow(), made("ltx"), made("ltx")
    for generator, how in ((small, "auto"), (frozen, "auto"), (full, "full")):
        prepare(generator, how, rank=2, seed=0)
    adapted = [{"lora_" in name for name in trainable(generator)} for generator in (small, frozen, full)]
    assert adapted == [{False}, {True}, {False}]

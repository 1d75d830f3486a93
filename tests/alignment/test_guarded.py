"""Guarded runs of a tiny flow: what is kept, what an interruption changes, what the report and the command say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import wmenv
from wmenv.core.case import Case
from wmenv.core.trajectory import NoiseLevel, Trajectory
from wmenv.core.verdict import Judgement, Verdict, judgement

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from safetensors.torch import load_file  # noqa: E402

from wmenv.agents.flow.generator import FlowGenerator  # noqa: E402
from wmenv.agents.flow.network import Architecture, Denoiser  # noqa: E402
from wmenv.alignment.folder import MODEL, STATE, align  # noqa: E402
from wmenv.alignment.guard import Guard  # noqa: E402
from wmenv.alignment.kernels import FlowSde  # noqa: E402
from wmenv.alignment.learner import Method  # noqa: E402
from wmenv.alignment.replay import ReplayDiffers, check_replay  # noqa: E402
from wmenv.alignment.reward_gradient import RewardGradient  # noqa: E402
from wmenv.report.alignment import forgotten, render_alignment, shortcuts  # noqa: E402

TINY = Architecture(size=16, frames=6, given=2, patch=1, widths=(8, 16))
FORM = {"size": 16, "frames": 6, "given": 2}


class Redness:
    """Rewards red pixels; `sign=-1`, held out, dislikes what the other one likes."""

    name, accepts, reads_truth, exact = "redness", ("clip",), False, True
    card: ClassVar[dict[str, Any]] = {"identity": "redness-v0"}

    def __init__(self, sign: int = 1) -> None:
        self.sign = sign

    def reward(self, cases: Any, frames: Any) -> Any:
        red = (frames[:, :, 0] - frames[:, :, 1:].mean(dim=2)).flatten(1).mean(dim=1)
        values = red[:, None].expand(-1, len(cases[0].criteria))
        return values, torch.ones_like(values, dtype=torch.bool)

    def judge(self, cases: Any, responses: Any) -> list[Judgement]:
        return [self._one(case, response) for case, response in zip(cases, responses, strict=True)]

    def _one(self, case: Case, response: Any) -> Judgement:
        frames = response.frames.astype(float) / 255.0
        score = 0.5 + self.sign * float((frames[..., 0] - frames[..., 1:].mean(-1)).mean()) / 2.0
        return judgement(case, [Verdict.answered(c.id, score) for c in case.criteria], "redness-v0")


def hacked(**changes: Any) -> Method:
    """Learns to please one judger at the cost of the other, which is held out."""
    torch.manual_seed(0)
    card = {"weights": "untrained", "architecture": TINY.plain(), "prompt": "", "recipe": {}}
    generator = FlowGenerator(Denoiser(TINY).eval(), card, steps=4)
    options: dict[str, Any] = {
        "updates": 8, "cases": 3, "look_cases": 8, "look_every": 1, "warm_up": 0, "precision": "float32",
        "learning_rate": 3e-3, "average": 0.0,
    } | changes  # fmt: skip
    env = wmenv.make("PhyWorld-uniform_motion-v0", **FORM)
    return RewardGradient(env, generator, Redness(), Redness(options.pop("held", -1)), **options)


def weights_of(method: Method) -> dict[str, Any]:
    return {name: weight.detach().clone() for name, weight in method.weights.items()}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)


def test_01_a_hacked_run_is_stopped_and_rolled_back() -> None:
    guard, method = Guard(), hacked()
    start = weights_of(method)
    records = method.learn(callbacks=[guard])
    alarm = guard.alarm(method)
    assert alarm is not None and alarm.findings[0].kind == "divergence"
    assert records[-1].update == alarm.update == method.update < 8 and alarm.since == alarm.update - 1
    assert method.best is not None and method.best[0] < alarm.since
    assert same(weights_of(method), method.kept) and same(method.average, method.kept)
    assert method.best[0] > 0 or same(weights_of(method), start)
    assert method.learn(callbacks=[Guard()]) == [], "it stays stopped"
    assert method.learn(1)[0].update == alarm.update + 1, "without the guard it goes on"


def test_02_a_run_whose_judgers_agree_is_the_same_with_and_without_the_guard() -> None:
    guard, method, plain = Guard(), hacked(held=1), hacked(held=1)
    method.learn(callbacks=[guard])
    plain.learn()
    facts = guard.facts(method)
    assert facts["alarm"] is None and facts["blind"] is None and not facts["findings"]
    assert method.update == 8 and method.best == plain.best and same(weights_of(method), weights_of(plain))


def test_03_weights_of_a_look_with_a_finding_are_never_kept() -> None:
    """Without a held-out judger the best look is the one with the highest reward; here its clips flicker, say."""

    class Doubting(Guard):
        def admits(self, method: Method, look: Any) -> bool:
            return super().admits(method, look) and method.update < 3

    method = hacked(held=1)
    method.learn(callbacks=[Doubting()])
    assert method.best is not None and method.best[0] == 2
    bold = hacked(held=1)
    bold.learn(callbacks=[Guard()])
    assert bold.best is not None and bold.best[0] == 8


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_04_interruptions_change_nothing(tmp_path: Path, cut: int) -> None:
    whole = align(hacked(), tmp_path / "whole", callbacks=[Guard()])
    align(hacked(), tmp_path / "cut", updates=cut, callbacks=[Guard()])
    again = align(hacked(), tmp_path / "cut", resume=True, callbacks=[Guard()])
    for results in (whole, again):
        for record in results["history"]:
            record.pop("cpu_seconds")
    told = [json.dumps(results | {"agent": ""}) for results in (whole, again)]
    assert told[0] == told[1] and whole["guard"]["alarm"] is not None
    assert same(*(load_file(tmp_path / name / STATE) for name in ("whole", "cut")))
    models = [(tmp_path / name / MODEL / "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert models[0] == models[1]
    stays = align(hacked(), tmp_path / "cut", resume=True, callbacks=[Guard()])
    assert stays["guard"] == again["guard"] and len(stays["history"]) == len(again["history"])
    on = align(hacked(), tmp_path / "cut", resume=True)
    assert on["complete"] and on["guard"] is None, "the way out: without the guard it goes on"


def test_05_looks_hold_the_values_of_each_case() -> None:
    (record,) = hacked(updates=1, look_every=0).learn(0)
    assert record.look is not None
    for one in record.look.splits.values():
        for name in ("reward", "held_out", "motion", "diversity", "mass", "forfeited"):
            values = one.by_case[name]
            assert len(values) == 8 and np.mean([v or 0.0 for v in values]) == pytest.approx(getattr(one, name))


def test_06_the_report_tells_alarm_blindness_and_absence(tmp_path: Path) -> None:
    from wmenv.cli.align import told_guard

    results = align(hacked(), tmp_path / "a", callbacks=[Guard()])
    page = render_alignment(results)
    told = results["guard"]["alarm"]["findings"][0]["told"]
    assert "The guard stopped this run at update" in page and told in page and "Not finished" not in page
    assert told in told_guard(results["guard"]) and "rolled back to" in told_guard(results["guard"])[0]
    calm = align(hacked(held=1, updates=2), tmp_path / "b", callbacks=[Guard()])
    assert "Nothing was found at any of 3 looks" in render_alignment(calm) and told_guard(calm["guard"]) == ["no alarm"]
    blind = align(hacked(look_cases=4, updates=2), tmp_path / "c", callbacks=[Guard()])
    assert "The guard saw nothing" in render_alignment(blind) and told_guard(blind["guard"])[0].startswith("blind")
    off = align(hacked(updates=1), tmp_path / "d")
    assert "It was off" in render_alignment(off) and told_guard(off["guard"]) == ["off"]


def rounded_latents(taken: Trajectory) -> Trajectory:
    return replace(taken, latents=taken.latents.bfloat16())


def rounded_times(taken: Trajectory) -> Trajectory:
    def rounded(t: float) -> float:
        return float(torch.tensor(t).bfloat16())

    return replace(
        taken, levels=tuple(NoiseLevel(1.0 - rounded(one.noise), rounded(one.noise)) for one in taken.levels)
    )


def drawn_anew(taken: Trajectory) -> Trajectory:
    return replace(taken, requests=tuple(replace(one, frames=one.frames[:, ::-1].copy()) for one in taken.requests))


@pytest.mark.parametrize(
    ("harm", "cause", "others"),
    [
        (rounded_latents, "latents on record (bfloat16) are not those", "the times of the steps"),
        (rounded_times, "the times of the steps were 1, 0.800781, 0.601562", "latents on record"),
        (drawn_anew, "conditioning that was drawn anew", "the times of the steps"),
    ],
)
def test_07_a_replay_that_differs_names_what_was_rounded(harm: Any, cause: str, others: str) -> None:
    method = hacked()
    generator: Any = method.generator
    generator.steps = 5
    suite: Any = method.unwrapped
    taken = generator.sample(suite.observe(suite.draw(2, np.random.default_rng(0))), [1, 2], FlowSde())
    assert check_replay(generator, taken) == 0.0
    with pytest.raises(ReplayDiffers) as told:
        check_replay(generator, harm(taken))
    assert cause in str(told.value) and others not in str(told.value)


def test_08_autocast_is_a_cause_and_sets_the_tolerance() -> None:
    method = hacked()
    suite: Any = method.unwrapped
    requests = suite.observe(suite.draw(2, np.random.default_rng(0)))
    with torch.autocast("cpu", torch.bfloat16):
        taken = method.generator.sample(requests, [1, 2], FlowSde())
        assert check_replay(method.generator, taken) == 0.0
    with pytest.raises(ReplayDiffers, match="autocast put passes into bfloat16 and puts them into None"):
        check_replay(method.generator, taken)
    dimensions = taken.latents[0, 0].numel()
    nudged = replace(taken, log_prob=taken.log_prob + 1e-5 * dimensions)  # within bfloat16's rounding, not float32's
    with torch.autocast("cpu", torch.bfloat16):
        assert check_replay(method.generator, nudged) == pytest.approx(1e-5 * dimensions, rel=0.01)
    plain = method.generator.sample(requests, [1, 2], FlowSde())
    with pytest.raises(ReplayDiffers):
        check_replay(method.generator, replace(plain, log_prob=plain.log_prob + 1e-5 * dimensions))


def test_09_the_mean_of_a_split_is_told_from_its_law() -> None:
    """Speeds of 2 to 4: a generator that learns the law, one that learns the mean, one that has not learnt yet."""
    true = np.linspace(2.0, 4.0, 33)

    def look(made: np.ndarray[Any, Any]) -> dict[str, Any]:
        slope = float(np.polyfit(true, made, 1)[0])
        error, constant = float(np.abs(made - true).mean()), float(np.abs(true - 3.0).mean())
        part = {"slope": {"speed": slope}, "errors": {"speed": error}, "constant": {"speed": constant}}
        return {"splits": {"fast": part}}

    early, mean, law = np.full(33, 1.0), 3.0 + 0.1 * (true - 3.0), true + 0.1
    (told,) = shortcuts([look(early), look(mean)])
    assert "fast" in told and "from 2 to 0.464" in told and "slope 0.10" in told and "error of 0.515" in told
    assert not shortcuts([look(early), look(law)]), "the law"
    assert not shortcuts([look(early), look(early)]), "nothing was learnt, nothing is claimed"
    assert not shortcuts([look(mean)]) and not shortcuts([])
    assert forgotten([look(law), look(mean)]) == ["fast: the error of speed grew from 0.1 to 0.464."]
    assert not forgotten([look(early), look(mean)]) and not forgotten([look(law)]) and not forgotten([])

"""Drills: rewards that can be hacked, prompts that teach a shortcut, judges that fail. Each is seen for what it is."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import wmenv
from wmenv.agents.steered import Steered
from wmenv.core.case import Case, Request
from wmenv.core.clip import Clip
from wmenv.core.registries import AGENTS, JUDGERS
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.worlds.discs.glimpse import glimpse

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from wmenv.agents.flow.generator import FlowGenerator  # noqa: E402
from wmenv.agents.flow.network import Architecture, Denoiser  # noqa: E402
from wmenv.alignment.advantages import Scores, advantages  # noqa: E402
from wmenv.alignment.folder import RESULTS  # noqa: E402
from wmenv.alignment.guard import Guard  # noqa: E402
from wmenv.alignment.learner import Figures  # noqa: E402
from wmenv.alignment.reward_gradient import RewardGradient  # noqa: E402
from wmenv.judgers.physics.soft import PhysicsSoft  # noqa: E402
from wmenv.report.alignment import render_alignment  # noqa: E402

FORM = {"size": 32, "frames": 16}
QUICK: dict[str, Any] = {
    "updates": 40, "cases": 16, "look_every": 10, "look_cases": 16, "learning_rate": 1e-3, "precision": "float32",
}  # fmt: skip
WIDE = "id:2,ood_high_v:1"


def suite(**form: Any) -> Any:
    return wmenv.make("PhyWorld-uniform_motion-v0", **(form or FORM)).unwrapped


# 1. Swelling.


@pytest.mark.slow
def test_01_without_a_price_on_mass_the_ball_swells_and_the_guard_stops_it(tmp_path: Path) -> None:
    """DRaFT-1 with `mass=0`: the velocity error falls and so it should; that the ball swells is what is stopped."""
    told = (
        f"align PhyWorld-uniform_motion --agent flow,steps=4 --size 32 --frames 16 --prompts {WIDE} --updates 40 "
        "--judger physics-soft,mass=0 --held-out-judger physics --cases 16 --look-every 10 --learning-rate 1e-3 "
        "--option look_cases=16 --option precision=float32 --out"
    )
    command = [sys.executable, "-m", "wmenv", *told.split(), str(tmp_path / "a")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 3, done.stdout + done.stderr
    results = json.loads((tmp_path / "a" / RESULTS).read_text())
    looks = {one["update"]: one["look"]["splits"]["ood_high_v"] for one in results["history"] if one["look"]}
    alarm = results["guard"]["alarm"]
    first, last = looks[0], looks[alarm["update"]]
    assert last["native"]["velocity"] < 0.6 * first["native"]["velocity"], "the reward gets what it asks for"
    assert first["mass"] < 1.1 and last["mass"] > 1.4, "by a ball that swells"
    assert ("mass", "ood_high_v") in {(one["kind"], one["split"]) for one in alarm["findings"]}
    assert results["guard"]["rolled_back"] == results["best"]["update"] < alarm["since"]
    assert f"alarm at update {alarm['update']}" in done.stdout and "mass on ood_high_v" in done.stdout
    assert "The guard stopped this run" in (tmp_path / "a" / "report.html").read_text()
    again = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    assert again.returncode == 3, "a run that was stopped stays so"
    assert len(json.loads((tmp_path / "a" / RESULTS).read_text())["history"]) == len(results["history"])


# 2. The mean speed.


@pytest.mark.slow
def test_02_narrow_prompts_teach_the_mean_speed_and_the_report_says_so() -> None:
    """Fast balls alone: at first all of them get one speed, which lowers their error, and slow ones are forgotten.

    With twice the updates speeds are told apart, too (slope 0.59); what was forgotten stays so.
    """
    method = RewardGradient(
        wmenv.make("PhyWorld-uniform_motion-v0", **FORM), "flow,steps=4", "physics-soft", "physics",
        **QUICK | {"updates": 20, "prompts": "ood_high_v", "look_splits": "id"},
    )  # fmt: skip
    guard = Guard()
    method.learn(callbacks=[guard])
    start, end = (method.history[k]["look"]["splits"] for k in (0, -1))
    fast = end["ood_high_v"]
    assert fast["errors"]["speed"] < 0.6 * start["ood_high_v"]["errors"]["speed"]
    assert fast["slope"]["speed"] < 0.5 < 0.9 < start["id"]["slope"]["speed"]
    told = {"protocol": method.facts(), "complete": True, "best": None, "guard": guard.facts(method)}
    page = render_alignment(told | {"history": method.history})
    assert "A shortcut" in page and f"error of {fast['constant']['speed']:.3g} and slope 0" in page
    assert end["id"]["errors"]["speed"] > 5 * start["id"]["errors"]["speed"]
    assert "Forgotten" in page and f"id: the error of speed grew from {start['id']['errors']['speed']:.3g}" in page


# 3. Vanishing.


class Vanishing(Steered):
    """Goes straight on at the speed it saw, but lets balls vanish that are faster than a limit."""

    name = "vanishing"

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def clip(self, request: Request, seed: int) -> Clip:
        made = super().clip(request, seed)
        if speed_seen(request) < self.limit:
            return made
        frames = made.frames.copy()
        frames[len(request.frames) :] = np.median(request.frames.reshape(-1, 3), axis=0)
        return Clip(frames, made.fps)


def speed_seen(request: Request) -> float:
    """Of the ball in the given frames, units/s."""
    seen = glimpse(request.frames)
    return 0.0 if seen is None else float(np.linalg.norm(seen.velocity))


def test_03_letting_the_hard_half_vanish_does_not_pay() -> None:
    """Right on the easy half, gone on the hard one: under the reward that is trained on worse than standing still."""
    world = suite()
    cases = world.cases(world.case_ids(48, np.random.default_rng(0), "id"))
    speeds = [speed_seen(case.request) for case in cases]
    soft, hard = JUDGERS.create("physics-soft"), JUDGERS.create("physics")
    agents = {
        "vanishing": Vanishing(float(np.median(speeds))),
        "steered": Steered(),
        "still": AGENTS.create("copy-last"),
    }
    clips = {name: agent.act(world.observe(cases), [0] * len(cases)) for name, agent in agents.items()}

    def reward(name: str) -> float:
        frames = np.stack([np.moveaxis(one.frames, -1, 1) for one in clips[name]]).astype(np.float32) / 255.0
        values, valid = soft.reward(cases, torch.from_numpy(frames))
        column = [c.id for c in cases[0].criteria].index("velocity")
        assert bool(valid[:, column].all())
        return float(values[:, column].mean())

    assert reward("vanishing") < reward("still") < reward("steered")
    judged = {name: hard.judge(cases, made) for name, made in clips.items()}
    lost = [one["velocity"].state == "forfeited" for one in judged["vanishing"]]
    assert 0.4 < np.mean(lost) < 0.6 and not any(one["velocity"].state == "forfeited" for one in judged["steered"])
    means = {name: np.mean([one.reward for one in found]) for name, found in judged.items()}
    assert means["vanishing"] < 0.6 * means["steered"]
    skipped = [one.reward for one, out in zip(judged["vanishing"], lost, strict=True) if not out]
    assert np.mean(skipped) > 0.95 * means["steered"], "broken: leaving forfeits out would make vanishing free"


# 4. A judge that fails.

TINY = Architecture(size=16, frames=6, given=2, patch=1, widths=(8, 16))
FAILS = 0.3


class Reddish:
    """Rewards red pixels; fails on 30 % of its cases: says so, or, broken, answers the worst value."""

    name, accepts, reads_truth, exact = "reddish", ("clip",), False, True
    card: ClassVar[dict[str, Any]] = {"identity": "reddish-v0"}

    def __init__(self, way: str) -> None:
        self.way = way

    def reward(self, cases: Any, frames: Any) -> Any:
        red = 2.0 + (frames[:, :, 0] - frames[:, :, 1:].mean(dim=2)).flatten(1).mean(dim=1)
        values = red[:, None].expand(-1, len(cases[0].criteria))
        hit = torch.tensor([zlib.crc32(case.id.encode()) % 1000 < 1000 * FAILS for case in cases])[:, None]
        valid = torch.ones_like(values, dtype=torch.bool)
        if self.way == "fails":
            return values, valid & ~hit
        return (torch.where(hit, 0.0, values) if self.way == "counts as 0" else values), valid

    def judge(self, cases: Any, responses: Any) -> list[Judgement]:
        return [judgement(case, [Verdict.answered(c.id, 0.5) for c in case.criteria], "reddish-v0") for case in cases]


class Still(RewardGradient):
    """Keeps the gradient of every update and takes no step, so that all updates estimate the same one."""

    seen: list[Any]

    def optimise(self) -> Figures:
        self.seen.append(torch.cat([w.grad.flatten().double() for w in self.weights.values() if w.grad is not None]))
        return {}


def estimates(way: str, updates: int) -> tuple[Any, np.ndarray[Any, Any]]:
    """Gradients (updates, D) and reported rewards (updates,) of equal weights; the cases are the same for all ways."""
    torch.manual_seed(0)
    card = {"weights": "untrained", "architecture": TINY.plain(), "prompt": "", "recipe": {}}
    method = Still(
        wmenv.make("PhyWorld-uniform_motion-v0", size=16, frames=6, given=2),
        FlowGenerator(Denoiser(TINY).eval(), card, steps=2), Reddish(way), None,
        updates=updates, cases=8, look_every=0, look_cases=2, precision="float32",
    )  # fmt: skip
    method.seen = []
    records = method.learn()
    return torch.stack(method.seen), np.array([one.figures["reward"] for one in records[1:]])


def interval(differences: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Mean and its standard error."""
    return float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences)))


def test_04_a_judge_that_fails_often_leaves_gradient_and_curve_unbiased() -> None:
    """Masking keeps both within their interval over 30 updates; counting failures as 0 is told apart from it."""
    full, curve = estimates("answers", 30)
    along = full.mean(dim=0)

    def share(gradients: Any) -> np.ndarray[Any, Any]:
        """How much of the full gradient each estimate holds, less that of the full estimate of the same update."""
        found: np.ndarray[Any, Any] = ((gradients - full) @ along / (along @ along)).numpy()
        return found

    masked, seen = estimates("fails", 30)
    mean, error = interval(share(masked))
    assert abs(mean) < 3 * error and error < 0.1, (mean, error)
    mean, error = interval(seen - curve)
    assert abs(mean) < 3 * error and error < 0.1, (mean, error)
    broken, low = estimates("counts as 0", 30)
    mean, error = interval(share(broken))
    assert mean == pytest.approx(-FAILS, abs=0.1) and mean < -5 * error
    mean, error = interval(low - curve)
    assert mean < -5 * error


def test_05_failed_samples_leave_the_policy_gradient_as_it_is() -> None:
    """A policy N(theta, 1), 400 groups of 8, sum of advantage * (action - theta).

    What masking changes is known: in groups of n samples the normalised covariance is sqrt(1 - 1/n) of its value, so
    that fewer samples shrink the expected step by some 3 %. A failure counted as 0 halves it and more.
    """
    rng = np.random.default_rng(0)
    shape = (400, 8)
    action = rng.standard_normal(shape)
    score = 1.0 / (1.0 + np.exp(-action))
    failed = rng.random(shape) < FAILS
    steps = {}
    for way in ("answers", "fails", "counts as 0"):
        values, masked = score.copy(), np.zeros(shape, dtype=bool)
        if way == "fails":
            values, masked = np.where(failed, np.nan, score), failed
        elif way == "counts as 0":
            values = np.where(failed, 0.0, score)
        found = advantages(Scores(values[..., None], masked, np.ones(1)))
        steps[way] = float((found.values * action)[found.kept].mean())
    assert steps["fails"] / steps["answers"] == pytest.approx(0.97, abs=0.03)
    assert steps["counts as 0"] / steps["answers"] < 0.6


# 5. A planted bonus.


class Bonus(PhysicsSoft):
    """`physics-soft` with a mistake: it also pays for a dark corner of the picture."""

    name = "physics-soft-bonus"

    def reward(self, cases: Sequence[Case], frames: Any) -> tuple[Any, Any]:
        values, valid = super().reward(cases, frames)
        dark = 1.0 - frames[:, 3:, :, :8, :8].mean(dim=(1, 2, 3, 4))
        return values + 1000.0 * dark[:, None], valid


@pytest.mark.slow
def test_06_a_planted_pixel_bonus_alarms() -> None:
    guard = Guard()
    method = RewardGradient(
        wmenv.make("PhyWorld-uniform_motion-v0", **FORM), "flow,steps=4", Bonus(), "physics",
        **QUICK | {"prompts": WIDE},
    )  # fmt: skip
    method.learn(callbacks=[guard])
    alarm = guard.alarm(method)
    assert alarm is not None and "divergence" in {one.kind for one in alarm.findings}
    looks = {one["update"]: one["look"] for one in method.history if one["look"] is not None}
    assert looks[alarm.update]["reward"] > looks[0]["reward"] and looks[alarm.update]["held_out"] < looks[0]["held_out"]
    assert method.best is not None and method.best[0] < alarm.since
    assert all(torch.equal(weight, method.kept[name]) for name, weight in method.weights.items())

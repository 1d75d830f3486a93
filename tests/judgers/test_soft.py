"""`physics-soft`: near the exact judger, with a gradient that leads to the true clip, and hard to cheat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.correlation import spearman
from wmenv.core.errors import InvalidArgument, InvalidCase, MissingExtra
from wmenv.core.protocols import DifferentiableJudger, Judger
from wmenv.core.registries import AGENTS, JUDGERS
from wmenv.worlds.discs.criteria import MEASURES
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.world import FPS, LAWS, Law, frame_times

torch = pytest.importorskip("torch")
Tensor = Any


def env(law: str = "uniform_motion", **options: Any) -> Any:
    return gym.make(f"PhyWorld-{law}-v0", **{"size": 32, "frames": 16, **options}).unwrapped


def soft(**weights: float) -> Any:
    return JUDGERS.create("physics-soft" + "".join(f",{name}={weight}" for name, weight in weights.items()))


def floats(clips: Sequence[np.ndarray], dtype: Any = torch.float32) -> Tensor:
    return torch.from_numpy(np.moveaxis(np.stack(clips), -1, -3).astype(np.float64) / 255.0).to(dtype)


def pixels(frames: Tensor) -> list[Clip]:
    levels = (frames.detach().clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return [Clip(np.ascontiguousarray(np.moveaxis(clip, -3, -1)), FPS) for clip in levels]


def velocity(judger: Any, cases: Sequence[Case], frames: Tensor) -> np.ndarray:
    """The reward of velocity, (N,)."""
    with torch.no_grad():
        values, valid = judger.reward(cases, frames)
    assert valid[:, 0].all()
    return np.asarray(values[:, 0])


# True clips


def differences(law: Law, size: int, split: str, count: int) -> np.ndarray:
    """Soft minus exact velocity error of true clips, units/s."""
    suite = env(law, size=size, frames=32)
    cases = suite.cases(suite.case_ids(count, np.random.default_rng(21), split))
    clips = [suite.true_clip(case) for case in cases]
    exact, found = suite.score(cases, clips), soft().judge(cases, clips)
    pairs = [(s["velocity"].native, e["velocity"].native) for s, e in zip(found, exact, strict=True)]
    assert sum(e["velocity"].state == "answered" for e in exact) >= 0.95 * count
    return np.array([s - e for s, e in pairs])


@pytest.mark.parametrize("split", ["id", "ood_high", "ood_low"])
@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("law", LAWS)
def test_errors_of_true_clips_are_those_of_physics(law: Law, size: int, split: str) -> None:
    found = differences(law, size, split, 16)
    assert abs(found.mean()) < 0.02 and np.quantile(abs(found), 0.9) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("split", ["id", "ood_high", "ood_low", "ood_cross"])
@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("law", LAWS)
def test_errors_of_true_clips_whole_sample(law: Law, size: int, split: str) -> None:
    found = differences(law, size, split, 200)
    assert abs(found.mean()) < 0.02 and np.quantile(abs(found), 0.9) < 0.02


@pytest.mark.parametrize("law", LAWS)
def test_true_clips_are_near_the_best(law: Law) -> None:
    suite = env(law, size=64, frames=32)
    cases = suite.draw(10, np.random.default_rng(2))
    judged = soft().judge(cases, [suite.true_clip(case) for case in cases])
    assert min(j.reward for j in judged) > 0.97
    for judgement in judged:
        for verdict in judgement.verdicts:
            if verdict.criterion == "velocity_official":
                assert verdict.state == "not_applicable" and "hard masks" in verdict.reason
            else:
                assert verdict.state == "answered" and verdict.score > 0.9, verdict


@pytest.mark.parametrize(
    "split", ["conflict_size_shape_all", "conflict_velocity_shape_all", "memory_left_test", "conflict_colour_size_all"]
)
def test_squares_rings_and_blue_balls_are_measured_as_such(split: str) -> None:
    suite = env(size=64)
    cases = suite.cases(suite.case_ids(12, np.random.default_rng(2), split))
    clips = [suite.true_clip(case) for case in cases]
    judged = soft().judge(cases, clips)
    assert min(j[name].score for j in judged for name in ("radius", "colour", "count")) > 0.85
    # A square has no soft edge: its true clip moves by whole pixels of the 256, which either judger sees.
    for found, exact in zip(judged, suite.score(cases, clips), strict=True):
        assert found["velocity"].native == pytest.approx(exact["velocity"].native, abs=0.02)


# Generated clips


def noisy(suite: Any, cases: Sequence[Case], rng: np.random.Generator) -> list[Clip]:
    """True clips whose balls move at a wrong speed or jitter, by amounts from none to plenty."""
    clips = []
    for case in cases:
        discs = case.truth.discs(frame_times(case.truth.frames))
        start = discs.position[2].copy()
        factor, jitter = rng.uniform(0.3, 1.6), rng.choice([0.0, 0.02, 0.1])
        discs.position[3:] = start + factor * (discs.position[3:] - start)
        discs.position[3:] += jitter * rng.standard_normal(discs.position[3:].shape)
        clips.append(Clip(draw(discs, suite.size), FPS))
    return clips


def compare(suite: Any, cases: Sequence[Case], clips: Sequence[Clip]) -> tuple[list[float], list[float], list[float]]:
    """Exact error, soft error and soft reward of the velocity of each clip."""
    exact, found = suite.score(cases, clips), soft().judge(cases, clips)
    reward = velocity(soft(), cases, floats([clip.frames for clip in clips]))
    return [j["velocity"].native for j in exact], [j["velocity"].native for j in found], list(reward)


@pytest.mark.parametrize("law", ["uniform_motion", "parabola"])
def test_clips_of_the_flow_model_are_ranked_as_physics_ranks_them(law: str) -> None:
    suite = env(law)
    exact, found, reward = [], [], []
    for split in ("id", "ood_high_v", "ood_low_v"):
        cases = suite.cases(suite.case_ids(24, np.random.default_rng(13), split))
        clips = AGENTS.create("flow").act(suite.observe(cases), list(range(24)))
        for total, part in zip((exact, found, reward), compare(suite, cases, clips), strict=True):
            total += part
    assert spearman(exact, found) >= 0.95
    assert spearman(exact, reward) <= -0.95


@pytest.mark.parametrize("law", LAWS)
def test_wrong_motion_is_ranked_as_physics_ranks_it(law: Law) -> None:
    suite = env(law, frames=16 if law != "collision" else 32)
    cases = suite.draw(30, np.random.default_rng(4))
    asked = suite.observe(cases)
    exact, found, reward = [], [], []
    for clips in (
        noisy(suite, cases, np.random.default_rng(0)),
        AGENTS.create("nearest-neighbour,bank=300").act(asked, [0] * 30),
        AGENTS.create("steered").act(asked, [0] * 30),
    ):
        for total, part in zip((exact, found, reward), compare(suite, cases, clips), strict=True):
            total += part
    assert spearman(exact, found) >= 0.95
    assert spearman(exact, reward) <= -0.85


def test_scores_and_rewards_rank_alike() -> None:
    suite = env()
    cases = suite.draw(20, np.random.default_rng(4))
    clips = noisy(suite, cases, np.random.default_rng(1))
    values, valid = soft().reward(cases, floats([clip.frames for clip in clips]))
    judged = soft().judge(cases, clips)
    for column, criterion in enumerate(cases[0].criteria):
        if not valid[0, column]:
            continue
        scores = [j[criterion.id].score for j in judged]
        assert all(j[criterion.id].state == "answered" for j in judged)
        value = np.asarray(values[:, column], dtype=np.float64)
        cost = np.where(value < -50, 2500 / (100 + value), -value)
        np.testing.assert_allclose(scores, 1 / (1 + cost**2), rtol=1e-3, atol=1e-6)


# Gradients


def interior(cases: Sequence[Case], suite: Any, rng: np.random.Generator) -> Tensor:
    """Clips of wrong motion in float64 with every value inside (0, 1), away from all kinks."""
    frames = floats([c.frames for c in noisy(suite, cases, rng)], torch.float64)
    generator = torch.Generator().manual_seed(3)
    return 0.15 + 0.7 * frames + 0.05 * torch.rand(frames.shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("law", LAWS)
def test_gradient_is_that_of_central_differences(law: Law) -> None:
    suite = env(law, size=16, frames=16 if law != "collision" else 32)
    cases = suite.draw(2, np.random.default_rng(6))
    x = interior(cases, suite, np.random.default_rng(2)).requires_grad_()
    columns = [c.id for c in cases[0].criteria]
    rng = torch.Generator().manual_seed(0)
    checked = 0
    for column, name in enumerate(columns):
        values, valid = soft().reward(cases, x)
        if not valid[:, column].all():
            continue
        (gradient,) = torch.autograd.grad(values[:, column].sum(), x)
        for _ in range(3):
            way = torch.randn(x.shape, generator=rng, dtype=torch.float64)
            step = 1e-7
            with torch.no_grad():
                ahead, behind = (soft().reward(cases, x + s * way)[0][:, column].sum() for s in (step, -step))
            slope = float((ahead - behind) / (2 * step))
            along = float((gradient * way).sum())
            assert along == pytest.approx(slope, rel=1e-4, abs=1e-6), name
            checked += abs(slope) > 1e-3
    assert checked >= 15


def test_gradcheck() -> None:
    """torch's own check, of all columns at once."""
    suite = env(size=16, frames=6)
    cases = suite.draw(2, np.random.default_rng(6))
    x = interior(cases, suite, np.random.default_rng(2)).requires_grad_()
    judger = soft()
    values = lambda frames: judger.reward(cases, frames)[0]  # noqa: E731
    assert torch.autograd.gradcheck(values, (x,), eps=1e-7, atol=1e-4, rtol=1e-3, fast_mode=True)


def test_weights_of_ink_have_their_own_derivative() -> None:
    from wmenv.judgers.physics.ink import Weighed

    ink = torch.linspace(0.003, 0.997, 101, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Weighed.apply, (ink,))


@pytest.mark.parametrize("start", ["white", "copy-last", "true"])
def test_gradients_are_finite_everywhere(start: str) -> None:
    for law in LAWS:
        suite = env(law)
        cases = suite.draw(3, np.random.default_rng(1))
        clips = [suite.true_clip(c) for c in cases]
        if start == "copy-last":
            clips = AGENTS.create("copy-last").act(suite.observe(cases), [0] * 3)
        x = floats([c.frames for c in clips])
        x = (torch.ones_like(x) if start == "white" else x).requires_grad_()
        values, _ = soft().reward(cases, x)
        values.sum().backward()
        assert torch.isfinite(values).all() and torch.isfinite(x.grad).all()
        assert (x.grad[:, :3] == 0).all(), "given frames are not the generator's"


@pytest.mark.parametrize("start", ["white", "copy-last", "faint", "doubled"])
def test_the_gradient_points_towards_the_true_clip(start: str) -> None:
    """A small step from a bad clip towards the true one raises the reward, in every single frame that is scored."""
    suite = env()
    (case,) = suite.cases(["id-000000000007"])
    true = floats([suite.true_clip(case).frames])
    still = true[:, 2:3].expand_as(true)
    bad = {
        "white": torch.ones_like(true),
        "copy-last": still.clone(),
        "faint": 1 - 0.2 * (1 - still),
        "doubled": 1 - 0.5 * ((1 - still) + (1 - true)),
    }[start]
    x = bad.requires_grad_()
    values, _ = soft().reward([case], x)
    values[:, 0].sum().backward()
    towards = (x.grad * (true - bad.detach())).sum(dim=(2, 3, 4))[0]
    assert (towards[3:] > 0).sum() >= 12 and towards[3:].sum() > 0


def ascend(judger: Any, cases: Sequence[Case], x: Tensor, steps: int) -> Tensor:
    """Raise the reward by Adam on pixels alone; the given frames have no gradient."""
    x = x.clone().requires_grad_()
    optimiser = torch.optim.Adam([x], lr=0.03, betas=(0.9, 0.99))
    for k in range(steps):
        optimiser.param_groups[0]["lr"] = 0.03 * (1 - k / steps)
        optimiser.zero_grad()
        (-judger.reward(cases, x)[0][:, 0].sum()).backward()
        optimiser.step()
        with torch.no_grad():
            x.clamp_(0, 1)
    return x


@pytest.mark.parametrize(("start", "least"), [("copy-last", 0.9), ("other", 0.7)])
@pytest.mark.parametrize("law", ["uniform_motion", "parabola"])
def test_ascent_on_pixels_raises_the_exact_reward(law: str, start: str, least: float) -> None:
    suite = env(law)
    cases, others = suite.draw(3, np.random.default_rng(0)), suite.draw(3, np.random.default_rng(1))
    clips = [suite.true_clip(c) for c in others]
    if start == "copy-last":
        clips = AGENTS.create("copy-last").act(suite.observe(cases), [0] * 3)
    x = floats([np.concatenate([c.request.frames, clip.frames[3:]]) for c, clip in zip(cases, clips, strict=True)])
    before = np.mean([j.reward for j in suite.score(cases, pixels(x))])
    after = np.mean([j.reward for j in suite.score(cases, pixels(ascend(soft(), cases, x, 500)))])
    assert before < 0.1 and after > least, (before, after)


# Drills


def redrawn(suite: Any, cases: Sequence[Case], change: Callable[[Discs], None]) -> Tensor:
    clips = []
    for case in cases:
        discs = case.truth.discs(frame_times(case.truth.frames))
        future = Discs(*(getattr(discs, n)[3:] for n in ("position", "radius", "colour", "present", "shape")))
        change(future)
        clips.append(draw(discs, suite.size))
    return floats(clips)


def future_of(frames: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change the deficits of the predicted frames."""
    return torch.cat([frames[:, :3], 1 - change(1 - frames[:, 3:])], dim=1)


def blurred(deficit: Tensor, sigma: float) -> Tensor:
    reach = torch.arange(-12, 13, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (reach / sigma) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1)
    flat = deficit.reshape(-1, 1, deficit.shape[-1])
    rows = torch.nn.functional.conv1d(flat, kernel, padding=12).reshape(deficit.shape).mT
    return torch.nn.functional.conv1d(rows.reshape(flat.shape), kernel, padding=12).reshape(deficit.shape).mT


def swollen(suite: Any, cases: Sequence[Case], k: float) -> Tensor:
    def grow(discs: Discs) -> None:
        discs.radius[:] *= k

    return redrawn(suite, cases, grow)


def faded(suite: Any, cases: Sequence[Case], k: float) -> Tensor:
    return future_of(redrawn(suite, cases, lambda discs: None), lambda d: (1 - k) * d)


def out_of_focus(suite: Any, cases: Sequence[Case], k: float) -> Tensor:
    return future_of(redrawn(suite, cases, lambda discs: None), lambda d: blurred(d, k))


def moved(suite: Any, cases: Sequence[Case], up: float) -> Tensor:
    def move(discs: Discs) -> None:
        discs.position[..., 1] += up

    return redrawn(suite, cases, move)


def split_in_two(suite: Any, cases: Sequence[Case], k: float) -> Tensor:
    return 0.5 * (moved(suite, cases, k) + moved(suite, cases, -k))


def joined_by_another(suite: Any, cases: Sequence[Case], k: float) -> Tensor:
    """A second ball of k times the strength, level with the middle of the view's other half."""
    frames = redrawn(suite, cases, lambda discs: None)
    up = [3.5 if case.truth.starts.position[0, 0, 1] < 5 else -3.5 for case in cases]
    other = torch.cat([moved(suite, [case], u) for case, u in zip(cases, up, strict=True)])
    return future_of(frames, lambda d: torch.maximum(d, k * (1 - other[:, 3:])))


def darkened(suite: Any, cases: Sequence[Case], k: float) -> Tensor:
    """Red turns to black: as much ink as before, and k of what no ball's colour explains."""

    def darken(deficit: Tensor) -> Tensor:
        return torch.cat([k * deficit[:, :, 1:2], deficit[:, :, 1:]], dim=2)

    return future_of(redrawn(suite, cases, lambda discs: None), darken)


def recoloured(suite: Any, cases: Sequence[Case], k: float) -> Tensor:
    """Red turns to green."""

    def turn(deficit: Tensor) -> Tensor:
        return (1 - k) * deficit + k * deficit[:, :, [1, 0, 2]]

    return future_of(redrawn(suite, cases, lambda discs: None), turn)


DRILLS = {
    "swell": (swollen, (1.0, 1.1, 1.25, 1.5, 2.0), "mass"),
    "fade": (faded, (0.0, 0.1, 0.25, 0.5, 0.75, 0.95), "vanish"),
    "blur": (out_of_focus, (0.01, 0.5, 1.0, 1.5, 2.0), "blur"),
    "split": (split_in_two, (0.0, 0.5, 1.0, 1.5), "blur"),
    "another": (joined_by_another, (0.0, 0.25, 0.5, 1.0), "mass"),
    "darken": (darkened, (0.0, 0.25, 0.5, 1.0), "stray"),
    "recolour": (recoloured, (0.0, 0.25, 0.5, 1.0), "stray"),
}


def drill_cases(suite: Any) -> list[Case]:
    """Cases whose ball keeps at least 2.5 world units off the upper and lower edge."""
    cases = suite.draw(200, np.random.default_rng(11))
    ends = [case.truth.positions(frame_times(16))[:, 0, 1] for case in cases]
    return [c for c, y in zip(cases, ends, strict=True) if y.min() > 2.5 and y.max() < 7.5][:6]


@pytest.mark.parametrize("law", ["uniform_motion", "parabola"])
@pytest.mark.parametrize("name", DRILLS)
def test_every_cheat_costs_the_more_the_bolder_it_is(name: str, law: str) -> None:
    suite = env(law)
    cheat, levels, term = DRILLS[name]
    cases = drill_cases(suite)
    assert len(cases) >= 3
    rewards = np.array([velocity(soft(), cases, cheat(suite, cases, level)) for level in levels])
    assert (np.diff(rewards, axis=0) < 0).all(), rewards
    without = np.array([velocity(soft(**{term: 0}), cases, cheat(suite, cases, level)) for level in levels])
    fall, fall_without = rewards[0] - rewards[-1], without[0] - without[-1]
    seen = fall - fall_without  # half-score errors; a second ball costs others too where it is near
    assert (seen > 5.0).all(), f"{term} is what sees it: {fall} with it, {fall_without} without"


@pytest.mark.parametrize(("name", "term"), [("swell", "mass"), ("darken", "stray")])
def test_without_its_term_a_cheat_is_free(name: str, term: str) -> None:
    suite = env()
    cheat, levels, _ = DRILLS[name]
    cases = drill_cases(suite)
    found = [velocity(soft(**{term: 0}), cases, cheat(suite, cases, level)) for level in (levels[0], levels[-1])]
    assert (found[0] - found[1] < 0.3).all(), "units of half-score errors"


def test_without_the_vanish_term_an_empty_picture_is_better_than_a_wrong_one() -> None:
    """The bait: a judge that overlooks missing balls rewards making them vanish."""
    suite = env()
    cases = suite.cases([f"ood_low_v-{k:012x}" for k in range(6)])

    def hurry(discs: Discs) -> None:
        discs.position[..., 0] += 2.0 * frame_times(16)[:13, None]

    wrong = redrawn(suite, cases, hurry)
    empty = torch.ones_like(wrong)
    assert (velocity(soft(), cases, empty) < velocity(soft(), cases, wrong) - 1).all()
    assert (velocity(soft(vanish=0), cases, empty) > velocity(soft(vanish=0), cases, wrong)).all()


# Protocol


def test_protocol_and_registry() -> None:
    judger = soft()
    assert isinstance(judger, Judger) and isinstance(judger, DifferentiableJudger)
    assert not isinstance(JUDGERS.create("physics"), DifferentiableJudger)
    assert judger.card["identity"] == "physics-soft-v0"
    assert soft(mass=0).card["identity"] == "physics-soft-v0,mass=0"
    assert set(judger.card["units"]) == set(MEASURES)
    for wrong in ("mass=-1", "blur=much", "vanish=true", "stray=nan"):
        with pytest.raises(InvalidArgument, match=wrong.split("=")[0]):
            JUDGERS.create(f"physics-soft,{wrong}")
    with pytest.raises(InvalidArgument, match="weight"):
        JUDGERS.create("physics-soft,weight=1")


def test_torch_is_asked_for_when_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"needs torch: pip install 'wmenv\[gen\]'"):
        soft()


def test_columns_are_the_criteria_of_the_cases_and_rows_do_not_mix() -> None:
    judger = soft()
    cases = [*env().draw(2, np.random.default_rng(0)), *env("collision").draw(2, np.random.default_rng(0))]
    suites = [env(), env(), env("collision"), env("collision")]
    frames = floats([s.true_clip(c).frames for s, c in zip(suites, cases, strict=True)])
    values, valid = judger.reward(cases, frames)
    assert values.shape == valid.shape == (4, len(MEASURES)) and valid.dtype == torch.bool
    column = [c.id for c in cases[0].criteria].index("velocity_official")
    assert not valid[:, column].any() and (values[:, column] == 0).all()
    assert (values <= 0).all() and (values > -100).all()
    for k in range(4):
        alone, also = judger.reward(cases[k : k + 1], frames[k : k + 1])
        np.testing.assert_allclose(alone[0], values[k], atol=2e-3)
        assert (also[0] == valid[k]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_precisions_agree(dtype: Any) -> None:
    suite = env()
    cases = suite.draw(4, np.random.default_rng(0))
    frames = floats([c.frames for c in noisy(suite, cases, np.random.default_rng(0))], torch.float64)
    values, _ = soft().reward(cases, frames.to(dtype))
    assert values.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    reference, _ = soft().reward(cases, frames)
    np.testing.assert_allclose(values, reference, rtol=0.02, atol=0.02)


def test_clips_that_are_not_finite_forfeit_alone() -> None:
    suite = env()
    cases = suite.draw(3, np.random.default_rng(0))
    frames = floats([suite.true_clip(c).frames for c in cases])
    good, valid = soft().reward(cases, frames)
    for bad in (np.nan, np.inf):
        broken = frames.clone()
        broken[1, 9, 0, 3, 3] = bad
        broken.requires_grad_()
        values, also = soft().reward(cases, broken)
        assert (also == valid).all() and (values[1][valid[1]] == -100).all()
        assert torch.equal(values[[0, 2]], good[[0, 2]])
        values.sum().backward()
        assert torch.isfinite(broken.grad).all() and (broken.grad[1] == 0).all()


def test_nothing_finite_is_worse_than_a_forfeit() -> None:
    suite = env("collision", frames=32)
    cases = suite.draw(3, np.random.default_rng(0))
    shape = (3, 32, 3, 32, 32)
    hopping = torch.ones(shape)
    hopping[:, ::2, 1:, :4, :4] = 0
    hopping[:, 1::2, 1:, -4:, -4:] = 0
    for frames in (torch.zeros(shape), torch.ones(shape), torch.rand(shape), hopping):
        values, valid = soft().reward(cases, frames)
        assert (values[valid] > -100).all() and (values[:, 0] < -5).all()


def test_wrong_forms_are_refused() -> None:
    suite = env()
    cases = suite.draw(2, np.random.default_rng(0))
    frames = floats([suite.true_clip(c).frames for c in cases])
    for wrong in (
        frames[:1], frames[:, :-1], frames[:, :, :2], frames[..., :-1], frames[..., :8, :8], frames[0],
        (frames * 255).to(torch.uint8), frames.numpy(),
    ):  # fmt: skip
        with pytest.raises(InvalidArgument, match="frames"):
            soft().reward(cases, wrong)
    with pytest.raises(InvalidArgument, match="at least one"):
        soft().reward([], frames[:0])
    mixed = [cases[0], env(scheme="attributes", judger="attribute-conflict").draw(1, np.random.default_rng(0))[0]]
    with pytest.raises(InvalidArgument, match="same criteria"):
        soft().reward(mixed, frames)


def test_cases_of_another_world_and_unreadable_clips() -> None:
    suite = env()
    (case,) = suite.draw(1, np.random.default_rng(0))
    from dataclasses import replace

    foreign = replace(case, load_truth=lambda: "no disc")
    clip = suite.true_clip(case)
    with pytest.raises(InvalidCase, match="disc world"):
        soft().judge([foreign], [clip])
    with pytest.raises(InvalidCase, match="disc world"):
        soft().reward([foreign], floats([clip.frames]))
    (judged,) = soft().judge([case], [Clip(clip.frames[:5], FPS)])
    assert {v.state for v in judged.verdicts} == {"forfeited"} and "too short" in judged.verdicts[0].reason
    (judged,) = soft().judge([case], [Clip(np.full_like(clip.frames, 255), FPS)])
    assert judged["velocity"].state == "forfeited" and judged.reward == 0.0
    exact = suite.score([case], [Clip(np.full_like(clip.frames, 255), FPS)])[0]
    assert judged["velocity"].native == pytest.approx(exact["velocity"].native, abs=0.02)

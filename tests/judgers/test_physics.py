"""The physics judger: its floor, its rewards, its forfeits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import wmenv  # noqa: F401 - registers the ids
from wmenv.core.clip import Clip
from wmenv.core.correlation import spearman
from wmenv.core.registries import AGENTS
from wmenv.judgers.physics.official import official_frames, official_velocity_error
from wmenv.studies.parser import usual_cases
from wmenv.worlds.discs.criteria import MEASURES
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.official_parser import mask_and_mean
from wmenv.worlds.discs.world import FPS, LAWS, Law, frame_times


def env(law: str = "uniform_motion", **options: Any) -> Any:
    return gym.make(f"PhyWorld-{law}-v0", **options).unwrapped


def judged(suite: Any, case: Any, frames: np.ndarray, fps: Fraction = FPS) -> Any:
    return suite.score([case], [Clip(frames, fps)])[0]


@pytest.mark.parametrize(("size", "bound"), [(256, 0.015), (128, 0.015), (64, 0.015), (32, 0.03)])
@pytest.mark.parametrize("law", LAWS)
def test_floor_on_true_clips(law: Law, size: int, bound: float) -> None:
    """The whole sample (200 clips a cell) is in test_studies.py."""
    suite = env(law, size=size)
    cases = suite.cases(usual_cases(law, 40))
    judgements = suite.score(cases, [suite.true_clip(case) for case in cases])
    assert all(v.state == "answered" for j in judgements for v in j.verdicts)
    assert np.mean([j["velocity"].native for j in judgements]) < bound


@pytest.mark.parametrize("law", LAWS)
def test_oracle_is_near_one_and_copy_last_is_not(law: Law) -> None:
    suite = env(law)
    cases = suite.draw(40, np.random.default_rng(0))
    oracle = suite.score(cases, AGENTS.create("oracle").act(cases, [0] * 40))
    still = suite.score(cases, AGENTS.create("copy-last").act(suite.observe(cases), [0] * 40))
    assert min(j.reward for j in oracle) >= 0.98
    assert np.mean([j.reward for j in still]) <= 0.3


@pytest.mark.parametrize("law", LAWS)
def test_reward_falls_exactly_as_the_error_rises(law: Law) -> None:
    suite = env(law, size=64)
    errors, rewards, scores = [], [], {name: {} for name in MEASURES}
    for split in ("id", "ood_low", "ood_high"):
        cases = suite.cases(suite.case_ids(20, np.random.default_rng(1), split))
        for agent in ("oracle", "law", "nearest-neighbour", "copy-last"):
            made = AGENTS.create(agent)
            asked = cases if made.privileged else suite.observe(cases)
            for judgement in suite.score(cases, made.act(asked, [0] * 20)):
                if judgement["velocity"].state == "answered":
                    errors.append(judgement["velocity"].native)
                    rewards.append(judgement.reward)
                for verdict in judgement.verdicts:
                    if verdict.state == "answered" and verdict.native > 1e-6:  # under it the score is 1.0 in floats
                        # Errors that differ in the last bit only may share a score.
                        scores[verdict.criterion][round(verdict.native, 9)] = verdict.score
    assert len(set(errors)) > 150
    assert spearman(errors, rewards) == pytest.approx(-1.0, abs=1e-12)
    for name, pairs in scores.items():
        if len(pairs) > 1:
            assert spearman(list(pairs), list(pairs.values())) == pytest.approx(-1.0, abs=1e-12), name


def test_velocity_error_is_the_papers_formula() -> None:
    """A disc drawn at 0.9 of its true speed is wrong by a tenth of it in every frame."""
    suite = env()
    (case,) = suite.cases(["id-000000000007"])
    times = frame_times(32)
    discs = case.truth.discs(times)
    start = discs.position[2].copy()
    discs.position[3:] = start + 0.9 * (discs.position[3:] - start)
    result = judged(suite, case, draw(discs))
    speed = case.truth.starts.velocity[0, 0, 0]
    assert result["velocity"].native == pytest.approx(0.1 * speed, abs=0.01)
    true, generated = result["velocity"].evidence["pairs"]["speed"]
    assert generated / true == pytest.approx(0.9, abs=0.01)
    assert result["momentum"].native == pytest.approx(0.1, abs=0.005)
    assert result["energy"].native == pytest.approx(0.19, abs=0.01)
    assert result.reward == MEASURES["velocity"].score(result["velocity"].native)


def test_a_ball_that_is_turned_round_is_told_by_its_velocity_along_the_true_one() -> None:
    suite = env(size=64)
    for split in ("memory_right_test", "memory_left_test"):
        (case,) = suite.cases([f"{split}-000000000007"])
        discs = case.truth.discs(frame_times(32))
        speed = abs(case.truth.starts.velocity[0, 0, 0])
        true = judged(suite, case, draw(discs, 64))
        assert true["velocity"].evidence["along"] == pytest.approx(speed, abs=0.02) and true.reward > 0.98
        assert true["velocity_official"].native < 0.03
        back = discs.position.copy()
        back[3:] = 2 * back[2] - back[3:]
        discs.position[:] = back
        turned = judged(suite, case, draw(discs, 64))
        assert turned["velocity"].evidence["along"] < -0.8 * speed
        assert turned["velocity"].evidence["pairs"]["speed"][1] > 0.8 * speed


def test_blue_balls_are_looked_for_in_the_blue_mask() -> None:
    suite = env()
    cases = suite.cases([f"conflict_colour_velocity_all-{seed:012x}" for seed in range(8)])
    assert {tuple(case.truth.colours[0]) for case in cases} == {(255, 0, 0), (0, 0, 255)}
    for case in cases:
        result = judged(suite, case, suite.true_clip(case).frames)
        assert result["velocity_official"].native < 0.03 and result["colour"].native < 0.01


def test_baselines_are_what_those_agents_get() -> None:
    suite = env("collision")
    cases = suite.draw(20, np.random.default_rng(5))
    still = suite.score(cases, AGENTS.create("copy-last").act(suite.observe(cases), [0] * 20))
    for judgement in still:
        velocity = judgement["velocity"]
        assert velocity.evidence["baselines"]["copy_last"] == pytest.approx(velocity.native, abs=1e-6)


def test_a_lost_ball_forfeits_and_is_charged() -> None:
    suite = env("collision")
    (case,) = suite.cases(["id-000000000003"])
    discs = case.truth.discs(frame_times(32))
    discs.present[5:8, 1] = False
    result = judged(suite, case, draw(discs))
    assert [result[name].state for name in ("velocity", "continuity", "momentum", "energy")] == ["forfeited"] * 4
    assert "ball 2 in 3 of" in result["velocity"].reason
    assert result.reward == 0.0 and result["count"].native == 3.0
    assert result["radius"].state == result["colour"].state == "answered"
    assert result.coverage == 1.0


def test_a_ball_gone_for_good_is_charged_its_speed_in_every_frame() -> None:
    suite = env()
    (case,) = suite.cases(["ood_low_v-000000000001"])
    discs = case.truth.discs(frame_times(32))
    discs.present[3:] = False
    result = judged(suite, case, draw(discs))
    assert case.truth.starts.velocity[0, 0, 0] < 1.0
    assert result["velocity"].native == pytest.approx(1.0), "at least 1 unit/s for a frame in which the ball is gone"
    assert result["radius"].state == "forfeited" and result["radius"].score == 0.0


def test_an_extra_disc_and_a_split_are_counted() -> None:
    suite = env()
    (case,) = suite.cases(["id-000000000011"])
    frames = suite.true_clip(case).frames.copy()
    frames[10:14, :40, :40] = draw(case.truth.discs(frame_times(1)))[0, :1, :1]  # white
    y, x = np.mgrid[0:256, 0:256]
    far = 20 if case.truth.positions(frame_times(32))[10, 0, 1] < 5 else 235
    frames[10:14][:, (y - far) ** 2 + (x - 230) ** 2 < 15**2] = 255, 0, 0
    result = judged(suite, case, frames)
    assert result["count"].native == 4.0 and result["count"].score < 0.5


@pytest.mark.parametrize("mode", ["exact", "box2d"])
@pytest.mark.parametrize("law", LAWS)
def test_another_rate_and_another_size_are_admitted(law: Law, mode: str) -> None:
    suite = env(law, mode=mode)
    (case,) = suite.cases(["id-000000000005"])
    whole = ((10, 32), (20, 63), (20, 80), (30, 94), (24, 76))
    broken = ((Fraction(25, 2), 40), (Fraction(30000, 1001), 94), (Fraction(10000, 1001), 33))
    for fps, frames in ((Fraction(fps), frames) for fps, frames in (*whole, *broken)):
        clip = draw(case.truth.discs(frame_times(frames, fps)), 128)
        result = judged(suite, case, clip, fps)
        assert result.reward > 0.98, (fps, result["velocity"])
        assert result["velocity_official"].state == ("answered" if fps in (10, 20, 30) else "not_applicable")


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (np.full((32, 128, 96, 3), 255, np.uint8), "96 x 128 pixels; this suite admits squares"),
        (np.full((32, 8, 8, 3), 255, np.uint8), "at least 16"),
        (np.full((20, 64, 64, 3), 255, np.uint8), "too short: 20 frames at 10 fps; the case lasts 3.1 s"),
    ],
)
def test_forms_that_are_not_admitted_forfeit_everything(frames: np.ndarray, reason: str) -> None:
    suite = env()
    (case,) = suite.cases(["id-000000000005"])
    result = judged(suite, case, frames)
    assert {v.state for v in result.verdicts} == {"forfeited"} and result.reward == 0.0
    assert reason in result.verdicts[0].reason


def test_a_rate_too_coarse_to_be_scored_is_no_way_out() -> None:
    suite = env("collision")
    cases = suite.draw(10, np.random.default_rng(0))
    for case in cases:
        clip = draw(case.truth.discs(frame_times(2, Fraction(1, 4))), 256)
        result = judged(suite, case, clip, Fraction(1, 4))
        assert result.reward == 0.0 and "too coarse: 1/4 fps" in result["velocity"].reason


@pytest.mark.parametrize("kind", ["noise", "white", "black", "checkers"])
@pytest.mark.parametrize("law", LAWS)
def test_hopeless_clips_are_forfeited_not_crashed(law: Law, kind: str) -> None:
    suite = env(law)
    (case,) = suite.cases(["id-000000000005"])
    frames = np.random.default_rng(0).integers(0, 256, (32, 256, 256, 3), dtype=np.uint8)
    if kind != "noise":
        frames[:] = {"white": 255, "black": 0, "checkers": 255}[kind]
    if kind == "checkers":
        frames[:, ::2, ::2] = 0
    result = judged(suite, case, frames)
    assert result["velocity"].state == "forfeited" and result.reward == 0.0
    assert result["count"].score < 0.05
    assert result.coverage == 1.0


def test_compression_leaves_the_judgement() -> None:
    from wmenv.core.video import encode_mp4

    suite = env("collision")
    cases = suite.cases(usual_cases("collision", 10))
    import tempfile
    from pathlib import Path

    from wmenv.core.video import read_clip

    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            path = Path(folder) / "clip.mp4"
            path.write_bytes(encode_mp4(suite.true_clip(case)))
            result = suite.score([case], [read_clip(path)])[0]
            assert result.reward > 0.95 and all(v.score > 0.5 for v in result.verdicts), result


def test_official_variant_equals_the_plain_official_parser() -> None:
    for law in LAWS:
        suite = env(law, mode="box2d")
        for case in suite.draw(5, np.random.default_rng(3)):
            clip = suite.true_clip(case)
            path = case.truth.positions(frame_times(32))
            frames = official_frames(case.truth, path)
            balls = len(case.truth.radii)
            seen = mask_and_mean(clip.frames, balls)[frames]
            masks = np.zeros((len(frames), 2, 3))
            masks[:, :balls, 0] = 1
            masks[:, :balls, 1:] = seen[..., :2] / 10 * 256
            plain = official_velocity_error(masks, frames, 256, case.truth, path)
            (judgement,) = suite.score([case], [clip])
            assert judgement["velocity_official"].native == pytest.approx(plain, abs=1e-9), (law, case.id)


def test_official_rule_for_absent_balls() -> None:
    suite = env()
    (case,) = suite.cases(["id-000000000002"])
    discs = case.truth.discs(frame_times(32))
    discs.present[3:] = False
    result = judged(suite, case, draw(discs))
    # x = 10 in every frame: the code sees a ball at rest and charges its speed.
    assert result["velocity_official"].native == pytest.approx(case.truth.starts.velocity[0, 0, 0], abs=1e-9)

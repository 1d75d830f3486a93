"""Prompted suites: cases of copies as environments, judged by recorded answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

import wmenv
from wmenv.core.errors import InvalidArgument, InvalidCase, JudgeFailed, ProtocolMismatch
from wmenv.core.picture import fitted
from wmenv.core.schemes import total_of
from wmenv.core.verdict import Verdict
from wmenv.envs.prompted.env import Condition
from wmenv.envs.videoverse import VideoVerseVectorEnv
from wmenv.envs.videoverse.criteria import SCHEMES as VIDEOVERSE
from wmenv.envs.videoverse.criteria import by_points
from wmenv.envs.videoverse.criteria import criteria as dimensions
from wmenv.envs.worldmodelbench import WorldModelBenchEnv
from wmenv.envs.worldmodelbench.criteria import SCHEME
from wmenv.envs.worldmodelbench.criteria import criteria as eight
from wmenv.envs.worldreasonbench.criteria import SCHEMES as REASON
from wmenv.envs.worldreasonbench.criteria import grades, phases
from wmenv.official.benchmarks import BENCHMARKS
from wmenv.official.worldmodelbench.cases import DOMAINS
from wmenv.report.rows import split_tables

from .conftest import FAMILIES, made

SHARES = st.lists(st.sampled_from([None, *np.linspace(0, 1, 5).tolist()]), min_size=10, max_size=10)


def answered(names: list[str], shares: list[float | None]) -> list[Verdict]:
    return [
        Verdict.failed(name, "why") if share is None else Verdict.answered(name, share)
        for name, share in zip(names, shares, strict=False)
    ]


@given(SHARES)
def test_ten_points_are_three_and_seven(shares: list[float | None]) -> None:
    criteria = eight()
    names = [one.id for one in criteria]
    total, maximum, _ = total_of(SCHEME, criteria, answered(names, shares))
    kept = {name: share for name, share in zip(names, shares, strict=False) if share is not None}
    expected = sum((3 if name == "instruction" else 1) * share for name, share in kept.items())
    assert maximum <= 10 and (total is None) == (not kept)
    if total is not None:
        assert total == pytest.approx(expected) and 0 <= total <= maximum
    if len(kept) == 8:
        assert maximum == 10


@given(SHARES)
def test_points_and_shares_of_ten_dimensions(shares: list[float | None]) -> None:
    criteria = dimensions(("a", "b", "c"), [("interaction", "?"), ("depth_3d", "?"), ("depth_3d", "!")])
    names = [one.id for one in criteria]
    verdicts = [
        verdict if one.questions else Verdict.not_applicable(one.id, "nothing is asked")
        for one, verdict in zip(criteria, answered(names, shares), strict=True)
    ]
    points, maximum, _ = total_of(VIDEOVERSE["points"], by_points(criteria), verdicts)
    share, one, _ = total_of(VIDEOVERSE["shares"], criteria, verdicts)
    worth = {"event_following": 3, "interaction": 1, "depth_3d": 2}
    kept = {v.criterion: v.score for v in verdicts if v.score is not None}
    assert one == 1 and (points is None) == (share is None) == (not kept)
    if points is not None and share is not None:
        assert maximum == sum(worth[name] for name in kept) <= 6
        assert points == pytest.approx(sum(worth[name] * value for name, value in kept.items()))
        assert share == pytest.approx(sum(kept.values()) / len(kept))


@given(SHARES, st.integers(0, 3), st.sampled_from([0.25, 0.5]))
def test_score_pr_grows_with_every_phase(shares: list[float | None], which: int, step: float) -> None:
    criteria = phases()
    names = [one.id for one in criteria]
    before, maximum, _ = total_of(REASON["process"], criteria, answered(names, shares))
    assert maximum == 1 and (before is None or 0 <= before <= 1)
    found = shares[which]
    if before is not None and found is not None and found + step <= 1:
        better = [*shares[:which], found + step, *shares[which + 1 :]]
        after, *_ = total_of(REASON["process"], criteria, answered(names, better))
        assert after is not None and after >= before - 1e-12
    kept = [share for share in shares[:4] if share is not None]
    if kept and len(set(kept)) == 1:
        assert before == pytest.approx(kept[0]), "equal phases score what they are"


def test_grades_are_rescaled_from_one_to_five() -> None:
    verdicts = [Verdict.answered(one.id, (grade - 1) / 4) for one, grade in zip(grades(), (5, 1, 3), strict=True)]
    total, maximum, _ = total_of(REASON["quality"], grades(), verdicts)
    assert maximum == pytest.approx(1) and total == pytest.approx((0.4 * 5 + 0.3 * 1 + 0.3 * 3 - 1) / 4)


def all_right(env: Any, folder: Path, **wrong: float) -> Path:
    """Lines that give every criterion its best label, but for those named."""
    lines = []
    for case_id in env.case_ids(10, np.random.default_rng(0)):
        (case,) = env.cases([case_id])
        for one in case.criteria:
            if one.questions:
                question = one.questions[0]
                best = question.highest if question.answer == "ordinal" else 1
                lines.append({"case_id": case_id, "criterion": one.id, "value": wrong.get(one.id, best)})
    unique = {(line["case_id"], line["criterion"]): line for line in lines}
    path = folder / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, unique.values())))
    return path


@pytest.mark.parametrize("condition", ["text", "image"])
@pytest.mark.parametrize("name", FAMILIES)
def test_gymnasium_checks(name: str, condition: str, small: dict[str, Path], tmp_path: Path) -> None:
    if condition == "image" and name != "worldmodelbench":
        return  # the others have no pictures
    options = {"condition": condition, "domain": "robotics" if name == "worldmodelbench" else None}
    answers = all_right(made(name, small[name], **options), tmp_path)
    env = made(name, small[name], judger=f"answers:{answers}", render_mode="rgb_array", **options)
    check_env(env)
    observation, info = env.reset(seed=3)
    assert observation["frames"].shape == (int(condition == "image"), 32, 32, 3)
    again, _ = env.reset(options={"case_id": info["case_id"]})
    assert again["prompt"] == observation["prompt"] == env.request.prompt
    _, reward, terminated, _, info = env.step(env.action_space.sample())
    assert terminated and reward == 1.0 and info["coverage"] == 1.0 and info["split"] == "all"


def test_points_of_an_episode(small: dict[str, Path], tmp_path: Path) -> None:
    folder = small["worldmodelbench"]
    answers = all_right(made("worldmodelbench", folder), tmp_path, instruction=2, fluid=0)
    env = made("worldmodelbench", folder, judger=f"answers:{answers}")
    env.reset(seed=0)
    _, reward, _, _, info = env.step(env.action_space.sample())
    assert (info["total"], reward) == (8.0, 0.8)
    assert info["native/instruction"] == 2 and info["score/fluid"] == 0 and "domain" in info


def test_the_maximum_of_videoverse_is_what_a_case_asks(small: dict[str, Path], tmp_path: Path) -> None:
    folder = small["videoverse"]
    answers = all_right(made("videoverse", folder), tmp_path)
    env = made("videoverse", folder, judger=f"answers:{answers}")
    cases = env.cases(["key-0", "key-2"])
    judged = env.score(cases, [wmenv.Clip(np.zeros((4, 32, 32, 3), np.uint8), env.clip_spec.fps)] * 2)
    assert [(one.total, one.maximum) for one in judged] == [(3.0, 3.0), (7.0, 7.0)]
    assert judged[0]["depth_3d"].state == "not_applicable"


def test_agents_on_the_same_cases_are_ranked_though_cases_differ(small: dict[str, Path], tmp_path: Path) -> None:
    folder = small["videoverse"]
    answers = all_right(made("videoverse", folder), tmp_path, interaction=0)
    env = made("videoverse", folder, judger=f"answers:{answers}")
    twin = StillAgent()
    twin.name = "twin"
    results = wmenv.evaluate(env, [StillAgent(), twin], episodes=3, out=tmp_path / "run")
    assert [(row.maximum, row.total) for row in results.rows] == [(5.0, 4.0)] * 2, "3, 5 and 7 points; one is lost"
    (table,) = split_tables(results)
    assert table.ranked and table.lines[0].total == "total 4.00 of 5.00"


def test_vector_environment(small: dict[str, Path]) -> None:
    envs = VideoVerseVectorEnv(num_envs=2, cases="copy", data=str(small["videoverse"]), size=32, frames=4)
    observation, _ = envs.reset(seed=1)
    assert observation["frames"].shape == (2, 0, 32, 32, 3)
    _, rewards, terminated, _, _ = envs.step(envs.action_space.sample())
    assert np.isnan(rewards).all() and terminated.all(), "nobody judged, nothing passes"


def test_prompts_and_first_frames(small: dict[str, Path]) -> None:
    folder = small["worldmodelbench"]
    text, image = (made("worldmodelbench", folder, condition=one) for one in ("text", "image"))
    (case,) = text.cases(["01.1"])
    assert case.request.prompt == "A {red} cube. \"Push the 'cube'.\"" and case.request.frames.shape[0] == 0
    (case,) = image.cases(["01.1"])
    assert case.request.prompt == "\"Push the 'cube'.\""
    assert abs(float(case.request.frames.mean()) - 150) < 4
    with pytest.raises(InvalidCase, match=r"no first frame at .*02\.2\.mp4"):
        image.cases(["02.2"])
    with pytest.raises(InvalidCase, match="no prompt for condition 'image'"):
        made("videoverse", small["videoverse"], condition="image").reset(seed=0)


def test_titles_tell_official_cases_from_others(small: dict[str, Path], published: Callable[[str], Path]) -> None:
    for name, family in FAMILIES.items():
        title = BENCHMARKS[name].title
        env = made(name, small[name])
        for told in (repr(env), env.protocol()["case_set"], env.reset(seed=0)[1]["case_set"]):
            assert f"{title} score" not in told and f"{title} protocol" in told
        with pytest.raises(InvalidCase, match="not as published"):
            family(cases="official", data=small[name])
        official = family(cases="official", data=published(name), size=32, frames=4)
        assert official.case_set == f"{title} score, official cases" in repr(official)
        assert len(set(official.case_ids(1000, np.random.default_rng(0)))) == {"videoverse": 300}.get(
            name, {"worldmodelbench": 350, "worldreasonbench": 428}.get(name)
        )


def test_the_report_says_score_for_official_cases_only(
    small: dict[str, Path], published: Callable[[str], Path], tmp_path: Path
) -> None:
    official = WorldModelBenchEnv(cases="official", data=published("worldmodelbench"), size=32, frames=4)
    runs = {
        "own": WorldModelBenchEnv("robotics", size=32, frames=4),
        "copy": made("worldmodelbench", small["worldmodelbench"]),
        "official": official,
    }
    for name, env in runs.items():
        results = wmenv.evaluate(env, [StillAgent()], episodes=1, out=tmp_path / name)
        page = Path(wmenv.write_report([tmp_path / name])).read_text()
        stored = (tmp_path / name / "results.json").read_text()
        for told in (page, stored, results.title):
            assert ("WorldModelBench score" in told) == (name == "official")
            assert ("WorldModelBench protocol" in told) == (name != "official")


def test_official_domains_have_fifty_cases(published: Callable[[str], Path]) -> None:
    for domain in WorldModelBenchEnv.domains:
        env = WorldModelBenchEnv(domain, cases="official", data=published("worldmodelbench"), size=32)
        ids = env.case_ids(50, np.random.default_rng(1))
        assert len(set(ids)) == 50 and {case.tags["domain"] for case in env.cases(ids)} == {domain}
        assert env.protocol()["suite"] == f"WorldModelBench-{domain}"


def test_no_environment_variable_changes_the_cases(
    small: dict[str, Path], published: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = made("worldmodelbench", small["worldmodelbench"]).protocol()
    for name in ("WMENV_CASES", "WMENV_DATA", "WORLDMODELBENCH", "DATA", "CASES"):
        monkeypatch.setenv(name, str(published("worldmodelbench")))
    assert made("worldmodelbench", small["worldmodelbench"]).protocol() == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cases": "official"}, "needs data="),
        ({"data": "x"}, "goes with cases='official'"),
        ({"cases": "mine"}, "'wmenv', 'official', 'copy'"),
        ({"domain": "cooking"}, "'robotics', 'driving'"),
        ({"condition": "sound"}, "'text', 'image'"),
        ({"scheme": "shares"}, "'points'"),
        ({"size": 8}, "size must lie"),
        ({"frames": 1}, "frames must lie"),
        ({"fps": 0}, "fps must be"),
        ({"fps": "fast"}, "fps must be"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        WorldModelBenchEnv(**options)


def test_nobody_judges_and_says_so(small: dict[str, Path]) -> None:
    env = made("videoverse", small["videoverse"])
    env.reset(seed=0)
    with pytest.raises(JudgeFailed, match="answers:FILE"):
        env.step(env.action_space.sample())


def result_file(folder: Path, name: str, grades: dict[str, int]) -> Path:
    preds = {
        stem: {"instruction": [f"Score: {grade}"], "physical_laws": ["No"] * 5, "common_sense": ["No"] * 2}
        for stem, grade in grades.items()
    }
    accs = {"instruction": list(grades.values()), "physical_laws": [True] * 15, "common_sense": [True] * 6}
    path = folder / name
    path.write_text(json.dumps({"model_name": "m", "preds": preds, "accs": accs}))
    return path


def test_hard_subsets_are_the_lowest_means(small: dict[str, Path], tmp_path: Path) -> None:
    folder = small["worldmodelbench"]
    first = result_file(tmp_path, "a.json", {"00.0": 3, "01.1": 0, "02.2": 1})
    second = result_file(tmp_path, "b.json", {"00.0": 0, "01.1": 1, "02.2": 3})
    env = made("worldmodelbench", folder, subset=f"hard-2:{first}+{second}")
    assert set(env.case_ids(9, np.random.default_rng(0))) == {"00.0", "01.1"}
    assert env.protocol()["subset"].startswith("hard-2 of 2 files ")
    assert env.protocol() != made("worldmodelbench", folder, subset=f"hard-2:{first}").protocol()
    with pytest.raises(InvalidCase, match="not in the subset"):
        env.cases(["02.2"])
    for wrong, told in ((f"hard:{first}", "try hard-3"), ("easy:x", "must read hard:FILE"), ("hard:", "must read")):
        with pytest.raises(InvalidArgument, match=told):
            made("worldmodelbench", folder, subset=wrong)
    with pytest.raises(InvalidCase, match="cannot read"):
        made("worldmodelbench", folder, subset="hard:/nowhere.json")


def test_answers_to_another_suite_are_refused(small: dict[str, Path], tmp_path: Path) -> None:
    path = result_file(tmp_path, "a.json", {"00.0": 3})
    with pytest.raises(InvalidArgument, match="holds answers to worldmodelbench, not to videoverse"):
        made("videoverse", small["videoverse"], judger=f"answers:{path}")
    env = made("worldmodelbench", small["worldmodelbench"], judger=f"answers:{path}")
    env.reset(options={"case_id": "00.0"})
    assert env.step(env.action_space.sample())[1] == 1.0


def test_conditions_are_compared_pairwise(small: dict[str, Path], tmp_path: Path) -> None:
    folder = small["worldmodelbench"]
    answers = all_right(made("worldmodelbench", folder, domain="robotics"), tmp_path)
    for condition in ("text", "image"):
        env = made("worldmodelbench", folder, domain="robotics", condition=condition, judger=f"answers:{answers}")
        agent = StillAgent()
        wmenv.evaluate(env, [agent], episodes=2, out=tmp_path / condition)
    with pytest.raises(ProtocolMismatch, match="condition"):
        wmenv.compare(tmp_path / "text", tmp_path / "image")
    paired = wmenv.compare(tmp_path / "text", tmp_path / "image", pair="condition")
    assert paired[0].measure == "reward" and paired[0].pairs == 2
    with pytest.raises(InvalidArgument, match="no entry 'colour'"):
        wmenv.compare(tmp_path / "text", tmp_path / "image", pair="colour")


class StillAgent:
    """Grey clips."""

    name, privileged = "grey", False
    card = {"identity": "grey-v0"}  # noqa: RUF012

    def act(self, requests: Any, seeds: Any) -> list[Any]:
        return [np.full((4, 32, 32, 3), 128, dtype=np.uint8) for _ in requests]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 1000))
def test_pictures_are_cut_in_the_middle_and_averaged(times: int, side: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    small_one = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    large = small_one.repeat(times, axis=0).repeat(times, axis=1)
    np.testing.assert_array_equal(fitted(large, side, side), small_one)
    wide = np.concatenate([np.zeros_like(large), large, np.zeros_like(large)], axis=1)
    np.testing.assert_array_equal(fitted(wide, side, side), small_one, err_msg="the middle of a wide picture")
    noise = rng.integers(0, 256, (12 * times, 12 * times, 3), dtype=np.uint8)
    assert abs(float(fitted(noise, 6, 6).mean()) - float(noise.mean())) < 0.5
    assert fitted(small_one, side * times, side * times).shape == large.shape


@pytest.mark.parametrize("condition", ["text", "image"])
def test_own_scenes_are_cases_too(condition: Condition, tmp_path: Path) -> None:
    env = WorldModelBenchEnv("natural", condition=condition, size=64, frames=6)
    title = "WorldModelBench protocol, wmenv cases v0"
    observation, info = env.reset(seed=5)
    assert title == env.case_set == info["case_set"] == env.protocol()["case_set"] and title in repr(env)
    assert "score" not in repr(env)
    assert observation["frames"].shape == (int(condition == "image"), 64, 64, 3)
    ids = env.case_ids(16, np.random.default_rng(0))
    assert len(set(ids)) == 16 and {case.tags["domain"] for case in env.cases(ids)} == {"natural"}
    true = env.true_clip(env.case)
    assert true is not None and true.frames.shape == (6, 64, 64, 3) and true.fps == env.clip_spec.fps
    if condition == "image":
        np.testing.assert_array_equal(true.frames[0], observation["frames"][0])
        assert observation["prompt"] == env.case.truth.instruction
    answers = all_right(env, tmp_path, instruction=0)
    env = WorldModelBenchEnv("natural", condition=condition, size=64, frames=6, judger=f"answers:{answers}")
    env.reset(seed=5)
    assert env.step(env.action_space.sample())[1] == 0.7


def test_the_example_of_the_documentation_runs() -> None:
    page = Path(__file__).parents[2] / "docs" / "worldmodelbench.md"
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["observation"]["frames"].shape == (1, 128, 128, 3)


def test_domains_have_their_own_scenes() -> None:
    everything = WorldModelBenchEnv(size=32).case_ids(10_000, np.random.default_rng(0))
    by_domain = [WorldModelBenchEnv(one, size=32).case_ids(10_000, np.random.default_rng(0)) for one in DOMAINS]
    assert sorted(set(everything)) == sorted({one for ids in by_domain for one in ids})
    assert min(len(set(ids)) for ids in by_domain) >= 16

"""Teaching judgers: where labelled clips come from, what is held out, what is learnt, how a training goes on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, InvalidCase, UnknownName
from wmenv.core.registries import JUDGERS
from wmenv.core.video import write_clip

torch = pytest.importorskip("torch")

from wmenv.judgers.critics.batches import Batches, altered, floats  # noqa: E402
from wmenv.judgers.critics.course import Course  # noqa: E402
from wmenv.judgers.critics.exam import examine  # noqa: E402
from wmenv.judgers.critics.form import Form  # noqa: E402
from wmenv.judgers.critics.held import Held, Parts  # noqa: E402
from wmenv.judgers.critics.learning import Pace  # noqa: E402
from wmenv.judgers.critics.lessons import Lessons, joined  # noqa: E402
from wmenv.judgers.critics.network import network  # noqa: E402
from wmenv.judgers.critics.teaching import fitted, said_of, teach  # noqa: E402
from wmenv.studies.teaching.controls import over_seeds  # noqa: E402
from wmenv.studies.teaching.items import DISGUISES, disguised, lessons_of  # noqa: E402
from wmenv.studies.teaching.rows import export, of_rows  # noqa: E402
from wmenv.studies.teaching.sources import items_of  # noqa: E402


@pytest.fixture(scope="module")
def lessons(toy_balls: ModuleType) -> Lessons:
    return lessons_of(disguised(toy_balls.items(range(40)), ["blurred"]), 32)


def test_the_worst_window_decides() -> None:
    """Odds of a violation in a clip are the sum of those in its windows."""
    model = network(Form("windows", 32, 6, 16, "8"), 3, seed=1).eval()
    frames = torch.rand((2, 8, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole, first, last = model(frames), model(frames[:, :6]), model(frames[:, 2:])
    torch.testing.assert_close(whole, -torch.logaddexp(-first, -last), atol=1e-4, rtol=1e-4)
    assert model(frames[:, :7]).shape == (2, 3)


def test_lessons_keep_clips_and_labels_together(lessons: Lessons, toy_balls: ModuleType) -> None:
    assert len(lessons) == 160 and lessons.criteria == ("gone", "up")
    for k in np.flatnonzero(lessons.twin >= 0):
        twin = lessons.twin[k]
        assert lessons.cases[k].id == lessons.cases[twin].id and lessons.generators[k] == lessons.generators[twin]
        changed = (lessons.frames[k] != lessons.frames[twin]).any(axis=(1, 2, 3))
        assert changed.argmax() == lessons.onset[k] and lessons.broken[k, 0] and not lessons.broken[twin, 0]
    planted = lessons.part(np.array([bool(kind) for kind in lessons.kinds]))
    assert (planted.twin == -1).all() and planted.broken[:, 0].all()
    both = joined([planted, lessons])
    np.testing.assert_array_equal(
        both.twin[len(planted) :][lessons.twin >= 0] - len(planted), lessons.twin[lessons.twin >= 0]
    )
    other = replace(planted, criteria=("up", "more"))
    assert joined([planted, other]).criteria == ("gone", "up", "more")
    assert np.isnan(joined([planted, other]).targets[len(planted) :, 0]).all()
    with pytest.raises(InvalidArgument, match="one length and rate"):
        joined([lessons, replace(lessons, fps=Fraction(9))])
    with pytest.raises(UnknownName, match="no disguise 'hat'"):
        next(iter(disguised(toy_balls.items(range(1)), ["hat"])))


def test_what_is_held_out_is_never_taught(lessons: Lessons, toy_balls: ModuleType) -> None:
    parts = Parts.of(lessons, Held(("blurred",), ("hall",), 0.3))
    assert "blurred" not in parts.taught.generators and "hall" not in parts.taught.domains
    taught = {case.id for case in parts.taught.cases}
    watched = {case.id for case in parts.watched.cases}
    assert set(parts.examined) == {"cases", "generators", "domains", "both"}
    for name, one in parts.examined.items():
        assert not watched & {case.id for case in one.cases}, "who decides when to stop is no examiner"
        if name == "cases":
            assert not taught & {case.id for case in one.cases}
    assert set(parts.examined["domains"].domains) == {"hall"} and set(parts.examined["both"].generators) == {"blurred"}
    again = Parts.of(lessons_of(toy_balls.items(range(20)), 32), Held(cases=0.3))
    wide = Parts.of(lessons_of(toy_balls.items(range(40)), 32), Held(cases=0.3))
    assert {case.id for case in again.taught.cases} <= {case.id for case in wide.taught.cases}, "more clips move none"
    for held, word in (
        (Held(("nobody",)), "no clip has the generator 'nobody' that is to be held out; there is blurred, toy"),
        (Held(domains=("up",)), "there is hall, yard"),
        (Held(cases=0.0), "160 clips of 160 would be taught and 0 held out"),
        (Held(domains=toy_balls.PLACES), "0 clips of 160 would be taught"),
    ):
        with pytest.raises(InvalidArgument, match=word):
            Parts.of(lessons, held)
    with pytest.raises(InvalidArgument, match="lies in"):
        Held(cases=1.0)


def test_batches_show_the_violation_and_its_twin(lessons: Lessons, toy_balls: ModuleType) -> None:
    school = lessons_of(toy_balls.items(range(40), ("gone",)), 32)
    batches = Batches(school, Form("windows", 32, 6, 16, "8"), Course(batch=12, alter=()))
    for step in range(20):
        index, frames, targets, weights = batches.batch(step)
        assert frames.shape == (12, 6, 3, 32, 32) and torch.equal(targets, torch.from_numpy(school.targets[index]))
        for k in range(4):
            if school.kinds[index[k]]:
                assert (frames[k] != frames[4 + k]).any(), "the window holds what was planted"
                assert index[4 + k] == school.twin[index[k]]
        assert torch.equal(frames, batches.batch(step).frames) and (weights > 0).all()
    taught = torch.cat(
        [
            torch.stack([b.weights * (1 - b.targets), b.weights * b.targets]).sum(1)
            for b in map(batches.batch, range(64))
        ]
    )
    broken, met = taught.unflatten(0, (64, 2)).sum(0)
    np.testing.assert_allclose(broken / met, 1.0, atol=0.25)
    with pytest.raises(InvalidArgument, match="there is nothing to learn"):
        Batches(replace(school, targets=np.ones_like(school.targets)), Form("flat", 32, 12, 16, "8"), Course())
    with pytest.raises(InvalidArgument, match="clips have 12 frames, the critic is made for 10"):
        Batches(school, Form("flat", 32, 10, 16, "8"), Course())


def test_clips_that_nobody_dated_are_shown_whole(lessons: Lessons) -> None:
    """Windows of planted clips beside whole clips of which only the labels are known, each by its share."""
    undated = replace(lessons, onset=np.full(len(lessons), -1), twin=np.full(len(lessons), -1))
    school = joined([lessons, undated])
    batches = Batches(school, Form("windows", 32, 6, 16, "8"), Course(batch=12, alter=()))
    lengths = []
    for step in range(200):
        index, frames, _, _ = batches.batch(step)
        lengths.append(frames.shape[1])
        shown = school.onset[index[:4]]
        assert (shown >= 0).all() if frames.shape[1] == 6 else (shown < 0).all()
    faulty = school.broken.any(axis=1)
    share = (school.onset[faulty] >= 0).mean()
    assert np.mean(np.array(lengths) == 6) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 200))


def test_alterations_treat_pairs_alike() -> None:
    frames = torch.rand((2, 4, 3, 16, 16), generator=torch.Generator().manual_seed(3)).repeat(3, 1, 1, 1, 1)
    done = altered(frames, ("mirror", "hues"), np.random.default_rng(5))
    assert torch.equal(done[:2], done[2:4]) and not torch.equal(done, frames)
    torch.testing.assert_close(done.sum(dim=(1, 2, 3, 4)), frames.sum(dim=(1, 2, 3, 4)))


def test_log_odds_are_scaled_and_shifted_to_what_is_likeliest() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(4000, 1))
    targets = torch.from_numpy((rng.random((4000, 1)) < 1 / (1 + np.exp(-truth))).astype(np.float32))
    scale, shift, loss = fitted(torch.from_numpy(truth * 4.0 - 6.0).float(), targets)
    assert scale.item() == pytest.approx(0.25, rel=0.1) and shift.item() == pytest.approx(1.5, abs=0.15)
    assert 0.5 < loss < 0.69
    same, still, left = fitted(torch.ones((5, 1)), torch.ones((5, 1)))
    assert (same.item(), still.item()) == (1.0, 0.0) and left == pytest.approx(np.log(2.0)), "one side tells nothing"


SMALL = Course(steps=60, batch=12, every=20, alter=("mirror", "noise"))


def test_a_critic_learns_goes_on_and_judges(tmp_path: Path, toy_balls: ModuleType) -> None:
    form = Form("windows", 32, 6, 16, "8")
    school = lessons_of(toy_balls.items(range(40), ("gone",)), 32)
    held = Held(cases=0.3)
    card = teach(school, held, form, SMALL, tmp_path / "whole", {}, Pace())
    told: list[Any] = []

    def stopped(what: Any) -> None:
        told.append(what)
        if what == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach(school, held, form, SMALL, tmp_path / "cut", {}, Pace(told=stopped))
    with pytest.raises(InvalidArgument, match="go on with it"):
        teach(school, held, form, SMALL, tmp_path / "cut", {}, Pace())
    with pytest.raises(InvalidArgument, match="other clips or settings"):
        teach(school, held, form, replace(SMALL, seed=1), tmp_path / "cut", {}, Pace(resume=True))
    again = teach(school, held, form, SMALL, tmp_path / "cut", {}, Pace(resume=True))
    assert again["weights"] == card["weights"], "an interruption changes no bit"
    exam = card["exam"]["cases"]
    assert exam["criteria"]["gone"]["auroc"] > 0.9 and exam["kinds"]["gone/vanish"] > 0.75, exam
    judger: Any = JUDGERS.create(f"critic:{tmp_path / 'cut'}")
    parts = Parts.of(school, held)
    said = said_of(judger.network, parts.watched)
    for k in (0, 1):
        case, clip = parts.watched.cases[k], Clip(parts.watched.frames[k], toy_balls.FPS)
        (judged,) = judger.judge([case.without_truth("critic")], [clip])
        assert judged["gone"].evidence["log_odds"] == pytest.approx(said[k, 0], abs=1e-4)
        assert judger.dimensions(clip) == {v.criterion: v.score for v in judged.verdicts}
        large = Clip(clip.frames.repeat(2, axis=1).repeat(2, axis=2), toy_balls.FPS)
        shown = replace(case, request=replace(case.request, frames=large.frames[:1]))
        assert judger.judge([shown], [large])[0]["gone"].score == pytest.approx(judged["gone"].score, abs=1e-4)
    (other,) = judger.judge([case], [Clip(clip.frames, Fraction(9))])
    assert {v.state for v in other.verdicts} == {"failed"} and "at 8 fps, got 12 of 32 x 32 at 9 fps" in other.verdicts[
        0
    ].reason


@pytest.mark.slow
def test_permuted_targets_teach_nothing(tmp_path: Path, toy_balls: ModuleType) -> None:
    """Labels that belong to other clips: on held clips the critic is at chance, within three standard errors."""
    school = lessons_of(toy_balls.items(range(150), ("gone",)), 32)
    form, held = Form("windows", 32, 6, 16, "8"), Held(cases=0.5)
    lessons = school.permuted(np.random.default_rng(0))
    assert sorted(lessons.targets[:, 0].tolist()) == sorted(school.targets[:, 0].tolist())
    card = teach(lessons, held, form, replace(SMALL, patience=10), tmp_path / "permuted", {}, Pace())
    judger: Any = JUDGERS.create(f"critic:{tmp_path / 'permuted'}")
    fresh = lessons_of(toy_balls.items(range(1000, 1100), ("gone",)), 32)
    exam = examine(fresh, said_of(judger.network, fresh)).criteria["gone"]
    assert card["steps_done"] > 0 and exam.balanced == pytest.approx(0.5, abs=3 * 0.5 / np.sqrt(100)), exam


# Sources.


def test_rows_come_back(tmp_path: Path, toy_balls: ModuleType) -> None:
    """Written and read again: the same clips, targets and questions; damage is told with its line."""
    made = []
    for k, item in enumerate(toy_balls.items(range(3))):
        folder = tmp_path / "clips" / ("a" if item.kind else "b")
        folder.mkdir(parents=True, exist_ok=True)
        write_clip(folder / f"{k // 2}.npz", item.clip)
        made.append(replace(item, source=str(folder / f"{k // 2}.npz"), targets={**item.targets, "gone": 0.25}))
    file = tmp_path / "rows.jsonl"
    assert export(made, file) == 12
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert rows[0] == {
        "video_path": "clips/b/0.npz", "t2v_prompt": "a ball", "dimension": "gone",
        "question": toy_balls.QUESTIONS["gone"].complement, "target": 0.25,
    }  # fmt: skip
    back = list(of_rows(file))
    assert [item.targets for item in back] == [item.targets for item in made]
    assert [item.clip.digest for item in back] == [item.clip.digest for item in made]
    assert [item.generator for item in back] == ["b", "a"] * 3 and len({item.case.id for item in back}) == 1
    again = tmp_path / "again.jsonl"
    export(back, again)
    assert again.read_text() == file.read_text()
    for change, word in (
        ({"target": 7}, "line 1 of .*should be a probability of yes in"),
        ({"video_path": "clips/none.npz"}, "1 of 7 clips of .* are not there, such as clips/none.npz"),
        ({"dimension": None}, "should have a text 'dimension'"),
    ):
        (tmp_path / "bad.jsonl").write_text("\n".join(map(json.dumps, [{**rows[0], **change}, *rows[1:]])))
        with pytest.raises(InvalidCase, match=word):
            list(of_rows(tmp_path / "bad.jsonl"))
    with pytest.raises(InvalidArgument, match="rows name files"):
        export(toy_balls.items(range(1)), tmp_path / "none.jsonl")


def test_planted_scenes(tmp_path: Path) -> None:
    from wmenv.worlds.scenes.violations import ViolationSet

    for _ in ViolationSet(("gaming/marble",), (1000, 1000), ("vanish", "blur"), (16,), 0, 32).write(tmp_path):
        pass
    found = list(items_of(str(tmp_path)))
    assert [item.kind for item in found] == ["", "mass/vanish", "quality/blur"]
    assert all(item.domain == "gaming" and item.generator == "simulator" for item in found)
    vanished = found[1]
    assert (
        vanished.targets["mass"] == 0.0 and vanished.targets["quality"] == 1.0 and "instruction" not in vanished.targets
    )
    assert "fluid" not in vanished.targets, "no liquid: nothing to be told"
    lessons = lessons_of(found, 32)
    assert lessons.twin.tolist() == [-1, 0, 0]
    assert (lessons.frames[1][: vanished.onset] == lessons.frames[0][: vanished.onset]).all()


def test_a_run_is_a_teacher(tmp_path: Path) -> None:
    """Its judger's scores are the targets, its agents the generators; people's labels take their place."""
    run = tmp_path / "run"
    wmenv.evaluate(
        "PhyWorld-uniform_motion", agents=["oracle", "copy-last"], episodes=3, out=run, keep="all", size=32, frames=8
    )
    found = list(items_of(str(run)))
    assert sorted({item.generator for item in found}) == ["copy-last", "oracle"] and len(found) == 6
    speeds = {item.generator: item.targets["velocity"] for item in found}
    assert speeds["oracle"] > 0.9 > 0.5 > speeds["copy-last"]
    with pytest.raises(InvalidArgument, match=r"expected planted:PhyWorld-LAW .*; got nowhere"):
        items_of("nowhere")
    with pytest.raises(InvalidArgument, match="people"):
        list(items_of(f"{run}=people.csv"))


def test_planted_discs() -> None:
    found = list(items_of("planted:PhyWorld-collision,clips=30,size=16,frames=10,seed=4"))
    assert len(found) == 30 and {item.domain for item in found} == {"collision"}
    for item in found:
        np.testing.assert_array_equal(item.clip.frames[:3], item.case.request.frames)
        assert bool(item.kind) == (0.0 in item.targets.values())
    for source, word in (
        ("planted:PhyWorld-flight", "discs can be planted in PhyWorld-uniform_motion"),
        ("planted:PhyWorld-collision,clips=0", "clips must be at least 1"),
        ("planted:PhyWorld-collision,split=wide_v", "no split 'wide_v'"),
        ("planted:PhyWorld-collision,colour=3", "unexpected keyword argument 'colour'"),
    ):
        with pytest.raises(InvalidArgument, match=word):
            list(items_of(source))


def test_disguises_keep_what_is_shown(toy_balls: ModuleType) -> None:
    clip = toy_balls.items(range(1), size=128)[0].clip
    for name, disguise in DISGUISES.items():
        other = disguise(clip)
        assert other.frames.shape == clip.frames.shape and other.fps == clip.fps
        assert 0 < np.abs(other.frames.astype(int) - clip.frames).mean() < 12, name


def test_disguises_change_a_small_clip_too() -> None:
    clip = next(items_of("planted:PhyWorld-parabola,clips=1,size=32")).clip
    for name, disguise in DISGUISES.items():
        assert np.abs(disguise(clip).frames.astype(int) - clip.frames).max() > 20, name


def test_over_seeds() -> None:
    """The mean over critics of their means over criteria, of those that both could tell."""

    def card(seed: int, *balanced: float | None) -> dict[str, Any]:
        criteria = {str(k): {"balanced": one} for k, one in enumerate(balanced)}
        return {"course": {"seed": seed}, "exam": {"cases": {"criteria": criteria}}}

    found = over_seeds([card(0, 0.4, 0.6, None), card(1, 0.6, 0.8), card(2, 0.2)])["cases"]
    assert found.mean == pytest.approx((0.5 + 0.7 + 0.2) / 3) and found.clusters == 3
    assert found.low < 0.3 and found.high > 0.6
    assert not over_seeds([card(0, None)])


def test_the_command(tmp_path: Path, toy_balls: ModuleType) -> None:
    def wmenv_command(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wmenv", "judge", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    for item in toy_balls.items(range(8)):
        (tmp_path / "clips").mkdir(exist_ok=True)
        write_clip(tmp_path / "clips" / f"{item.case.id}-{bool(item.kind)}.npz", item.clip)
    rows = [
        {"video_path": f"clips/{i.case.id}-{bool(i.kind)}.npz", "t2v_prompt": i.case.id, "dimension": "gone",
         "question": toy_balls.QUESTIONS["gone"].complement, "target": i.targets["gone"]}
        for i in toy_balls.items(range(8))
    ]  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    small = ("--on", "rows.jsonl", "--steps", 4, "--batch", 6, "--every", 2, "--size", 32, "--width", 16)
    done = wmenv_command("train", *small, "--hold-cases", 0.4, "--out", "critic")
    assert done.returncode == 0, done.stderr
    assert (
        "16 clips of rows.jsonl" in done.stderr
        and "step 4/4" in done.stderr
        and "--judger critic:critic" in done.stdout
    )
    card = json.loads((tmp_path / "critic" / "card.json").read_text())
    assert card["form"]["kind"] == "flat" and card["command"].startswith(
        "wmenv judge train --on rows.jsonl --out critic"
    )
    again = wmenv_command("train", *small, "--out", "critic")
    assert again.returncode == 2 and "is not empty" in again.stderr
    shutil.rmtree(tmp_path / "critic")
    none = wmenv_command("train", *small, "--hold-generator", "sora", "--out", "critic")
    assert none.returncode == 2 and "there is clips" in none.stderr and not (tmp_path / "critic").exists()
    other = wmenv_command("train", *small, "--criterion", "gone", "--criterion", "hat", "--out", "critic")
    assert other.returncode == 2 and "no clip is labelled by 'hat'; there are gone" in other.stderr
    copied = wmenv_command("rows", "rows.jsonl", "--out", "copy.jsonl")
    assert copied.returncode == 0 and "16 rows" in copied.stdout, copied.stderr
    assert [json.loads(line) for line in (tmp_path / "copy.jsonl").read_text().splitlines()] == rows


def test_floats() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1, 2, 4, 4, 3), dtype=np.uint8)
    assert torch.equal(floats(frames)[0, 1, 2], torch.from_numpy(frames[0, 1, :, :, 2].astype(np.float32) / 255))

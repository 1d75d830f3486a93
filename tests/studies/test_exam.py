"""The exam of judgers: graded plants, figures, an attack, resumption, failures told, cards compared and carried."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.cli.exam import compare, examine
from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidArgument, ProtocolMismatch, RunFolderError
from wmenv.core.registries import JUDGERS
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.report.html import write_report
from wmenv.runs.card import Card, read_card
from wmenv.runs.results import Results
from wmenv.studies.exam.choose import world_for
from wmenv.studies.exam.discs import DiscWorld
from wmenv.studies.exam.figures import card_of, rate
from wmenv.studies.exam.scenes import ORDER
from wmenv.studies.exam.shown import CONTROLS, everything, moved
from wmenv.studies.exam.take import ANSWERS, Sitting, take_exam
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.graded import GRADED, plant_graded
from wmenv.worlds.discs.world import FPS, LAWS, Law, frame_times
from wmenv.worlds.scenes.catalogue import DOMAINS

SMALL = {"size": 64, "frames": 20}


@pytest.fixture(scope="module")
def world() -> DiscWorld:
    return DiscWorld("PhyWorld-uniform_motion-v0", 3, SMALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exam")


@pytest.fixture(scope="module")
def card(world: DiscWorld, folder: Path) -> Card:
    return take_exam(
        Sitting(world, JUDGERS.create("physics"), "physics", JUDGERS.create("physics")), folder / "physics"
    )


def criterion(card: Card, name: str) -> Any:
    return next(one for one in card.criteria if one.criterion == name)


@pytest.mark.parametrize("law", LAWS)
def test_graded_faults_grow_where_they_stand(law: Law) -> None:
    """The exact error of a fault rises with its size; the given frames, and all before the first change, stay true."""
    env: Any = wmenv.make(f"PhyWorld-{law}-v0", size=128, frames=20, scheme="laws").unwrapped
    times = frame_times(20)
    cases = env.cases([f"id-{seed:012x}" for seed in range(500, 512)])
    for name, fault in GRADED.items():
        if law not in fault.laws:
            continue
        made = 0
        for k, case in enumerate(cases):
            drawn = [plant_graded(name, case.truth, times, size, k) for size in fault.sizes]
            if drawn[0] is None:
                assert all(one is None for one in drawn)
                continue
            made += 1
            true = env.true_clip(case).frames
            clips = [draw(one, env.size, env.edge) for one in drawn if one is not None]
            assert len(clips) == len(fault.sizes)
            changed = [np.flatnonzero((clip != true).any(axis=(1, 2, 3))) for clip in clips]
            assert all(frames[0] >= env.given for frames in changed)
            assert name == "speed" or len({int(frames[0]) for frames in changed}) == 1
            judged = env.score([case] * len(clips), [Clip(clip, FPS) for clip in clips])
            verdicts = [one[fault.criterion] for one in judged]
            scores = [v.score for v in verdicts if v.score is not None]
            assert len(scores) == len(clips) and scores[-1] < 0.5, (name, verdicts)
            assert all(b <= a + 0.02 for a, b in pairwise(scores)), (name, scores)
        assert made >= 2, name


def test_the_exact_judger_passes(card: Card) -> None:
    for name in ("velocity", "continuity", "radius", "colour", "count"):
        one = criterion(card, name)
        assert one.whole.false_alarms.mean == 0.0 and one.whole.failed == 0
        last = one.points[-1].figures
        assert last.found.mean == last.balanced.mean == last.auroc.mean == last.paired.mean == 1.0
        assert last.found.low < 1.0 and last.found.n == last.broken, "no interval of no width"
        shares = [point.figures.found.mean for point in one.points]
        assert shares == sorted(shares), "larger faults are found more often"
        assert shares[0] < 1.0 or name == "velocity", "the smallest size is below its threshold"
    assert [one.caught.mean for one in card.controls if one.caught] == [1.0] * len(CONTROLS)
    assert card.coverage == 1.0 and card.attack is None and card.attack_reason
    by_name = {one.name: one for one in card.flips}
    assert by_name["mp4 round trip"].rate and by_name["mp4 round trip"].rate.mean < 0.1
    assert by_name["polarity"].rate is None and by_name["polarity"].reason
    for one in card.agreement:  # with itself
        assert one.same is not None and one.same.mean == 1.0 and one.missing == 0
        assert one.kappa is None or one.kappa.mean == 1.0
        assert one.spearman is None or one.spearman.mean == pytest.approx(1.0)


def test_a_stopped_exam_goes_on_and_ends_in_the_same_card(world: DiscWorld, card: Card, folder: Path) -> None:
    """Two whole cases and half a line: the others are judged, and all but the environment is the same."""
    judger = JUDGERS.create("physics")
    place = folder / "stopped"
    place.mkdir()
    (place / "exam.json").write_bytes((folder / "physics" / "exam.json").read_bytes())
    lines = (folder / "physics" / ANSWERS).read_text().splitlines(keepends=True)
    (place / ANSWERS).write_text("".join(lines[:2]) + lines[2][:100])
    told: list[int] = []
    again = take_exam(
        Sitting(world, judger, "physics", judger), place, tell=lambda case, done, total, failed: told.append(done)
    )
    assert told == [2, 2, 3]
    assert again.model_copy(update={"environment": {}}) == card.model_copy(update={"environment": {}})
    assert read_card(place) == again
    with pytest.raises(ProtocolMismatch, match=r"second was .*physics-v0.*now null"):
        take_exam(Sitting(world, judger, "physics"), place)


def test_cards_of_other_forms_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="no card at"):
        read_card(tmp_path)
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(InvalidArgument, match=r"no card of schema wmenv\.card/0"):
        read_card(tmp_path)


class Moody:
    """Lets everything pass, raises on bright clips, and cannot tell the colour of some."""

    name, accepts, reads_truth, exact = "moody", ("clip",), False, True
    card: dict[str, Any] = {"identity": "moody-v0"}  # noqa: RUF012

    def __init__(self) -> None:
        self.well, self.asked = False, 0

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        self.asked += len(cases)
        found = []
        for case, clip in zip(cases, responses, strict=True):
            assert isinstance(clip, Clip)
            if not self.well and clip.frames.mean() < 140:
                raise RuntimeError("it is too dark")
            sure = [Verdict.answered(c.id, 0.9) for c in case.criteria if c.id != "colour" or self.well]
            colour = [Verdict.failed("colour", "colour-blind")] if not self.well else []
            found.append(judgement(case, [*sure, *colour], "moody-v0"))
        return found


def test_failed_verdicts_are_told_and_can_be_asked_again(world: DiscWorld, tmp_path: Path) -> None:
    judger = Moody()
    card = take_exam(Sitting(world, judger, "moody"), tmp_path)
    assert card.failed and card.coverage < 1.0 and "colour-blind" in card.reasons
    assert any("too dark" in reason for reason in card.reasons)
    whole = criterion(card, "velocity").whole
    assert whole.balanced.mean == 0.5 and whole.auroc.mean == 0.5 and whole.found.mean == 0.0
    assert whole.calibration.mean == pytest.approx(abs(0.9 - whole.lawful / (whole.lawful + whole.broken)), abs=1e-6)
    assert criterion(card, "colour").whole.balanced is None
    blank = card.controls[0]
    assert blank.failed == blank.clips and blank.caught is None, "grey clips could not be judged"
    asked = judger.asked
    assert take_exam(Sitting(world, judger, "moody"), tmp_path).failed == card.failed and judger.asked == asked
    judger.well = True
    again = take_exam(Sitting(world, judger, "moody"), tmp_path, retry_failed=True)
    assert again.failed == 0 and again.coverage == 1.0 and judger.asked > asked


def test_the_exit_status_tells_the_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"env": "PhyWorld-uniform_motion", "quick": True, "cases": 1, "second": None}
    options |= {"options": SMALL, "retry_failed": False}
    assert examine("physics", tmp_path / "a", **options) == 0
    assert "verdicts failed" not in capsys.readouterr().out and (tmp_path / "a" / "card.html").exists()
    with monkeypatch.context() as patched:
        patched.setattr(JUDGERS, "create", lambda spec: Moody())
        assert examine("moody", tmp_path / "b", **options) == 1
    said = capsys.readouterr().out
    assert "verdicts failed, coverage 0." in said and "colour-blind" in said
    with pytest.raises(InvalidArgument, match="at least one case"):
        examine("physics", tmp_path / "c", **{**options, "cases": 0})
    with pytest.raises(InvalidArgument, match="planted in PhyWorld-LAW and WorldModelBench alone"):
        examine("physics", tmp_path / "c", **{**options, "env": "VideoVerse"})


def test_figures_of_a_table_by_hand() -> None:
    """Two cases, one criterion: scores 0.9 and 0.4 of true clips, 0.2 and 0.6 of broken ones."""

    def clip(kind: str, case: str, score: float, **more: Any) -> dict[str, Any]:
        verdicts = {"count": ["answered", score, score, ""]}
        base = {"kind": kind, "case": case, "how": "", "size": None, "broken": "", "base": None, "holds": ["count"]}
        return {**base, "reward": score, "verdicts": verdicts, **more}

    answers = {
        case: [
            clip("true", case, true),
            clip("planted", case, broken, how="vanish", size=1.0, broken="count", holds=[]),
            clip("again", case, again, how="1 px down", base=0),
        ]
        for case, true, broken, again in (("a", 0.9, 0.2, 0.8), ("b", 0.4, 0.6, 0.7))
    }
    plants = {"vanish": {"criterion": "count", "unit": "frames", "sizes": [1.0]}}
    settings = {"judger": "x", "second": None, "exam": {"plants": plants}}
    card = card_of(settings, "x", answers, True, "no gradient", {})
    whole = card.criteria[0].whole
    assert (whole.broken, whole.lawful, whole.failed) == (2, 2, 0)
    for found, value in ((whole.found, 0.5), (whole.false_alarms, 0.5), (whole.balanced, 0.5), (whole.paired, 0.5)):
        assert found is not None and found.mean == value
    assert whole.auroc is not None and whole.auroc.mean == 0.75, "three of four pairs in order"
    assert whole.calibration is not None and whole.calibration.mean == pytest.approx((0.1 + 0.6 + 0.2 + 0.6) / 4)
    down = next(one for one in card.flips if one.name == "1 px down")
    assert down.rate is not None and (down.rate.mean, down.rate.n) == (0.5, 2)
    assert card.criteria[0].points[0].figures == whole


def test_an_interval_has_a_width_where_all_are_alike() -> None:
    found = rate([1.0] * 30, [str(k // 3) for k in range(30)])
    assert found is not None and (found.mean, found.n, found.cases) == (1.0, 30, 10)
    assert 0.6 < found.low < 0.8 and found.high == 1.0, "ten cases, not thirty clips"


def test_a_pixel_moves(world: DiscWorld) -> None:
    frames = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    np.testing.assert_array_equal(moved(frames, 2)[:, :, 1:], frames[:, :, :-1])
    np.testing.assert_array_equal(moved(frames, 1)[:, 0], frames[:, 0])
    shown = everything(world, world.cases[0])
    right = next(one for one in shown if one.how == "1 px to the right")
    assert right.base is not None
    np.testing.assert_array_equal(right.case.request.frames, moved(shown[right.base].case.request.frames, 2))


def test_cards_are_compared_where_they_are_of_one_exam(
    world: DiscWorld, card: Card, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take_exam(Sitting(world, Moody(), "<moody>"), folder / "moody")
    compare([folder / "physics", folder / "moody" / "card.json"], folder / "both.html")
    said = capsys.readouterr().out
    assert "balanced accuracy" in said and "<moody>" in said and "0.500" in said
    page = (folder / "both.html").read_text()
    assert "&lt;moody&gt;" in page and "<moody>" not in page and "http" not in page.replace("http-equiv", "")
    other = DiscWorld("PhyWorld-uniform_motion-v0", 1, {**SMALL, "size": 32})
    take_exam(Sitting(other, JUDGERS.create("physics"), "physics"), folder / "other")
    with pytest.raises(ProtocolMismatch, match=r"different things: .*clip of <moody> is .*64.* of physics is .*32"):
        compare([folder / "moody", folder / "other"], None)
    with pytest.raises(InvalidArgument, match="two or more"):
        compare([folder / "physics"], None)


def test_a_card_travels_with_the_scores_of_its_judger(card: Card, folder: Path, tmp_path: Path) -> None:
    run: dict[str, Any] = {"episodes": 2, **SMALL, "scheme": "laws"}
    results = wmenv.evaluate(
        "PhyWorld-uniform_motion", ["law"], out=tmp_path / "run", card=folder / "physics" / "card.json", **run
    )
    assert results.examined is not None and not results.examined.differs
    assert results.examined.criteria["radius"].balanced == criterion(card, "radius").whole.balanced
    assert Results.read(tmp_path / "run").examined == results.examined
    page = write_report(tmp_path / "run").read_text()
    mean = criterion(card, "radius").whole.balanced
    assert f"{mean.mean:.2f}" in page and "judger right" in page and card.exam_digest in page

    plain = wmenv.evaluate("PhyWorld-uniform_motion", ["law"], out=tmp_path / "plain", **{**run, "size": 128})
    assert plain.examined is None and "judger right" not in write_report(tmp_path / "plain").read_text()
    page = write_report(tmp_path / "plain", tmp_path / "with.html", cards=[folder / "physics"]).read_text()
    assert "judger right" in page and "examined on other clips than it scores here" in page

    take_exam(Sitting(DiscWorld("PhyWorld-uniform_motion-v0", 1, SMALL), Moody(), "moody"), tmp_path / "moody")
    with pytest.raises(ProtocolMismatch, match=r"examines moody-v0, and the scores are by physics-v0"):
        write_report(tmp_path / "plain", cards=[tmp_path / "moody"])
    with pytest.raises(ProtocolMismatch, match="examines moody-v0"):
        wmenv.evaluate("PhyWorld-uniform_motion", ["law"], out=tmp_path / "no", card=tmp_path / "moody", **run)
    assert not (tmp_path / "no").exists()


def test_a_judger_sits_the_exam_of_its_world() -> None:
    assert world_for(JUDGERS.create("physics"), "PhyWorld-collision", quick=True, cases=2).cases[0].startswith("id-")
    assert "restitution" in world_for(JUDGERS.create("physics"), "PhyWorld-collision", quick=True, cases=2).plants
    scenes = world_for(JUDGERS.create("scene-pixels"), None, quick=True, cases=None)
    assert scenes.oracle == "scene-oracle" and {one.split("-")[0] for one in scenes.cases} == set(DOMAINS)
    more = world_for(JUDGERS.create("scene-pixels"), None, quick=True, cases=40).cases
    assert len(set(more)) == 40 and len(set(one.rpartition("-")[0] for one in more)) == len(ORDER)
    assert world_for(JUDGERS.create("abstaining:physics"), None, quick=True, cases=2).oracle == "physics"


@pytest.fixture(scope="module")
def critic(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small trained critic."""
    pytest.importorskip("torch")
    from wmenv.judgers.critics.recipe import Recipe
    from wmenv.judgers.critics.training import train_critic

    out = tmp_path_factory.mktemp("critic") / "small"
    train_critic(Recipe(steps=150, batch=32, size=16, frames=10, width=16, examined=32, seed=3), out)
    return f"critic:{out}"


def test_the_attack_that_flips_it_does_not_move_the_exact_oracle(critic: str, tmp_path: Path) -> None:
    judger = JUDGERS.create(critic)
    world = world_for(judger, None, quick=True, cases=12)
    assert world.identity()["protocol"]["clip"]["width"] == 16, "the form that it was taught on"
    card = take_exam(Sitting(world, judger, critic), tmp_path)
    row = card.attack
    assert row is not None and row.clips >= 20 and row.oracle == "physics-v0"
    assert row.flipped is not None and row.noise is not None and row.oracle_flipped is not None
    assert row.flipped.mean > 0.25 and row.flipped.low > row.noise.mean, row
    assert row.oracle_flipped.mean == 0.0 and row.oracle_flipped.n == row.clips, row
    attacks = [
        answer
        for line in (tmp_path / ANSWERS).read_text().splitlines()
        for answer in json.loads(line)[1]
        if answer["kind"] == "attack"
    ]
    assert {answer["how"] for answer in attacks} == {"attack", "noise"}
    assert criterion(card, "count").points[-1].figures.paired.mean > 0.7, "it learned something"
    assert criterion(card, "velocity").whole.calibration is not None


def test_the_folder_of_a_critic_is_left_alone(critic: str) -> None:
    """Its card has the same name."""
    judger, home = JUDGERS.create(critic), Path(critic.partition(":")[2])
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    with pytest.raises(RunFolderError, match="of something else"):
        take_exam(Sitting(world_for(judger, None, quick=True, cases=1), judger, critic), home)
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before


def test_an_attack_keeps_to_its_levels_and_to_predicted_frames(critic: str) -> None:
    from wmenv.studies.exam.attack import LEVELS, attacked, noised

    judger: Any = JUDGERS.create(critic)
    world = world_for(judger, None, quick=True, cases=1)
    true = world.clips(world.cases[0])[0]
    (changed,) = attacked(judger, [true.case], [true.clip], ["count"], [-1])
    for clip in (changed, noised(true.case, true.clip, 0)):
        apart = np.abs(clip.frames.astype(int) - true.clip.frames)
        assert 0 < apart.max() <= LEVELS and not apart[:3].any()


@pytest.mark.slow
def test_a_quick_exam_takes_less_than_a_minute(critic: str, tmp_path: Path) -> None:
    import resource
    import subprocess
    import sys

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "wmenv", "judge", "exam", critic, "--quick", "--out", str(tmp_path / "card")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert read_card(tmp_path / "card").attack is not None and (tmp_path / "card" / "card.html").exists()
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60.0

"""The report of real runs: what it says, what it refuses to run, and that its clips play."""

from __future__ import annotations

import io
import json
import re
import shutil
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import wmenv
from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, RunFolderError
from wmenv.core.video import encode_mp4
from wmenv.report.chart import error_chart
from wmenv.report.html import write_report
from wmenv.report.numbers import number
from wmenv.report.rows import headline, split_tables
from wmenv.report.side_by_side import CRISP, FASTEST, LONGEST, SEPARATOR, enlarged, side_by_side
from wmenv.report.suite import RebuiltSuite
from wmenv.report.svg import axis, element
from wmenv.report.tables import terminal_table
from wmenv.report.trajectory import find_track, trajectory, true_path
from wmenv.runs.results import Results
from wmenv.runs.store import RunStore

AGENTS = ("oracle", "copy-last")
SPLITS = ("id", "ood_high")
EPISODES = 3
CLIPS = len(AGENTS) * len(SPLITS) * EPISODES
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>[red]{{ 7*7 }}"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "run"
    wmenv.evaluate("PhyWorld-collision-v0", AGENTS, splits=SPLITS, episodes=EPISODES, out=folder, size=64)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may damage."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def page_of(run: Path, **options: int) -> str:
    return write_report([run], **options).read_text("utf-8")


def rewrite(run: Path, old: str, new: str) -> None:
    """Put other text in every place of a run folder where outside text can stand."""
    text = (run / "results.json").read_text("utf-8")
    (run / "results.json").write_text(text.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]), "utf-8")
    with sqlite3.connect(run / "run.sqlite") as database:
        for table in ("rollouts", "steps"):
            database.execute(f"UPDATE {table} SET agent = ? WHERE agent = ?", (new, old))
    database.close()


def test_the_report_is_one_file_that_says_what_was_evaluated(run: Path) -> None:
    path = write_report([run])
    page = path.read_text("utf-8")
    results = Results.read(run)
    assert path == run / "report.html"
    assert f"<h1>{results.title}</h1>" in page and results.protocol_digest in page
    assert "WorldModelBench score" not in page
    assert not re.search(r'(src|href)="(?!data:|#)', page) and "url(" not in page
    assert page.count("<video ") == CLIPS and page.count('class="world"') == CLIPS
    assert 'class="warning"' not in page
    assert "no pictures drawn" in page and "mean speed" in page
    assert page.count(">privileged</span>") >= len(SPLITS)


def test_writing_twice_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    assert page_of(run) == write_report([run], tmp_path / "deep" / "again.html").read_text("utf-8")


def test_the_same_clip_gives_the_same_mp4() -> None:
    moving = np.full((16, 64, 64, 3), 255, np.uint8)
    for k in range(16):
        moving[k, 20:40, k : k + 20] = np.random.default_rng(k).integers(0, 255, (20, 20, 3))
    pair = side_by_side(Clip(moving, Fraction(10)), Clip(moving[::-1], Fraction(10)))
    assert len({encode_mp4(pair) for _ in range(12)}) == 1


def test_the_numbers_of_the_results_are_printed(run: Path) -> None:
    page, results = page_of(run), Results.read(run)
    for row in results.rows:
        native = row.criteria["velocity"].native
        assert row.reward is not None and native is not None
        assert f">{number(row.reward.mean, 3)}<" in page and f">{number(native.mean)}<" in page


def test_fewer_clips_are_shown_and_the_rest_counted_worst_first(run: Path) -> None:
    page = page_of(run, clips_per_group=1)
    assert page.count("<video ") == CLIPS // EPISODES
    assert page.count(f"{EPISODES - 1} more kept") == CLIPS // EPISODES
    store = RunStore(run)
    rewards = {r.key: r.final.reward for r in store.rollouts() if r.agent == "copy-last" and r.final is not None}
    worst = next(r for r in store.rollouts() if r.key == min(rewards, key=lambda key: rewards[key] or 0.0))
    store.close()
    assert f"<code>{worst.case_id}</code>" in page
    assert "<video " not in page_of(run, clips_per_group=0)


def test_hostile_names_and_reasons_are_inert(run: Path) -> None:
    rewrite(run, "copy-last", HOSTILE)
    store = json.loads((run / "results.json").read_text("utf-8"))
    store["failures"] = [
        {"agent": HOSTILE, "split": "id", "case_id": HOSTILE, "sample": 0, "reason": f"judger: {HOSTILE}"}
    ]
    store["title"] = HOSTILE
    (run / "results.json").write_text(json.dumps(store), "utf-8")
    page = page_of(run)
    assert "&lt;script&gt;alert(1)" in page and "{{ 7*7 }}" in page
    assert "<script>alert" not in page and "<img" not in page
    assert page.count("<script") == 1 and "script-src 'sha256-" in page
    buffer = io.StringIO()
    Console(file=buffer, width=300, color_system=None).print(terminal_table(Results.read(run)))
    assert "[red]" in buffer.getvalue()


def test_a_missing_a_damaged_and_an_escaping_clip_are_lines(run: Path) -> None:
    first, second, third = sorted(run.glob("clips/*/*/step_0.npz"))[:3]
    first.unlink()
    data = second.read_bytes()
    second.write_bytes(data[:200] + b"\x00\x11" * 100 + data[400:])
    with sqlite3.connect(run / "run.sqlite") as database:
        change = "UPDATE rollouts SET clip = '../elsewhere' WHERE clip = ?"
        assert database.execute(change, (str(third.parent.relative_to(run)),)).rowcount == 1
    database.close()
    page = page_of(run)
    assert page.count("<video ") == CLIPS - 3 and page.count('class="missing">No clip') == 3
    assert "no video file at clips/" in page and "leaves the run folder" in page


def test_an_interrupted_run_is_marked_incomplete(run: Path) -> None:
    (run / "results.json").unlink()
    with sqlite3.connect(run / "run.sqlite") as database:
        database.execute("DELETE FROM rollouts WHERE agent = 'copy-last' AND split = 'ood_high'")
    database.close()
    page = page_of(run)
    assert f"Incomplete: {CLIPS - EPISODES} of {CLIPS} rollouts." in page
    assert 'class="warning"' in page and "--resume" in page


def test_failures_are_listed_with_their_reasons(tmp_path: Path) -> None:
    class Broken:
        name, privileged = "broken", False
        card: dict[str, str] = {}  # noqa: RUF012

        def act(self, requests: list[object], seeds: list[int]) -> list[object]:
            raise RuntimeError("no weights <here>")

    out = tmp_path / "run"
    wmenv.evaluate("PhyWorld-uniform_motion-v0", ["law", Broken()], episodes=2, out=out, size=32)
    page = page_of(out)
    assert "2 rollouts failed" in page and page.count("no weights &lt;here&gt;") == 2
    (table,) = split_tables(Results.read(out))
    assert [line.name for line in table.lines] == ["law", "broken"]


def test_a_suite_that_cannot_be_made_here_costs_the_truth_only(run: Path) -> None:
    text = (run / "results.json").read_text("utf-8")
    (run / "results.json").write_text(text.replace("PhyWorld-collision-v0", "Elsewhere-unknown-v9"), "utf-8")
    page = page_of(run)
    assert "cannot be made here" in page
    assert page.count("<video ") == CLIPS and "<span>true</span>" not in page
    assert 'class="path' not in page and 'class="dots' in page


def test_a_folder_of_results_alone_has_its_tables(run: Path) -> None:
    (run / "run.sqlite").unlink()
    page = page_of(run)
    assert "has no run.sqlite" in page and "<table" in page and "<video " not in page


def test_several_runs_are_grouped_by_protocol(run: Path, tmp_path: Path) -> None:
    other, same = tmp_path / "other", tmp_path / "same"
    wmenv.evaluate("PhyWorld-parabola-v0", ["law"], episodes=2, out=other, size=32)
    wmenv.evaluate("PhyWorld-collision-v0", ["law"], splits=SPLITS, episodes=2, out=same, size=64, seed=5)
    page = write_report([run, other, same], tmp_path / "all.html").read_text("utf-8")
    assert "2 protocols" in page and "not comparable" in page and "not paired" in page
    assert [page.count(f'id="run-{k}"') for k in (1, 2, 3, 4)] == [1, 1, 1, 0]
    two = write_report([run, same], tmp_path / "two.html").read_text("utf-8")
    assert "not comparable" not in two


def test_arguments_that_make_no_report(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="at least one"):
        write_report([])
    with pytest.raises(InvalidArgument, match="out=FILE"):
        write_report([run, run])
    with pytest.raises(InvalidArgument, match="clips_per_group"):
        write_report([run], clips_per_group=-1)
    with pytest.raises(RunFolderError, match="not a run folder"):
        write_report([tmp_path / "nothing"])


def test_rows_of_different_maxima_are_not_ranked(run: Path) -> None:
    results = Results.read(run)
    last = results.rows[-1]
    rows = [*results.rows[:-1], last.model_copy(update={"maximum": 8.0})]
    changed = results.model_copy(update={"rows": rows})
    assert [table.ranked for table in split_tables(changed)] == [True, False]
    changed.write(run)
    page = page_of(run)
    assert "are not ranked" in page and "of 8.00" in page
    buffer = io.StringIO()
    Console(file=buffer, width=200).print(terminal_table(changed))
    assert "not ranked" in buffer.getvalue() and "oracle*" in buffer.getvalue()


def test_the_oracle_draws_on_the_true_path(run: Path) -> None:
    import gymnasium as gym

    store = RunStore(run)
    identity = store.identity()
    assert identity is not None
    row = next(r for r in store.rollouts(steps=True) if r.agent == "oracle")
    store.close()
    found = find_track(row.steps[0].judgement.verdicts)
    assert found is not None
    times, track = found
    suite = gym.make(identity["env_id"], **identity["env_options"]).unwrapped
    truth = suite.cases([row.case_id])[0].truth  # type: ignore[attr-defined]
    assert np.nanmax(np.abs(track - truth.positions(times))) < 0.05
    path = true_path(truth, times)
    assert path is not None
    drawn = trajectory(track, path, truth.radii)
    assert drawn.count("<polyline") == 2 and drawn.count('class="start') == 2


def test_evidence_of_another_form_draws_nothing() -> None:
    from wmenv.core.verdict import Verdict

    bad = [
        {"track": [[1, 2]], "times": [0.0]},
        {"track": "x", "times": [0.0]},
        {"track": [[[1, 2]]], "times": []},
    ]
    assert find_track([Verdict.answered("velocity", 1.0, None, **evidence) for evidence in bad]) is None
    assert true_path(object(), np.zeros(3)) is None


def test_small_clips_are_shown_larger_pixel_by_pixel() -> None:
    small = np.random.default_rng(0).integers(0, 256, (2, 32, 34, 3), dtype=np.uint8)
    shown = enlarged(Clip(small, Fraction(10))).frames
    assert shown.shape == (2, CRISP, 34 * 4, 3)
    np.testing.assert_array_equal(shown[:, 2::4, 1::4], small)
    large = Clip(np.zeros((1, 200, 200, 3), np.uint8), Fraction(10))
    assert enlarged(large) is large


def test_side_by_side_keeps_both_clips_in_their_own_time() -> None:
    slow = Clip(np.full((4, 16, 16, 3), 10, np.uint8), Fraction(4))
    fast = Clip(np.arange(16, dtype=np.uint8)[:, None, None, None] * np.ones((16, 8, 8, 3), np.uint8), Fraction(8))
    shown = side_by_side(slow, fast)
    assert shown.frames.shape == (16, 16, 32 + SEPARATOR, 3) and shown.fps == 8
    assert shown.frames[:, 0, -1, 0].tolist() == list(range(16))
    assert shown.frames[:, 0, 0, 0].tolist() == [10] * 8 + [98] * 8, "the predicted clip is over after one second"


def test_no_claimed_rate_makes_a_report_grow() -> None:
    true = Clip(np.zeros((32, 16, 16, 3), np.uint8), Fraction(10))
    for rate in (Fraction(10**9), Fraction(1, 10**9)):
        shown = side_by_side(Clip(np.zeros((32, 16, 16, 3), np.uint8), rate), true)
        assert len(shown) <= LONGEST and shown.fps <= FASTEST
    tall = Clip(np.full((2, 1000, 600, 3), 77, np.uint8), Fraction(10))
    assert side_by_side(tall, None).frames.shape == (2, 333, 200, 3)


def test_axes_hold_their_values() -> None:
    for values in ([0.0], [3.0, 4.0], [-2.0, 5.0], [0.002, 7.0], [0.0, 1e-5, 30.0], [0.013, 0.012]):
        scale = axis(values, 10, 300)
        assert all(10 <= scale.place(value) <= 300 for value in values)
        assert 2 <= len(scale.ticks) <= 12
        assert scale.log == (max(values) > 6)
    assert axis([0.0, 1.0, 100.0], 0, 100).place(0.0) == 100


def test_text_in_drawings_is_escaped() -> None:
    assert element("text", HOSTILE, x=1.0, aria_label=HOSTILE).count("<") == 2


def test_the_chart_has_every_agent_and_baseline(run: Path) -> None:
    results = Results.read(run)
    chart = error_chart(results)
    first = headline(results)
    assert chart is not None and first is not None and first.criterion == "velocity"
    assert [name for _, name in chart.agents] == list(AGENTS) and len(chart.baselines) == 3
    assert chart.log and chart.drawing.count("whisker") == len(AGENTS) * len(SPLITS)


PLAY = """<script>
addEventListener("load", async () => {
  const videos = [...document.querySelectorAll("video")];
  const moved = await Promise.all(videos.map(async (video) => {
    for (let k = 0; k < 300 && video.currentTime < 0.3; k++) {
      // The page itself pauses clips that are out of view, which may come between.
      if (video.paused) await video.play().catch(() => {});
      await new Promise((go) => setTimeout(go, 100));
    }
    return video.currentTime >= 0.3 && video.videoWidth > 0;
  }));
  console.log(`played ${moved.filter(Boolean).length}/${videos.length}`);
});
</script></body>"""


def console_of(page: Path, until: str, seconds: float) -> list[str]:
    """Console lines of a page in headless Chromium, up to the one that holds `until` or the end of time."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--autoplay-policy=no-user-gesture-required", "--enable-logging=stderr", "--v=0",
            "--remote-debugging-port=0", f"--user-data-dir={profile}", page.as_uri(),
        ]  # fmt: skip
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as browser:
            assert browser.stderr is not None
            timer = threading.Timer(seconds, browser.terminate)
            timer.start()
            lines = []
            for line in browser.stderr:
                lines += [line.strip()] if "CONSOLE" in line else []
                if until and until in line:
                    break
            timer.cancel()
            browser.terminate()
    return lines


POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def hostile_text(mark: str) -> str:
    """Text that runs `mark` wherever a page takes it for more than text."""
    return f"</title></script><script>{mark}</script>\"'><img src=x onerror={mark}><svg/onload={mark}>"


@pytest.mark.slow
def test_hostile_text_is_inert_in_a_browser(run: Path, tmp_path: Path) -> None:
    """Without the policy that would stop it, so that the escaping is what is tried; also as the folder's name."""
    mark = "console.log('ran')"
    hostile = hostile_text(mark)
    rewrite(run, "copy-last", hostile)
    store = json.loads((run / "results.json").read_text("utf-8"))
    store["title"] = hostile
    store["failures"] = [{"agent": hostile, "split": "id", "case_id": hostile, "sample": 0, "reason": hostile}]
    for criterion in store["protocol"]["criteria"]:
        criterion["text"] = criterion["unit"] = hostile
    (run / "results.json").write_text(json.dumps(store), "utf-8")
    with sqlite3.connect(run / "run.sqlite") as database:
        told = json.dumps(hostile)[1:-1]
        database.execute('UPDATE rollouts SET final = replace(final, \'"reason": ""\', ?)', (f'"reason": "{told}"',))
        database.execute("UPDATE rollouts SET final = replace(final, '\"answered\"', '\"forfeited\"')")
    database.close()
    named = run.rename(tmp_path / "<img src=x onerror=console.log('ran')>")
    page = write_report([named]).read_text("utf-8")
    assert page.count("console.log(") > 10, "the text is there"
    copy = tmp_path / "copy.html"
    copy.write_text(POLICY.sub("", page), "utf-8")
    assert console_of(copy, "CONSOLE", 8) == []
    # The same text where it does run: the browser would have told.
    copy.write_text(f"<body>{hostile}</body>", "utf-8")
    assert any("ran" in line for line in console_of(copy, "ran", 60))


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_hostile_prompts_are_inert_in_a_browser(
    run: Path, tmp_path: Path, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prompts come from whoever made the cases: one that all clips share, and one a clip."""
    mark = "console.log('ran')"
    cases = RebuiltSuite.cases

    def asked(self: RebuiltSuite, case_ids: Sequence[str]) -> Mapping[str, Case]:
        return {
            name: replace(case, request=replace(case.request, prompt=f"{hostile_text(mark)}{'' if shared else name}"))
            for name, case in cases(self, case_ids).items()
        }

    monkeypatch.setattr(RebuiltSuite, "cases", asked)
    page = write_report([run]).read_text("utf-8")
    assert page.count(mark.replace("'", "&#39;")) == 3 * (1 if shared else CLIPS), "the text is there"
    copy = tmp_path / "copy.html"
    copy.write_text(POLICY.sub("", page), "utf-8")
    assert console_of(copy, "CONSOLE", 8) == []


@pytest.mark.slow
def test_the_page_opens_without_a_console_error_and_its_clips_play(run: Path, tmp_path: Path) -> None:
    page = write_report([run]).read_text("utf-8")
    # The copy may run one script more than the page allows; the page's own console is read first.
    assert len(POLICY.findall(page)) == 1
    copy = tmp_path / "copy.html"
    copy.write_text(POLICY.sub("", page).replace("</body>", PLAY), "utf-8")
    lines = console_of(copy, "played ", 120)
    assert len(lines) == 1 and f"played {CLIPS}/{CLIPS}" in lines[0], lines
    assert console_of(run / "report.html", "", 5) == []
    # A script that slipped through the escaping would be refused: the console then has a line.
    slipped = tmp_path / "slipped.html"
    slipped.write_text(page.replace("</main>", "<script>console.log('ran')</script></main>"), "utf-8")
    refused = console_of(slipped, "CONSOLE", 20)
    assert len(refused) == 1 and "Content Security Policy" in refused[0], refused

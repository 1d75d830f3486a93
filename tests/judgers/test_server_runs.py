"""Whole runs judged by a faulty server, through the commands: killed, out of budget, gone on with; keys stay secret."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.registries import JUDGERS
from wmenv.envs.worldmodelbench.criteria import criteria
from wmenv.judgers.servers.faults import Passing
from wmenv.judgers.servers.store import FILE, Store
from wmenv.runs.store import RunStore

QUESTIONS = 8
SECRET = "sk-Zx81QpLm_4vTt0Ew-9"


class Copy:
    """A made-up copy of WorldModelBench with clips to its cases, each of its own."""

    def __init__(self, folder: Path, clips: int) -> None:
        self.data, self.videos, self.out, self.clips = folder / "copy", folder / "videos", folder / "run", clips
        self.data.mkdir()
        self.videos.mkdir()
        rows = [
            {
                "domain": "robotics",
                "subdomain": "push",
                "text_first_frame": "A cube.",
                "text_instruction": "Push it.",
                "first_frame": f"images/c{k:04d}.mp4",
            }
            for k in range(clips)
        ]
        (self.data / "worldmodelbench.json").write_text(json.dumps(rows))
        rng = np.random.default_rng(1)
        for k in range(clips):
            pixels = np.kron(rng.integers(0, 256, (2, 2, 2, 3), dtype=np.uint8), np.ones((1, 8, 8, 1), np.uint8))
            wmenv.write_clip(self.videos / f"c{k:04d}.npz", wmenv.Clip(pixels, Fraction(8)))

    def evaluate(self, judger: str, *more: object) -> list[str]:
        """The command."""
        line = [
            sys.executable, "-m", "wmenv", "evaluate", "WorldModelBench", "--cases", "copy", "--data", self.data,
            "--agent", f"videos:{self.videos}", "--size", 16, "--frames", 2, "--set", "fps=8", "--episodes", self.clips,
            "--keep-clips", "all", "--no-report", "--judger", judger, "--out", self.out, *more,
        ]  # fmt: skip
        return [str(word) for word in line]


def done(line: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False, env=env)


def rows(folder: Path) -> dict[str, Any]:
    """Judgements by case, evidence included."""
    store = RunStore(folder)
    found = {row.case_id: row.steps[-1].judgement for row in store.rollouts(steps=True)}
    store.close()
    return found


def kept(folder: Path) -> set[str]:
    """Keys of the replies in a run folder."""
    path = folder / FILE
    if not path.is_file():
        return set()
    with contextlib.closing(sqlite3.connect(path)) as db:
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'replies'").fetchone()[0]:
            return set()
        return {key for (key,) in db.execute("SELECT key FROM replies")}


def check_rows(copy: Copy, stub: Any, stub_server: ModuleType) -> int:
    """Every verdict is the one that the stand-in's answer on that very clip makes, or has failed with its reason.

    Returns the number of failed ones.
    """
    found = rows(copy.out)
    assert len(found) == copy.clips
    said = {(one.words, one.frames): stub_server.hashed(one.words, one.frames) for one in stub.asked()}
    frames_of = Counter(frames for _, frames in said)
    assert len(frames_of) == copy.clips
    by_clip: dict[str, dict[str, Any]] = {}
    for case_id in found:
        clip = wmenv.read_clip(copy.videos / f"{case_id}.npz")
        wanted = tuple(encoded(frame) for frame in clip.frames)
        by_clip[case_id] = {words: answer for (words, frames), answer in said.items() if frames == wanted}
    failed = 0
    texts = {criterion.id: criterion.questions[0].text for criterion in criteria("Push it.")}
    for case_id, judgement in found.items():
        for verdict in judgement.verdicts:
            if verdict.state == "failed":
                failed += 1
                assert len(verdict.reason) > 5
                continue
            assert verdict.state == "answered"
            ((_, answer),) = [one for one in by_clip[case_id].items() if texts[verdict.criterion] in one[0]]
            assert verdict.score == pytest.approx(worth(verdict.criterion, answer)), (case_id, verdict.criterion)
    return failed


def encoded(frame: Any) -> str:
    import base64

    from wmenv.judgers.servers.frames import jpeg

    return base64.b64encode(jpeg(frame, 2)).decode()


def worth(criterion: str, answer: dict[str, float]) -> float:
    """Score of a stand-in's answer, computed by hand."""
    if criterion == "instruction":
        return sum(int(grade) * p for grade, p in answer.items()) / sum(answer.values()) / 3
    no = answer["No"]
    return no / (no + answer["Yes"] + answer[" yes"])


@contextlib.contextmanager
def killed_midway(line: list[str], folder: Path, replies: int) -> Iterator[None]:
    """Run a command and kill it by SIGKILL when it has kept so many replies."""
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        deadline = time.monotonic() + 120
        while len(kept(folder)) < replies and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        child.kill()
        assert child.wait() == -signal.SIGKILL, "it should not have come to its end"
    yield


def faulty_run(copy: Copy, stub: Any, stub_server: ModuleType) -> None:
    """A run on a server with 30 % faults: killed half way, gone on with, retried until nothing is missing."""
    judger = stub.spec(tries=5)
    with killed_midway(copy.evaluate(judger), copy.out, copy.clips * QUESTIONS // 2):
        before = kept(copy.out)
    time.sleep(stub_server.LATE + 0.5)  # until nothing is under way any more
    sent = len(stub.log)
    assert copy.clips * QUESTIONS // 2 <= len(before) < copy.clips * QUESTIONS
    assert max(Counter(stub.rightly()).values()) == 1, "nothing was asked twice before the kill"
    resumed = done(copy.evaluate(judger, "--resume"))
    assert resumed.returncode in (0, 1), resumed.stderr
    after = kept(copy.out)
    assert before <= after
    failed = check_rows(copy, stub, stub_server)
    assert len(after) == copy.clips * QUESTIONS - failed
    own = ("red?", "seven a number", "Name any animal")
    new = [one for one in stub.log[sent:] if not one.fault and not any(word in one.words for word in own)]
    assert len(new) == len({one.identity for one in new}) == len(after) - len(before), "what was kept is not asked for"
    faults = Counter(one.fault for one in stub.asked())
    assert set(faults) == {"", *stub_server.FAULTS}
    assert 0.2 < 1 - faults[""] / sum(faults.values()) < 0.4
    for _ in range(5):
        if resumed.returncode == 0:
            break
        resumed = done(copy.evaluate(judger, "--resume", "--retry-failed"))
    assert resumed.returncode == 0, resumed.stdout
    assert check_rows(copy, stub, stub_server) == 0 and len(kept(copy.out)) == copy.clips * QUESTIONS


def test_a_faulty_server_killed_and_resumed(stub_server: ModuleType, tmp_path: Path) -> None:
    with stub_server.Stub(rate=0.3, seed=1) as stub:
        faulty_run(Copy(tmp_path, 24), stub, stub_server)


@pytest.mark.slow
def test_500_clips_and_8_questions_on_a_faulty_server(stub_server: ModuleType, tmp_path: Path) -> None:
    with stub_server.Stub(rate=0.3, seed=2) as stub:
        faulty_run(Copy(tmp_path, 500), stub, stub_server)


def test_out_of_budget_and_on_with_a_larger_one(stub_server: ModuleType, tmp_path: Path) -> None:
    copy = Copy(tmp_path, 6)
    with stub_server.Stub() as stub:
        line = copy.evaluate(stub.spec(), "--max-requests", 30)
        first = done(line)
        assert first.returncode == 1 and "judged by tiny-vlm: probabilities" in first.stdout, first.stderr
        assert "the budget of 30 requests is spent" in first.stdout and len(stub.log) == 30, (
            "those of the self-test included"
        )
        failed = check_rows_partly(copy)
        assert failed == copy.clips * QUESTIONS - len(stub.asked())
        results = json.loads((copy.out / "results.json").read_text())
        assert results["complete"] and results["rows"][0]["coverage"] < 1 and results["failures"]
        again = done([*line[:-1], "100", "--resume", "--retry-failed"])
        assert again.returncode == 0, again.stdout + again.stderr
        assert len(stub.asked()) == copy.clips * QUESTIONS, "only what was missing was asked for"
        assert check_rows(copy, stub, stub_server) == 0
        assert Store(copy.out / FILE).spent().requests == len(stub.log)
        costly = done(copy.evaluate(stub.spec(), "--max-cost", 1, "--resume"))
        assert costly.returncode == 2 and "price_in" in costly.stderr
        other = done(copy.evaluate(stub.spec(quality=3), "--resume"))
        assert other.returncode == 2 and "holds a run made otherwise" in other.stderr
    for command in (("report", copy.out, "--out", tmp_path / "r.html"), ("table", copy.out, "--by", "domain")):
        told = done([sys.executable, "-m", "wmenv", *map(str, command)])
        assert told.returncode == 0, "neither needs the server, which is gone"
    assert "robotics" in told.stdout and "cannot be made here" not in (tmp_path / "r.html").read_text()


def check_rows_partly(copy: Copy) -> int:
    """Number of failed verdicts."""
    return sum(v.state == "failed" for judgement in rows(copy.out).values() for v in judgement.verdicts)


def test_kept_clips_are_judged_again_and_what_failed_is_retried(stub_server: ModuleType, tmp_path: Path) -> None:
    copy = Copy(tmp_path, 20)
    with stub_server.Stub() as stub:
        assert done(copy.evaluate("answers:" + str(labels(copy)))).returncode == 0
        line = [sys.executable, "-m", "wmenv", "judge", "run", str(copy.out), "--judger", stub.spec(tries=1)]
        stub.refuse = lambda payload: "not now" if "fluid" not in str(payload) and "gravity" in str(payload) else ""
        first = done(line)
        assert first.returncode == 1, first.stderr
        copy.out = copy.out.with_name("run-server")
        assert check_rows_partly(copy) == 20
        stub.refuse = lambda payload: ""
        sent = len(stub.asked())
        assert done([*line, "--resume"]).returncode == 1 and len(stub.asked()) == sent, "what has failed is done, too"
        again = done([*line, "--resume", "--retry-failed"])
        assert again.returncode == 0 and len(stub.asked()) == sent + 20, again.stdout
        assert check_rows(copy, stub, stub_server) == 0
    refused = done([*line[:-1], "scene-pixels", "--max-requests", "5"])
    assert refused.returncode == 2 and "other judgers spend nothing" in refused.stderr


def heeds_ctrl_c() -> None:
    """A process that a shell put into the background passes on that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_comes_back_at_once_and_keeps_what_was_answered(stub_server: ModuleType, tmp_path: Path) -> None:
    copy = Copy(tmp_path, 4)
    with stub_server.Stub() as stub:
        line = copy.evaluate(stub.spec(model="m", answers="logprobs", frames="video"))
        stub.answer = lambda words, frames: time.sleep(0 if "instruction" in words else 20) or {"2": 0.9, "No": 0.05}
        with subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heeds_ctrl_c
        ) as child:
            try:
                deadline = time.monotonic() + 60
                while len(kept(copy.out)) < 4 and time.monotonic() < deadline:
                    time.sleep(0.05)
                began = time.monotonic()
                child.send_signal(signal.SIGINT)
                _, told = child.communicate(timeout=60)
            finally:
                child.kill()
        assert time.monotonic() - began < 10, "nobody waits for the server"
        assert child.returncode == 130 and "stopped; what is finished is safe" in told, told
        assert "Traceback" not in told
        assert len(kept(copy.out)) == 4
        stub.answer = stub_server.hashed
        sent = len(stub.asked())
        assert done([*line, "--resume"]).returncode == 0
        assert len(stub.asked()) - sent == 4 * QUESTIONS - 4


def test_requests_that_were_ended_wait_for_nobody(stub_server: ModuleType) -> None:
    """One that is about to take a connection, and one that is opening it."""
    with stub_server.Stub() as stub:
        judger = JUDGERS.create(stub.spec(model="m", answers="logprobs", frames="video"))
        wire = judger.client.wire
        connection = wire._taken()
        wire.end()
        with pytest.raises(Passing):
            wire.send("/models")
        with pytest.raises(ConnectionAbortedError):
            wire._exchange(connection, "/models", None)
        connection.close()
        wire._give_back(connection)
        wire.begin()
        assert wire.send("/models")
        judger.close()


def test_a_budget_reaches_a_server_inside_another_judger(stub_server: ModuleType, tmp_path: Path) -> None:
    copy = Copy(tmp_path, 2)
    with stub_server.Stub() as stub:
        server = stub.spec(model="m", answers="logprobs", frames="video")
        line = copy.evaluate(f"cached:[{server}],path={tmp_path / 'judgements.sqlite'}")
        assert done([*line, "--max-requests", "5"]).returncode == 1 and len(stub.log) == 5
        whole = 2 * QUESTIONS
        again = done([*line, "--max-requests", str(whole), "--resume", "--retry-failed"])
        assert again.returncode == 0 and len(stub.log) == whole, again.stderr


def labels(copy: Copy) -> Path:
    """A file of answers to every case."""
    lines = [
        json.dumps({"case_id": path.stem, "criterion": criterion.id, "value": 1.0})
        for path in sorted(copy.videos.iterdir())
        for criterion in criteria()
    ]
    path = copy.data.parent / "answers.jsonl"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("place", ["variable", pytest.param("file", marks=pytest.mark.slow)])
def test_a_key_reaches_no_log_store_or_report(stub_server: ModuleType, tmp_path: Path, place: str) -> None:
    """The stand-in repeats the key in every error and in what it says; nothing that is printed or written has it."""
    copy = Copy(tmp_path, 4)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text(SECRET)
    where = {"key_env": "STUB_KEY"} if place == "variable" else {"key_file": tmp_path / "secrets" / "key"}

    def answer(words: str, frames: Any) -> Any:
        said = {"Yes": 0.6, "No": 0.2, SECRET: 0.1}
        return f"{SECRET} is not what I see" if "gravity" in words else said

    def refuse(payload: Mapping[str, Any]) -> str:
        return "nothing is said of quality to" if "quality" in json.dumps(payload) else ""

    told: list[str] = []
    with stub_server.Stub(rate=0.4, seed=5, key=SECRET, answer=answer, refuse=refuse) as stub:
        line = copy.evaluate(stub.spec(tries=2, words="own", **where))
        line.remove("--no-report")
        environment = {"STUB_KEY": SECRET} if place == "variable" else {}
        for run in (line, [*line, "--resume", "--retry-failed"]):
            first = done(run, **environment)
            told += [first.stdout, first.stderr]
        assert first.returncode == 1, first.stderr
        if place == "variable":
            wrong = done([*line, "--resume"], STUB_KEY=f"{SECRET[:-1]}X")
            told += [wrong.stdout, wrong.stderr]
            assert wrong.returncode == 2 and "refuses the key" in wrong.stderr
        assert all(one.headers["Authorization"] == f"Bearer {SECRET}" for one in stub.log)
        reasons = {v.reason for judgement in rows(copy.out).values() for v in judgement.verdicts}
        assert any("[key]" in reason for reason in reasons), "it was repeated, and taken out"
    assert (copy.out / "report.html").is_file() and (copy.out / FILE).is_file()
    pieces = [SECRET[k : k + 8].encode() for k in range(len(SECRET) - 7)]
    looked = 0
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.parent.name != "secrets":
            looked += 1
            content = path.read_bytes()
            assert not any(piece in content for piece in pieces), f"{path} holds a piece of the key"
    assert looked > 8
    assert not any(piece.decode() in text for piece in pieces for text in told)

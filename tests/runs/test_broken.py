"""Agents and judgers that break: what they break is recorded, missing and never a score; the rest goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.agents.still import CopyLast
from wmenv.core.case import Case, Request
from wmenv.core.clip import Response
from wmenv.core.errors import InvalidArgument, JudgeFailed
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.judgers.physics import PhysicsJudger
from wmenv.runs.results import Results

ENV = "PhyWorld-uniform_motion-v0"


def odd(case_id: str) -> bool:
    return int(case_id[-1], 16) % 2 == 1


class Moody(CopyLast):
    """Raises on odd cases."""

    name = "moody"

    def act(self, requests: Sequence[Request], seeds: Sequence[int]) -> list[Response]:
        if any(odd(request.case_id) for request in requests):
            raise RuntimeError("out of \x1b[31mmemory\nat line 3")
        return super().act(requests, seeds)


def test_an_agent_that_raises_on_some_cases(tmp_path: Path) -> None:
    results = wmenv.evaluate(ENV, [Moody(), "copy-last"], episodes=10, out=tmp_path / "run", size=32, batch=4)
    bad = [f.case_id for f in results.failures]
    row, whole = results.row("moody", "id"), results.row("copy-last", "id")
    assert 0 < len(bad) < 10 and all(map(odd, bad)), "the good cases of a batch are not lost with the bad ones"
    assert (row.failed, row.rollouts, row.forfeited) == (len(bad), 10, 0)
    assert row.coverage == pytest.approx(1 - len(bad) / 10) and whole.coverage == 1.0
    assert row.reward is not None and row.reward.n == 10 - len(bad)
    assert results.complete and results.failed
    # One line, printable: it goes to terminals and pages.
    assert (
        results.failures[0].reason == "agent moody: RuntimeError: out of \N{REPLACEMENT CHARACTER}[31mmemory at line 3"
    )


SCRIPT = """
import sys
from pathlib import Path
from wmenv.agents.still import CopyLast
from wmenv.core.registries import AGENTS

class Flaky(CopyLast):
    name = "flaky"
    def act(self, requests, seeds):
        if not Path(sys.argv[1]).exists() and any(int(r.case_id[-1], 16) % 2 for r in requests):
            raise RuntimeError("no GPU today")
        return super().act(requests, seeds)

AGENTS.add("flaky", "__main__:Flaky")
sys.argv[0] = "wmenv"
repaired, sys.argv[1:] = sys.argv[1], sys.argv[2:]
Flaky.act.__globals__["sys"] = type("sys", (), {"argv": ["", repaired]})
from wmenv.cli import main
main()
"""


def test_retry_failed_repairs(tmp_path: Path, look: SimpleNamespace) -> None:
    script, repaired = tmp_path / "flaky.py", tmp_path / "repaired"
    script.write_text(SCRIPT)

    def run(out: Path, *more: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, str(script), str(repaired), "evaluate", ENV, "--agent", "flaky", "--episodes", "10"]
        line += ["--size", "32", "--no-report", "--batch", "4", "--out", str(out), *more]
        return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)

    first = run(tmp_path / "run")
    assert first.returncode == 1 and "no GPU today" in first.stdout, first
    broken = look.results(tmp_path / "run")
    again = run(tmp_path / "run", "--resume")
    assert again.returncode == 1 and look.results(tmp_path / "run") == broken, "finished and failed is finished"
    repaired.touch()
    assert run(tmp_path / "run", "--resume", "--retry-failed").returncode == 0
    assert run(tmp_path / "whole").returncode == 0
    assert look.results(tmp_path / "run") == look.results(tmp_path / "whole")
    assert look.clips(tmp_path / "run") == look.clips(tmp_path / "whole")


def test_failures_take_no_place_among_the_worst_clips(tmp_path: Path, look: SimpleNamespace) -> None:
    """Interrupted after some failures or not, the same clips are kept."""
    from wmenv.runs.keep import Keeper

    def evaluate(out: str, resume: bool, stop: int = 0) -> None:
        seen = []

        def progress(tick: Any) -> None:
            seen.append(tick)
            if len(seen) == stop:
                raise KeyboardInterrupt

        keep = Keeper("worst", worst=2, random=1)
        what: dict[str, Any] = {"episodes": 16, "batch": 4, "size": 32, "keep": keep, "progress": progress}
        wmenv.evaluate(ENV, [Moody()], out=tmp_path / out, resume=resume, **what)

    evaluate("whole", False)
    with pytest.raises(KeyboardInterrupt):
        evaluate("stopped", False, stop=2)
    evaluate("stopped", True)
    assert look.results(tmp_path / "stopped") == look.results(tmp_path / "whole")
    assert look.clips(tmp_path / "stopped") == look.clips(tmp_path / "whole")
    assert 2 <= len(look.clips(tmp_path / "whole")) <= 3


class Broken:
    """Answers with whatever it is given."""

    name, privileged = "broken", False

    def __init__(self, answer: Callable[[Sequence[Request]], Any]) -> None:
        self.answer, self.card = answer, {"identity": "broken"}

    def act(self, requests: Sequence[Request], seeds: Sequence[int]) -> Any:
        return self.answer(requests)


class NoDigest:
    kind = "clip"

    @property
    def digest(self) -> str:
        raise OSError("gone")

    def spec(self) -> dict[str, Any]:
        return {}


class OddSpec(NoDigest):
    digest = "0"  # type: ignore[assignment]

    def spec(self) -> dict[str, Any]:
        return {"size": np.int64(3), "fps": object()}


ANSWERS: dict[str, tuple[Callable[[Sequence[Request]], Any], str]] = {
    "too few": (lambda requests: [], "expected 1 responses, got 0"),
    "too many": (lambda requests: [*requests, 1], "expected 1 responses, got 2"),
    "nothing": (lambda requests: None, "TypeError"),
    "strings": (lambda requests: ["clip.mp4"] * len(requests), "expected a response (a Clip, say)"),
    "request": (lambda requests: list(requests), "expected a response (a Clip, say)"),
    "no digest": (lambda requests: [NoDigest()] * len(requests), "a response must state kind, digest"),
    "odd spec": (lambda requests: [OddSpec()] * len(requests), "a response must state kind, digest"),
}


@pytest.mark.parametrize("what", list(ANSWERS))
def test_answers_that_are_none(what: str, tmp_path: Path) -> None:
    answer, reason = ANSWERS[what]
    results = wmenv.evaluate(ENV, [Broken(answer), "copy-last"], episodes=2, out=tmp_path / "run", size=32)
    assert results.row("broken", "id").failed == 2 and results.row("broken", "id").reward is None
    assert all(f.reason.startswith("agent broken: ") and reason in f.reason for f in results.failures)
    assert results.row("copy-last", "id").coverage == 1.0


def test_a_card_that_is_no_json(tmp_path: Path) -> None:
    agent = Broken(lambda requests: [])
    agent.card = {"weights": np.zeros(3)}  # type: ignore[dict-item]
    with pytest.raises(InvalidArgument, match="plain JSON"):
        wmenv.evaluate(ENV, [agent], episodes=2, out=tmp_path / "run", size=32)
    assert not (tmp_path / "run").exists()


class Judger(PhysicsJudger):
    """Physics, with something wrong; a subclass says what."""

    name = "sick"

    def __init__(self) -> None:
        super().__init__()
        self.card = {"identity": f"{type(self).__name__}-v0"}

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> Any:
        for case in cases:
            self.check(case)
        return super().judge(cases, responses)

    def check(self, case: Case) -> None:
        return None


class Sometimes(Judger):
    def check(self, case: Case) -> None:
        if odd(case.id):
            raise TimeoutError("no answer in 30 s")


class Always(Judger):
    def check(self, case: Case) -> None:
        raise MemoryError


class Undeclared(Judger):
    reads_truth = False


class Empty(Judger):
    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> Any:
        return []


class Numbers(Judger):
    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> Any:
        return [0.5 for _ in cases]


class OutOfRange(Judger):
    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> Any:
        return [judgement(case, [Verdict.answered(c.id, float("nan")) for c in case.criteria], "x") for case in cases]


class Forgetful(Judger):
    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> Any:
        return [Judgement((), case.scheme, 1.0, 1.0, 1.0, "x") for case in cases]


def test_a_judger_that_raises_on_some_cases(tmp_path: Path) -> None:
    results = wmenv.evaluate(ENV, ["law"], episodes=10, out=tmp_path / "run", size=32, judger=Sometimes())
    row = results.row("law", "id")
    bad = {f.case_id for f in results.failures}
    assert 0 < len(bad) < 10 and all(map(odd, bad)) and row.failed == len(bad)
    assert row.coverage == pytest.approx(1 - len(bad) / 10)
    # Masked: neither 0 nor a pass. The mean is that of the cases that were judged.
    plain = wmenv.evaluate(ENV, ["law"], episodes=10, out=tmp_path / "plain", size=32)
    assert row.reward is not None and row.reward.n == 10 - len(bad)
    assert row.reward.mean > 0.9 and plain.row("law", "id").reward.n == 10  # type: ignore[union-attr]
    assert row.criteria["velocity"].states == {"answered": 10 - len(bad), "failed": len(bad)}
    assert "judger sick: TimeoutError: no answer in 30 s" in results.failures[0].reason
    assert Results.read(tmp_path / "run") == results


FAILING: Mapping[str, tuple[type[Judger], str]] = {
    "always": (Always, "judger sick: MemoryError"),
    "undeclared": (Undeclared, "judger sick read the truth of case "),
    "empty": (Empty, "0 judgements for 1 responses"),
    "numbers": (Numbers, "expected a Judgement, got float"),
    "nan": (OutOfRange, "score must lie in [0, 1], got nan"),
    "forgetful": (Forgetful, "are not on its criteria"),
}


@pytest.mark.parametrize("what", list(FAILING))
def test_a_judger_that_always_fails(what: str, tmp_path: Path) -> None:
    kind, reason = FAILING[what]
    results = wmenv.evaluate(ENV, ["law"], episodes=3, out=tmp_path / "run", size=32, judger=kind())
    row = results.row("law", "id")
    assert (row.coverage, row.reward, row.failed) == (0.0, None, 3)
    assert row.criteria["velocity"].states == {"failed": 3} and row.criteria["velocity"].score is None
    assert all(reason in f.reason for f in results.failures), results.failures[0].reason
    env = wmenv.make(ENV, size=32, judger=kind())
    env.reset(seed=0)
    with pytest.raises(JudgeFailed, match="nothing could be judged"):
        env.step(env.action_space.sample())


class Chatty(Judger):
    """Evidence that JSON has no words for."""

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> Any:
        strange = {
            "when": np.datetime64("2020-01-01"),
            "set": {1},
            "raw": b"\x00",
            "nan": float("nan"),
            "path": Path("x"),
        }
        return [
            judgement(case, [Verdict.answered(c.id, 1.0, float("inf"), **strange) for c in case.criteria], "x")
            for case in cases
        ]


def test_strange_evidence_stops_no_run(tmp_path: Path) -> None:
    results = wmenv.evaluate(ENV, ["copy-last"], episodes=2, out=tmp_path / "run", size=32, judger=Chatty())
    assert results.row("copy-last", "id").reward.mean == 1.0  # type: ignore[union-attr]
    assert results.row("copy-last", "id").criteria["velocity"].native is None


def test_exit_status_of_a_failing_judger(tmp_path: Path) -> None:
    """As a plugin of the command line."""
    site, info = tmp_path / "site", tmp_path / "site" / "sick-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "sick.py").write_text(
        "from wmenv.judgers.physics import PhysicsJudger\n\n\nclass Sick(PhysicsJudger):\n    name = 'sick'\n\n"
        "    def judge(self, cases, responses):\n        raise OSError('server down')\n"
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sick\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[wmenv.judgers]\nsick = sick:Sick\n")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))}
    line = [sys.executable, "-m", "wmenv", "evaluate", ENV, "--agent", "copy-last", "--judger", "sick"]
    line += ["--episodes", "3", "--size", "32", "--out", str(tmp_path / "run")]
    done = subprocess.run(line, capture_output=True, text=True, env=env, timeout=120, check=False)
    assert done.returncode == 1, done
    assert "OSError: server down" in done.stdout and "Traceback" not in done.stderr
    assert (tmp_path / "run" / "report.html").exists(), "a run without any score still has a report"

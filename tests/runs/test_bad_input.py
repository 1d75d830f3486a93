"""Bad responses: forfeited with a reason, and the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import wmenv
from wmenv.agents.videos import Videos
from wmenv.core.case import Case, Request
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidCase
from wmenv.core.registries import AGENTS
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.world import frame_times

ENV = "PhyWorld-uniform_motion-v0"
Made = Callable[[Request], Any]


class Agent:
    """Answers by a function of the request."""

    privileged = False

    def __init__(self, name: str, answer: Made) -> None:
        self.name, self.answer, self.card = name, answer, {"identity": name}

    def act(self, requests: Sequence[Request], seeds: Sequence[int]) -> list[Any]:
        return [self.answer(request) for request in requests]


def frames_of(value: float) -> Made:
    """Float frames that are fine but for one pixel."""

    def answer(request: Request) -> NDArray[np.float32]:
        frames = np.ones((32, 32, 32, 3), np.float32)
        frames[7, 3, 3, 1] = value
        return frames

    return answer


def noise(request: Request) -> Clip:
    rng = np.random.default_rng(0)
    return Clip(rng.integers(0, 256, (32, 256, 256, 3), dtype=np.uint8), Fraction(10))


def flat(grey: int) -> Made:
    return lambda request: Clip(np.full((32, 32, 32, 3), grey, np.uint8), Fraction(10))


BAD: dict[str, tuple[Made, str]] = {
    "nan": (frames_of(float("nan")), "1 of 98304 frame values are NaN or infinite"),
    "infinite": (frames_of(float("inf")), "1 of 98304 frame values are NaN or infinite"),
    "unscaled": (frames_of(255.0), "float frames must lie in [0, 1], got [1, 255]"),
    "integers": (lambda request: np.zeros((32, 32, 32, 3), np.int64), "got int64 array"),
    "objects": (lambda request: np.full((32, 32, 32, 3), None), "got object array"),
    "flat list": (lambda request: np.zeros((32, 32), np.uint8), "got uint8 array of shape (32, 32)"),
    "noise": (noise, "unreadable: the picture falls into thousands of regions|gone while"),
    "white": (flat(255), "gone while it should be in view: ball 1"),
    "black": (flat(0), "gone while it should be in view: ball 1"),
    "short": (
        lambda request: Clip(np.full((31, 32, 32, 3), 255, np.uint8), Fraction(10)),
        "too short: 31 frames at 10 fps; the case lasts 3.1 s",
    ),
    "oblong": (lambda request: Clip(np.full((32, 32, 48, 3), 255, np.uint8), Fraction(10)), "48 x 32 pixels"),
    "tiny": (lambda request: Clip(np.full((32, 8, 8, 3), 255, np.uint8), Fraction(10)), "squares of at least 16"),
    "one frame": (lambda request: Clip(request.frames[:1], Fraction(10)), "too short: 1 frames"),
}


@pytest.mark.parametrize("bad", list(BAD))
def test_forfeited_with_its_reason(bad: str, tmp_path: Path, look: SimpleNamespace) -> None:
    answer, reason = BAD[bad]
    results = wmenv.evaluate(ENV, [Agent("bad", answer), "law"], episodes=3, out=tmp_path / "run", size=32)
    row, good = results.row("bad", "id"), results.row("law", "id")
    assert (row.forfeited, row.failed, row.coverage, row.reward.mean) == (3, 0, 1.0, 0.0)  # type: ignore[union-attr]
    assert good.reward is not None and good.reward.mean > 0.9 and not good.forfeited
    assert results.complete and not results.failed
    assert row.criteria["velocity"].states == {"forfeited": 3}
    from wmenv.runs.store import RunStore

    store = RunStore(tmp_path / "run")
    told = [r.final["velocity"].reason for r in store.rollouts() if r.agent == "bad" and r.final is not None]
    store.close()
    assert len(told) == 3 and all(any(r in one for r in reason.split("|")) for one in told), told


@pytest.fixture(scope="module")
def suite() -> Any:
    return wmenv.make("PhyWorld-collision", size=256).unwrapped


@pytest.fixture(scope="module")
def cases(suite: Any) -> list[Case]:
    return list(suite.draw(4, np.random.default_rng(2)))


def true_clip(case: Case, size: int, fps: int) -> Clip:
    frames = -(-31 * fps // 10) + 1
    return Clip(draw(case.truth.discs(frame_times(frames, Fraction(fps))), size, "area"), Fraction(fps))


@pytest.mark.parametrize(("size", "fps"), [(256, 10), (128, 10), (64, 10), (256, 20), (128, 20), (256, 30)])
def test_true_clips_of_other_sizes_and_rates_score_alike(suite: Any, cases: list[Case], size: int, fps: int) -> None:
    judged = suite.score(cases, [true_clip(case, size, fps) for case in cases])
    for one in judged:
        assert one.reward > 0.95, (one.reward, one["velocity"].reason)
        assert one.coverage == 1.0


def test_another_rate_is_not_another_speed(suite: Any, cases: list[Case]) -> None:
    """The true frames at a wrong rate are too fast or too slow, and score so."""
    honest = true_clip(cases[0], 256, 10)
    longer = np.concatenate([honest.frames, np.repeat(honest.frames[-1:], 40, axis=0)])
    (slow,) = suite.score(cases[:1], [Clip(longer, Fraction(20))])
    assert slow.reward < 0.7


def test_damaged_files(tmp_path: Path, refused: Callable[..., tuple[int, str, str]], look: SimpleNamespace) -> None:
    """A folder with a cut mp4, one without frames, an empty file and a text: forfeited; the command ends with 0."""
    from wmenv.core.video import encode_mp4
    from wmenv.runs.plan import planned_cases

    folder = tmp_path / "clips"
    folder.mkdir()
    env = wmenv.make(ENV, size=64)
    ids = planned_cases(env, ["id"], 7)["id"]
    oracle = AGENTS.create("oracle")
    whole = {case.id: oracle.act([case], [0])[0] for case in env.unwrapped.cases(ids)}
    data = [encode_mp4(whole[case_id]) for case_id in ids]  # type: ignore[arg-type]
    (folder / f"{ids[0]}.mp4").write_bytes(data[0])
    (folder / f"{ids[1]}.mp4").write_bytes(data[1][: len(data[1]) // 2])
    (folder / f"{ids[2]}.mp4").write_bytes(no_frames("mp4"))
    (folder / f"{ids[3]}.mp4").write_bytes(b"")
    (folder / f"{ids[4]}.npz").write_text("no archive")
    (folder / f"{ids[5]}.mkv").write_bytes(no_frames("matroska"))
    status, _, err = refused(
        "evaluate", ENV, "--agent", f"videos:{folder}", "--episodes", 7, "--size", 64, "--out", tmp_path / "run"
    )
    assert status == 0, err
    from wmenv.runs.store import RunStore

    store = RunStore(tmp_path / "run")
    judged = {r.case_id: r.final["velocity"] for r in store.rollouts() if r.final is not None}
    store.close()
    assert judged[ids[0]].state == "answered" and judged[ids[0]].score > 0.9  # type: ignore[operator]
    wanted = (
        "cannot be decoded",
        "no video stream",
        "cannot be decoded",
        "not a clip archive",
        "before the first frame",
        "no clip named",
    )
    for case_id, reason in zip(ids[1:], wanted, strict=True):
        assert judged[case_id].state == "forfeited" and reason in judged[case_id].reason, judged[case_id]


def no_frames(container_format: str) -> bytes:
    """A file with a video stream and no frame in it."""
    import io

    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        container.start_encoding()
    return buffer.getvalue()


@pytest.mark.parametrize(
    "case_id",
    [
        "../../etc/passwd",
        "..",
        "/etc/passwd",
        "id-0000000003e8/../x",
        ".hidden",
        "a" * 200,
        "",
        "id-1\n",
        "id%2e%2e",
        "a..b",
    ],
)
def test_ids_that_climb(case_id: str, tmp_path: Path) -> None:
    env = wmenv.make(ENV, size=32)
    with pytest.raises(InvalidCase, match="case id"):
        env.unwrapped.cases([case_id])
    with pytest.raises(InvalidCase, match="case id"):
        env.reset(options={"case_id": case_id})
    (tmp_path / "inside").mkdir()
    (tmp_path / "x.mp4").write_bytes(b"outside")
    with pytest.raises(InvalidCase, match="not safe as a file name"):
        Videos(str(tmp_path / "inside")).find(case_id)


def test_links_that_lead_out(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "a.mp4").write_bytes(b"secret")
    (inside / "a.mp4").symlink_to(outside / "a.mp4")
    (inside / "b.mp4").symlink_to(inside / "c.mp4")
    (inside / "c.mp4").write_bytes(b"own")
    (inside / "loop.mp4").symlink_to(inside / "loop.mp4")
    agent = Videos(str(inside))
    assert agent.find("a") is None and agent.find("loop") is None
    assert agent.find("b") == inside / "b.mp4"
    (told,) = agent.act([_request("a")], [0])
    assert told.kind == "unreadable"


def _request(case_id: str) -> Request:
    from wmenv.core.case import ClipSpec

    return Request(case_id, "", np.zeros((1, 16, 16, 3), np.uint8), ClipSpec())

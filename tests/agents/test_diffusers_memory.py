"""Out of memory: half the batch, once; then an error that says what to try, and a run that goes on with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.case import Request
from wmenv.core.errors import OutOfMemory
from wmenv.core.registries import AGENTS

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

ENV = "PhyWorld-uniform_motion-v0"
CLIP = {"size": 32, "frames": 10, "given": 2}
Tiny = Callable[[str], Path]


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    suite = wmenv.make(ENV, **CLIP).unwrapped
    return list(suite.observe(suite.draw(6, np.random.default_rng(3))))


@contextmanager
def room_for(clips: int, agent: Any) -> Iterator[list[int]]:
    """A denoiser that raises what CUDA raises above so many clips (guidance off: one row a clip); notes its calls."""
    from wmenv.agents.diffusers.loading import held_pipeline

    seen: list[int] = []

    def check(module: object, arguments: object, named: dict[str, Any]) -> None:
        seen.append(len(named["hidden_states"]))
        if seen[-1] > clips:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    hook = held_pipeline(agent.wanted).transformer.register_forward_pre_hook(check, with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


def agent_of(tiny: Tiny, more: str = "") -> Any:
    return AGENTS.create(f"diffusers:{tiny('ltx')},steps=1,guidance=1{more}")


def test_half_the_batch_once(tiny: Tiny, requests: list[Request], caplog: pytest.LogCaptureFixture) -> None:
    seeds = list(range(6))
    alone = agent_of(tiny).act(requests, seeds)
    agent = agent_of(tiny, ",batch=4")
    with room_for(2, agent) as seen:
        found = agent.act(requests, seeds)
        assert seen == [4, 2, 1, 1, 2, 2], "four fail; two, compared with single calls; then in twos"
        agent.act(requests[:3], seeds[:3])
        assert seen[6:] == [2, 1]
    for a, b in zip(alone, found, strict=True):
        assert np.abs(a.frames.astype(int) - b.frames).max() <= 1
    told = [record.getMessage() for record in caplog.records if record.name == "wmenv"]
    assert told == ["diffusers:ltx,steps=1,guidance=1: out of memory with 4 clips at once, going on with 2"]


@pytest.mark.parametrize(("batch", "room", "calls"), [(4, 1, [4, 2]), (1, 0, [1]), (3, 0, [3, 1])])
def test_then_a_clear_error(batch: int, room: int, calls: list[int], tiny: Tiny, requests: list[Request]) -> None:
    agent = agent_of(tiny, f",batch={batch}")
    with room_for(room, agent) as seen:
        with pytest.raises(OutOfMemory) as caught:
            agent.act(requests, range(6))
        assert seen == calls
        with pytest.raises(OutOfMemory):
            agent.act(requests[:1], [0])
        assert seen == calls, "said again at once, without trying again"
    told = str(caught.value)
    size = calls[-1]
    assert f"ran out of memory making {size} clip{'s' * (size > 1)} of 13 frames of 32 x 32 pixels" in told
    assert "Tried to allocate 20.00 GiB" in told
    for way in ("batch=1", "offload=model", "dtype=bfloat16", "--resume --retry-failed"):
        assert way in told


def test_a_run_out_of_memory_goes_on_with_a_smaller_batch(tiny: Tiny, tmp_path: Path) -> None:
    """`batch` is no part of what a run is: the advice of the message can be followed."""
    what: dict[str, Any] = {"episodes": 5, "batch": 4, **CLIP}
    whole = wmenv.evaluate(ENV, [agent_of(tiny)], out=tmp_path / "whole", **what)
    large = agent_of(tiny, ",batch=4")
    with room_for(1, large):
        failed = wmenv.evaluate(ENV, [large], out=tmp_path / "run", **what)
    assert failed.failed and len(failed.failures) == 5
    assert all("Try batch=1" in failure.reason for failure in failed.failures)
    small = agent_of(tiny, ",batch=1")
    with room_for(1, small):
        done = wmenv.evaluate(ENV, [small], out=tmp_path / "run", resume=True, retry_failed=True, **what)
    assert done.complete and not done.failed
    assert done.rows == whole.rows


def test_what_counts_as_out_of_memory() -> None:
    from wmenv.agents.diffusers.loading import ran_out_of_memory

    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 55, dtype=torch.uint8)
    assert ran_out_of_memory(caught.value), "torch's own words on a CPU"
    assert ran_out_of_memory(MemoryError()) and ran_out_of_memory(torch.cuda.OutOfMemoryError("x"))
    with pytest.raises(RuntimeError) as caught:
        torch.zeros(2) @ torch.zeros(3)
    assert not ran_out_of_memory(caught.value) and not ran_out_of_memory(ValueError("out of memory"))


def test_an_error_that_is_no_lack_of_memory_stays_what_it_is(tiny: Tiny, requests: list[Request]) -> None:
    agent = agent_of(tiny, ",batch=2,timesteps=7")
    with pytest.raises(ValueError, match="timesteps"):
        agent.act(requests[:2], [0, 1])
    assert agent.batches.size == 2

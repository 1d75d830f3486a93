"""What an agent adds to the time of the generator it stands in front of, as a share of a direct call's rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.registries import AGENTS

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.slow

PAIRS, STEPS, PAUSE = 15, 4, 0.25


def seconds(work: Callable[[], Any]) -> float:
    """Wall time: a pipeline that waits for a GPU, as this one does for the clock, takes no CPU time."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def test_the_adapter_against_the_direct_call(tiny: Callable[[str], Path], record_property: Any) -> None:
    """One clip of 17 frames of 64 pixels a call, on a pipeline slowed to about 1 s by its denoiser."""
    from wmenv.agents.diffusers.loading import held_pipeline

    agent: Any = AGENTS.create(f"diffusers:{tiny('wan')},steps={STEPS},max_sequence_length=16")
    suite: Any = wmenv.make("PhyWorld-uniform_motion", size=64, frames=17).unwrapped
    (request,) = suite.observe(suite.draw(1, np.random.default_rng(0)))
    loaded = held_pipeline(agent.wanted)
    calls = []

    def wait(*_: object) -> None:
        calls.append(None)
        time.sleep(PAUSE / 2)  # with and without the prompt: two calls a step

    def directly() -> Any:
        return loaded(
            prompt=request.prompt,
            num_frames=17,
            height=64,
            width=64,
            num_inference_steps=STEPS,
            max_sequence_length=16,
            generator=torch.Generator().manual_seed(7),
            output_type="np",
        ).frames

    hook = loaded.transformer.register_forward_pre_hook(wait)
    try:
        made = np.rint(directly()[0] * 255).astype(np.uint8)
        assert np.array_equal(agent.act([request], [7])[0].frames, made), "the same clip either way"
        calls.clear()
        found, direct = [], []
        for k in range(PAIRS):
            both = {"direct": directly, "agent": lambda: agent.act([request], [7])}
            order = sorted(both, reverse=k % 2 == 1)  # neither always goes first
            took = {name: seconds(both[name]) for name in order}
            found.append(took["direct"] / took["agent"])
            direct.append(took["direct"])
    finally:
        hook.remove()
    assert len(calls) == 2 * 2 * STEPS * PAIRS
    share = float(np.median(found))
    record_property("share", share)
    print(f"diffusers agent: {100 * share:.1f} % of the direct call's rate, {np.median(direct):.2f} s a direct call")
    assert np.median(direct) >= 1.0
    assert share >= 0.93

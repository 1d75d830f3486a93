"""The checks themselves; `wmenv.studies.gpu` lists them for the documentation."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.clip import Clip
from wmenv.core.question import Question
from wmenv.core.registries import AGENTS, METHODS

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.gpu


def settle(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def peak_megabytes(device: str) -> float:
    return torch.cuda.max_memory_allocated(device) / 1e6 if device.startswith("cuda") else 0.0


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_training(device: str, length: Any, precision: Any, figures: Callable[..., None], tmp_path: Path) -> None:
    """A training falls as it should in both precisions, and goes on to the bit after an interruption."""
    from wmenv.agents.flow.training import Recipe, Schedule, train

    steps, warm, _ = length
    clock: list[float] = []

    def tick(now: Any) -> None:
        if now.step in (warm, steps):
            settle(device)
            clock.append(time.perf_counter())

    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    recipe = Recipe("uniform_motion", steps, precision=precision, device=device)
    quiet = Schedule(points=4, clips=8, final_clips=0)
    card = train(recipe, tmp_path / "whole", schedule=quiet, progress=tick)
    losses = [point["loss"] for point in card["curve"]]
    assert np.isfinite(losses).all() and losses[-1] < losses[0] / (5 if steps >= 200 else 1)

    def interrupt(now: Any) -> None:
        if now.step == steps // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "cut", schedule=Schedule(points=4, clips=8, save_every=60), progress=interrupt)
    again = train(recipe, tmp_path / "cut", resume=True, schedule=quiet)
    figures(
        f"flow training, {precision}",
        steps_per_second=(steps - warm) / (clock[1] - clock[0]),
        final_loss=losses[-1],
        peak_memory_megabytes=peak_megabytes(device),
        same_weights_after_resume=float(again["weights"] == card["weights"]),
    )


def test_sampling(device: str, figures: Callable[..., None]) -> None:
    """The shipped weights make the same clips as on a processor, to a level or two of 256."""
    suite = wmenv.make("PhyWorld-uniform_motion-v0", size=32, frames=16).unwrapped
    requests = suite.observe(suite.draw(32, np.random.default_rng(0)))
    agent: Any = AGENTS.create(f"flow,device={device}")
    there = agent.act(requests, range(32))
    here: Any = AGENTS.create("flow")
    differences = [
        np.abs(a.frames.astype(int) - b.frames.astype(int))
        for a, b in zip(there, here.act(requests, range(32)), strict=True)
    ]
    assert max(d.max() for d in differences) <= 16
    settle(device)
    started = time.perf_counter()
    agent.act(requests, range(32, 64))
    figures(
        "flow sampling, float32",
        clips_per_second=32 / (time.perf_counter() - started),
        largest_difference_to_cpu_levels=max(d.max() for d in differences),
        mean_difference_to_cpu_levels=float(np.mean([d.mean() for d in differences])),
    )


@pytest.mark.parametrize("kind", ["ltx-image", "cogvideox-image", "wan-image"])
def test_adapter(device: str, kind: str, tiny: Callable[[str], Path], figures: Callable[..., None]) -> None:
    """A stock pipeline in bfloat16: same seed, same clip; a batch is as single clips within the dtype's tolerance."""
    suite = wmenv.make("PhyWorld-uniform_motion-v0", size=32, frames=10, given=2).unwrapped
    requests = suite.observe(suite.draw(4, np.random.default_rng(0)))
    more = ",max_sequence_length=16" if kind.startswith("wan") else ""
    spec = f"diffusers:{tiny(kind)},steps=2,dtype=bfloat16,device={device}{more}"
    agent: Any = AGENTS.create(spec)
    first, again = (agent.act(requests, range(4)) for _ in range(2))
    assert [clip.digest for clip in first] == [clip.digest for clip in again]
    batched: Any = AGENTS.create(f"{spec},batch=4")
    together = batched.act(requests, range(4))
    apart = max(
        int(np.abs(a.frames.astype(int) - b.frames.astype(int)).max()) for a, b in zip(first, together, strict=True)
    )
    settle(device)
    started = time.perf_counter()
    batched.act(requests, range(4))
    figures(
        f"diffusers adapter, {kind}, bfloat16",
        clips_per_second=4 / (time.perf_counter() - started),
        batch_against_single_levels=apart,
        peak_memory_megabytes=peak_megabytes(device),
    )


@pytest.mark.parametrize("kind", ["flow", "ltx"])
@pytest.mark.parametrize("method", ["reward-gradient", "policy-gradient"])
def test_alignment(
    device: str,
    method: str,
    kind: str,
    length: Any,
    tiny: Callable[[str], Path],
    alignment_shared: Any,
    figures: Callable[..., None],
) -> None:
    """Both families in bfloat16: a reward's gradient raises it, steps are replayed, two updates and two are four."""
    toys, _ = alignment_shared
    base = {"flow": "flow,steps=4", "ltx": f"diffusers:{tiny('ltx')},steps=4,dtype=bfloat16,max_sequence_length=32"}
    suite = {"flow": {"size": 32, "frames": 16}, "ltx": {"size": 32, "frames": 9}}[kind]
    own = {"group": 4, "cases": 2} if method == "policy-gradient" else {"cases": 8}

    def fresh() -> Any:
        env = wmenv.make("PhyWorld-uniform_motion-v0", **suite)
        return METHODS.load(method)(  # type: ignore[operator]
            env, f"{base[kind]},device={device}", toys.Redness(), updates=4 + length.updates, warm_up=0, look_every=0,
            look_cases=4, learning_rate=3e-3, average=0.0, precision="bfloat16", **own,
        )  # fmt: skip

    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    whole, second = fresh(), fresh()
    records = whole.learn(2)
    second.load_state_dict(whole.state_dict())
    records += whole.learn(2)
    second.learn(2)
    same = all(torch.equal(one, second.weights[name]) for name, one in whole.weights.items())
    settle(device)
    started = time.perf_counter()
    records += whole.learn(length.updates)
    settle(device)
    took = time.perf_counter() - started
    gain = records[-1].look.reward - records[0].look.reward
    assert records[0].look.kl == 0.0 and records[-1].look.kl > 0.0
    assert gain > 0 or method == "policy-gradient"
    figures(
        f"alignment, {method}, {kind}, bfloat16",
        updates_per_second=length.updates / took,
        reward_gain=gain,
        largest_first_log_ratio_per_dimension=max(
            record.figures.get("first_ratio_per_dimension", 0.0) for record in records
        ),
        same_weights_after_resume=float(same),
        peak_memory_megabytes=peak_megabytes(device),
    )


@pytest.mark.parametrize("kind", ["qwen3-vl", "llava-onevision"])
def test_vlm(device: str, kind: str, tiny_vlm: Callable[[str], Path], figures: Callable[..., None]) -> None:
    """A vision-language model in bfloat16: all ways to share a clip decide alike, as float32 does; a gradient leads up.

    Sums round otherwise in each of them, so that log-odds agree to a tenth and not to the bit.
    """
    from wmenv.judgers.vlm import VlmJudger

    rng = np.random.default_rng(0)
    clips = [Clip(rng.integers(0, 256, (16, 64, 64, 3), dtype=np.uint8), Fraction(16)) for _ in range(8)]
    asked = [[Question(f"Is it {k}?") for k in range(8)]] * len(clips)

    def judger(form: str, dtype: str = "bfloat16") -> Any:
        return VlmJudger(str(tiny_vlm(kind)), least_mass=0.0, dtype=dtype, form=form, batch=8, device=device)

    def odds(one: Any) -> Any:
        return np.array([[answer.log_odds for answer in each] for each in one.ask(one.encode(clips), asked)])

    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    found = {form: odds(judger(form)) for form in ("serial", "batched", "vision-once", "prefix", "packed")}
    exact = odds(judger("serial", "float32"))
    forms = max(np.abs(one - found["serial"]).max() for one in found.values())
    same = all((np.sign(one) == np.sign(exact)).all() for one in found.values())
    assert same and forms < 0.1, (same, forms)
    suite = wmenv.make("WorldModelBench", size=64, frames=16).unwrapped
    cases = suite.draw(2, np.random.default_rng(0))
    one = judger("auto")
    frames = torch.rand((2, 16, 3, 64, 64), device=device, generator=torch.Generator(device).manual_seed(0))
    total = one.reward(cases, frames.requires_grad_())[0].sum()
    (gradient,) = torch.autograd.grad(total, frames)
    with torch.no_grad():
        gain = float(one.reward(cases, frames + gradient / gradient.norm())[0].sum() - total)
    assert gain > 0 and bool(gradient.isfinite().all())
    settle(device)
    started = time.perf_counter()
    odds(one)
    figures(
        f"vlm judging, {kind}, bfloat16",
        clips_per_second=len(clips) / (time.perf_counter() - started),
        forms_apart_log_odds=forms,
        float32_apart_log_odds=np.abs(found["prefix"] - exact).max(),
        same_decisions=float(same),
        reward_gain_along_gradient=gain,
        peak_memory_megabytes=peak_megabytes(device),
    )

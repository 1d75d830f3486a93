"""`flow` as an agent and as a generator; training, its resume and its bad input."""

from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.errors import InvalidArgument, ProtocolMismatch, RunFolderError
from wmenv.core.protocols import Agent, Generator
from wmenv.core.registries import AGENTS
from wmenv.core.trajectory import NoiseLevel

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from safetensors.torch import load_file, save_file  # noqa: E402

from wmenv.agents.flow import precision  # noqa: E402
from wmenv.agents.flow.generator import FlowGenerator  # noqa: E402
from wmenv.agents.flow.matching import blend, loss  # noqa: E402
from wmenv.agents.flow.network import Architecture, Denoiser  # noqa: E402
from wmenv.agents.flow.training import Recipe, Schedule, train  # noqa: E402

TINY = Architecture(size=16, frames=6, given=2, patch=1, widths=(8, 16))
QUICK = Schedule(points=2, clips=4, final_clips=8, save_every=4)
FORM = ["--size", "16", "--frames", "6", "--given", "2", "--patch", "1", "--widths", "8,16"]


def recipe(steps: int = 12, **changes: Any) -> Recipe:
    return Recipe(**{"law": "uniform_motion", "steps": steps, "architecture": TINY, "precision": "float32"} | changes)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a hardly trained tiny model."""
    folder = tmp_path_factory.mktemp("flow") / "tiny"
    train(recipe(), folder, schedule=QUICK)
    return folder


@pytest.fixture(scope="module")
def generator(model: Path) -> FlowGenerator:
    return FlowGenerator.read(model, steps=4)


@pytest.fixture(scope="module")
def requests() -> list[Any]:
    suite = wmenv.make("PhyWorld-uniform_motion-v0", size=16, frames=6, given=2).unwrapped
    return list(suite.observe(suite.draw(3, np.random.default_rng(0))))


class Gaussian:
    """The ODE step with noise of a fixed size."""

    name = "gaussian"

    def __init__(self, std: float = 0.3) -> None:
        self.std = std

    def step(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        noise = (x - now.signal * clean) / now.noise
        return after.signal * clean + after.noise * noise, self.std if after.noise else 0.0


def test_is_an_agent_and_a_generator(generator: FlowGenerator, requests: list[Any]) -> None:
    assert isinstance(generator, Agent) and isinstance(generator, Generator)
    first, again, other = (generator.act(requests[:1], [seed])[0] for seed in (1, 1, 2))
    assert first.digest == again.digest != other.digest
    np.testing.assert_array_equal(first.frames[:2], requests[0].frames)


def test_a_batch_over_the_size_of_a_pass_is_as_each_alone(generator: FlowGenerator, requests: list[Any]) -> None:
    many, seeds = requests * 4, list(range(12))
    batch = generator.act(many, seeds)
    for k in (0, 7, 8, 11):
        assert generator.act([many[k]], [seeds[k]])[0].digest == batch[k].digest


def test_recorded_log_probability_is_replayed_exactly(generator: FlowGenerator, requests: list[Any]) -> None:
    taken = generator.sample(requests, [1, 2, 3], Gaussian())
    assert taken.latents.shape == (5, 3, 4, 3, 16, 16) and taken.means.shape == taken.latents[1:].shape
    again = generator.logprob(taken, [0, 1, 2])
    torch.testing.assert_close(again.detach(), taken.log_prob[:3], rtol=0, atol=0)
    assert taken.log_prob[3].isnan().all(), "the last step is deterministic: no density"
    normal = torch.distributions.Normal(taken.means[1].double(), 0.3).log_prob(taken.latents[2]).flatten(1).sum(1)
    torch.testing.assert_close(taken.log_prob[1], normal)
    again[1].sum().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in generator.denoiser.parameters())
    generator.denoiser.zero_grad()


def test_same_seed_same_trajectory(generator: FlowGenerator, requests: list[Any]) -> None:
    first, again = (generator.sample(requests, [4, 5, 6], Gaussian()) for _ in range(2))
    assert [r.digest for r in first.responses] == [r.digest for r in again.responses]
    alone = generator.sample(requests[1:2], [5], Gaussian())
    torch.testing.assert_close(alone.latents[:, 0], first.latents[:, 1], rtol=0, atol=1e-4)


@pytest.mark.parametrize("last_k", [1, 4])
def test_gradient_reaches_the_last_steps(generator: FlowGenerator, requests: list[Any], last_k: int) -> None:
    clip = generator.sample_with_grad(requests, [1, 2, 3], last_k)
    shown = np.stack([c.frames for c in generator.act(requests, [1, 2, 3])])
    drawn = (clip.detach().clamp(0, 1) * 255).round().movedim(2, -1).numpy()
    assert np.abs(drawn - shown).max() <= 1, "the same clip as act shows"
    some = generator.sample_with_grad(requests, [1, 2, 3], last_k, frames=[3, 5])
    torch.testing.assert_close(some, clip[:, [3, 5]])
    (gradient,) = torch.autograd.grad(clip.sum(), [generator.denoiser.unet.conv_in.weight])
    assert gradient.isfinite().all() and gradient.abs().sum() > 0
    with pytest.raises(InvalidArgument, match="last_k must lie in 1 to 4"):
        generator.sample_with_grad(requests, [1, 2, 3], 5)


def test_more_steps_with_gradient_give_another_gradient(generator: FlowGenerator, requests: list[Any]) -> None:
    weight = generator.denoiser.unet.conv_in.weight
    one, all_ = (
        torch.autograd.grad(generator.sample_with_grad(requests, [1, 2, 3], k).square().sum(), [weight])[0]
        for k in (1, 4)
    )
    assert not torch.allclose(one, all_)


def test_denoise_estimates_the_clean_clip(generator: FlowGenerator, requests: list[Any]) -> None:
    x = torch.zeros(3, 4, 3, 16, 16)
    estimate = generator.denoise(x, torch.full((3,), 0.5), requests)
    assert estimate.shape == x.shape and estimate.requires_grad


def test_loss_is_zero_for_the_truth_and_weighs_early_times_less() -> None:
    clean = torch.rand(4, 2, 3, 8, 8)
    assert float(loss(lambda x, t: clean, clean, torch.Generator().manual_seed(0))) == 0.0
    torch.testing.assert_close(blend(clean, -clean, torch.ones(4)), -clean)
    off = loss(lambda x, t: clean + 0.1, clean, torch.Generator().manual_seed(0))
    assert 0.01 < float(off) < 0.01 / 0.3**2


@pytest.mark.parametrize(("slow", "choice"), [(True, "float32"), (False, "bfloat16")])
def test_the_probe_falls_back_to_float32_where_bfloat16_is_slow(
    monkeypatch: pytest.MonkeyPatch, slow: bool, choice: str
) -> None:
    """Real passes of a real network; one of the precisions is held up as an emulated one would be."""
    denoiser = Denoiser(TINY)
    plain = denoiser.unet.forward

    def held_up(*arguments: Any, **options: Any) -> Any:
        if torch.is_autocast_enabled("cpu") == slow:
            end = time.process_time() + 0.05
            while time.process_time() < end:
                pass
        return plain(*arguments, **options)

    monkeypatch.setattr(denoiser.unet, "forward", held_up)
    started = time.process_time()
    assert precision.faster_precision(denoiser, 2) == choice
    assert time.process_time() - started < 3.0, "a probe of about a second"


def wmenv_train(out: Path, *more: str) -> list[str]:
    fixed = ["--law", "uniform_motion", "--steps", "40", "--save-every", "5", "--points", "4", "--final-clips", "8"]
    return [sys.executable, "-m", "wmenv", "train", "flow", *fixed, *FORM, "--out", str(out), *more]


def test_killed_and_resumed_training_gives_the_same_weights(tmp_path: Path) -> None:
    """`kill -9` in the middle, at whatever step that is, then --resume: the files are equal to the bit."""
    subprocess.run(wmenv_train(tmp_path / "whole", "--precision", "bfloat16"), check=True, capture_output=True)
    state = tmp_path / "cut" / "training.safetensors"
    process = subprocess.Popen(
        wmenv_train(tmp_path / "cut", "--precision", "bfloat16"), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stderr is not None
    process.stderr.readline()  # the first point of the curve: step 10
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert state.exists() and not (tmp_path / "cut" / "model.safetensors").exists()
    refused = subprocess.run(wmenv_train(tmp_path / "cut"), capture_output=True, text=True)
    assert refused.returncode == 2 and "--resume" in refused.stderr
    subprocess.run(wmenv_train(tmp_path / "cut", "--resume"), check=True, capture_output=True)
    whole, cut = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert whole.read_bytes() == cut.read_bytes()
    cards = [json.loads((tmp_path / name / "card.json").read_text()) for name in ("whole", "cut")]
    for card in cards:
        card.pop("cpu_seconds")
        for point in card["curve"]:
            point.pop("cpu_seconds")
    assert cards[0] == cards[1], "errors and losses of the curve too"


def test_minutes_stop_a_training_that_can_go_on(tmp_path: Path) -> None:
    stopped = train(recipe(30), tmp_path / "a", schedule=Schedule(points=0, final_clips=0, minutes=0.0))
    assert stopped["steps_done"] == 0
    train(recipe(30), tmp_path / "a", resume=True, schedule=Schedule(points=0, final_clips=0))
    train(recipe(30), tmp_path / "b", schedule=Schedule(points=0, final_clips=0))
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in "ab")
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(t, t.flatten()[:1].expand_as(t)) for t in one.values())


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    card = train(recipe(120), tmp_path, schedule=Schedule(points=4, clips=4, final_clips=0))
    losses = [point["loss"] for point in card["curve"]]
    assert losses[-1] < losses[0] / 3
    assert [point["step"] for point in card["curve"]] == [30, 60, 90, 120]


def test_a_small_training_set_is_seen_again(tmp_path: Path) -> None:
    from wmenv.agents.flow.data import case_seeds

    seen = np.concatenate([case_seeds(0, k, 16, 5) for k in range(10)])
    assert len(set(seen.tolist())) == 5
    fresh = np.concatenate([case_seeds(0, k, 16, None) for k in range(10)])
    assert len(set(fresh.tolist())) == 160


def test_card_tells_how_to_make_the_model(model: Path) -> None:
    card = json.loads((model / "card.json").read_text())
    assert card["command"].startswith("wmenv train flow --law uniform_motion --steps 12 --seed 0 --precision float32")
    assert "--widths 8,16" in card["command"] and card["recipe"]["seed"] == 0
    assert {"wmenv", "torch", "diffusers", "numpy"} == set(card["versions"])
    assert [one["split"] for one in card["held_out"]] == ["id", "ood_high_v"]
    assert load_file(model / "model.safetensors")["unet.conv_in.weight"].dtype == torch.bfloat16


# Bad input.


def test_a_request_of_another_form_is_refused_before_the_run(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"--size 16 --frames 6"):
        wmenv.evaluate("PhyWorld-uniform_motion-v0", [f"flow:{model}"], episodes=2, out=tmp_path / "a", size=64)
    results = wmenv.evaluate("PhyWorld-uniform_motion-v0", [f"flow:{model}", "law"], episodes=2, out=tmp_path / "b")
    assert results.protocol["clip"] == {"frames": 6, "height": 16, "width": 16, "fps": "10"}
    suite = wmenv.make("PhyWorld-uniform_motion-v0").unwrapped
    with pytest.raises(InvalidArgument, match="makes 6 frames of 16 x 16"):
        AGENTS.create(f"flow:{model}").act(suite.observe(suite.draw(1, np.random.default_rng(0))), [0])


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda f: (f / "card.json").unlink(), "card.json is missing"),
        (lambda f: (f / "card.json").write_text("{}"), "not the card of a flow model"),
        (lambda f: (f / "model.safetensors").rename(f / "model.pt"), "pickled files can run code"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x08" + bytes(40)), "cannot be read"),
        (lambda f: _change(f, lambda w: w.pop("unet.conv_in.weight")), "does not fit the architecture"),
        (lambda f: _change(f, lambda w: w["unet.conv_in.bias"].fill_(math.nan)), "not finite"),
    ],
)
def test_a_damaged_model_is_refused(model: Path, tmp_path: Path, harm: Any, told: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    harm(folder)
    with pytest.raises(InvalidArgument, match=told):
        AGENTS.create(f"flow:{folder}")


def _change(folder: Path, change: Any) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def test_refusals(tmp_path: Path, model: Path) -> None:
    with pytest.raises(InvalidArgument, match="steps must be at least 1"):
        AGENTS.create("flow,steps=0")
    with pytest.raises(InvalidArgument, match="multiple of 8"):
        Architecture(size=36)
    with pytest.raises(InvalidArgument, match="no split 'odd'"):
        recipe(split="odd")
    with pytest.raises(InvalidArgument, match="must be positive"):
        recipe(steps=0)
    with pytest.raises(RunFolderError, match="--resume"):
        train(recipe(), model)
    with pytest.raises(ProtocolMismatch, match="seed was 0, now 1"):
        train(recipe(seed=1), model, resume=True)
    (tmp_path / "training.safetensors").write_bytes(b"not a state")
    with pytest.raises(RunFolderError, match="damaged"):
        train(recipe(), tmp_path, resume=True)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_stops_a_training_with_a_clear_error(full_disk: Path) -> None:
    with pytest.raises(RunFolderError, match="No space left"):
        train(recipe(), full_disk / "model", schedule=QUICK)


def test_the_shipped_models_answer_by_prompt(requests: list[Any]) -> None:
    agent: Any = AGENTS.create("flow,steps=1")
    laws = {card["recipe"]["law"] for card in agent.card["models"].values()}
    assert laws == {"uniform_motion", "parabola", "collision"}
    asked = []
    for law in sorted(laws):
        suite = wmenv.make(f"PhyWorld-{law}-v0", size=32, frames=16).unwrapped
        asked += suite.observe(suite.draw(2, np.random.default_rng(0)))
    mixed = [asked[k] for k in (0, 2, 4, 1, 3, 5)]
    batch = agent.act(mixed, range(6))
    for k in (0, 3):
        assert agent.of(mixed[k].prompt).act([mixed[k]], [k])[0].digest == batch[k].digest
    with pytest.raises(InvalidArgument, match="was trained on the prompts"):
        agent.of("A cat.")
    weights = sum(path.stat().st_size for path in agent.folders.values() for path in path.glob("*.safetensors"))
    assert weights <= 8_000_000

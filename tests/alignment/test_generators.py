"""Generators that can be aligned: clips, replay, gradients, of tiny random pipelines of diffusers and of `flow`.

What alignment rests on (exact replay, memory, no divergence at the start) is in test_correctness.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Agent, Generator

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

from alignment_kinds import ALL, FORMS, KERNELS, QUIET, TEXT, asks, levels_apart, saved_bytes  # noqa: E402
from alignment_toys import fails  # noqa: E402

from wmenv.agents.adapters import adapters_off, add_lora, train_all  # noqa: E402
from wmenv.agents.diffusers import walk as walks  # noqa: E402
from wmenv.agents.diffusers.generator import DiffusersGenerator  # noqa: E402
from wmenv.agents.diffusers.walk import sampler_of  # noqa: E402
from wmenv.alignment.kernels import DanceSde, Ddim, FlowSde, Windowed  # noqa: E402
from wmenv.alignment.replay import ReplayDiffers, check_replay  # noqa: E402
from wmenv.core.gaussian import ode_step  # noqa: E402

pytestmark = QUIET


# The same clips


@pytest.mark.parametrize("kind", ALL)
def test_01_is_an_agent_and_a_generator_and_shows_what_the_stock_pipeline_shows(made: Any, kind: str) -> None:
    """Without a policy the walk under our scheduler is the pipeline's own, one level of rounding apart at most."""
    generator, requests = made(kind), asks(kind)
    assert isinstance(generator, Agent) and isinstance(generator, Generator)
    if kind != "flow":
        again = generator.as_generator()
        assert again.name == generator.name and again.card == generator.card and again._own is not generator._own
    taken, clips = generator.sample(requests, [1, 2]), generator.act(requests, [1, 2])
    apart = [np.abs(a.frames.astype(int) - b.frames).max() for a, b in zip(taken.responses, clips, strict=True)]
    assert max(apart) <= 1
    assert taken.log_prob.isnan().all() and set(taken.stds) == {0.0}
    assert generator.times() == pytest.approx([level.noise / sum(level) for level in taken.levels])


@pytest.mark.parametrize("kind", ALL)
def test_02_noise_follows_from_seeds_row_by_row(made: Any, kind: str) -> None:
    generator, requests = made(kind), asks(kind)
    first, again = (generator.sample(requests, [1, 2], KERNELS[kind]) for _ in range(2))
    torch.testing.assert_close(first.latents, again.latents, rtol=0, atol=0)
    alike = generator.sample([requests[0]] * 2, [1, 2], KERNELS[kind], starts=[5, 5])
    assert torch.equal(alike.latents[0, 0], alike.latents[0, 1])
    assert not torch.allclose(alike.latents[1, 0], alike.latents[1, 1])
    same = generator.sample([requests[0]], [1], KERNELS[kind], starts=[1])
    torch.testing.assert_close(same.latents[:, 0], first.latents[:, 0], rtol=0, atol=1e-4)
    noise = (first.latents[1] - first.means[0]) / first.stds[0]
    start = first.latents[0] / math.hypot(*first.levels[0])
    overlap = float((noise * start).mean() / (noise.std() * start.std()))
    assert abs(overlap) < 5 / noise.numel() ** 0.5, "the first step's noise is not the initial noise once more"


# Replay


def dropout_on(generator: Any) -> None:
    generator._own.text_encoder.train()


def other_guidance(generator: Any) -> None:
    generator.options["guidance_scale"] = 3.0


def other_weights(generator: Any) -> None:
    with torch.no_grad():
        for weight in next(iter(generator.networks().values())).parameters():
            weight += 0.01 * torch.randn_like(weight)


@pytest.mark.parametrize("kind", ["wan", "ltx", "cogvideox"])
@pytest.mark.parametrize(
    ("harm", "cause"),
    [
        (dropout_on, "drop at random"),
        (other_guidance, "guidance was 4.0 and is 3.0"),
        (other_weights, "the weights have changed"),
    ],
    ids=["dropout", "guidance", "weights"],
)
def test_03_a_replay_under_other_conditions_is_refused(made: Any, kind: str, harm: Any, cause: str) -> None:
    generator = made(kind)
    train_all(generator.networks())
    taken = generator.sample(asks(kind), [1, 2], KERNELS[kind])
    harm(generator)
    with pytest.raises(ReplayDiffers, match=cause):
        check_replay(generator, taken)


def test_04_the_guard_names_what_it_sees(made: Any) -> None:
    """Another eta, adapters off, weights after an update, float32 weights rounded."""
    generator, requests = made("wan"), asks("wan")
    weights = add_lora(generator.networks(), rank=2)
    with torch.no_grad():
        for weight in weights:
            weight.normal_(std=0.3)
    taken = generator.sample(requests, [1, 2], FlowSde())
    assert check_replay(generator, taken) == 0.0
    with pytest.raises(ReplayDiffers, match=r"policy was another one.* flow-sde,eta=0.6 takes it with"):
        check_replay(generator, replace(taken, policy=FlowSde(0.6)))
    with adapters_off(generator.networks()), pytest.raises(ReplayDiffers, match=r"are \{'transformer': 'off'\}"):
        check_replay(generator, taken)
    generator.networks()["transformer"].to(torch.bfloat16)
    with pytest.raises(ReplayDiffers, match=r"were \{'transformer': \['float32'\]\} and are"):
        check_replay(generator, taken, tolerance=1e-6)
    generator.networks()["transformer"].to(torch.float32)
    with torch.no_grad():
        weights[0] += 0.1
    with pytest.raises(ReplayDiffers, match="the weights have changed since"):
        check_replay(generator, taken)
    with pytest.raises(ReplayDiffers, match="no step of this trajectory has a density"):
        check_replay(generator, generator.sample(requests, [1, 2]))


@pytest.mark.parametrize("kind", ["flow", "ltx"])
def test_05_dropout_in_flow_and_in_adapters_is_seen(made: Any, kind: str) -> None:
    generator = made(kind)
    add_lora(generator.networks(), rank=2)
    network = next(iter(generator.networks().values()))
    for layer in network.modules():
        if hasattr(layer, "lora_dropout"):
            layer.lora_dropout["default"] = torch.nn.Dropout(0.5).eval()
            torch.nn.init.normal_(layer.lora_B["default"].weight)
    taken = generator.sample(asks(kind), [1, 2], KERNELS[kind])
    assert check_replay(generator, taken) == 0.0
    network.train()
    with pytest.raises(ReplayDiffers, match=r"drop at random .*lora_dropout"):
        check_replay(generator, taken)


def test_06_a_windowed_policy_replays_and_is_noisy_within_only(made: Any) -> None:
    for kind in ("flow", "ltx"):
        generator = made(kind)
        taken = generator.sample(asks(kind), [1, 2], Windowed(DanceSde(), (1, 3)))
        assert [std > 0 for std in taken.stds] == [False, True, False, False], "the last step is deterministic"
        assert check_replay(generator, taken) == 0.0


def test_07_a_batch_replays_as_it_was_sampled(made: Any) -> None:
    for kind in TEXT:
        generator = made(kind, batch=2)
        taken = generator.sample(asks(kind, 3), [1, 2, 3], KERNELS[kind])
        assert taken.latents.shape[1] == 3 and check_replay(generator, taken) == 0.0
        singly = made(kind).sample(asks(kind, 3), [1, 2, 3], KERNELS[kind])
        torch.testing.assert_close(taken.latents, singly.latents, rtol=1e-3, atol=1e-3)


def test_08_half_precision_latents_are_replayed_as_the_pipeline_saw_them(made: Any) -> None:
    """What is stored is what the next step starts from, rounding included."""
    generator = made("cogvideox", dtype="bfloat16")
    taken = generator.sample(asks("cogvideox"), [1, 2], Ddim(0.7))
    assert taken.latents.dtype == torch.bfloat16 and taken.means.dtype == torch.float32
    assert check_replay(generator, taken) == 0.0


# Gradients


@pytest.mark.parametrize("kind", ALL)
def test_09_gradients_reach_the_adapter_through_densities_and_pixels(made: Any, kind: str) -> None:
    generator, requests = made(kind, steps=3), asks(kind)
    weights = add_lora(generator.networks(), rank=2)
    with torch.no_grad():
        for weight in weights:
            weight.normal_(std=0.05)
    taken = generator.sample(requests, [1, 2], KERNELS[kind])
    for value in (
        generator.logprob(taken, [0]).sum(),
        generator.sample_with_grad(requests, [1, 2], 2).square().mean(),
        generator.denoising_loss(taken.latents[-1], requests, torch.Generator().manual_seed(0)).sum(),
    ):
        gradients = torch.autograd.grad(value, weights, allow_unused=True)
        found = [g for g in gradients if g is not None]
        assert found and all(g.isfinite().all() for g in found) and any(g.abs().sum() > 0 for g in found)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("last_k", [1, 3])
def test_10_the_clip_with_a_gradient_is_the_clip_that_is_shown(made: Any, kind: str, last_k: int) -> None:
    generator, requests = made(kind, steps=3), asks(kind)
    train_all(generator.networks())
    clip = generator.sample_with_grad(requests, [1, 2], last_k)
    frames, size = FORMS[kind]
    assert clip.shape == (2, frames, 3, size, size) and clip.requires_grad
    assert levels_apart(clip, generator.act(requests, [1, 2])) <= 1
    some = generator.sample_with_grad(requests, [1, 2], last_k, frames=[1])
    torch.testing.assert_close(some, clip[:, [1]], rtol=0, atol=0)
    with pytest.raises(InvalidArgument, match="last_k must lie in 1 to 3"):
        generator.sample_with_grad(requests, [1, 2], 4)


def directional(generator: Any, requests: Any, weights: Any, last_k: int) -> tuple[float, float]:
    """Derivative of a clip's contrast along one direction: by the graph, and by central differences (Richardson)."""
    rng = torch.Generator().manual_seed(0)
    direction = [torch.randn(weight.shape, generator=rng) for weight in weights]
    wave = torch.randn(generator.sample_with_grad(requests, [1], last_k).shape, generator=rng)

    def value() -> Any:
        return (wave * generator.sample_with_grad(requests, [1], last_k)).double().sum()

    gradients = torch.autograd.grad(value(), weights, allow_unused=True)
    slope = sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True) if g is not None)

    def moved(step: float) -> float:
        with torch.no_grad():
            for weight, d in zip(weights, direction, strict=True):
                weight += step * d
            found = float(value())
            for weight, d in zip(weights, direction, strict=True):
                weight -= step * d
        return found

    near, far = ((moved(h) - moved(-h)) / (2 * h) for h in (5e-3, 1e-2))
    return slope, (4 * near - far) / 3


@pytest.mark.parametrize("broken", [False, True])
def test_11_the_gradient_is_that_of_finite_differences(made: Any, broken: bool) -> None:
    """With all steps in the graph; one step of three is another gradient. The exact test is on a toy in float64."""
    generator, requests = made("ltx", steps=3, guidance=1.0), asks("ltx", 1)
    weights = add_lora(generator.networks(), rank=2)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in weights:
            weight.normal_(std=0.1, generator=rng)
    generator._own.vae.decoder.conv_out.conv.weight.data *= 0.2  # no pixel is cut off
    assert generator.sample_with_grad(requests, [1], 3).min() > 0
    slope, difference = directional(generator, requests, weights, 1 if broken else 3)
    assert abs(difference) > 0.1
    with fails(broken):
        assert slope == pytest.approx(difference, abs=1e-2)


def test_12_pixels_that_are_cut_off_keep_their_gradient(made: Any) -> None:
    generator, requests = made("ltx", steps=2), asks("ltx", 1)
    generator._own.vae.decoder.conv_out.conv.bias.data += 5.0
    latents = generator.sample(requests, [1]).latents[-1].requires_grad_()
    clip = generator.decode(latents, requests)
    assert float(clip.detach().max()) == 1.0 and float((clip == 1.0).float().mean()) > 0.5
    (gradient,) = torch.autograd.grad(clip[clip == 1.0].sum(), latents)
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize(
    ("kind", "frame", "broken"), [("wan", 0, False), ("wan", 3, False), ("wan", 8, True), ("ltx", 0, True)]
)
def test_13_a_window_over_the_start_is_exact_for_a_causal_decoder(
    made: Any, kind: str, frame: int, broken: bool
) -> None:
    """Elsewhere it shows another clip, and its gradient is biased; a cheaper one all the same."""
    frames, gradients, sizes = [], [], []
    for window in (None, 1):
        generator = made(kind, steps=2, window=window)
        weights = train_all(generator.networks())
        run = lambda g=generator: g.sample_with_grad(asks(kind, 1), [1], 1, frames=[frame])  # noqa: E731
        clip = run()
        gradients.append(torch.autograd.grad(clip.square().sum(), weights, allow_unused=True))
        frames.append(clip.detach())
        sizes.append(saved_bytes(run))
    assert frames[1].shape == frames[0].shape == (1, 1, 3, *[FORMS[kind][1]] * 2)
    assert sizes[1] < sizes[0] or frame == 3, "frame 3 needs latent frames 0 to 2: all of them"
    with fails(broken):
        torch.testing.assert_close(frames[1], frames[0], rtol=1e-5, atol=1e-6)
        for biased, whole in zip(*reversed(gradients), strict=True):
            if whole is not None:
                torch.testing.assert_close(biased, whole, rtol=1e-3, atol=1e-4 * float(whole.abs().max()) + 1e-9)


@pytest.mark.parametrize("broken", [False, True])
def test_14_ten_updates_along_a_reward_raise_it_on_new_seeds(made: Any, broken: bool) -> None:
    """Redness of the clip through the last step; against it in the broken variant."""
    generator, requests = made("ltx", steps=3), asks("ltx", 1)
    weights = add_lora(generator.networks(), rank=4)
    optimiser = torch.optim.AdamW(weights, lr=1e-2)

    def redness(clip: Any) -> Any:
        return (clip[:, :, 0] - clip[:, :, 1:].mean(dim=2)).mean()

    def shown() -> float:
        with torch.no_grad():
            return float(sum(redness(generator.sample_with_grad(requests, [seed], 1)) for seed in range(100, 104)) / 4)

    before = shown()
    for seed in range(10):
        optimiser.zero_grad()
        (redness(generator.sample_with_grad(requests, [seed], 1)) * (1 if broken else -1)).backward()
        optimiser.step()
    with fails(broken):
        assert shown() > before + 1e-3, (before, shown())


@pytest.mark.parametrize("kind", TEXT)
def test_15_hooks_see_each_call_once_recomputing_is_inside(made: Any, kind: str) -> None:
    generator, calls = made(kind, steps=3), list[int]()
    weights = add_lora(generator.networks(), rank=2)
    (network,) = generator.networks().values()
    network.register_forward_hook(lambda *_: calls.append(1))
    torch.autograd.grad(generator.sample_with_grad(asks(kind, 1), [1], 2).square().sum(), weights)
    assert "forward" not in vars(network) and len(calls) in (3, 6)


# One step, latents and pixels


@pytest.mark.parametrize("kind", ["flow", "wan", "ltx", "cogvideox"])
def test_16_denoise_is_the_estimate_that_steps_are_made_of(made: Any, kind: str) -> None:
    """Handed the latent of a step in the scaling of flow matching it gives the clean estimate behind the ODE's step."""
    generator, requests = made(kind), asks(kind)
    taken = generator.sample(requests, [1, 2])
    for k in (0, 2):
        now, after = taken.levels[k : k + 2]
        t = torch.tensor([now.noise / sum(now)] * 2)
        clean = generator.denoise(taken.latents[k] / sum(now), t, requests).detach()
        torch.testing.assert_close(ode_step(taken.latents[k], clean, now, after), taken.means[k], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", TEXT)
def test_17_decoding_a_sample_shows_its_clip_and_encoding_reaches_the_same_latents(made: Any, kind: str) -> None:
    """What lies between latents and decoder is undone: packing, scaling and shifting, whatever the pipeline does."""
    generator, requests = made(kind), asks(kind)
    taken = generator.sample(requests, [1, 2])
    assert levels_apart(generator.decode(taken.latents[-1], requests), taken.responses) <= 1
    latents = generator.encode(taken.responses)
    assert latents.shape == taken.latents[-1].shape
    frames = torch.from_numpy(np.stack([np.moveaxis(c.frames, -1, 0) for c in taken.responses])).float() / 127.5 - 1
    with torch.no_grad():
        expected = generator._own.vae.encode(frames).latent_dist.mode()
    handed = []
    decode = generator._own.vae.decode
    generator._own.vae.decode = lambda z, *args, **options: (handed.append(z), decode(z, *args, **options))[1]
    generator.batch = 2
    generator.decode(latents, requests)
    torch.testing.assert_close(handed[0], expected, rtol=1e-4, atol=1e-4)


def test_18_pipelines_with_an_image_say_that_a_clip_alone_cannot_be_encoded(made: Any) -> None:
    generator = made("wan-image")
    with pytest.raises(InvalidArgument, match="goes on from an image"):
        generator.encode(generator.act(asks("wan-image"), [1, 2]))


# Refusals


@pytest.mark.parametrize("kind", ["ltx-image", "ltx-condition"])
def test_19_pipelines_that_step_a_part_of_their_latents_are_refused(
    tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with pytest.raises(InvalidArgument, match="cannot be aligned: it steps only those tokens"):
        DiffusersGenerator(str(tiny(kind)), steps=2, device="cpu")


def test_20_a_pipeline_that_steps_a_part_of_its_latents_is_noticed_without_knowing_its_name(
    tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wmenv.agents.diffusers.generator.REFUSED", {})
    assert walks.REFUSED
    generator = DiffusersGenerator(str(tiny("ltx-image")), steps=2, device="cpu", max_sequence_length=16)
    request = replace(asks("ltx", 1)[0], frames=np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(InvalidArgument, match=r"it steps .* of its latents .*could not be replayed"):
        generator.sample([request], [1])


def test_21_a_scheduler_of_several_steps_is_stood_in_for_by_one_of_the_same_levels() -> None:
    import diffusers

    known: Any = diffusers
    unipc = known.UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0)
    stand_in, kind = sampler_of(unipc)
    assert type(stand_in).__name__ == "FlowMatchEulerDiscreteScheduler" and stand_in.shift == 5.0 and kind == "flow"
    assert type(sampler_of(known.CogVideoXDPMScheduler())[0]).__name__ == "CogVideoXDDIMScheduler"
    dpm = sampler_of(known.DPMSolverMultistepScheduler(prediction_type="v_prediction"))[0]
    assert type(dpm).__name__ == "DDIMScheduler" and dpm.config.prediction_type == "v_prediction"
    with pytest.raises(InvalidArgument, match="EDMEulerScheduler: how it turns"):
        sampler_of(known.EDMEulerScheduler())


def test_22_what_cannot_be_asked_of_a_generator(made: Any) -> None:
    with pytest.raises(InvalidArgument, match="offload=none"):
        made("wan", offload="model")
    with pytest.raises(InvalidArgument, match="window must be at least 1"):
        made("wan", window=0)
    generator = made("wan")
    small, large = asks("wan", 1)[0], asks("ltx", 1)[0]
    with pytest.raises(InvalidArgument, match="one form of clips, got 2"):
        generator.sample([small, large], [1, 2])

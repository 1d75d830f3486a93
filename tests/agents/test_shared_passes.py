"""Samples that are one clip so far go through the network once; nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.registries import AGENTS

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch

from wmenv.alignment.kernels import kernel_of
from wmenv.alignment.learner import generator_of


@pytest.fixture(scope="module")
def suite() -> Any:
    return wmenv.make("PhyWorld-uniform_motion-v0", size=32, frames=16).unwrapped


@pytest.fixture
def generator(suite: Any) -> Any:
    return generator_of(AGENTS.create("flow,steps=2"), suite)


@pytest.fixture
def widths(generator: Any) -> list[int]:
    """Clips of each pass of the network."""
    seen: list[int] = []
    generator.denoiser.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    return seen


def test_a_group_is_one_clip_until_it_parts(suite: Any, generator: Any, widths: list[int]) -> None:
    first, second = suite.observe(suite.draw(2, np.random.default_rng(0)))
    asked, starts = [first] * 3 + [second] * 3, [7] * 3 + [8] * 3
    taken = generator.sample(asked, range(6), kernel_of("ddim"), starts=starts)
    assert widths == [2, 6]
    assert torch.equal(taken.means[0][0], taken.means[0][2]) and not torch.equal(taken.means[0][0], taken.means[0][3])
    assert not torch.equal(taken.latents[1][0], taken.latents[1][1])
    alone = generator.sample([first, second], [0, 3], kernel_of("ddim"), starts=[7, 8])
    assert torch.allclose(taken.latents[:, [0, 3]], alone.latents, atol=1e-5)


def test_other_prompts_and_other_noise_stay_apart(suite: Any, generator: Any, widths: list[int]) -> None:
    first, second = suite.observe(suite.draw(2, np.random.default_rng(0)))
    generator.sample([first, second, second], range(3), kernel_of("ddim"), starts=[7, 7, 8])
    assert widths == [3, 3]


def test_gradients_of_a_group_add_up(suite: Any, generator: Any, widths: list[int]) -> None:
    """Of the mean of one step: shared, and each sample by itself."""
    (request,) = suite.observe(suite.draw(1, np.random.default_rng(0)))
    taken = generator.sample([request] * 3, range(3), kernel_of("ddim"), starts=[7] * 3)
    weight = torch.randn(taken.means[0].shape, generator=torch.Generator().manual_seed(0))
    last = next(p for name, p in generator.denoiser.named_parameters() if name == "unet.conv_out.weight")

    def gradient(rows: list[int]) -> Any:
        (mean,) = generator.means(_rows(taken, rows), [0])
        (found,) = torch.autograd.grad((mean * weight[rows]).sum(), last)
        return found

    widths.clear()
    together = gradient([0, 1, 2])
    assert widths == [1]
    assert torch.allclose(together, sum(gradient([k]) for k in range(3)), rtol=1e-3, atol=1e-4)


def _rows(taken: Any, rows: list[int]) -> Any:
    return replace(taken, requests=tuple(taken.requests[k] for k in rows), latents=taken.latents[:, rows])

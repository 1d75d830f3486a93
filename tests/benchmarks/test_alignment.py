"""What alignment costs, as ratios of one run: updates, memory, judging."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.registries import JUDGERS

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")
pytestmark = [
    pytest.mark.slow,
    *[
        pytest.mark.filterwarnings(f"ignore::{category}")
        for category in ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")
    ],
]

PAIRS = 9


def ratio(above: Callable[[], Any], below: Callable[[], Any], pairs: int = PAIRS) -> float:
    """Median over interleaved pairs of (CPU time of `above`) / (CPU time of `below`); neither always goes first."""

    def seconds(work: Callable[[], Any]) -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    seconds(above), seconds(below)
    found = []
    for k in range(pairs):
        took = {work: seconds(work) for work in ((above, below) if k % 2 else (below, above))}
        found.append(took[above] / took[below])
    return float(np.median(found))


@pytest.mark.parametrize("kind", ["ltx", "cogvideox"])
def test_a_draft_update_against_the_pipelines_own_passes(
    kind: str, tiny: Callable[[str], Path], alignment_shared: Any, record_property: Any
) -> None:
    """The same clips by the pipeline's own call with the last step in the graph, and the way back through them.

    An update also draws cases, computes the last step once more (its checkpoint), steps AdamW and its average.
    """
    from wmenv.alignment.reward_gradient import RewardGradient

    toys, kinds = alignment_shared
    steps, frames, size = 4, 17, 64
    generator = kinds.make(tiny, kind, steps=steps)
    env = wmenv.make("PhyWorld-uniform_motion", size=size, frames=frames)
    method = RewardGradient(
        env, generator, toys.Redness(), train="lora", rank=4, cases=2, updates=1000, look_every=0, look_cases=1,
        precision="float32",
    )  # fmt: skip
    method.learn(1)
    requests = method.suite.observe(method.suite.draw(2, np.random.default_rng(0)))
    (network,) = generator.networks().values()
    pipeline, call = generator._own, inspect.unwrap(type(generator._own).__call__)
    plain = network.forward
    calls: list[int] = []

    def last_with_gradient(*args: Any, **options: Any) -> Any:
        calls.append(1)
        with nullcontext() if len(calls) == steps else torch.no_grad():
            return plain(*args, **options)

    def directly() -> None:
        network.forward = last_with_gradient
        for request in requests:
            calls.clear()
            clip = call(
                pipeline, request.prompt, num_frames=frames, height=size, width=size, num_inference_steps=steps,
                guidance_scale=4.0, max_sequence_length=16, generator=torch.Generator().manual_seed(1),
                output_type="pt",
            ).frames  # fmt: skip
            values, _ = toys.Redness().reward([method.suite.draw(1, np.random.default_rng(0))[0]], clip)
            values.mean().backward()
        assert len(calls) == steps and any(weight.grad is not None for weight in method.weights.values())
        network.forward = plain

    share = ratio(lambda: method.learn(1), directly)
    record_property("ratio", share)
    print(f"DRaFT-1 update, {kind}: {share:.2f} times the pipeline's own forward and backward passes")
    assert share <= 1.2


@pytest.mark.parametrize("kind", ["flow", "ltx", "cogvideox", "wan"])
def test_memory_with_and_without_checkpoints(
    kind: str, tiny: Callable[[str], Path], alignment_shared: Any, record_property: Any
) -> None:
    """What the whole chain of 8 steps keeps for the way back; what its decoder keeps is the same either way."""
    _, kinds = alignment_shared
    from wmenv.agents.adapters import add_lora

    generator, requests = kinds.make(tiny, kind, steps=8), kinds.asks(kind, 1)
    add_lora(generator.networks(), rank=4)
    latents = generator.sample(requests, [1]).latents[-1].requires_grad_() * 1.0
    chains, wholes = [], []
    for around in (nullcontext(), kinds.checkpoints(kinds.plainly)):
        with around:
            decoding = kinds.saved_bytes(lambda: generator.decode(latents, requests))
            wholes.append(kinds.saved_bytes(lambda: generator.sample_with_grad(requests, [1], 8)))
            chains.append(wholes[-1] - decoding)
    share, whole = chains[1] / chains[0], wholes[1] / wholes[0]
    record_property("ratio", share)
    print(
        f"DRaFT-8 memory, {kind}: without checkpoints {share:.0f} times as much, {whole:.1f} times with the decoder's"
    )
    assert share >= 30


def test_grpo_with_batched_judging(record_property: Any) -> None:
    """64 clips of the shipped flow an update, judged by `physics` at once and one by one."""
    from wmenv.alignment.policy_gradient import PolicyGradient

    class OneByOne:
        """The same judger, asked clip by clip."""

        def __init__(self) -> None:
            self.judger: Any = JUDGERS.create("physics")

        def __getattr__(self, name: str) -> Any:
            return getattr(self.judger, name)

        def judge(self, cases: Any, responses: Any) -> Any:
            return [self.judger.judge([case], [response])[0] for case, response in zip(cases, responses, strict=True)]

    def method_of(judger: Any) -> PolicyGradient:
        env = wmenv.make("PhyWorld-uniform_motion", size=32, frames=16)
        method = PolicyGradient(
            env, "flow,steps=4", judger, cases=8, group=8, updates=1000, look_every=0, look_cases=1,
            precision="float32",
        )  # fmt: skip
        method.learn(1)
        return method

    batched, singly = method_of("physics"), method_of(OneByOne())
    cases = [case for case in batched.suite.draw(8, np.random.default_rng(0)) for _ in range(8)]
    clips = batched.generator.sample([case.request for case in cases], range(64)).responses
    judging = ratio(lambda: singly.suite.score(cases, clips), lambda: batched.suite.score(cases, clips))
    whole = ratio(lambda: singly.learn(1), lambda: batched.learn(1), pairs=5)
    share = ratio(lambda: batched.suite.score(cases, clips), lambda: batched.learn(1), pairs=5)
    record_property("judging", judging)
    record_property("update", whole)
    print(
        f"judging 64 clips by physics takes {judging:.2f} times as long one by one, a GRPO update {whole:.2f} times; "
        f"judging is {100 * share:.1f} % of an update"
    )
    assert judging >= 0.9 and share <= 0.1

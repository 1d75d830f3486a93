"""The guard before the first update: recorded steps, replayed under unchanged weights, have a ratio of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from wmenv.agents.adapters import network_facts
from wmenv.core.errors import WmenvError
from wmenv.core.gaussian import dimensions, log_density, policy_at
from wmenv.core.protocols import Generator
from wmenv.core.trajectory import Trajectory

TOLERANCE = {"float64": 1e-9, "float32": 1e-6, "bfloat16": 2e-5, "float16": 1e-5}
"""Largest |log ratio|, in nats a dimension, by the coarsest dtype of weights and passes: well below a clip of 1e-4.

In float32 on one machine with the same batches it is 0 exactly.
"""

WORDS = {
    "weights": "the weights have changed since (an optimiser step, an average swapped in)",
    "adapters": "adapters were {then} and are {now}",
    "dtype": "the weights were {then} and are {now}",
    "passes": "autocast put passes into {then} and puts them into {now} (None: as the weights)",
    "guidance": "guidance was {then} and is {now}",
    "options": "options of the call were {then} and are {now}",
    "batch": "steps were taken {then} requests at once and are replayed {now} at once",
    "sampler": "the sampler was {then} and is {now}",
}
"""What is said of a fact that has changed."""

SAME_TIME = 1e-5
"""Times of steps that differ by no more are those of one schedule in float32."""


class ReplayDiffers(WmenvError):
    """Recorded steps cannot be replayed: what an update would compute is no policy gradient."""


def check_replay(generator: Generator, trajectory: Trajectory, tolerance: float | None = None) -> float:
    """Replay the noisy steps of a trajectory under the weights that made it.

    Args:
        generator: As it will be updated, before any update.
        trajectory: What it sampled.
        tolerance: Largest |log ratio| in nats a dimension; by dtype (`TOLERANCE`) if None.

    Returns:
        The largest |replayed - recorded log-density|, joint over the dimensions of a clip, nats.

    Raises:
        ReplayDiffers: It is too large; with the known causes that can be seen to apply.
    """
    steps = [k for k, std in enumerate(trajectory.stds) if std > 0]
    if not steps:
        raise ReplayDiffers("no step of this trajectory has a density; sample with a noisy kernel")
    now = _facts(generator)
    if tolerance is None:
        coarse = {str(name) for names in now["dtype"].values() for name in names}
        coarse |= {str(now["passes"])} if now.get("passes") else set()
        tolerance = max(TOLERANCE.get(name, TOLERANCE["float16"]) for name in coarse)
    worst = 0.0
    with torch.no_grad():
        for k in steps:
            apart = (generator.logprob(trajectory, [k])[0] - trajectory.log_prob[k]).abs()
            worst = max(worst, float(apart.max())) if bool(apart.isfinite().all()) else float("inf")
    allowed = tolerance * dimensions(trajectory.latents[0])
    if not worst <= allowed:
        causes = [*_changed(trajectory, now), *_rounded(generator, trajectory, steps, allowed)]
        found = "; ".join(causes) or (
            "nothing that is known to cause it can be seen: other batches, an attention backend or kernels that do not "
            "repeat themselves, random numbers inside the model, conditioning that was drawn anew"
        )
        raise ReplayDiffers(
            f"the log-ratio of a replayed step is {worst:.3g} nats a clip before any update, where at most "
            f"{allowed:.3g} can be rounding; cause: {found}"
        )
    return worst


def _facts(generator: Generator) -> dict[str, Any]:
    facts = getattr(generator, "facts", None)
    found: dict[str, Any] = network_facts(generator.networks()) if facts is None else facts()
    return found


def _changed(trajectory: Trajectory, now: Mapping[str, Any]) -> list[str]:
    """Causes that can be seen."""
    causes = []
    if now.get("dropout"):
        layers = now["dropout"]
        causes.append(f"{len(layers)} layers drop at random ({layers[0]}, ...): call eval() on the network")
    for name, words in WORDS.items():
        then = trajectory.facts.get(name)
        if name in trajectory.facts and then != now.get(name):
            causes.append(words.format(then=then, now=now.get(name)))
    changed = [(k, std) for k in range(len(trajectory.stds)) if (std := _std(trajectory, k)) != trajectory.stds[k]]
    if changed:
        k, std = changed[0]
        causes.append(
            f"the policy was another one: step {k} was taken with a standard deviation of {trajectory.stds[k]:.6g}, "
            f"{trajectory.policy.name if trajectory.policy else 'the deterministic sampler'} takes it with {std:.6g}"
        )
    return causes


def _rounded(generator: Generator, trajectory: Trajectory, steps: Sequence[int], allowed: float) -> list[str]:
    """Rounding between the sampler and the record: of latents, which the record itself betrays, and of times."""
    causes = []
    for k in steps:
        own = log_density(trajectory.latents[k + 1], trajectory.means[k], trajectory.stds[k])
        if not bool(((own - trajectory.log_prob[k]).abs() <= allowed).all()):
            stored = str(trajectory.latents.dtype).removeprefix("torch.")
            causes.append(
                f"the latents on record ({stored}) are not those whose density was recorded: rounded, or edited"
            )
            break
    then = [one.noise / (one.signal + one.noise) for one in trajectory.levels]
    now = generator.times()
    apart = [abs(a - b) for a, b in zip(then, now, strict=False)]
    if len(then) != len(now) or max(apart) > SAME_TIME:
        causes.append(
            f"the times of the steps were {_times(then)} and are {_times(now)}: another schedule, or rounded sigmas"
        )
    return causes


def _times(times: Sequence[float]) -> str:
    return ", ".join(f"{t:.6g}" for t in times)


def _std(trajectory: Trajectory, k: int) -> float:
    """Standard deviation that the trajectory's policy gives a step."""
    policy = policy_at(trajectory.policy, k, len(trajectory.stds))
    if policy is None:
        return 0.0
    x = trajectory.latents[k][:1].float()
    return policy.step(x, x, trajectory.levels[k], trajectory.levels[k + 1])[1]

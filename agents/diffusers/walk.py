"""One walk of a pipeline from noise to clip under a policy.

The pipeline's scheduler is replaced, for one call, by an object of a subclass whose `step` asks the policy. Guidance,
conditioning and every other line of the pipeline stay as they are; what the scheduler would have done with the
model's output is computed from the parametrisation that it declares.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from wmenv.core.errors import InvalidArgument
from wmenv.core.gaussian import ode_step, policy_at
from wmenv.core.protocols import Policy
from wmenv.core.trajectory import NoiseLevel

FLOW, PRESERVING, EXPLODING = "flow", "variance-preserving", "variance-exploding"

REFUSED = {
    "LTX2": "it denoises sound beside the picture, with a second scheduler",
    "Kandinsky5": "it writes each step into a part of its latents",
    "LTXImageToVideo": "it steps only those tokens that the image does not give",
    "LTXCondition": "it steps only those tokens that the images do not give",
    "CosmosTextToWorld": "it calls its scheduler twice a step",
    "CosmosVideoToWorld": "it calls its scheduler twice a step",
    "HunyuanVideoFramepack": "it makes a clip in several walks, one a section",
}
"""Beginnings of the names of pipelines that one hook into the scheduler's step does not cover, and why."""


class Enough(Exception):
    """Leaves a pipeline's call once what was wanted is known."""


def sampler_of(scheduler: Any) -> tuple[Any, str]:
    """A first-order scheduler for a policy to take the place of, and its parametrisation.

    Schedulers of several stages or steps are no Markov chain in one latent, so a first-order one of the same noise
    levels stands in: Euler for flow matching, DDIM for variance-preserving models.

    Args:
        scheduler: The pipeline's own.

    Returns:
        The scheduler, the pipeline's own if it will do, and FLOW, PRESERVING or EXPLODING.

    Raises:
        InvalidArgument: Its parametrisation is not known.
    """
    import diffusers

    known: Any = diffusers
    name, config = type(scheduler).__name__, scheduler.config
    if name == "FlowMatchEulerDiscreteScheduler" and not config.get("invert_sigmas"):
        return scheduler, FLOW
    flow = config.get("use_flow_sigmas") or config.get("prediction_type") == "flow_prediction"
    if flow or name == "FlowMatchHeunDiscreteScheduler":
        shift = config.get("flow_shift") or config.get("shift") or 1.0
        train = config.get("num_train_timesteps", 1000)
        return known.FlowMatchEulerDiscreteScheduler(num_train_timesteps=train, shift=shift), FLOW
    if name in ("DDIMScheduler", "CogVideoXDDIMScheduler"):
        return scheduler, PRESERVING
    if name == "CogVideoXDPMScheduler":
        return known.CogVideoXDDIMScheduler.from_config(config), PRESERVING
    if name in ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler"):
        return scheduler, EXPLODING
    if name.startswith(("DPMSolver", "UniPC", "PNDM", "DDPM", "DEIS")) and hasattr(scheduler, "alphas_cumprod"):
        return known.DDIMScheduler.from_config(config, clip_sample=False), PRESERVING
    raise InvalidArgument(
        f"{name}: how it turns a model's output into a clean estimate is not known here, so no policy can take its "
        "place; known are Euler and multi-step schedulers of flow matching, DDIM and its kin, Euler of k-diffusion"
    )


@dataclass
class Walk:
    """What is done in one call of a pipeline, and what is recorded of it.

    Attributes:
        kind: Parametrisation: FLOW, PRESERVING or EXPLODING.
        policy: How steps are taken; None is deterministic.
        noise: Draws standard normal noise of a shape; None where no step is noisy.
        only: Index of the one step to take, None for all. The pipeline is left after it.
        time: Take a single step at this time of flow matching instead of the scheduler's.
        nothing: Take no step: what the pipeline is given goes straight to its decoder.
        look: Leave the pipeline as soon as its noise levels are known.
        given: Whether the pipeline is handed its first latents, so that it must not scale them.
        steps: Number of steps of the whole walk, known after `begin`.
        levels: Noise levels of the whole walk, steps + 1.
        latents: What each step started from, and at last the sample.
        means: Means of the steps taken.
        stds: Standard deviations of the steps taken.
        clean: Clean estimate of the last step taken.
    """

    kind: str
    policy: Policy | None = None
    noise: Callable[[tuple[int, ...]], Tensor] | None = None
    only: int | None = None
    time: float | None = None
    nothing: bool = False
    look: bool = False
    given: bool = False
    steps: int = 0
    levels: tuple[NoiseLevel, ...] = ()
    latents: list[Tensor] = field(default_factory=list)
    means: list[Tensor] = field(default_factory=list)
    stds: list[float] = field(default_factory=list)
    clean: Tensor | None = None
    _began: bool = False

    def begin(self, scheduler: Any) -> None:
        """Read the schedule that the pipeline has set, and cut it to what is wanted.

        Raises:
            InvalidArgument: The pipeline sets a second schedule within one call.
            Enough: Only the levels were wanted.
        """
        if self._began:
            raise InvalidArgument("this pipeline makes a clip in several walks; a policy can only take one")
        self._began = True
        self.levels = levels_of(scheduler, self.kind)
        self.steps = len(self.levels) - 1
        if self.look:
            raise Enough
        if self.time is not None:
            self._set_time(scheduler, self.time)
        elif self.nothing:
            scheduler.timesteps = scheduler.timesteps[:0]
        elif self.only is not None:
            k = self.only
            scheduler.timesteps = scheduler.timesteps[k : k + 1]
            if self.kind != PRESERVING:
                scheduler.sigmas = scheduler.sigmas[k : k + 2]

    def _set_time(self, scheduler: Any, time: float) -> None:
        """A schedule of one step, from a time of flow matching to none."""
        device, moment = scheduler.timesteps.device, level_at(scheduler, self.kind, time)
        self.only, self.levels, self.steps = 0, (moment.level, NoiseLevel(1.0, 0.0)), 1
        scheduler.timesteps = torch.tensor([moment.timestep], dtype=scheduler.timesteps.dtype, device=device)
        if self.kind != PRESERVING:
            scheduler.sigmas = torch.tensor([moment.level.noise, 0.0], device=scheduler.sigmas.device)

    def step(self, scheduler: Any, output: Tensor, x: Tensor) -> Tensor:
        """Take one step from x, given the model's output; returns the next latent.

        Raises:
            Enough: It was the one step wanted.
            InvalidArgument: The pipeline takes more steps than its schedule has, or changes latents between them.
        """
        k = len(self.means)
        at = k if self.only is None else self.only
        if at >= self.steps:
            raise InvalidArgument("this pipeline steps its scheduler more than once a time step; no policy covers that")
        if k and not _same(x, self.latents[-1]):
            raise InvalidArgument("this pipeline changes its latents between steps; no policy covers that")
        now, after = self.levels[at], self.levels[at + 1]
        wide = x.float() if x.element_size() < 4 else x
        self.clean = clean_estimate(scheduler, self.kind, output.to(wide.dtype), wide, now)
        policy = policy_at(self.policy, at, self.steps)
        if policy is None:
            mean, std = ode_step(wide, self.clean, now, after), 0.0
        else:
            mean, std = policy.step(wide, self.clean, now, after)
        if self.only is None or not self.latents:
            self.latents[-1:] = [x]
        self.means.append(mean)
        self.stds.append(std)
        if self.only is not None:
            raise Enough
        if std and self.noise is None:
            raise InvalidArgument("a noisy step needs noise")
        noise = self.noise(tuple(x.shape)).to(mean) if std and self.noise else 0.0
        following: Tensor = (mean + std * noise).to(x.dtype)
        self.latents.append(following)
        return following


def levels_of(scheduler: Any, kind: str) -> tuple[NoiseLevel, ...]:
    """Noise levels of the schedule that was set: one a time step, and the end."""
    if kind == FLOW:
        return tuple(NoiseLevel(1.0 - s, s) for s in scheduler.sigmas.tolist())
    if kind == EXPLODING:
        return tuple(NoiseLevel(1.0, s) for s in scheduler.sigmas.tolist())
    alphas = [float(scheduler.alphas_cumprod[int(t)]) for t in scheduler.timesteps]
    return tuple(_preserving(a) for a in [*alphas, float(scheduler.final_alpha_cumprod)])


class Moment(NamedTuple):
    """A noise level, and the time step that the model is told at it."""

    level: NoiseLevel
    timestep: float


def level_at(scheduler: Any, kind: str, time: float) -> Moment:
    """The level of a model at which clip and noise are mixed as at a time of flow matching, in [0, 1].

    A variance-preserving model has so many of them; the nearest is taken. A variance-exploding one has a largest.
    """
    if kind == FLOW:
        return Moment(NoiseLevel(1.0 - time, time), time * scheduler.config.num_train_timesteps)
    ratio = time / max(1.0 - time, 1e-6)
    table = ((1.0 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod).sqrt()
    if kind == PRESERVING:
        index = int((table - ratio).abs().argmin())
        return Moment(_preserving(float(scheduler.alphas_cumprod[index])), index)
    sigma = min(ratio, float(scheduler.config.get("sigma_max") or table.max()))
    return Moment(NoiseLevel(1.0, sigma), _timestep_of_sigma(scheduler, sigma))


def _preserving(alpha: float) -> NoiseLevel:
    return NoiseLevel(alpha**0.5, (1.0 - alpha) ** 0.5)


def clean_estimate(scheduler: Any, kind: str, output: Tensor, x: Tensor, now: NoiseLevel) -> Tensor:
    """What a model's output says the clip is.

    A flow model gives the velocity noise - clip. Others give the noise, the clip, or v = signal * noise - noise level
    * clip in the scaling signal^2 + noise^2 = 1 (Salimans and Ho, arXiv 2202.00512), as the scheduler declares.

    Raises:
        InvalidArgument: It declares something else.
    """
    if kind == FLOW:
        return x - now.noise * output
    predicts = scheduler.config.get("prediction_type", "epsilon")
    if predicts in ("sample", "original_sample"):
        clean = output
    elif predicts == "epsilon":
        clean = (x - now.noise * output) / now.signal
    elif predicts == "v_prediction":
        scale = (now.signal**2 + now.noise**2) ** 0.5
        clean = now.signal / scale**2 * x - now.noise / scale * output
    else:
        raise InvalidArgument(
            f"{type(scheduler).__name__} predicts {predicts!r}; known are epsilon, sample, v_prediction"
        )
    if scheduler.config.get("clip_sample") and "CogVideoX" not in type(scheduler).__name__:  # that one's is not used
        limit = scheduler.config.get("clip_sample_range", 1.0)
        clean = clean.clamp(-limit, limit)
    return clean


def _timestep_of_sigma(scheduler: Any, sigma: float) -> float:
    """The time step that a model of k-diffusion is told at a noise level."""
    import numpy as np

    if scheduler.config.get("timestep_type") == "continuous" and scheduler.config.prediction_type == "v_prediction":
        return float(0.25 * np.log(sigma))
    table = (((1 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod) ** 0.5).log().cpu().numpy()
    return float(np.interp(np.log(sigma), table, np.arange(len(table))))


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(torch.equal(a.detach().to(b.dtype), b.detach()))


@contextmanager
def walking(pipeline: Any, scheduler: Any, walk: Walk) -> Iterator[None]:
    """Put a policy's scheduler into a pipeline, for one call."""
    own = vars(pipeline)["scheduler"]
    vars(pipeline)["scheduler"] = _policy_scheduler(scheduler, walk)  # past __setattr__, which would note a new class
    try:
        yield
    finally:
        vars(pipeline)["scheduler"] = own


def _policy_scheduler(scheduler: Any, walk: Walk) -> Any:
    """A scheduler like another whose steps are those of a walk.

    Pipelines look at the signatures of `set_timesteps` and `step`, so both keep theirs.
    """
    from diffusers.schedulers.scheduling_utils import SchedulerOutput

    base = type(scheduler)
    taken = inspect.signature(base.step)

    @functools.wraps(base.set_timesteps)
    def set_timesteps(self: Any, *args: Any, **options: Any) -> None:
        base.set_timesteps(self, *args, **options)
        walk.begin(self)

    @functools.wraps(base.step)
    def step(self: Any, *args: Any, **options: Any) -> Any:
        given = taken.bind(self, *args, **options).arguments
        if getattr(self, "step_index", 0) is None and hasattr(self, "_init_step_index"):
            self._init_step_index(given["timestep"])
        following = walk.step(self, given["model_output"], given["sample"])
        if getattr(self, "_step_index", None) is not None:
            self._step_index += 1
        return SchedulerOutput(prev_sample=following) if given.get("return_dict", True) else (following, walk.clean)

    def deepcopy(self: Any, memo: Any) -> Any:
        raise InvalidArgument("this pipeline runs a second scheduler beside its own; a policy can only take one")

    members: dict[str, Any] = {"set_timesteps": set_timesteps, "step": step, "__deepcopy__": deepcopy}
    if hasattr(scheduler, "init_noise_sigma") and walk.given:
        members["init_noise_sigma"] = property(lambda self: 1.0, lambda self, value: None)
    made: Any = object.__new__(type(f"Policy{base.__name__}", (base,), members))
    vars(made).update(vars(scheduler))
    return made

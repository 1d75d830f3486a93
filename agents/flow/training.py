"""Training a flow model: clips made on the fly, resumed to the bit.

Everything random is a function of (training seed, step), so a checkpoint holds no generator's state: weights, their
moving average, AdamW's moments and the number of steps done are all there is.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from wmenv.agents.flow.checkpoint import write_checkpoint
from wmenv.agents.flow.data import case_seeds, training_clips
from wmenv.agents.flow.generator import STEPS, FlowGenerator
from wmenv.agents.flow.held_out import CURVE_SEED, FAST, FINAL_SEED, HeldOut, held_out_errors
from wmenv.agents.flow.matching import loss
from wmenv.agents.flow.network import Architecture, Denoiser
from wmenv.agents.flow.precision import Precision, faster_precision
from wmenv.core.errors import InvalidArgument, ProtocolMismatch, RunFolderError
from wmenv.core.files import FORM, write_whole
from wmenv.core.registries import make_env
from wmenv.worlds.discs.splits import split_names
from wmenv.worlds.discs.world import LAWS, Law

STATE = "training.safetensors"
WARM_UP, LAST_RATE = 30, 0.02
BETAS, WEIGHT_DECAY, CLIP_NORM = (0.9, 0.98), 0.01, 1.0
AVERAGE = 0.99
SAMPLER_STEPS = 4
"""Euler steps of the curve's evaluations; the final ones use the generator's default."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the weights.

    Attributes:
        law: The law to learn.
        steps: Optimiser steps; the learning rate falls by a cosine to 2 % at the last one.
        seed: Decides initial weights, clips, times and noise.
        split: Where training clips come from.
        clips: Size of the training set; None draws new clips for ever.
        batch: Clips a step.
        learning_rate: At its peak, after 30 steps of warm-up.
        architecture: Form of clips and network.
        precision: Of the passes; weights and optimiser are float32. `auto` takes the faster one, by a probe.
        device: Where to train.
    """

    law: Law
    steps: int
    seed: int = 0
    split: str = "id"
    clips: int | None = None
    batch: int = 16
    learning_rate: float = 3e-3
    architecture: Architecture = field(default_factory=Architecture)
    precision: Literal["auto"] | Precision = "auto"
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.law not in LAWS:
            raise InvalidArgument(f"law must be one of {', '.join(LAWS)}, got {self.law!r}")
        if self.split not in split_names(self.law):
            raise InvalidArgument(f"no split {self.split!r} of {self.law}; see wmenv show PhyWorld-{self.law}")
        if min(self.steps, self.batch, 1 if self.clips is None else self.clips) < 1 or self.learning_rate <= 0:
            raise InvalidArgument("steps, batch, clips and learning_rate must be positive")

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "architecture": self.architecture.plain()}


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the learning curve.

    Attributes:
        step: Steps done.
        cpu_seconds: CPU time of training up to here, evaluations left out.
        loss: Mean over the steps since the last point.
        held_out: In and out of distribution.
    """

    step: int
    cpu_seconds: float
    loss: float
    held_out: tuple[HeldOut, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Tick:
    """Progress: after every step, and with a point where the curve got one."""

    step: int
    steps: int
    loss: float
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to look up from training; none of it changes the weights.

    Attributes:
        points: Points of the learning curve; each evaluates `clips` clips in and out of distribution.
        clips: Clips of a point's evaluation, a split.
        final_clips: Clips of the card's evaluation, a split; 0 leaves it out.
        save_every: Steps between saved states.
        minutes: Stop after this time; the state is saved and the run can go on.
    """

    points: int = 10
    clips: int = 64
    final_clips: int = 512
    save_every: int = 250
    minutes: float | None = None


def train(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    schedule: Schedule = Schedule(),
    progress: Callable[[Tick], None] | None = None,
) -> dict[str, Any]:
    """Train a model into a folder: `model.safetensors` and `card.json`, and the state to go on from.

    Args:
        recipe: What decides the weights.
        out: The folder; made if missing.
        resume: Go on with the training in `out`; the weights are the same to the bit as without the interruption.
        schedule: Evaluations, saved states, stopping rule.
        progress: Called after every step.

    Returns:
        The card.

    Raises:
        RunFolderError: `out` holds a training already (without `resume`), or cannot be written.
        ProtocolMismatch: `out` holds a training by another recipe.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        trainer = _Trainer(recipe, out / STATE, resume)
        card = trainer.run(schedule, progress)
    except OSError as error:
        raise RunFolderError(
            f"cannot write in {out}: {error.strerror or error}; free space, or another --out"
        ) from error
    return card


class _Trainer:
    """The state of a training and its loop."""

    def __init__(self, recipe: Recipe, path: Path, resume: bool) -> None:
        self.path = path
        known = _saved(path)
        if known is not None and not resume:
            raise RunFolderError(
                f"{path.parent} holds a training already; go on with it (--resume) or choose another --out"
            )
        torch.manual_seed(recipe.seed)
        self.denoiser = Denoiser(recipe.architecture).to(recipe.device)
        self.recipe = recipe = self._settled(recipe, known)
        self.weights = dict(self.denoiser.named_parameters())
        self.average = {name: p.detach().clone() for name, p in self.weights.items()}
        self.optimiser = torch.optim.AdamW(
            self.weights.values(), lr=recipe.learning_rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
        )
        self.step, self.cpu, self.points = 0, 0.0, list[dict[str, Any]]()
        self.losses: list[float] = []  # since the last point
        if known is None:
            self._save()  # the probe's choice holds from here on
        else:
            self._restore(known)

    def _settled(self, recipe: Recipe, known: dict[str, Any] | None) -> Recipe:
        """The recipe with its precision decided: as it was before, or by the probe."""
        if known is None:
            if recipe.precision == "auto":
                recipe = replace(recipe, precision=faster_precision(self.denoiser, recipe.batch))
            return recipe
        before = known["recipe"]
        if recipe.precision == "auto":
            recipe = replace(recipe, precision=before["precision"])
        now = recipe.plain()
        changed = [f"{k} was {before.get(k)}, now {now[k]}" for k in now if before.get(k) != now[k]]
        if changed:
            raise ProtocolMismatch(f"{self.path.parent} holds another training: {'; '.join(changed)}")
        return recipe

    def run(self, schedule: Schedule, progress: Callable[[Tick], None] | None) -> dict[str, Any]:
        """Train to the last step or the end of the time; returns the card."""
        recipe, losses = self.recipe, self.losses
        every = max(1, recipe.steps // schedule.points) if schedule.points else recipe.steps + 1
        end = None if schedule.minutes is None else time.monotonic() + 60 * schedule.minutes
        while self.step < recipe.steps and (end is None or time.monotonic() < end):
            started = time.process_time()
            value = self._take_step()
            self.cpu += time.process_time() - started
            losses.append(value)
            point = None
            if self.step % every == 0:
                point = Point(self.step, round(self.cpu, 1), sum(losses) / len(losses), self._held_out(schedule.clips))
                self.points.append(point.plain())
                losses.clear()
            if progress is not None:
                progress(Tick(self.step, recipe.steps, value, point))
            if self.step % schedule.save_every == 0:
                self._save()
        self._save()
        return self._export(schedule.final_clips)

    def _take_step(self) -> float:
        r, device = self.recipe, self.recipe.device
        clips = training_clips(r.law, r.split, case_seeds(r.seed, self.step, r.batch, r.clips), r.architecture)
        given, clean = clips[:, : r.architecture.given].to(device), clips[:, r.architecture.given :].to(device)
        rng = torch.Generator().manual_seed((r.seed << 32) + self.step)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=r.precision == "bfloat16"):
            value = loss(lambda noisy, t: self.denoiser(noisy, t, given), clean, rng)
        self.optimiser.zero_grad()
        torch.autograd.backward(value)
        torch.nn.utils.clip_grad_norm_(self.weights.values(), CLIP_NORM)
        for group in self.optimiser.param_groups:
            group["lr"] = r.learning_rate * rate(self.step, r.steps)
        self.optimiser.step()
        kept = min(AVERAGE, (self.step + 1) / (self.step + 10))
        torch._foreach_lerp_(list(self.average.values()), [p.detach() for p in self.weights.values()], 1.0 - kept)
        self.step += 1
        return float(value.detach())

    def _held_out(self, clips: int) -> tuple[HeldOut, ...]:
        r = self.recipe
        splits = list(dict.fromkeys((r.split, FAST[r.law])))
        agent = self._generator(SAMPLER_STEPS)
        return tuple(held_out_errors(agent, r.law, splits, clips, r.architecture, CURVE_SEED))

    def _generator(self, steps: int) -> FlowGenerator:
        """The averaged weights, rounded to bfloat16 as they will be written."""
        averaged = Denoiser(self.recipe.architecture)
        averaged.load_state_dict({name: p.to("cpu", torch.bfloat16).float() for name, p in self.average.items()})
        card = {"weights": "in training", "architecture": self.recipe.architecture.plain()}
        return FlowGenerator(averaged.eval(), card, steps=steps, device=self.recipe.device)

    def _export(self, clips: int) -> dict[str, Any]:
        """Write the model; the card states its error on fresh clips."""
        r = self.recipe
        card: dict[str, Any] = {
            "kind": "wmenv flow model",
            "prompt": _prompt(r),
            "architecture": r.architecture.plain(),
            "parameters": self.denoiser.parameter_count,
            "recipe": r.plain(),
            "command": command(r),
            "steps_done": self.step,
            "cpu_seconds": round(self.cpu, 1),
            "versions": {name: version(name) for name in ("wmenv", "torch", "diffusers", "numpy")},
            "curve": self.points,
        }
        if clips:
            agent = self._generator(STEPS)
            splits = list(dict.fromkeys((r.split, FAST[r.law])))
            found = held_out_errors(agent, r.law, splits, clips, r.architecture, FINAL_SEED)
            card["held_out"] = [one.plain() for one in found]
        return write_checkpoint(self.path.parent, self.average, card)

    def _save(self) -> None:
        tensors: dict[str, Tensor] = {}
        for name, p in self.weights.items():
            moments = self.optimiser.state[p]
            tensors |= {f"weights/{name}": p.detach(), f"average/{name}": self.average[name]}
            if moments:
                tensors |= {f"first/{name}": moments["exp_avg"], f"second/{name}": moments["exp_avg_sq"]}
        state = {"recipe": self.recipe.plain(), "step": self.step, "cpu": self.cpu, "points": self.points}
        state["losses"] = self.losses
        data = save({k: t.cpu().contiguous() for k, t in tensors.items()}, {"state": json.dumps(state)})
        write_whole(self.path, data)

    def _restore(self, known: dict[str, Any]) -> None:
        self.step, self.cpu, self.points = known["step"], known["cpu"], known["points"]
        self.losses = known["losses"]
        with safe_open(self.path, "pt") as file, torch.no_grad():
            for name, p in self.weights.items():
                p.copy_(file.get_tensor(f"weights/{name}"))
                self.average[name].copy_(file.get_tensor(f"average/{name}"))
                if self.step:
                    self.optimiser.state[p] = {
                        "step": torch.tensor(float(self.step), device=p.device),
                        "exp_avg": file.get_tensor(f"first/{name}").to(p.device),
                        "exp_avg_sq": file.get_tensor(f"second/{name}").to(p.device),
                    }


def rate(step: int, steps: int) -> float:
    """Share of the learning rate at a step: 30 steps of warm-up, then a cosine from 1 to 0.02."""
    warm = min(1.0, (step + 1) / WARM_UP)
    return warm * (LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * step / steps)))


def command(recipe: Recipe) -> str:
    """The command that trains by a recipe."""
    plain, words = recipe.plain(), ["wmenv train flow"]
    default = Recipe(recipe.law, recipe.steps).plain()
    for key in ("law", "steps", "seed", "split", "clips", "batch", "learning_rate", "precision", "device"):
        if key in ("law", "steps", "seed") or plain[key] != default[key]:
            words.append(f"--{key.replace('_', '-')} {plain[key]}")
    for key, value in plain["architecture"].items():
        if value != default["architecture"][key]:
            words.append(f"--{key} {','.join(map(str, value)) if isinstance(value, list) else value}")
    return " ".join(words)


def _prompt(recipe: Recipe) -> str:
    """What the suite asks in words when it asks for this law."""
    a = recipe.architecture
    suite = make_env(f"PhyWorld-{recipe.law}", size=a.size, frames=a.frames, given=a.given).unwrapped
    (case,) = suite.cases([f"{recipe.split}-{0:012x}"])
    return str(case.request.prompt)


def _saved(path: Path) -> dict[str, Any] | None:
    """The plain part of a saved state, or None.

    Raises:
        RunFolderError: The file is damaged.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            state: dict[str, Any] = json.loads(file.metadata()["state"])
    except (SafetensorError, OSError, *FORM) as error:
        raise RunFolderError(f"{path} is damaged ({error}); remove it and train again") from error
    return state

"""The loop that every method shares: a Gymnasium wrapper that learns."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from wmenv.alignment.anchors import (
    copied,
    data_loss,
    in_force,
    move_average,
    noisy_steps,
    path_dimensions,
    prepare,
    reference_means,
    trainable,
)
from wmenv.alignment.kernels import kernel_of
from wmenv.alignment.monitor import FloatArray, Look, Monitor, with_judger
from wmenv.alignment.precision import faster_precision
from wmenv.alignment.prompts import Mixture, splits_beside
from wmenv.alignment.rewards import criterion_weights
from wmenv.alignment.settings import PassPrecision, Settings, shares_of
from wmenv.core.canonical import digest
from wmenv.core.case import Case, Request
from wmenv.core.clip import Response
from wmenv.core.errors import InvalidArgument, JudgeFailed, WmenvError
from wmenv.core.gaussian import kl
from wmenv.core.protocols import Agent, Generator, Judger
from wmenv.core.registries import AGENTS, JUDGERS
from wmenv.core.verdict import Judgement

BETAS = (0.9, 0.999)
CASES, NOISE, ROUTE, ANCHOR, CONTROL = range(5)
"""Streams of random numbers; each draw is a function of (seed, update, stream) alone, which is what resume needs."""

PROBED = 16
"""Most clips of the probe that decides the precision of the passes."""

Figures = dict[str, float]


class Diverged(WmenvError):
    """The gradient or the weights are no longer finite."""


@dataclass(frozen=True, slots=True)
class Record:
    """What an update did.

    Attributes:
        update: Its number, from 1; 0 is the look before the first one.
        figures: By name: `reward` (mean of the kept clips), `masked` and `forfeited` (shares of the clips),
            `gradient_norm` and what the method adds.
        reasons: Why clips were masked.
        look: Of the weights after it, where there was one.
        cpu_seconds: CPU time of the run up to here, looks included.
    """

    update: int
    figures: Figures
    reasons: tuple[str, ...] = ()
    look: Look | None = None
    cpu_seconds: float = 0.0

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


Callback = Callable[["Method", Record], bool | None]
"""Called after every update; True ends the run. It may look at the method, and `load_state_dict` an earlier state."""


@runtime_checkable
class Watch(Protocol):
    """A callback that also has a say in which looks are kept, and that ends a run for good."""

    def __call__(self, method: Method, record: Record) -> bool | None:
        """As every callback."""
        ...

    def admits(self, method: Method, look: Look) -> bool:
        """Whether the weights of a look, the one after those of the history, may be kept as the best."""
        ...

    def over(self, method: Method) -> bool:
        """Whether the history says that the run has been ended."""
        ...


class Method(gym.Wrapper[Any, Any, Any, Any], ABC):
    """An environment whose rewards improve a generator: `reset` and `step` pass through, `learn` updates.

    `learn` goes around the episodes: it draws cases in batches (`env.unwrapped.cases`), lets the generator answer and
    judges (`env.unwrapped.score`, or the gradient of the judger's `reward`).

    Attributes:
        generator: The generator that learns; its weights are those after the last update.
        settings: As told.
        update: Updates done.
        history: Records as JSON values, one an update, the first one before all updates.
        precision: Of the passes; None until a probe has decided.
        best: (update, value) of the best look by the held-out reward, or by the reward without a held-out judger; of
            those that every `Watch` among the callbacks admits.
    """

    method: ClassVar[str]
    settings_type: ClassVar[type[Settings]] = Settings
    needs_judger: ClassVar[bool] = True

    def __init__(
        self,
        env: gym.Env[Any, Any],
        agent: str | Agent | Generator,
        judger: str | Judger | None = None,
        held_out: str | Judger | None = None,
        **settings: Any,
    ) -> None:
        """Put the method around an environment.

        Args:
            env: An environment of a suite, wrapped or not.
            agent: A generator, or the specification of one. A generator that is passed learns in place.
            judger: Gives the reward; the environment's by default.
            held_out: Another judger that never gives a reward to learn from: it chooses the weights that are kept and
                shows what the learnt reward hides.
            **settings: Of `settings_type`.

        Raises:
            InvalidArgument: The agent is no generator, a setting is out of range, the judger cannot be used.
        """
        super().__init__(env)
        self.settings = s = self.settings_type.of(settings)
        suite: Any = env.unwrapped
        self.suite = suite if judger is None else with_judger(suite, _judger(judger))
        self.held_out = None if held_out is None else with_judger(suite, _judger(held_out))
        self.generator = generator_of(agent, suite)
        self.kernel = kernel_of(s.kernel)
        self.mixture = Mixture.of(s.prompts, suite)
        self.criteria = criterion_weights(suite.criteria, shares_of(s.criteria))
        prepare(self.generator, s.train, s.rank, s.seed, s.targets or None)
        self.weights = trainable(self.generator)
        self.device = next(iter(self.weights.values())).device
        self.reference = copied(self.weights)
        self.average = copied(self.weights)
        self.kept = copied(self.weights)  # of the best look
        self.best: tuple[int, float] | None = None
        self.optimiser = torch.optim.AdamW(
            self.weights.values(), lr=s.learning_rate, betas=BETAS, weight_decay=s.weight_decay
        )
        self.update, self.optimiser_steps, self.cpu = 0, 0, 0.0
        self.precision: PassPrecision | None = None if s.precision == "auto" else s.precision
        self.history: list[dict[str, Any]] = []
        self.monitor = Monitor(
            suite=self.suite,
            held_out=self.held_out,
            judge=self._eval_reward,
            splits=splits_beside(self.mixture, [one for one in s.look_splits.split(",") if one], suite),
            prompted=self.mixture.splits,
            cases=s.look_cases,
            samples=s.look_samples,
            policy=self.kernel,
            micro_batch=s.micro_batch,
        )

    def learn(self, updates: int | None = None, callbacks: Sequence[Callback] = ()) -> list[Record]:
        """Update the generator.

        Args:
            updates: How many more; the rest of `settings.updates` by default, and never beyond it: the learning rate
                has fallen to 0 there.
            callbacks: Called after every update in turn; one that returns True ends the run. See
                `wmenv.alignment.guard.Guard` for one to use.

        Returns:
            A record an update, the first look of a fresh method included; none if a `Watch` has ended the run before.

        Raises:
            JudgeFailed: No clip of an update could be judged.
            Diverged: The gradient is not finite.
        """
        end = self.settings.updates if updates is None else min(self.settings.updates, self.update + updates)
        records: list[Record] = []
        watches = [one for one in callbacks if isinstance(one, Watch)]
        if any(one.over(self) for one in watches):
            return records
        if self.precision is None:
            cases = self.mixture.draw(self.suite, min(self.settings.cases, PROBED), np.random.default_rng(0))
            self.precision = faster_precision(self.generator, self.weights.values(), [case.request for case in cases])
        while not self.history or self.update < end:
            started = time.process_time()
            figures, reasons = self._next_update() if self.history else ({}, ())
            look = self._look(watches) if self._looks_now() else None
            self.cpu += time.process_time() - started
            record = Record(self.update, figures, reasons, look, round(self.cpu, 2))
            records.append(record)
            self.history.append(record.plain())
            if any([callback(self, record) for callback in callbacks]):
                break
        return records

    # What a method states.

    @abstractmethod
    def _learn_from(self, cases: list[Case]) -> tuple[Figures, tuple[str, ...]]:
        """One update on drawn cases: fill gradients and call `_optimise`; returns figures and reasons of masks."""

    def _eval_reward(self, cases: Sequence[Case], responses: Sequence[Response]) -> FloatArray:
        """The reward that is trained on, without gradient, (B,); here the scores by the weights of the criteria."""
        return weighted_scores(self.suite.score(cases, responses), self.criteria)

    # What the methods share.

    def rng(self, stream: int) -> np.random.Generator:
        """Random numbers of the present update."""
        return np.random.default_rng([self.settings.seed, self.update, stream])

    def noise(self, stream: int) -> torch.Generator:
        """The same for torch, on the processor."""
        return torch.Generator().manual_seed(int(self.rng(stream).integers(1 << 62)))

    @property
    def learning_rate(self) -> float:
        """Of the present update: rises over the warm-up, falls linearly, to 0 after the last one."""
        s = self.settings
        return s.learning_rate * min(1.0, (self.update + 1) / (s.warm_up + 1)) * (1.0 - self.update / s.updates)

    @contextmanager
    def passes(self) -> Iterator[None]:
        """Run passes of the networks in the precision of the settings.

        Autocast would keep the rounded weights of its block, also where the reference is swapped in: no cache.
        """
        low = self.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=low, cache_enabled=False):
            yield

    def micro_batches(self, count: int) -> Iterator[slice]:
        """Slices of at most `micro_batch` clips."""
        for start in range(0, count, self.settings.micro_batch):
            yield slice(start, min(start + self.settings.micro_batch, count))

    def other_cases(self, cases: Sequence[Case]) -> list[Case]:
        """The cases, or in the shuffled control each the case of another clip."""
        if not self.settings.shuffled or len(cases) < 2:
            return list(cases)
        order = self.rng(CONTROL).permutation(len(cases))
        others: list[Case] = list(cases)
        for here, there in zip(order, np.roll(order, 1), strict=True):
            others[here] = cases[there]
        return others

    def data_anchor(self, cases: Sequence[Case]) -> Figures:
        """Add the gradient of the generator's own training loss on the true clips of cases, if it has a weight."""
        if not self.settings.data_weight:
            return {}
        with self.passes():
            loss = data_loss(self.generator, self.suite, cases, self.noise(ANCHOR)).mean()
        torch.autograd.backward(self.settings.data_weight * loss)
        return {"data_loss": float(loss.detach())}

    def kl_anchor(self, requests: Sequence[Request]) -> Figures:
        """Add the gradient of the exact divergence to the reference along a noisy path, if it has a weight."""
        if not self.settings.kl_weight:
            return {}
        seeds = self.rng(ANCHOR).integers(1 << 62, size=len(requests)).tolist()
        total = 0.0
        dimensions = 1
        for rows in self.micro_batches(len(requests)):
            with self.passes():
                taken = self.generator.sample(requests[rows], seeds[rows], self.kernel)
            dimensions = path_dimensions(taken)
            for k in noisy_steps(taken):
                with self.passes():
                    (other,) = reference_means(self.generator, self.weights, self.reference, taken, [k])
                    (own,) = self.generator.means(taken, [k])
                divergence = kl(own, taken.stds[k], other).sum() / len(requests)
                scale = self.settings.kl_weight / (1 if self.settings.unit == "joint" else dimensions)
                torch.autograd.backward(scale * divergence)
                total += float(divergence.detach())
        return {"kl": total, "kl_per_dimension": total / dimensions}

    def optimise(self) -> Figures:
        """One step of AdamW along the gradients that have been gathered.

        Raises:
            Diverged: They are not finite.
        """
        norm = torch.nn.utils.clip_grad_norm_(self.weights.values(), self.settings.clip_norm)
        if not torch.isfinite(norm):
            raise Diverged(
                f"the gradient is not finite at update {self.update + 1}; go on from the last saved state with a "
                f"smaller learning rate than {self.learning_rate:g}, or with an anchor"
            )
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.optimiser_steps += 1
        return {"gradient_norm": float(norm)}

    def _next_update(self) -> tuple[Figures, tuple[str, ...]]:
        cases = self.mixture.draw(self.suite, self.settings.cases, self.rng(CASES))
        self.optimiser.zero_grad()
        figures, reasons = self._learn_from(cases)
        figures["learning_rate"] = self.learning_rate
        self.update += 1
        move_average(self.average, self.weights, self.settings.average, self.update)
        return figures, reasons

    def _looks_now(self) -> bool:
        every = self.settings.look_every
        return self.update in (0, self.settings.updates) or (every > 0 and self.update % every == 0)

    def _look(self, watches: Sequence[Watch]) -> Look:
        """Evaluate the average, and keep it where it is the best so far and nobody objects."""
        with in_force(self.weights, self.average), self.passes():
            look = self.monitor.look(self.generator, self.weights, self.reference)
        value = look.reward if self.held_out is None else look.held_out
        better = value is not None and (self.best is None or value > self.best[1])
        if value is not None and better and all(one.admits(self, look) for one in watches):
            self.best, self.kept = (self.update, value), copied(self.average)
        return look

    # What is kept.

    def roll_back(self) -> None:
        """Put the weights of the best look into the generator, and begin the optimiser anew; the history stays."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(self.kept[name])
                self.average[name].copy_(self.kept[name])
        self.optimiser.state.clear()
        self.optimiser_steps = 0

    @contextmanager
    def best_weights(self) -> Iterator[Generator]:
        """The generator with the weights of the best look, for the length of a block."""
        with in_force(self.weights, self.kept):
            yield self.generator

    def export(self, folder: Path) -> str:
        """Write the weights of the best look; returns the agent's specification."""
        folder.mkdir(parents=True, exist_ok=True)
        with self.best_weights() as generator:
            return generator.export(folder, self.facts())

    def facts(self) -> dict[str, Any]:
        """What went into the weights, as plain JSON: method, settings, suite, judgers, agent."""
        return {
            "method": self.method,
            "settings": self.settings.plain(),
            "suite": self.suite.protocol(),
            "held_out": None if self.held_out is None else self.held_out.protocol()["judger"],
            "agent": str(getattr(self.generator, "card", {}).get("identity", type(self.generator).__name__)),
            "weights": digest({name: list(weight.shape) for name, weight in self.weights.items()}),
            "best": None if self.best is None else {"update": self.best[0], "value": self.best[1]},
        }

    def state_dict(self) -> dict[str, Any]:
        """Everything to go on from: tensors by name, and `plain` with the JSON values."""
        state: dict[str, Any] = {}
        for name, weight in self.weights.items():
            state |= {f"weights/{name}": weight.detach(), f"average/{name}": self.average[name]}
            state |= {f"reference/{name}": self.reference[name], f"best/{name}": self.kept[name]}
            if self.optimiser_steps:
                moments = self.optimiser.state[weight]
                state |= {f"first/{name}": moments["exp_avg"], f"second/{name}": moments["exp_avg_sq"]}
        state = {name: tensor.detach().clone() for name, tensor in state.items()}
        state["plain"] = {
            "update": self.update,
            "optimiser_steps": self.optimiser_steps,
            "cpu": self.cpu,
            "precision": self.precision,
            "best": None if self.best is None else list(self.best),
            "history": deepcopy(self.history),
        }
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of the same method; the rest of the run is then the same to the bit."""
        plain = state["plain"]
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(state[f"weights/{name}"])
                for kept, store in (("average", self.average), ("reference", self.reference), ("best", self.kept)):
                    store[name].copy_(state[f"{kept}/{name}"])
                self.optimiser.state.pop(weight, None)
                if plain["optimiser_steps"]:
                    self.optimiser.state[weight] = {
                        "step": torch.tensor(float(plain["optimiser_steps"])),
                        "exp_avg": _as(state[f"first/{name}"], weight),
                        "exp_avg_sq": _as(state[f"second/{name}"], weight),
                    }
        self.update, self.optimiser_steps, self.cpu = plain["update"], plain["optimiser_steps"], plain["cpu"]
        self.precision = plain["precision"]
        self.best = None if plain["best"] is None else (int(plain["best"][0]), float(plain["best"][1]))
        self.history = deepcopy(plain["history"])


def generator_of(agent: str | Agent | Generator, suite: Any) -> Generator:
    """The generator behind an agent; of a family of models a copy of the one that answers this suite.

    Raises:
        InvalidArgument: The agent cannot be aligned.
    """
    made: Any = AGENTS.create(agent) if isinstance(agent, str) else agent
    if isinstance(made, Generator):
        return made
    if callable(getattr(made, "as_generator", None)):
        return made.as_generator()  # type: ignore[no-any-return]
    if callable(getattr(made, "of", None)):
        (case,) = suite.cases(suite.case_ids(1, np.random.default_rng(0)))
        one = made.of(case.request.prompt)
        if isinstance(one, Generator):
            return deepcopy(one)  # the family's own model serves others, too
    name = getattr(made, "name", type(made).__name__)
    lacking = sorted(one for one in _GENERATOR if not hasattr(made, one))
    raise InvalidArgument(
        f"agent {name!r} is no generator that can be aligned: it lacks {', '.join(lacking)}; use flow, flow:DIR or "
        "diffusers:DIR"
    )


_GENERATOR = (
    "steps", "networks", "times", "sample", "logprob", "means", "sample_with_grad", "denoise", "encode", "decode",
    "denoising_loss", "export",
)  # fmt: skip


def weighted_scores(judgements: Sequence[Judgement], weights: FloatArray) -> FloatArray:
    """Weighted mean of the scores of each judgement, (B,); NaN where a weighted criterion failed or none is left."""
    scores = np.array([[np.nan if v.score is None else v.score for v in one.verdicts] for one in judgements])
    failed = np.array([[v.state == "failed" for v in one.verdicts] for one in judgements])
    counted = np.where(np.isnan(scores), 0.0, weights)
    total = counted.sum(axis=1)
    mean = (np.nan_to_num(scores) * counted).sum(axis=1) / np.where(total > 0, total, 1.0)
    return np.where((total > 0) & ~(failed & (weights > 0)).any(axis=1), mean, np.nan)


def all_masked(update: int, reasons: Sequence[str]) -> JudgeFailed:
    """The error of an update that nothing can be learnt from."""
    told = "; ".join(reasons[:3]) or "no reason was given"
    return JudgeFailed(f"no clip of update {update + 1} could be judged: {told}. Nothing was learnt; mend the judger")


def _judger(judger: str | Judger) -> Judger:
    return JUDGERS.create(judger) if isinstance(judger, str) else judger


def _as(tensor: Tensor, weight: Tensor) -> Tensor:
    return tensor.to(weight.device, weight.dtype).clone()

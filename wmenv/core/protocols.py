"""Protocols: what an agent, a judger and a suite must offer to meet each other. Cases first, everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wmenv.core.case import Case, Request
from wmenv.core.clip import Clip, Response
from wmenv.core.rollout import Rollout
from wmenv.core.trajectory import NoiseLevel, Trajectory
from wmenv.core.verdict import Judgement


@runtime_checkable
class Agent(Protocol):
    """A generator under test.

    Attributes:
        name: Name in tables.
        privileged: Whether `act` gets cases, truth included, instead of requests; reports mark such agents.
        card: Plain JSON facts that identify it (weights, options, native clip spec).
    """

    name: str
    privileged: bool
    card: Mapping[str, Any]

    def act(self, requests: Sequence[Any], seeds: Sequence[int]) -> Sequence[Response]:
        """Answer a batch.

        Args:
            requests: `Request`s, or `Case`s for a privileged agent.
            seeds: One a request; the same seed gives the same response, whatever else is in the batch.

        Returns:
            One response a request, in order.
        """
        ...


@runtime_checkable
class LatentGenerator(Protocol):
    """A generator that a small vector drives; `wmenv.wrappers.LatentAction` puts it in front of a suite."""

    def latent_dimension(self, request: Request) -> int:
        """Length d of the latent: the same for all requests of a suite, 0 where one cannot be driven."""
        ...

    def decode(self, request: Request, latent: NDArray[np.float32]) -> Clip:
        """The clip of a latent.

        Args:
            request: What is asked; the clip follows its spec and begins with its given frames.
            latent: float32 (d,), each in [-1, 1]; the same latent gives the same clip.
        """
        ...


class Policy(Protocol):
    """How a denoising step is taken: the next latent is normal around a mean.

    The last step of a sampler is deterministic whatever the policy. One that changes from step to step has a method
    `at(step, steps)`; generators ask `wmenv.core.gaussian.policy_at` for the policy of a step.
    """

    @property
    def name(self) -> str:
        """Name in tables."""
        ...

    def step(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        """Mean and standard deviation of the next latent.

        Args:
            x: Latents (B, ...) at level `now`.
            clean: The clean latents as the generator estimates them from x, same shape.
            now: Noise level of x.
            after: The next one, with less noise.

        Returns:
            Mean (B, ...) and standard deviation; 0 for a step without noise.
        """
        ...


@runtime_checkable
class Generator(Protocol):
    """An agent that can be aligned. Tensors are torch tensors; latents are (B, ...), one row a request.

    Attributes:
        steps: Denoising steps of a sample, S.
    """

    steps: int

    def networks(self) -> Mapping[str, Any]:
        """The torch modules that take part in denoising, by name; their weights that require a gradient are trained."""
        ...

    def times(self) -> Sequence[float]:
        """The sampler's S + 1 times in the unit of `denoise`, the noisiest first."""
        ...

    def sample(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        policy: Policy | None = None,
        starts: Sequence[int] | None = None,
    ) -> Trajectory:
        """Generate one batch without gradient and record every step.

        Args:
            requests: B requests.
            seeds: One a request; initial noise and the noise of every step follow from it.
            policy: How steps are taken; None is the generator's deterministic sampler.
            starts: One a request; the initial noise follows from it instead. Rows of equal starts begin alike and
                part by the noise of their steps.
        """
        ...

    def logprob(self, trajectory: Trajectory, steps: Sequence[int]) -> Any:
        """Log-densities (len(steps), B) of recorded steps under the present weights, nats, with gradient.

        Teacher-forced: each step starts from the recorded latent, so that one step at a time can be asked for.
        """
        ...

    def means(self, trajectory: Trajectory, steps: Sequence[int]) -> Any:
        """Means (len(steps), B, ...) of recorded steps under the present weights, with gradient, teacher-forced.

        What `logprob` evaluates its densities around; divergences between two sets of weights follow from them.
        """
        ...

    def sample_with_grad(
        self, requests: Sequence[Request], seeds: Sequence[int], last_k: int = 1, frames: Sequence[int] | None = None
    ) -> Any:
        """Clips (B, T, 3, H, W) in [0, 1] whose graph reaches back `last_k` steps, one checkpoint a denoiser call.

        Args:
            requests: B requests.
            seeds: One a request.
            last_k: Number of last steps that get a gradient.
            frames: Indices of the frames to return; all by default.
        """
        ...

    def denoise(self, x_t: Any, t: Any, requests: Sequence[Request]) -> Any:
        """Clean latents estimated from x_t (B, ...) at times t (B,) in the generator's own unit, with gradient."""
        ...

    def encode(self, responses: Sequence[Response]) -> Any:
        """Clean latents (B, ...) of clips of the generator's own form, without gradient."""
        ...

    def decode(self, latents: Any, requests: Sequence[Request], frames: Sequence[int] | None = None) -> Any:
        """Clips (B, T or len(frames), 3, H, W), about [0, 1], that clean latents show, with gradient."""
        ...

    def denoising_loss(self, clean: Any, requests: Sequence[Request], rng: Any) -> Any:
        """Loss (B,) of each clip as in the training of the generator, at times and noise from `rng`, with gradient.

        Args:
            clean: Clean latents (B, ...).
            requests: B requests.
            rng: A `torch.Generator` on the processor.
        """
        ...

    def export(self, folder: Path, facts: Mapping[str, Any]) -> str:
        """Write the present weights so that they can be used again.

        Args:
            folder: Where to; exists.
            facts: JSON values about how they came about; they go on the card.

        Returns:
            The agent's specification, such as `flow:FOLDER`.
        """
        ...


@runtime_checkable
class Judger(Protocol):
    """Answers the criteria of cases about responses.

    Attributes:
        name: Name in tables.
        accepts: Kinds of responses it can judge.
        reads_truth: Whether it reads the truth; others get cases whose truth raises.
        exact: Whether it is cheap and deterministic, so that its judgements are not cached.
        card: Plain JSON facts that identify it.
    """

    name: str
    accepts: tuple[str, ...]
    reads_truth: bool
    exact: bool
    card: Mapping[str, Any]

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> Sequence[Judgement]:
        """Judge a batch, no gradient; one judgement a pair, in order."""
        ...


@runtime_checkable
class RemoteJudger(Judger, Protocol):
    """A judger whose answers cost time or money, so that they are kept.

    Attributes:
        spec: The specification that makes the same judger again, without what decides no answer: it stands in the
            identity of a run, so that keys, budgets and pace may change when the run is gone on with.
        told: How it judges, in one line.
    """

    spec: str
    told: str

    def keep_answers(self, folder: Path) -> None:
        """Keep answers in a run folder from now on, and take up those that are there; a place of its own comes first.

        Raises:
            RunFolderError: The folder cannot be written.
        """
        ...

    def close(self) -> None:
        """Let go of connections and files; a later `judge` opens them again."""
        ...


@runtime_checkable
class DifferentiableJudger(Judger, Protocol):
    """A judger whose reward has a gradient with respect to the frames. Tensors are torch tensors."""

    def reward(self, cases: Sequence[Case], frames: Any) -> tuple[Any, Any]:
        """Judge a batch and keep the graph.

        Args:
            cases: N cases, all with the same criteria.
            frames: Floats (N, T, 3, H, W) in [0, 1], given frames included, at the rate of the cases' clip spec.

        Returns:
            `values` and `valid`, both (N, C) with one column a criterion of the cases, in their order. Larger values
            are better, in the unit that `card["units"]` states for each criterion: log-odds (yes or no), expected
            grade (ordinal) or minus the normalised error (continuous). `valid` is boolean: False where a criterion
            does not concern the case or the judger cannot answer it (the value is then 0 and has no gradient). A
            forfeited criterion is valid with its worst value.

        Raises:
            InvalidCase: A case is not of a world that it judges.
            InvalidArgument: Frames of another shape, or cases whose criteria differ.
        """
        ...


class Suite(Protocol):
    """A versioned set of cases with its judger: the batch side of an environment (`env.unwrapped`)."""

    judger: Judger
    default_split: str

    def protocol(self) -> dict[str, Any]:
        """Everything that decides a score, as plain JSON; results of different protocols are not compared."""
        ...

    def splits(self) -> tuple[str, ...]:
        """Names of the splits, the default one first."""
        ...

    def case_ids(self, n: int, rng: np.random.Generator, split: str | None = None) -> list[str]:
        """Draw the ids of n cases; the first ids of a longer draw are those of a shorter one."""
        ...

    def cases(self, ids: Sequence[str]) -> list[Case]:
        """Rebuild cases exactly from their ids."""
        ...

    def observe(self, cases: Sequence[Case]) -> list[Request]:
        """What an agent gets to see of the cases."""
        ...

    def score(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge responses; never raises for a bad response or a broken judge, both are recorded."""
        ...

    def advance(self, rollouts: Sequence[Rollout]) -> list[Case | None]:
        """The next step's case of each unfinished episode; None where the episode has ended."""
        ...

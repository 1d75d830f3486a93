"""One trained flow model as an agent, and as a generator that can be aligned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from wmenv.agents.adapters import merged_weights, network_facts
from wmenv.agents.flow.checkpoint import card_digest, read_checkpoint, write_checkpoint
from wmenv.agents.flow.data import to_pixels, to_signed
from wmenv.agents.flow.matching import clip_losses, seeded_noise, times
from wmenv.agents.flow.network import Denoiser
from wmenv.core.case import Request
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidArgument
from wmenv.core.gaussian import log_density, policy_at, replayed_log_prob
from wmenv.core.protocols import Policy
from wmenv.core.trajectory import NoiseLevel, Trajectory
from wmenv.worlds.discs.world import FPS

STEPS = 8
"""Euler steps of a sample unless said otherwise."""

BATCH = 8
"""Clips in one pass of `act`; a short batch is filled up, so that no clip depends on how many there are."""


class FlowGenerator:
    """Continues the given frames of the disc world by flow matching in pixel space.

    As an agent it integrates the probability-flow ODE with Euler's method. As a generator (see
    `wmenv.core.protocols.Generator`) it records and replays denoising trajectories under any Gaussian policy, and
    lets a gradient through the last steps. Latents are the frames after the given ones, (B, T - K, 3, H, W) in
    about [-1, 1].
    """

    privileged = False

    def __init__(
        self,
        denoiser: Denoiser,
        card: dict[str, Any],
        *,
        steps: int = STEPS,
        device: str = "cpu",
        name: str = "flow",
    ) -> None:
        """Make the generator.

        Args:
            denoiser: The network, float32.
            card: Facts about it: `architecture`, `prompt`, `weights`, and how it was trained.
            steps: Euler steps.
            device: Where to run, such as `cpu` or `cuda`.
            name: Name in tables.
        """
        if steps < 1:
            raise InvalidArgument(f"steps must be at least 1, got {steps}")
        self.name, self.steps, self.device = name, steps, torch.device(device)
        self.denoiser = denoiser.to(self.device)
        self.architecture = a = denoiser.architecture
        self.card: Mapping[str, Any] = {
            "identity": f"flow-v0-{card_digest(card)}",
            "clip": {"frames": a.frames, "height": a.size, "width": a.size, "fps": str(FPS), "given": a.given},
            "steps": steps,
            "model": card,
        }

    @classmethod
    def read(cls, folder: str | Path, *, steps: int = STEPS, device: str = "cpu") -> FlowGenerator:
        """The model of a folder that `wmenv train flow` wrote; named after the folder."""
        path = Path(folder).expanduser()
        denoiser, card = read_checkpoint(path)
        return cls(denoiser, card, steps=steps, device=device, name=f"flow:{path.resolve().name}")

    def act(self, requests: Sequence[Request], seeds: Sequence[int]) -> list[Clip]:
        """Answer each request with its own seed; in passes of eight clips, always full ones.

        Raises:
            InvalidArgument: A request of another form than the model was trained on.
        """
        clips: list[Clip] = []
        for start in range(0, len(requests), BATCH):
            asked, drawn = requests[start : start + BATCH], seeds[start : start + BATCH]
            fill = BATCH - len(asked)
            full, full_seeds = [*asked, *[asked[0]] * fill], [*drawn, *[drawn[0]] * fill]
            future = to_pixels(self._integrate(self._given(full), self._start(full_seeds)[0]))
            clips += [Clip(np.concatenate([r.frames, f]), FPS) for r, f in zip(asked, future, strict=False)]
        return clips

    def networks(self) -> dict[str, torch.nn.Module]:
        """The denoiser."""
        return {"denoiser": self.denoiser}

    def times(self) -> list[float]:
        """Steps + 1 times from 1 to 0."""
        return times(self.steps)

    def sample(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        policy: Policy | None = None,
        starts: Sequence[int] | None = None,
    ) -> Trajectory:
        """Generate one batch and record how; see `wmenv.core.protocols.Generator`."""
        given = self._given(requests)
        x, generators = self._start(seeds)
        if starts is not None:  # the generators have drawn their own start all the same, so that no noise comes twice
            x, _ = self._start(starts)
        sigmas = times(self.steps)
        latents, means, stds, logs = [x], [], [], []
        with torch.no_grad():
            for k, (now, after) in enumerate(pairwise(sigmas)):
                mean, std = self._step(x, now, after, given, policy_at(policy, k, self.steps))
                noise = torch.stack([torch.randn(x.shape[1:], generator=g) for g in generators]).to(x) if std else 0.0
                x = mean + std * noise
                latents.append(x)
                means.append(mean)
                stds.append(std)
                logs.append(log_density(x, mean, std))
        future = to_pixels(x)
        return Trajectory(
            requests=tuple(requests),
            seeds=tuple(seeds),
            policy=policy,
            levels=tuple(map(level, sigmas)),
            latents=torch.stack(latents),
            means=torch.stack(means),
            stds=tuple(stds),
            log_prob=torch.stack(logs),
            responses=tuple(Clip(np.concatenate([r.frames, f]), FPS) for r, f in zip(requests, future, strict=True)),
            starts=None if starts is None else tuple(starts),
            facts=network_facts(self.networks()),
        )

    def logprob(self, trajectory: Trajectory, steps: Sequence[int]) -> Tensor:
        """Log-density of recorded steps under the present weights, (len(steps), B), nats, with gradient."""
        log_prob: Tensor = replayed_log_prob(trajectory, steps, self.means(trajectory, steps))
        return log_prob

    def means(self, trajectory: Trajectory, steps: Sequence[int]) -> Tensor:
        """Means of recorded steps under the present weights, (len(steps), B, T - K, 3, H, W), with gradient."""
        given = self._given(trajectory.requests)
        rows = []
        for k in steps:
            now, after = trajectory.levels[k].noise, trajectory.levels[k + 1].noise
            policy = policy_at(trajectory.policy, k, len(trajectory.stds))
            rows.append(self._step(trajectory.latents[k], now, after, given, policy)[0])
        return torch.stack(rows)

    def sample_with_grad(
        self, requests: Sequence[Request], seeds: Sequence[int], last_k: int = 1, frames: Sequence[int] | None = None
    ) -> Tensor:
        """Clips (B, T or len(frames), 3, H, W) in [0, 1] with a graph through the last `last_k` Euler steps."""
        if not 1 <= last_k <= self.steps:
            raise InvalidArgument(f"last_k must lie in 1 to {self.steps} (the number of steps), got {last_k}")
        given = self._given(requests)
        x, _ = self._start(seeds)
        sigmas = times(self.steps)
        for k, (now, after) in enumerate(pairwise(sigmas)):
            if k < self.steps - last_k:
                with torch.no_grad():
                    x, _ = self._step(x, now, after, given, None)
            else:
                x = checkpoint(self._euler, x, now, after, given, use_reentrant=False)
        return _shown(given, x, frames)

    def denoise(self, x_t: Tensor, t: Tensor, requests: Sequence[Request]) -> Tensor:
        """x0 estimated from x_t (B, T - K, 3, H, W) at times t (B,), with gradient."""
        estimate: Tensor = self.denoiser(x_t, t, self._given(requests))
        return estimate

    def encode(self, responses: Sequence[Response]) -> Tensor:
        """The frames after the given ones, (B, T - K, 3, H, W) in [-1, 1].

        Raises:
            InvalidArgument: A clip of another form than the model makes.
        """
        a = self.architecture
        for one in responses:
            if not isinstance(one, Clip) or one.frames.shape != (a.frames, a.size, a.size, 3):
                raise InvalidArgument(
                    f"{self.name} takes clips of {a.frames} frames of {a.size} x {a.size}, got {one.spec()}"
                )
        return to_signed(np.stack([c.frames[a.given :] for c in responses if isinstance(c, Clip)])).to(self.device)

    def decode(self, latents: Tensor, requests: Sequence[Request], frames: Sequence[int] | None = None) -> Tensor:
        """The given frames and the latents as pixels, (B, T or len(frames), 3, H, W), 0 black and 1 white."""
        return _shown(self._given(requests), latents, frames)

    def denoising_loss(self, clean: Tensor, requests: Sequence[Request], rng: torch.Generator) -> Tensor:
        """Flow matching loss of each clip, (B,), as in training."""
        given = self._given(requests)
        return clip_losses(lambda noisy, t: self.denoiser(noisy, t, given), clean, rng)

    def export(self, folder: Path, facts: Mapping[str, Any]) -> str:
        """Write the model as `wmenv train flow` does, adapters merged; its card gets the facts as `alignment`.

        In float32: what an alignment changes can be less than bfloat16 rounds away.
        """
        before = {k: v for k, v in self.card["model"].items() if k not in ("held_out", "curve", "weights")}
        card = {**before, "base": self.card["model"]["weights"], "alignment": dict(facts)}
        write_checkpoint(folder, merged_weights(self.denoiser), card, torch.float32)
        return f"flow:{folder}"

    def _start(self, seeds: Sequence[int]) -> tuple[Tensor, list[torch.Generator]]:
        a = self.architecture
        noise, generators = seeded_noise((a.frames - a.given, 3, a.size, a.size), seeds)
        return noise.to(self.device), generators

    def _integrate(self, given: Tensor, x: Tensor) -> Tensor:
        with torch.no_grad():
            for now, after in pairwise(times(self.steps)):
                x = self._euler(x, now, after, given)
        return x

    def _euler(self, x: Tensor, now: float, after: float, given: Tensor) -> Tensor:
        return _moved(x, self._clean(x, now, given), now, after)

    def _step(self, x: Tensor, now: float, after: float, given: Tensor, policy: Policy | None) -> tuple[Tensor, float]:
        first, row = _runs(x, given)
        alike = len(first) < len(x)
        clean = self._clean(x[first], now, given[first])[row] if alike else self._clean(x, now, given)
        if policy is None:
            return _moved(x, clean, now, after), 0.0
        return policy.step(x, clean, level(now), level(after))

    def _clean(self, x: Tensor, now: float, given: Tensor) -> Tensor:
        estimate: Tensor = self.denoiser(x, torch.full((len(x),), now, device=x.device), given)
        return estimate

    def _given(self, requests: Sequence[Request]) -> Tensor:
        a = self.architecture
        for r in requests:
            spec = r.spec
            form = (spec.frames, spec.height, spec.width, r.frames.shape)
            if form != (a.frames, a.size, a.size, (a.given, a.size, a.size, 3)) or spec.fps != FPS:
                asked = f"{spec.frames} frames of {spec.width} x {spec.height} at {spec.fps} fps, {len(r.frames)} given"
                raise InvalidArgument(
                    f"{self.name} makes {a.frames} frames of {a.size} x {a.size} at {FPS} fps from {a.given} given "
                    f"ones; case {r.case_id} asks for {asked}. Use --frames {a.frames} --size {a.size}, or train one"
                )
        return to_signed(np.stack([r.frames for r in requests])).to(self.device)


def _moved(x: Tensor, clean: Tensor, now: float, after: float) -> Tensor:
    """Euler's step towards the estimate."""
    return x + (after - now) / now * (x - clean)


def _runs(x: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
    """First rows of runs of equal rows, and the run of each row.

    Samples of a policy gradient that begin from the same noise are one clip up to their first noisy step, which the
    network then sees once: forwards and, where rows are gathered again, backwards.
    """
    new = torch.ones(len(x), dtype=torch.bool, device=x.device)
    new[1:] = (x[1:] != x[:-1]).flatten(1).any(1) | (given[1:] != given[:-1]).flatten(1).any(1)
    return new.nonzero()[:, 0], new.long().cumsum(0) - 1


def _shown(given: Tensor, x: Tensor, frames: Sequence[int] | None) -> Tensor:
    """Given and predicted frames as pixels in about [0, 1]; some of them, or all."""
    clip = (torch.cat([given, x], dim=1) + 1.0) / 2.0
    return clip if frames is None else clip[:, list(frames)]


def level(t: float) -> NoiseLevel:
    """Signal and noise at a time of flow matching."""
    return NoiseLevel(1.0 - t, t)

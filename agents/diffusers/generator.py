"""A stock pipeline as a generator that can be aligned."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from wmenv.agents.adapters import dropping, has_lora, lora_weights, network_facts
from wmenv.agents.diffusers.agent import DiffusersAgent
from wmenv.agents.diffusers.calling import arguments_of, frames_of, response_of
from wmenv.agents.diffusers.form import Form, form_of
from wmenv.agents.diffusers.hooks import Window, blank_request, cut_off, noise_of, replaced, undone, watch
from wmenv.agents.diffusers.loading import own_pipeline
from wmenv.agents.diffusers.size import check_size
from wmenv.agents.diffusers.walk import REFUSED, Enough, Walk, level_at, sampler_of, walking
from wmenv.core.case import ClipSpec, Request
from wmenv.core.clip import Clip, Response
from wmenv.core.devices import no_deprecations
from wmenv.core.errors import InvalidArgument, InvalidResponse
from wmenv.core.gaussian import log_density, replayed_log_prob
from wmenv.core.protocols import Policy
from wmenv.core.trajectory import Trajectory

DENOISERS = ("transformer", "transformer_2", "unet")
"""Components of a pipeline that remove noise."""

LEAST_TIME = 0.05
"""`denoising_loss` is |clean - estimate|^2 / max(t, 0.05)^2: the velocity loss, held finite near t = 0."""


class DiffusersGenerator(DiffusersAgent):
    """Records, replays and differentiates what a stock pipeline of diffusers does.

    The pipeline's own call runs, without the decorator that turns gradients off, with a scheduler whose steps are a
    policy's (`wmenv.agents.diffusers.walk`): guidance, conditioning and decoding are the pipeline's code. As an agent
    it answers with the pipeline's own scheduler, under the present weights. Latents are the pipeline's, packed or not;
    times are those of flow matching, in [0, 1], for every parametrisation: `denoise` takes (1 - t) clip + t noise.

    The pipeline is loaded for this object alone, since its weights are going to change.

    Attributes:
        steps: Denoising steps.
        batch: Requests of one call. Replayed log-densities are exact if it has not changed since.
        window: Latent frames that are decoded on either side of wanted ones where a gradient is asked for; None decodes
            all of them.
        sampler: Name of the scheduler that policies take the place of: the pipeline's own, or a first-order one
            where that takes several steps or stages into account (UniPC, DPM-Solver).
    """

    def __init__(
        self, target: str, *, batch: int = 1, offload: str | None = "none", window: int | None = None, **options: Any
    ) -> None:
        """Load the pipeline.

        Args:
            target: As of `DiffusersAgent`.
            batch: Requests of one call.
            offload: Must be `none`: weights that move away lose their gradient.
            window: See the class; at least 1. Decoding is what memory goes to, and it grows with the frames.
            **options: As of `DiffusersAgent`.

        Raises:
            InvalidArgument: A pipeline that one hook into the scheduler's step does not cover; see also
                `DiffusersAgent`.
        """
        if offload not in (None, "none"):
            raise InvalidArgument(f"a generator that is to be aligned stays in memory: offload=none, got {offload!r}")
        self._own: Any = None
        super().__init__(target, batch=batch, **options)
        if window is not None and window < 1:
            raise InvalidArgument(f"window must be at least 1 latent frame, got {window}")
        self.batch, self.window, self.target = batch, window, target
        name = self.signature.pipeline
        for start, reason in REFUSED.items():
            if name.startswith(start):
                raise InvalidArgument(f"{name} cannot be aligned: {reason}")
        if "latents" not in self.signature.parameters:
            raise InvalidArgument(f"{name} cannot be aligned: its call takes no latents to go on from")
        self._scheduler, self._kind = sampler_of(self._pipeline().scheduler)
        self.sampler = type(self._scheduler).__name__
        self.steps = int(self.card["steps"])
        self._times: list[float] | None = None
        if not self.networks():
            raise InvalidArgument(f"{name} has none of {', '.join(DENOISERS)} to train")

    def _pipeline(self) -> Any:
        if self._own is None:
            self._own = own_pipeline(self.wanted)
        return self._own

    def networks(self) -> dict[str, nn.Module]:
        """The denoisers by the pipeline's names for them."""
        found = {name: getattr(self._own, name, None) for name in DENOISERS}
        return {name: network for name, network in found.items() if network is not None}

    def facts(self) -> dict[str, Any]:
        """What must be the same when recorded steps are replayed."""
        parts = {name: part for name, part in self._own.components.items() if isinstance(part, nn.Module)}
        return {
            **network_facts(self.networks()),
            "dropout": [f"{name}.{layer}" for name, part in parts.items() for layer in dropping(part)],
            "guidance": self.options.get("guidance_scale", self.signature.default("guidance_scale")),
            "options": {k: v for k, v in self.options.items() if k != "guidance_scale"},
            "batch": self.batch,
            "sampler": self.sampler,
        }

    def times(self) -> list[float]:
        """Steps + 1 times of flow matching, falling: of the last sample, else of a clip in the form made unasked."""
        if self._times is None:
            unasked, asked = self.makes.unasked, self.asked
            spec = ClipSpec(*(getattr(asked, k) or getattr(unasked, k) for k in ("frames", "height", "width", "fps")))
            walk = Walk(self._kind, look=True)
            request = blank_request(spec, 1 if self.signature.image else 0)
            self._call_pipeline([request], [0], self._form([request]), walk, grad=False)
            self._note(walk)
        return list(self._times or ())

    def sample(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        policy: Policy | None = None,
        starts: Sequence[int] | None = None,
    ) -> Trajectory:
        """Generate one batch and record how; see `wmenv.core.protocols.Generator`.

        Raises:
            InvalidArgument: Requests of several forms; a pipeline that changes its latents between steps.
        """
        form, walks, responses = self._form(requests), [], list[Response]()
        begun = list(seeds if starts is None else starts)
        for part in self._parts(requests):
            walk = Walk(self._kind, policy, noise_of(seeds[part]))
            output = self._call_pipeline(requests[part], begun[part], form, walk, output_type="np", grad=False)
            if len(walk.means) != walk.steps:
                raise InvalidArgument(f"{self.signature.pipeline} took {len(walk.means)} steps of {walk.steps}")
            made = frames_of(output, len(requests[part]), form, self.signature.pipeline)
            image = self.signature.image
            responses += [response_of(r, one, form, image) for r, one in zip(requests[part], made, strict=True)]
            walks.append(walk)
        self._note(walks[0])
        latents = torch.stack([torch.cat(rows) for rows in zip(*(w.latents for w in walks), strict=True)])
        means = torch.stack([torch.cat(rows) for rows in zip(*(w.means for w in walks), strict=True)])
        stds = tuple(walks[0].stds)
        return Trajectory(
            requests=tuple(requests),
            seeds=tuple(seeds),
            policy=policy,
            levels=walks[0].levels,
            latents=latents,
            means=means,
            stds=stds,
            log_prob=torch.stack([log_density(latents[k + 1], means[k], std) for k, std in enumerate(stds)]),
            responses=tuple(responses),
            starts=None if starts is None else tuple(starts),
            facts=self.facts(),
        )

    def logprob(self, trajectory: Trajectory, steps: Sequence[int]) -> Tensor:
        """Log-densities (len(steps), B) of recorded steps under the present weights, nats, with gradient."""
        log_prob: Tensor = replayed_log_prob(trajectory, steps, self.means(trajectory, steps))
        return log_prob

    def means(self, trajectory: Trajectory, steps: Sequence[int]) -> Tensor:
        """Means (len(steps), B, ...) of recorded steps under the present weights, with gradient.

        Only the asked steps run: the pipeline starts from the recorded latent and is left after one step.
        """
        requests, form = trajectory.requests, self._form(trajectory.requests)
        seeds = trajectory.seeds if trajectory.starts is None else trajectory.starts
        rows = []
        for k in steps:
            found = []
            for part in self._parts(requests):
                walk = Walk(self._kind, trajectory.policy, only=k, given=True)
                x = trajectory.latents[k][part]
                self._call_pipeline(requests[part], seeds[part], form, walk, latents=x)
                found.append(walk.means[0])
            rows.append(torch.cat(found))
        return torch.stack(rows)

    def sample_with_grad(
        self, requests: Sequence[Request], seeds: Sequence[int], last_k: int = 1, frames: Sequence[int] | None = None
    ) -> Tensor:
        """Clips (B, T or len(frames), 3, H, W) in [0, 1] with a graph through the last `last_k` steps.

        Each call of a denoiser is one checkpoint: what it computed is computed again on the way back, so that memory
        does not grow with the steps but for their latents.

        Without `window` all frames are decoded and some returned: their gradient has no bias. With it only latent
        frames near the wanted ones are, as if the clip began and ended there: exact for a causal decoder (Wan) whose
        window reaches back to the start, otherwise another clip and a biased gradient, since video autoencoders mix
        neighbours in time.

        Pixels beyond black and white are cut off, and the gradient passes as if they were not: a saturated pixel can
        come back.

        Raises:
            InvalidArgument: `last_k` is not in 1 to the number of steps.
        """
        if not 1 <= last_k <= self.steps:
            raise InvalidArgument(f"last_k must lie in 1 to {self.steps} (the number of steps), got {last_k}")
        form, clips = self._form(requests), []
        for part in self._parts(requests):
            walk = Walk(self._kind)
            with self._checkpointed(walk, last_k):
                made = self._shown(requests[part], seeds[part], form, walk, frames=frames)
            if len(walk.means) != self.steps:
                raise InvalidArgument(f"{self.signature.pipeline} took {len(walk.means)} steps of {self.steps}")
            clips.append(made)
        return torch.cat(clips)

    def denoise(self, x_t: Tensor, t: Tensor, requests: Sequence[Request]) -> Tensor:
        """Clean latents estimated from x_t = (1 - t) clip + t noise at times t (B,), with gradient.

        A variance-preserving model is asked at the nearest of its own time steps. Noise that a pipeline adds to a
        given image follows from seed 0.
        """
        form, found = self._form(requests), []
        for k, request in enumerate(requests):
            walk = Walk(self._kind, time=float(t[k]), given=True)
            level = level_at(self._scheduler, self._kind, float(t[k])).level
            x = x_t[k : k + 1] * (level.signal + level.noise)
            self._call_pipeline([request], [0], form, walk, latents=x)
            assert walk.clean is not None
            found.append(walk.clean)
        return torch.cat(found)

    def encode(self, responses: Sequence[Response]) -> Tensor:
        """Clean latents (B, ...) of clips, without gradient; a clip is lengthened by its last frame where need be.

        What the pipeline does between its latents and its decoder (scaling, shifting, packing) is undone by its
        gradient; see `wmenv.agents.diffusers.hooks.undone`.

        Raises:
            InvalidArgument: No clips, or a pipeline that goes on from an image.
        """
        if self.signature.image:
            raise InvalidArgument(f"{self.signature.pipeline} goes on from an image, which a clip alone does not name")
        return torch.cat([self._encoded(one) for one in responses])

    def _encoded(self, response: Response) -> Tensor:
        if not isinstance(response, Clip):
            raise InvalidArgument(f"only clips can be encoded, got {type(response).__name__}")
        frames, height, width, _ = response.frames.shape
        request = blank_request(ClipSpec(frames, height, width, response.fps), 0)
        form = self._form([request])
        probe = Walk(self._kind, only=0)
        self._call_pipeline([request], [0], form, probe, grad=False)
        vae = self._own.vae
        full = np.concatenate([response.frames, *[response.frames[-1:]] * (form.made - frames)])
        pixels = torch.from_numpy(np.moveaxis(full, -1, 0).astype(np.float32))[None] / 127.5 - 1.0
        with torch.no_grad():
            wanted = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode().float()
        return undone(lambda latents: self._decoder_input(request, form, latents), probe.latents[0], wanted)

    def _decoder_input(self, request: Request, form: Form, latents: Tensor) -> Tensor:
        """What the pipeline hands to its decoder, given clean latents."""
        taken: list[Tensor] = []

        def take(z: Tensor, *args: Any, **options: Any) -> Any:
            taken.append(z)
            raise Enough

        with replaced(self._own.vae, "decode", take):
            walk = Walk(self._kind, nothing=True, given=True)
            self._call_pipeline([request], [0], form, walk, latents=latents, output_type="pt", grad=True)
        return taken[0]

    def decode(self, latents: Tensor, requests: Sequence[Request], frames: Sequence[int] | None = None) -> Tensor:
        """Clips (B, T or len(frames), 3, H, W) in [0, 1] that clean latents show, with gradient."""
        form, clips = self._form(requests), []
        for part in self._parts(requests):
            walk = Walk(self._kind, nothing=True, given=True)
            clips.append(self._shown(requests[part], [0] * len(requests[part]), form, walk, latents[part], frames))
        return torch.cat(clips)

    def denoising_loss(self, clean: Tensor, requests: Sequence[Request], rng: torch.Generator) -> Tensor:
        """Flow matching loss (B,) of each clip at logit-normal times (Esser et al., arXiv 2403.03206), with gradient.

        The same loss for every parametrisation, whatever the pipeline was trained with.
        """
        t = torch.sigmoid(torch.randn(len(clean), generator=rng)).to(clean.device)
        noise = torch.randn(clean.shape, generator=rng).to(clean)
        wide = t.reshape(-1, *[1] * (clean.dim() - 1)).to(clean)
        estimate = self.denoise((1.0 - wide) * clean + wide * noise, t, requests)
        error = (estimate.float() - clean.float()).square().flatten(1).mean(dim=1)
        loss: Tensor = error / t.clamp(min=LEAST_TIME) ** 2
        return loss

    def export(self, folder: Path, facts: Mapping[str, Any]) -> str:
        """Write the present weights as diffusers reads them, and the facts beside them.

        Adapters become a file for `pipeline.load_lora_weights` where the pipeline has that; the pipeline is written
        whole otherwise, adapters merged.

        Returns:
            A specification of the agent.
        """
        from wmenv.agents.diffusers.exporting import export

        lora = {name: lora_weights(network) for name, network in self.networks().items() if has_lora(network)}
        return export(self._own, self.networks(), lora, folder, facts, self.target)

    def _form(self, requests: Sequence[Request]) -> Form:
        """The one form of all requests."""
        forms = {form_of(request, self.asked, self.makes, self.signature) for request in requests}
        if len(forms) != 1:
            raise InvalidArgument(f"one batch has one form of clips, got {len(forms)}")
        return forms.pop()

    def _parts(self, requests: Sequence[Request]) -> list[slice]:
        return [slice(k, k + self.batch) for k in range(0, len(requests), self.batch)]

    def _note(self, walk: Walk) -> None:
        self._times = [level.noise / (level.signal + level.noise) for level in walk.levels]

    def _shown(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        form: Form,
        walk: Walk,
        latents: Tensor | None = None,
        frames: Sequence[int] | None = None,
    ) -> Tensor:
        """The response to each request, (B, T or len(frames), 3, H, W), with its graph."""
        processor = getattr(self._own, "video_processor", None)
        if processor is None:
            raise InvalidArgument(f"{self.signature.pipeline} has no video_processor: its pixels have no gradient")
        before = len(requests[0].frames) - 1 if self.signature.image else 0
        total = before + form.used
        wanted = [range(total)[k] for k in (range(total) if frames is None else frames)]
        window = Window(self._own.vae, self.window, self.makes.every, [max(k - before, 0) for k in wanted])
        with ExitStack() as stack:
            stack.enter_context(replaced(processor, "denormalize", cut_off))
            if self.window is not None:
                stack.enter_context(replaced(self._own.vae, "decode", window))
            output = self._call_pipeline(requests, seeds, form, walk, latents=latents, output_type="pt")
        made = output.frames.float()
        shape = (len(requests), 3, form.height, form.width)
        if made.dim() != 5 or (made.shape[0], *made.shape[2:]) != shape:
            raise InvalidResponse(f"{self.signature.pipeline} returned clips of shape {tuple(made.shape)}")
        rows = []
        for k in wanted:  # given frames come first where the pipeline goes on from the last of them
            if k > before or not self.signature.image:
                rows.append(made[:, k - before - window.first])
            else:
                given = np.stack([np.moveaxis(request.frames[k], -1, 0) for request in requests])
                rows.append(torch.from_numpy(given).to(made) / 255)
        return torch.stack(rows, dim=1)

    def _call_pipeline(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        form: Form,
        walk: Walk,
        *,
        latents: Tensor | None = None,
        output_type: str = "latent",
        grad: bool | None = None,
    ) -> Any:
        """Call the pipeline once, with gradient as around this call unless said otherwise; None if it was left."""
        pipeline = self._own
        arguments = arguments_of(self.signature, form, requests, seeds, self.options)
        if "output_type" in self.signature.parameters:
            arguments["output_type"] = output_type
        if latents is not None:
            arguments["latents"] = latents
        if "callback_on_step_end" in self.signature.parameters:
            arguments["callback_on_step_end"] = watch(walk)
        check_size(pipeline, arguments, self.makes)
        undecorated = inspect.unwrap(type(pipeline).__call__)
        gpus = [torch.device(self.wanted.device)] if self.wanted.device.startswith("cuda") else []
        with ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng(devices=gpus))
            stack.enter_context(no_deprecations())
            stack.enter_context(walking(pipeline, self._scheduler, walk))
            stack.enter_context(torch.set_grad_enabled(torch.is_grad_enabled() if grad is None else grad))
            torch.manual_seed(seeds[0])
            try:
                return undecorated(pipeline, **arguments)
            except Enough:
                return None

    @contextmanager
    def _checkpointed(self, walk: Walk, last_k: int) -> Iterator[None]:
        """Denoisers without gradient before the last steps, and with one checkpoint a call in them."""

        def wrapped(forward: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **options: Any) -> Any:
                if len(walk.means) < self.steps - last_k:
                    with torch.no_grad():
                        return forward(*args, **options)
                return checkpoint(forward, *args, use_reentrant=False, **options)

            return call

        with ExitStack() as stack:
            for network in self.networks().values():
                stack.enter_context(replaced(network, "forward", wrapped(network.forward)))
            yield

"""The agent `diffusers:PATH_OR_ID`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from wmenv.agents.diffusers.batches import Batches, Clips
from wmenv.agents.diffusers.calling import arguments_of, frames_of, response_of
from wmenv.agents.diffusers.checkpoint import Checkpoint, find_folder, look_over, lora_digest
from wmenv.agents.diffusers.form import Form, form_of, makes_of
from wmenv.agents.diffusers.loading import Wanted, held_pipeline, need_libraries, pipeline_class
from wmenv.agents.diffusers.options import asked_form, call_options, name_of, offload_mode, positive
from wmenv.agents.diffusers.signature import check_options, signature_of
from wmenv.agents.diffusers.size import check_size
from wmenv.core.case import ClipSpec, Request
from wmenv.core.clip import Response
from wmenv.core.devices import device_and_dtype, no_deprecations
from wmenv.core.weights import HASHED

if TYPE_CHECKING:
    from wmenv.agents.diffusers.generator import DiffusersGenerator


class DiffusersAgent:
    """Text-to-video and image-to-video by whatever pipeline a folder holds.

    The signature of the pipeline's call alone decides what it is given; docs/generators.md says what is done about
    frames, size, rate, conditioning and memory.

    Attributes:
        name: `diffusers:`, the last part of the path or id, and the options that change clips.
        privileged: False: it gets requests.
        card: Identity, version, options, and what the pipeline makes unasked.
    """

    privileged: ClassVar[bool] = False

    def __init__(
        self,
        target: str,
        *,
        pipeline: str | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        frames: int | None = None,
        size: int | str | None = None,
        fps: int | float | str | None = None,
        dtype: str = "auto",
        device: str = "auto",
        offload: str | None = "none",
        batch: int = 1,
        variant: str | None = None,
        revision: str | int | None = None,
        online: bool = False,
        lora: str | None = None,
        **call: Any,
    ) -> None:
        """Load the pipeline.

        Args:
            target: Folder as `save_pretrained` writes it, or the hub id of one in the local cache.
            pipeline: Pipeline class instead of the one that the folder names, made of the same parts, such as
                `LTXImageToVideoPipeline`.
            steps: Denoising steps; the call's default otherwise.
            guidance: Guidance scale; the call's default otherwise.
            frames: Frames of a clip, given frames included, where the suite leaves that open.
            size: Pixels, `256` or `480x832` (height x width), where the suite leaves that open.
            fps: Frame rate, where the suite leaves that open.
            dtype: `auto`, `float32`, `bfloat16` or `float16`.
            device: `auto`, `cpu`, `cuda`, `cuda:1`, ...
            offload: `none`, `model` or `sequential`: what waits in main memory while it is not needed.
            batch: Clips of one call.
            variant: Variant of the weights, such as `fp16`.
            revision: Branch, tag or commit of a hub id.
            online: Whether files that the cache lacks may be fetched from the hub.
            lora: Folder of adapters that `save_lora_weights` of diffusers, or an alignment, wrote.
            **call: Further arguments of the pipeline's call by their own names, such as `max_sequence_length`.

        Raises:
            MissingExtra: torch, diffusers or transformers are not installed.
            InvalidArgument: No pipeline there, one that makes no clips, pickles, missing files, unknown options.
            OutOfMemory: It does not fit.
        """
        need_libraries()
        source = {"variant": variant, "revision": revision, "online": online, "lora": lora}
        place = {"dtype": dtype, "device": device, "offload": offload, "batch": batch}
        form = {"frames": frames, "size": size, "fps": fps}
        self._arguments = {
            "pipeline": pipeline,
            "steps": steps,
            "guidance": guidance,
            **form,
            **source,
            **place,
            **call,
        }
        self.target = target
        self.asked = asked_form(frames, size, fps)
        device, exact_dtype = device_and_dtype(device, dtype)
        offload = offload_mode(offload, device)
        variant, revision = (None if one is None else str(one) for one in (variant, revision))
        folder = find_folder(target, online=online, revision=revision, variant=variant)
        found = look_over(folder, target, variant)
        kind = pipeline or found.pipeline
        self.signature = signature_of(pipeline_class(kind))
        self.options = call_options(call, steps, guidance)
        check_options(self.signature, self.options)
        adapters = None if lora is None else Path(lora).expanduser()
        self.wanted = Wanted(
            kind, folder, found.digest, variant, exact_dtype, device, offload, adapters, lora_digest(adapters)
        )
        self.makes = makes_of(self._pipeline(), self.signature)
        titled = None if adapters is None else adapters.name
        source = {"variant": variant, "revision": revision, "dtype": None if dtype == "auto" else dtype, "lora": titled}
        chosen = {"pipeline": pipeline, "steps": steps, "guidance": guidance, **form, **source, **call}
        self.name = name_of(target, chosen)
        self.card = self._card(found)
        self.batches = Batches(self.name, self._call, positive("batch", batch))

    def _pipeline(self) -> Any:
        """The pipeline in memory."""
        return held_pipeline(self.wanted)

    def _card(self, found: Checkpoint) -> dict[str, Any]:
        """What decides a clip, as plain JSON; `batch` and `offload` do not, and may change when a run is resumed."""
        import diffusers

        signature = self.signature
        card: dict[str, Any] = {
            "identity": "-".join(filter(None, (signature.pipeline, found.digest, self.wanted.lora_digest))),
            "hashed": HASHED,
            "pipeline": signature.pipeline,
            "diffusers": diffusers.__version__,
            "dtype": self.wanted.dtype,
            "device": self.wanted.device.partition(":")[0],
            "scheduler": found.parts.get("scheduler", ("", "none"))[1],
            "steps": self.options.get("num_inference_steps", signature.default("num_inference_steps")),
            "guidance": self.options.get("guidance_scale", signature.default("guidance_scale")),
            "options": self.options,
            "conditioning": "last given frame" if signature.image else "none",
            **({} if self.wanted.lora_digest is None else {"lora": self.wanted.lora_digest}),
            "form": "the suite's, else the options' (clip), else what the pipeline makes unasked",
            "unasked": self.makes.unasked.plain(),
            "makes": f"{self.makes.frames_words()}; sizes are multiples of {self.makes.high} x {self.makes.wide}",
        }
        return card if self.asked == ClipSpec() else {**card, "clip": self.asked.plain()}

    def as_generator(self) -> DiffusersGenerator:
        """The same pipeline as a generator that can be aligned: loaded anew, for that object alone.

        Raises:
            InvalidArgument: It cannot be aligned; the message says why.
        """
        from wmenv.agents.diffusers.generator import DiffusersGenerator

        return DiffusersGenerator(self.target, **self._arguments)

    def act(self, requests: Sequence[Request], seeds: Sequence[int]) -> list[Response]:
        """Make a clip for each request, in batches of one form.

        A pipeline that takes an image goes on from the last given frame: the response is the given frames followed
        by what it makes after that one. Another is asked in words alone, and the response is what it makes.

        Raises:
            InvalidArgument: A request that this pipeline cannot answer.
            InvalidResponse: The pipeline returned something else than the clips asked for.
            OutOfMemory: Memory ran out, and again with half the batch.
        """
        forms = [form_of(request, self.asked, self.makes, self.signature) for request in requests]
        clips = self.batches.make(requests, seeds, forms)
        image = self.signature.image
        return [response_of(*answered, image) for answered in zip(requests, clips, forms, strict=True)]

    def _call(self, requests: Sequence[Request], seeds: Sequence[int], form: Form) -> tuple[Clips, bool]:
        """Call the pipeline once; see `batches.Call`.

        Some models draw random numbers outside the generators they are handed (noise inside a decoder, stochastic
        schedulers), so torch's own generators are seeded with the first seed and put back afterwards.
        """
        import torch

        loaded = self._pipeline()
        arguments = arguments_of(self.signature, form, requests, seeds, self.options)
        check_size(loaded, arguments, self.makes)
        gpus = [torch.device(self.wanted.device)] if self.wanted.device.startswith("cuda") else []

        def states() -> list[torch.Tensor]:
            return [torch.get_rng_state(), *map(torch.cuda.get_rng_state, gpus)]

        with torch.random.fork_rng(devices=gpus), no_deprecations():
            torch.default_generator.manual_seed(seeds[0])
            for gpu in gpus:
                with torch.cuda.device(gpu):
                    torch.cuda.manual_seed(seeds[0])
            before = states()
            output = loaded(**arguments)
            outside = any(not torch.equal(a, b) for a, b in zip(before, states(), strict=True))
        return frames_of(output, len(requests), form, self.signature.pipeline), outside

"""A pipeline's call: from requests to its arguments, from its output to responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.agents.diffusers.form import Form
from wmenv.agents.diffusers.signature import Signature
from wmenv.core.case import Request
from wmenv.core.clip import Clip, Response, Unreadable
from wmenv.core.errors import InvalidResponse


def arguments_of(
    signature: Signature, form: Form, requests: Sequence[Request], seeds: Sequence[int], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Arguments of one call: plain values for one request, lists for several.

    Args:
        signature: What the call takes.
        form: Form of all these clips.
        requests: One or more.
        seeds: One a request; each becomes a generator of its own on the CPU, so that the noise does not depend on
            the device or on the other requests.
        options: Further arguments.
    """
    import torch

    given: dict[str, list[Any]] = {"generator": [torch.Generator().manual_seed(seed) for seed in seeds]}
    if signature.text:
        given["prompt"] = [request.prompt for request in requests]
    if signature.image:
        from PIL import Image

        given["image"] = [Image.fromarray(request.frames[-1]) for request in requests]
    if isinstance(options.get("negative_prompt"), str):
        given["negative_prompt"] = [options["negative_prompt"]] * len(requests)
    arguments: dict[str, Any] = {signature.frames: form.made, "height": form.height, "width": form.width, **options}
    if signature.rate is not None:
        arguments[signature.rate] = int(form.fps) if form.fps.denominator == 1 else float(form.fps)
    if "output_type" in signature.parameters:
        arguments["output_type"] = "np"  # PIL would turn NaN into black
    return arguments | {name: one[0] if len(requests) == 1 else one for name, one in given.items()}


def frames_of(output: Any, count: int, form: Form, pipeline: str) -> list[NDArray[Any]]:
    """The clips of a pipeline's output.

    Args:
        output: What the call returned: `.frames` as PIL images, arrays or a tensor.
        count: How many clips were asked for.
        form: What was asked for.
        pipeline: Name of its class.

    Returns:
        One (used, height, width, 3) a clip: uint8, or floats in [0, 1].

    Raises:
        InvalidResponse: Images, another number of clips, fewer frames, another size.
    """
    frames = getattr(output, "frames", None)
    if frames is None:
        what = "images" if getattr(output, "images", None) is not None else type(output).__name__
        raise InvalidResponse(f"{pipeline} returned {what}, not .frames; diffusers: is for pipelines that make clips")
    clips = [_array(clip) for clip in frames]
    if len(clips) != count:
        raise InvalidResponse(f"{pipeline} returned {len(clips)} clips for {count} requests")
    for clip in clips:
        if clip.ndim != 4 or len(clip) < form.used or clip.shape[1:] != (form.height, form.width, 3):
            raise InvalidResponse(
                f"{pipeline} returned a clip of shape {clip.shape} where {form.made} frames of {form.height} x "
                f"{form.width} pixels were asked for; state another frames= or size="
            )
    return [clip[: form.used] for clip in clips]


def _array(clip: Any) -> NDArray[Any]:
    """One clip as (T, H, W, C), whatever it came as: images, arrays, a tensor with the channels second."""
    if hasattr(clip, "detach"):
        tensor = clip.detach().cpu()
        clip = (tensor.movedim(1, -1) if tensor.ndim == 4 and tensor.shape[-1] != 3 else tensor).float().numpy()
    return np.asarray(clip) if isinstance(clip, np.ndarray) else np.stack([np.asarray(one) for one in clip])


def response_of(request: Request, made: NDArray[Any], form: Form, image: bool) -> Response:
    """The answer to a request: what was made, after the given frames where the pipeline went on from the last one.

    Pixels that are NaN or infinite make it `Unreadable`.
    """
    try:
        clip = Clip(made, form.fps) if made.dtype == np.uint8 else Clip.from_float(made, form.fps)
    except InvalidResponse as error:
        return Unreadable(str(error))
    return Clip(np.concatenate([request.frames, clip.frames[1:]]), form.fps) if image else clip

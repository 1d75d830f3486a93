"""Frames, size and rate of a clip: the suite's, else the options', else what the pipeline makes unasked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from wmenv.agents.diffusers.signature import Signature
from wmenv.core.case import ClipSpec, Request
from wmenv.core.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Form:
    """Form of the clips of one call.

    Attributes:
        made: Frames that the pipeline is asked for.
        used: Frames of those that are taken, the first ones.
        height: Pixels.
        width: Pixels.
        fps: Frames per second.
    """

    made: int
    used: int
    height: int
    width: int
    fps: Fraction


@dataclass(frozen=True, slots=True)
class Makes:
    """What a pipeline can make and what it makes unasked, read off the pipeline.

    Attributes:
        unasked: Its own form; None where it has none.
        every: T of its VAE: numbers of frames are k T + 1.
        high: Heights are multiples of this: VAE times patch of the transformer, or times the halvings of the U-Net.
        wide: Widths likewise.
    """

    unasked: ClipSpec
    every: int
    high: int
    wide: int

    def enough_frames(self, frames: int) -> int:
        """The least number of frames that can be made and is not under `frames`."""
        return -(-(frames - 1) // self.every) * self.every + 1

    def frames_words(self) -> str:
        """Which numbers of frames can be made, and what is done about others."""
        return "any number of frames" if self.every == 1 else f"{self.every} k + 1 frames, of which the first are used"


def makes_of(pipeline: Any, signature: Signature) -> Makes:
    """Read a loaded pipeline: defaults of its call, `vae_...` factors, its denoiser's configuration."""
    config, spatial = _denoiser(pipeline), _factor(pipeline, "spatial") or int(getattr(pipeline, "vae_scale_factor", 1))
    patch = _pair(config.get("patch_size"))
    if getattr(pipeline, "unet", None) is not None:
        patch = _pair(2 ** (len(config.get("block_out_channels", (0,))) - 1))
    sample = _pair(config.get("sample_size"))
    sides = []
    for name, latent in (("height", sample[0]), ("width", sample[1])):
        latent = config.get(f"sample_{name}", latent)
        sides.append(signature.default(name) or (None if latent is None else int(latent) * spatial))
    frames = signature.default(signature.frames) or config.get("num_frames") or config.get("sample_frames")
    rate = None if signature.rate is None else signature.default(signature.rate)
    unasked = ClipSpec(frames, sides[0], sides[1], None if rate is None else Fraction(rate).limit_denominator(1001))
    high, wide = (spatial * int(one or 1) for one in patch)
    return Makes(unasked, _factor(pipeline, "temporal") or 1, high, wide)


def _denoiser(pipeline: Any) -> Mapping[str, Any]:
    """The configuration of whatever removes the noise."""
    for name in ("transformer", "transformer_2", "unet"):
        model = getattr(pipeline, name, None)
        if model is not None:
            return dict(model.config)
    return {}


def _factor(pipeline: Any, kind: str) -> int | None:
    """The `vae_scale_factor_spatial`, `vae_temporal_compression_ratio`, ... of a pipeline, whatever it calls them."""
    found = [v for k, v in vars(pipeline).items() if k.startswith("vae") and kind in k and isinstance(v, int)]
    return found[0] if found else None


def _pair(value: Any) -> tuple[Any, Any]:
    """Height and width of a configuration value: one number for both, (height, width) or (time, height, width)."""
    return (value[-2], value[-1]) if isinstance(value, list | tuple) and len(value) > 1 else (value, value)


def form_of(request: Request, asked: ClipSpec, makes: Makes, signature: Signature) -> Form:
    """Form of the clip for a request.

    Args:
        request: Its spec comes first; the size of its given frames counts as part of it.
        asked: What the options state, where the suite leaves it open.
        makes: What the pipeline makes unasked, where both leave it open.
        signature: What its call takes.

    Raises:
        InvalidArgument: Suite and options contradict each other, or nobody states something; no frame to go on from;
            a command.
    """
    who, where, given = signature.pipeline, f"case {request.case_id}", len(request.frames)
    if request.command:
        raise InvalidArgument(f"{where} gives a command; {who} takes none")
    if signature.image and not given:
        raise InvalidArgument(f"{where} gives no frame, and {who} goes on from one; take a text-to-video pipeline")
    total = _agreed("frames", request.spec.frames, asked.frames, where)
    before = given - 1 if signature.image else 0
    used = _stated("number of frames", "frames", None if total is None else total - before, makes.unasked.frames, who)
    if used < 1:
        raise InvalidArgument(f"{where} gives {given} frames of a clip of {total}: nothing is left to make")
    sides = {}
    for what, shown in zip(("height", "width"), request.frames.shape[1:3] if given else (None, None), strict=True):
        side = _agreed(what, getattr(request.spec, what), getattr(asked, what), where)
        if None not in (side, shown) and side != shown:
            raise InvalidArgument(f"{where} asks for {what} {side}; its given frames have {shown}")
        sides[what] = _stated(what, "size", shown if side is None else side, getattr(makes.unasked, what), who)
    rate = _agreed("fps", request.spec.fps, asked.fps, where)
    rate = _stated("frame rate (see the model's card)", "fps", rate, makes.unasked.fps, who)
    return Form(makes.enough_frames(used), used, sides["height"], sides["width"], Fraction(rate))


def _agreed(what: str, suites: Any, options: Any, where: str) -> Any:
    """What suite or options state; None where both leave it open."""
    if None not in (suites, options) and suites != options:
        raise InvalidArgument(
            f"{where} asks for {what} {suites}, the agent's options for {options}; "
            "leave the option away, or set the suite to it"
        )
    return options if suites is None else suites


def _stated(what: str, option: str, asked: Any, unasked: Any, who: str) -> Any:
    """What is asked for, else what is made unasked."""
    found = unasked if asked is None else asked
    if found is None:
        raise InvalidArgument(f"neither the suite nor {who} states a {what}; add {option}=")
    return found

"""What a pipeline's call takes, read off its signature: no model is known by name."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wmenv.core.errors import InvalidArgument

FRAMES = ("num_frames", "video_length", "frames")
RATES = ("frame_rate", "fps")
OURS = ("prompt", "image", "height", "width", *FRAMES, *RATES, "generator", "output_type", "return_dict")
"""Arguments that the agent fills in itself."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What the call of a pipeline class takes.

    Attributes:
        pipeline: Name of the class.
        parameters: Of its call, by name.
        frames: Name of the number of frames.
        rate: Name of the frame rate, or None.
        text: Whether it takes a prompt.
        image: Whether it takes an image to go on from.
    """

    pipeline: str
    parameters: Mapping[str, inspect.Parameter]
    frames: str
    rate: str | None
    text: bool
    image: bool

    def default(self, name: str) -> Any:
        """Default of a parameter; None where it has none or does not exist."""
        found = self.parameters.get(name)
        return None if found is None or found.default is found.empty else found.default


def signature_of(pipeline: type[Any]) -> Signature:
    """Read a pipeline class's call.

    Raises:
        InvalidArgument: It makes no clips, or needs what no case offers.
    """
    parameters = dict(list(inspect.signature(pipeline.__call__).parameters.items())[1:])
    frames = next((name for name in FRAMES if name in parameters), None)
    if frames is None:
        raise InvalidArgument(
            f"{pipeline.__name__} makes no clips of a wanted length: its call takes none of {', '.join(FRAMES)}. "
            "diffusers: is for text-to-video and image-to-video pipelines"
        )
    named = (p for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    needs = [p.name for p in named if p.default is p.empty and p.name not in OURS]
    if needs:
        raise InvalidArgument(f"{pipeline.__name__} needs {', '.join(needs)}, which no case offers; choose another")
    rate = next((name for name in RATES if name in parameters), None)
    return Signature(pipeline.__name__, parameters, frames, rate, "prompt" in parameters, "image" in parameters)


def check_options(signature: Signature, options: Mapping[str, Any]) -> None:
    """Refuse options that the call does not take.

    Raises:
        InvalidArgument: With the nearest names that it takes.
    """
    free = [name for name in signature.parameters if name not in OURS]
    for name in options:
        if name in OURS and name in signature.parameters:
            raise InvalidArgument(f"{name} comes from the case; the options frames=, size= and fps= state a form")
        if name not in free:
            near = difflib.get_close_matches(name, free, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it takes {', '.join(free)}"
            raise InvalidArgument(f"the call of {signature.pipeline} takes no {name!r}; {hint}")

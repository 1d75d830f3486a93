"""A clip as a server gets it: chosen frames with their times, the video first."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument

Form = Literal["video", "images"]
FORMS: tuple[Form, ...] = ("video", "images")
"""video: one part with all frames, which vLLM takes as a video that was sampled already. images: one part a frame, with
its time in words before it, which every server with pictures takes."""


@dataclass(frozen=True, slots=True)
class Sampler:
    """Which frames of a clip are shown.

    Attributes:
        kind: `uniform` (so many, evenly from the first to the last), `fps` (so many a second from the first on) or
            `all`.
        amount: Frames, or frames a second.
    """

    kind: Literal["uniform", "fps", "all"]
    amount: Fraction = Fraction(0)

    @classmethod
    def of(cls, text: str) -> Sampler:
        """From words: `uniform-32`, `fps-8` or `all`.

        Raises:
            InvalidArgument: Others.
        """
        if text == "all":
            return cls("all")
        found = re.fullmatch(r"(uniform-[1-9]\d*|fps-\d+(?:\.\d+)?)", str(text))
        kind, _, amount = str(text).partition("-")
        if found is None or Fraction(amount) == 0:
            raise InvalidArgument(f"sampler must be uniform-N, fps-F or all, such as uniform-32; got {text!r}")
        return cls(cast("Literal['uniform', 'fps']", kind), Fraction(amount))

    def indices(self, length: int, fps: Fraction) -> list[int]:
        """Indices of the frames of a clip, rising.

        Args:
            length: Frames of the clip.
            fps: Its rate.
        """
        if self.kind == "uniform" and self.amount < length:
            return [int(k) for k in np.linspace(0, length - 1, int(self.amount)).round()]
        if self.kind == "fps" and self.amount < fps:
            step = fps / self.amount
            return [int(k * step) for k in range(int((length - 1) / step) + 1)]
        return list(range(length))


def jpeg(frame: NDArray[np.uint8], scale: int) -> bytes:
    """A frame as JPEG without chroma subsampling, byte-deterministic.

    Args:
        frame: uint8 (H, W, 3).
        scale: FFmpeg's quantiser, 1 (best) to 31.
    """
    import av

    context = cast("Any", av.CodecContext.create("mjpeg", "w"))
    context.height, context.width = frame.shape[:2]
    context.pix_fmt, context.time_base, context.thread_count = "yuvj444p", Fraction(1, 1), 1
    context.options = {"qmin": str(scale), "qmax": str(scale)}
    image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    return b"".join(bytes(packet) for packet in [*context.encode(image), *context.encode(None)])


def shown(clip: Clip, form: Form, sampler: Sampler, scale: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A clip as the first parts of a message.

    Args:
        clip: The clip.
        form: How frames are sent.
        sampler: Which.
        scale: JPEG quantiser.

    Returns:
        The parts, and what the request must say besides (vLLM's words for frames that were sampled already: where they
        lay in the clip, and to leave them as they are).
    """
    indices = sampler.indices(len(clip), clip.fps)
    coded = [base64.b64encode(jpeg(clip.frames[k], scale)).decode("ascii") for k in indices]
    times = [f"{float(k / clip.fps):.2f}" for k in indices]
    if form == "images":
        parts: list[dict[str, Any]] = []
        for time, one in zip(times, coded, strict=True):
            parts.append({"type": "text", "text": f"<{time} seconds>"})
            parts.append({"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{one}"}})
        return parts, {}
    video = {"type": "video_url", "video_url": {"url": f"data:video/jpeg;base64,{','.join(coded)}"}}
    told = {"type": "text", "text": f"The frames lie at {', '.join(times)} seconds."}
    rate = float(clip.fps)
    read = {
        "num_frames": -1,
        "fps": rate,
        "frames_indices": indices,
        "total_num_frames": len(clip),
        "duration": len(clip) / rate,
        "do_sample_frames": False,
    }
    return [video, told], {
        "media_io_kwargs": {"video": read},
        "mm_processor_kwargs": {"do_sample_frames": False},
    }

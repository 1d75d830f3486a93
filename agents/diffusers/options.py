"""Options of the agent as typed, checked and put in the words of the libraries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import PurePath
from typing import Any

from wmenv.core.case import ClipSpec
from wmenv.core.errors import InvalidArgument

OFFLOADS = ("none", "model", "sequential")


def asked_form(frames: int | None, size: int | str | None, fps: int | float | str | None) -> ClipSpec:
    """The form that options state.

    Args:
        frames: Number of frames.
        size: `256`, or `480x832` (height x width).
        fps: `16`, `23.976` or `30000/1001`.

    Raises:
        InvalidArgument: One of them reads otherwise.
    """
    height = width = rate = None
    if size is not None:
        match = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", str(size))
        if match is None:
            raise InvalidArgument(f"size must read 256 or 480x832 (height x width), got {size!r}")
        height, width = int(match[1]), int(match[2] or match[1])
    if fps is not None:
        try:
            rate = Fraction(fps).limit_denominator(1001)
        except (ValueError, ZeroDivisionError, OverflowError):
            rate = Fraction(0)
        if rate <= 0:
            raise InvalidArgument(f"fps must be a positive number such as 16 or 30000/1001, got {fps!r}")
    return ClipSpec(None if frames is None else positive("frames", frames), height, width, rate)


def call_options(call: Mapping[str, Any], steps: int | None, guidance: float | None) -> dict[str, Any]:
    """Arguments of the call that the user chose, by the call's own names.

    Raises:
        InvalidArgument: One is given by both names, or is out of range.
    """
    short = {"num_inference_steps": None if steps is None else positive("steps", steps), "guidance_scale": guidance}
    for (long, value), word in zip(short.items(), ("steps", "guidance"), strict=True):
        if value is not None and long in call:
            raise InvalidArgument(f"{word} and {long} are two words for one thing; give one of them")
    return {name: value for name, value in {**short, **call}.items() if value is not None}


def positive(name: str, value: Any) -> int:
    """A whole number from 1.

    Raises:
        InvalidArgument: It is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidArgument(f"{name} must be a whole number from 1, got {value!r}")
    return value


def offload_mode(offload: str | None, device: str) -> str:
    """What waits in main memory; the word `none` reads as None in a specification.

    Raises:
        InvalidArgument: Another word, or there is no GPU to offload from.
    """
    offload = offload or "none"
    if offload not in OFFLOADS:
        raise InvalidArgument(f"offload must be {', '.join(OFFLOADS)}, got {offload!r}")
    if offload != "none" and device == "cpu":
        raise InvalidArgument(f"offload={offload} is for a GPU; on a CPU everything lies in main memory")
    return offload


def name_of(target: str, chosen: Mapping[str, Any]) -> str:
    """Name in tables: the last part of a path or id, and every option that was chosen and changes clips."""
    title = PurePath(target.rstrip("/")).name or "pipeline"
    return f"diffusers:{title}" + "".join(f",{word}={value}" for word, value in chosen.items() if value is not None)

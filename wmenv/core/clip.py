"""Responses: what an agent answers. A clip today; a choice or anything else with a `kind` and a `digest` tomorrow."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wmenv.core.errors import InvalidResponse


@runtime_checkable
class Response(Protocol):
    """Anything an agent can answer.

    Attributes:
        kind: What a judger matches against the kinds it `accepts`.
    """

    kind: ClassVar[str]

    @property
    def digest(self) -> str:
        """Content hash: equal for equal content, computed on first use."""
        ...

    def spec(self) -> dict[str, Any]:
        """Plain facts about form (size, length, rate) that belong to the protocol of a run."""
        ...


@dataclass(frozen=True, eq=False)
class Clip:
    """A video clip.

    Attributes:
        frames: uint8 (T, H, W, 3) RGB, T, H, W >= 1.
        fps: Frames per second, a rational.
    """

    frames: NDArray[np.uint8]
    fps: Fraction
    kind: ClassVar[str] = "clip"

    def __post_init__(self) -> None:
        frames = self.frames
        if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
            raise InvalidResponse(f"a clip needs uint8 frames of shape (T, H, W, 3), got {describe(frames)}")
        if 0 in frames.shape:
            raise InvalidResponse(f"a clip needs at least one frame and one pixel, got shape {frames.shape}")
        object.__setattr__(self, "fps", Fraction(self.fps))
        if self.fps <= 0:
            raise InvalidResponse(f"frame rate must be positive, got {self.fps}")

    @classmethod
    def from_float(cls, frames: NDArray[np.floating[Any]], fps: Fraction) -> Clip:
        """Clip from floats in [0, 1], rounded to the nearest of 256 levels.

        Raises:
            InvalidResponse: No floats, or a value is NaN, infinite or outside [0, 1].
        """
        frames = np.asarray(frames)
        if frames.dtype.kind != "f":
            raise InvalidResponse(f"expected frames as uint8 or as floats in [0, 1], got {describe(frames)}")
        if not np.isfinite(frames).all():
            bad = int((~np.isfinite(frames)).sum())
            raise InvalidResponse(f"{bad} of {frames.size} frame values are NaN or infinite; expected [0, 1]")
        low, high = (float(frames.min()), float(frames.max())) if frames.size else (0.0, 0.0)
        if low < 0 or high > 1:
            raise InvalidResponse(f"float frames must lie in [0, 1], got [{low:.4g}, {high:.4g}]; scale them first")
        return cls(np.rint(frames * 255).astype(np.uint8), fps)

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def digest(self) -> str:
        """BLAKE2b over shape, rate and pixels, 32 hex digits."""
        head = f"clip {self.frames.shape} {self.fps}\n".encode()
        hasher = hashlib.blake2b(head, digest_size=16)
        hasher.update(np.ascontiguousarray(self.frames).data)
        return hasher.hexdigest()

    def spec(self) -> dict[str, Any]:
        """Frames, height, width and rate."""
        frames, height, width, _ = self.frames.shape
        return {"frames": frames, "height": height, "width": width, "fps": str(self.fps)}


@dataclass(frozen=True)
class Unreadable:
    """A response that never became one: a damaged file, NaN pixels. It is forfeited with its reason, not judged."""

    reason: str
    kind: ClassVar[str] = "unreadable"

    @property
    def digest(self) -> str:
        """Hash of the reason."""
        return hashlib.sha256(self.reason.encode()).hexdigest()[:32]

    def spec(self) -> dict[str, Any]:
        """Nothing is known about its form."""
        return {}


def describe(value: object) -> str:
    """Type, dtype and shape of a value, for messages."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    return type(value).__name__

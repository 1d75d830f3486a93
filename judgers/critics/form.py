"""What a critic's network looks at, and how large it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from wmenv.core.errors import InvalidArgument

Kind = Literal["flat", "deep", "windows"]
KINDS: tuple[Kind, ...] = ("flat", "deep", "windows")
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a network.

    Attributes:
        kind: `flat` is 2-D and sees all frames and their differences as channels, `deep` is 3-D; both know one length
            of clip. `windows` sees a few frames at a time, as `flat` does, says for every place whether something is
            wrong there, and takes the worst; it knows clips of any length.
        size: Side of the picture, pixels; a multiple of 16.
        frames: Length of a clip; of `windows`, of a window.
        width: Channels of the layers are multiples of it, or of half of it; a multiple of 16.
        fps: Frames per second, such as `16` or `30000/1001`.
        precision: Of training passes.
    """

    kind: Kind
    size: int
    frames: int
    width: int
    fps: str
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidArgument(f"kind of a critic is {', '.join(KINDS)}, got {self.kind!r}")
        if self.precision not in ("float32", "bfloat16"):
            raise InvalidArgument(f"precision must be float32 or bfloat16, got {self.precision!r}")
        for name, least in (("size", 16), ("width", 16)):
            value = getattr(self, name)
            if value < least or value % 16:
                raise InvalidArgument(f"{name} must be a multiple of 16, got {value}")
        if self.frames < 2:
            raise InvalidArgument(f"a critic needs at least two frames, got {self.frames}")

    def takes(self, frames: int, size: int) -> bool:
        """Whether a network of this form can look at clips of a length and a side in pixels."""
        return frames >= self.frames if self.kind == "windows" else (frames, size) == (self.frames, self.size)

    @property
    def told(self) -> str:
        """The form of clips in words."""
        many = (
            f"{self.frames} frames or more"
            if self.kind == "windows"
            else f"{self.frames} frames of {self.size} x {self.size}"
        )
        return f"{many} at {self.fps} fps"

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Form:
        """From what `plain` gave."""
        return cls(**plain)

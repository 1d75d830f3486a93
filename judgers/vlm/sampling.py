"""Which frames of a clip a model sees; named, since it is part of a judger's identity."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from wmenv.core.errors import InvalidArgument

Kind = Literal["all", "uniform", "fps"]


@dataclass(frozen=True, slots=True)
class Sampler:
    """A rule that picks frames.

    Attributes:
        kind: `all` frames; `uniform`: evenly from the first to the last; `fps`: at a rate.
        rate: Frames per second of kind `fps`.
        most: Largest number of frames; None for as many as there are.
    """

    kind: Kind
    rate: Fraction | None = None
    most: int | None = None

    @classmethod
    def of(cls, spec: str) -> Sampler:
        """From `all`, `uniform:N`, `fps:F` or `fps:F:N`.

        Raises:
            InvalidArgument: It reads otherwise.

        Examples:
            >>> Sampler.of("fps:8:64").spec
            'fps:8:64'
        """
        if spec == "all":
            return cls("all")
        if found := re.fullmatch(r"uniform:([1-9]\d*)", spec):
            return cls("uniform", most=int(found[1]))
        if (found := re.fullmatch(r"fps:(\d+(?:\.\d+)?)(?::([1-9]\d*))?", spec)) and Fraction(found[1]) > 0:
            return cls("fps", Fraction(found[1]), int(found[2]) if found[2] else None)
        raise InvalidArgument(
            f"sampler must read all, uniform:N, fps:F or fps:F:N (at most N frames), such as fps:8:64; got {spec!r}"
        )

    @property
    def spec(self) -> str:
        """As it is written."""
        rate = None if self.rate is None else f"{float(self.rate):g}"
        return ":".join(str(one) for one in (self.kind, rate, self.most) if one is not None)

    def indices(self, frames: int, fps: Fraction) -> tuple[int, ...]:
        """Indices of the frames that are seen, ascending, each once.

        `fps` takes the frame nearest to k / rate seconds for k = 0, 1, ...; where these are more than `most`, and for
        `uniform`, frames are spaced evenly from the first to the last. No clip gives more frames than it has.

        Args:
            frames: Length of the clip, from 1 on.
            fps: Its rate, frames per second.

        Examples:
            >>> Sampler.of("uniform:3").indices(32, Fraction(16)), Sampler.of("fps:4").indices(10, Fraction(16))
            ((0, 16, 31), (0, 4, 8))
        """
        chosen = list(range(frames))
        if self.rate is not None and self.rate < fps:
            chosen = []
            while (at := round(len(chosen) * fps / self.rate)) < frames:
                chosen.append(at)
        if self.most is not None and len(chosen) > self.most:
            chosen = np.linspace(0, frames - 1, self.most).round().astype(int).tolist()
        return tuple(chosen)

"""What the small agents share: one response a request, made one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from wmenv.core.case import ClipSpec, Request
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidArgument


class ClipAgent(ABC):
    """An agent that answers requests one by one; a subclass writes `clip`.

    Attributes:
        name: Name in tables.
        privileged: False: it gets requests.
        card: Identity.
    """

    name: str
    privileged: ClassVar[bool] = False

    def __init__(self) -> None:
        self.card: Mapping[str, Any] = {"identity": f"{self.name}-v0"}

    def act(self, requests: Sequence[Request], seeds: Sequence[int]) -> list[Response]:
        """Answer each request with its own seed."""
        return [self.clip(request, seed) for request, seed in zip(requests, seeds, strict=True)]

    @abstractmethod
    def clip(self, request: Request, seed: int) -> Response:
        """Answer one request."""


def closed_spec(request: Request) -> tuple[int, int, Fraction]:
    """Number of frames, side in pixels and rate of a request for a square clip.

    Raises:
        InvalidArgument: The request leaves one open, or asks for another shape.
    """
    spec: ClipSpec = request.spec
    if spec.frames is None or spec.fps is None or spec.width is None or spec.width != spec.height:
        raise InvalidArgument(f"case {request.case_id} asks for {spec}; this agent draws square clips of a stated form")
    return spec.frames, spec.width, spec.fps


def continued(request: Request, future: NDArray[np.uint8]) -> Clip:
    """The given frames followed by `future` (T - K, H, W, 3)."""
    return Clip(np.concatenate([request.frames, future]), request.spec.fps or Fraction(1))

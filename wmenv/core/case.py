"""Cases and requests: what is asked, what is known to be true, and what an agent gets to see of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidCase, TruthWithheld

_SAFE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.#-]{0,127}")


def check_case_id(case_id: str) -> str:
    """Return the id if it can name a file safely: letters, digits, `_ . # -`, no leading dot, at most 128 characters.

    Raises:
        InvalidCase: It cannot, for instance because it climbs out of a folder.
    """
    if not _SAFE_ID.fullmatch(case_id) or ".." in case_id:
        raise InvalidCase(
            f"case id {case_id!r} is not safe as a file name; expected letters, digits, '_', '.', '#' and '-' only"
        )
    return case_id


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """Form of the clip that is asked for; None where the suite leaves it open.

    Attributes:
        frames: Number of frames, given frames included.
        height: Pixels.
        width: Pixels.
        fps: Frames per second.
    """

    frames: int | None = None
    height: int | None = None
    width: int | None = None
    fps: Fraction | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "frames": self.frames,
            "height": self.height,
            "width": self.width,
            "fps": None if self.fps is None else str(self.fps),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """The public half of a case; all that an agent sees unless it declares `privileged`.

    Attributes:
        case_id: Stable name of the case.
        prompt: What to show, in words.
        frames: Conditioning frames uint8 (K, H, W, 3); K = 0 is text-to-video.
        spec: Form of the clip that is asked for.
        command: What to do next in suites of several steps; empty in one-step suites.
        sample: Which of several answers to the same case this is, from 0.
    """

    case_id: str
    prompt: str
    frames: NDArray[np.uint8]
    spec: ClipSpec
    command: tuple[Any, ...] = ()
    sample: int = 0

    def observation(self) -> dict[str, Any]:
        """The Gymnasium observation; the frames are a copy."""
        return {"prompt": self.prompt, "frames": self.frames.copy()}


def _no_truth() -> Any:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One question of a suite at one step.

    Attributes:
        request: What the agent gets.
        criteria: What is asked of the response.
        scheme: Name of the scheme that turns verdicts into a total.
        tags: Facts to group results by, such as split and level.
        step: Step within the episode, 0 in one-step suites.
        load_truth: Makes the truth on first access; may be expensive.
        load_facts: Makes the public facts.
    """

    request: Request
    criteria: tuple[Criterion, ...]
    scheme: str
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    step: int = 0
    load_truth: Callable[[], Any] = _no_truth
    load_facts: Callable[[], Any] = _no_truth

    @property
    def id(self) -> str:
        """Stable name of the case."""
        return self.request.case_id

    @property
    def truth(self) -> Any:
        """What really happens; its type belongs to the suite.

        Raises:
            TruthWithheld: The case was handed to somebody who did not declare that they read the truth.
        """
        return self.load_truth()

    @property
    def facts(self) -> Any:
        """What anybody may know besides the request; its type belongs to the suite, None where there is nothing."""
        return self.load_facts()

    def without_truth(self, reader: str) -> Case:
        """The same case with a truth that raises on access."""

        def refuse() -> Any:
            raise TruthWithheld(
                f"{reader} read the truth of case {self.id} without declaring it; "
                "set reads_truth = True on a judger, or privileged = True on an agent"
            )

        return replace(self, load_truth=refuse)

"""The sanity panel: the true clip, and clips that no judger may take for it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from wmenv.agents.oracle import Oracle
from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, UnknownName, told
from wmenv.core.protocols import Suite

Frames = NDArray[np.uint8]

TRUE, FROZEN, REVERSED, SHUFFLED, NOISE, ANOTHER = "true", "frozen", "reversed", "shuffled", "noise", "another"
KINDS = {
    TRUE: "true clip",
    FROZEN: "frozen first frame",
    REVERSED: "reversed",
    SHUFFLED: "shuffled",
    NOISE: "noise",
    ANOTHER: "another case's clip",
}
"""What is shown, by name."""
DRAWN = 8
"""Cases drawn in search of another one."""


class Sanity:
    """Shows one clip of the panel, whatever is asked. Privileged: most are made of the true clip.

    Attributes:
        name: `sanity:KIND`.
        privileged: True.
        sanity: True: its rows are not ranked among agents.
        card: Identity, and what is shown in words.
    """

    privileged: ClassVar[bool] = True
    sanity: ClassVar[bool] = True

    def __init__(self, kind: str = TRUE, suite: Suite | None = None) -> None:
        """Choose a clip of the panel.

        Args:
            kind: A name of `KINDS`.
            suite: Where true clips and other cases come from; without it, true clips are drawn as `oracle` does.

        Raises:
            UnknownName: No such kind.
            InvalidArgument: Another case's clip is wanted without a suite.
        """
        if kind not in KINDS:
            raise UnknownName(f"no sanity clip {kind!r}; there are {', '.join(KINDS)}")
        if kind == ANOTHER and suite is None:
            raise InvalidArgument(f"sanity:{ANOTHER} needs the suite; wmenv evaluate --sanity adds it")
        self.kind, self.suite = kind, suite
        self.name = f"sanity:{kind}"
        self.card: dict[str, Any] = {"identity": f"sanity-{kind}-v0", "shows": KINDS[kind]}

    @classmethod
    def panel(cls, suite: Suite, case: Case) -> tuple[list[Sanity], dict[str, str]]:
        """All clips of the panel that a suite allows.

        Args:
            suite: The suite.
            case: One of its cases, on which each is tried.

        Returns:
            The agents, and why others are left out, by name.
        """
        agents: list[Sanity] = []
        left_out: dict[str, str] = {}
        for kind in KINDS:
            agent = cls(kind, suite)
            try:
                agent.act([case], [0])
            except Exception as error:  # a suite is foreign code and may raise anything
                left_out[agent.name] = str(error) if isinstance(error, InvalidArgument) else told(error)
            else:
                agents.append(agent)
        return agents, left_out

    def act(self, requests: Sequence[Case], seeds: Sequence[int]) -> list[Clip]:
        """A clip a case; order and noise follow from the seed."""
        return [self._clip(case, seed) for case, seed in zip(requests, seeds, strict=True)]

    def _clip(self, case: Case, seed: int) -> Clip:
        blank = self._blank(case)
        if blank is not None:  # neither needs the truth where form and first frame are known
            return Clip(spoiled(self.kind, blank.frames, seed=seed), blank.fps)
        true = self._true(case)
        if self.kind == TRUE:
            return true
        other = self._true(self._another(case)).frames if self.kind == ANOTHER else None
        return Clip(spoiled(self.kind, true.frames, other, seed), true.fps)

    def _blank(self, case: Case) -> Clip | None:
        """A clip of the form that is asked for that begins as the case does; None where that is not enough."""
        spec, given = case.request.spec, case.request.frames
        if None in (spec.frames, spec.height, spec.width, spec.fps):
            return None
        if self.kind == NOISE:
            return Clip(np.zeros((spec.frames, spec.height, spec.width, 3), np.uint8), spec.fps)  # type: ignore[arg-type]
        if self.kind == FROZEN and len(given):
            return Clip(np.repeat(given[:1], spec.frames, axis=0), spec.fps)  # type: ignore[arg-type]
        return None

    def _true(self, case: Case) -> Clip:
        if self.suite is None:
            return Oracle().act([case], [0])[0]
        make = getattr(self.suite, "true_clip", None)
        clip: Clip | None = None if make is None else make(case)
        if clip is None:
            raise InvalidArgument(f"the suite knows no true clip of case {case.id}")
        return clip

    def _another(self, case: Case) -> Case:
        """Another case of the same split, the same for every call."""
        assert self.suite is not None
        rng = np.random.default_rng(zlib.crc32(case.id.encode()))
        ids = self.suite.case_ids(DRAWN, rng, case.tags.get("split"))
        other = next((one for one in ids if one != case.id), None)
        if other is None:
            raise InvalidArgument(f"the suite has no other case than {case.id}")
        return self.suite.cases([other])[0]


def spoiled(kind: str, frames: Frames, other: Frames | None = None, seed: int = 0) -> Frames:
    """A clip that no judger may take for the true one; the true one of kind `true`.

    Args:
        kind: A name of `KINDS`.
        frames: The true clip (T, H, W, 3).
        other: Another case's true clip, for `another`.
        seed: Of order and noise.
    """
    rng = np.random.default_rng(seed)
    if kind == FROZEN:
        return np.repeat(frames[:1], len(frames), axis=0)
    if kind == REVERSED:
        return frames[::-1].copy()
    if kind == SHUFFLED:  # the first frame stays
        shuffled: Frames = frames[np.concatenate([[0], 1 + rng.permutation(len(frames) - 1)])]
        return shuffled
    if kind == NOISE:
        return rng.integers(0, 256, frames.shape, dtype=np.uint8)
    if kind == ANOTHER:
        assert other is not None
        return other
    return frames

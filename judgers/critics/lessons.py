"""What a critic learns from: clips of one form, and what each of them should be told under each criterion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.core.case import Case
from wmenv.core.errors import InvalidArgument


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """N labelled clips.

    Attributes:
        criteria: Names of the C criteria.
        fps: Rate of all clips.
        frames: uint8 (N, T, S, S, 3).
        targets: float32 (N, C), 1 where a criterion is met, 0 where it is broken, or between; NaN where nothing is
            known or it does not apply.
        onset: (N,) first frame that a violation changes; -1 where that is not known.
        twin: (N,) index of the clip that a planted one was made from; -1 where there is none.
        cases: What each clip answers.
        generators: What made each clip.
        domains: What each case is about, such as `robotics`; empty where that is not known.
        kinds: Criterion and what was planted against it, such as `mass/vanish`; empty where nothing was.
    """

    criteria: tuple[str, ...]
    fps: Fraction
    frames: NDArray[np.uint8]
    targets: NDArray[np.float32]
    onset: NDArray[np.int64]
    twin: NDArray[np.int64]
    cases: tuple[Case, ...]
    generators: tuple[str, ...]
    domains: tuple[str, ...]
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def broken(self) -> NDArray[np.bool_]:
        """(N, C) where a criterion is rather broken than met."""
        return np.asarray(self.targets < 0.5)

    @property
    def digest(self) -> str:
        """Hash of clips and labels, 32 hex digits."""
        hasher = blake2b(digest_size=16)
        for array in (self.frames, self.targets, self.onset, self.twin):
            hasher.update(np.ascontiguousarray(array).data)
        hasher.update(repr((self.criteria, self.generators, self.domains, [case.id for case in self.cases])).encode())
        return hasher.hexdigest()

    def part(self, chosen: NDArray[np.bool_]) -> Lessons:
        """The clips that are chosen; the twin of a clip is forgotten where it is not."""
        place = np.where(chosen, np.cumsum(chosen) - 1, -1)
        index = np.flatnonzero(chosen)
        kept: dict[str, Any] = {}
        for field in fields(self)[2:]:
            value = getattr(self, field.name)
            kept[field.name] = value[index] if isinstance(value, np.ndarray) else tuple(value[k] for k in index)
        twin = np.where(kept["twin"] < 0, -1, place[kept["twin"]])
        return replace(self, **{**kept, "twin": twin})

    def under(self, criteria: tuple[str, ...]) -> Lessons:
        """The same clips under other criteria; targets of those that are not known here are NaN."""
        targets = np.full((len(self), len(criteria)), np.nan, np.float32)
        both = [name for name in criteria if name in self.criteria]
        targets[:, [criteria.index(name) for name in both]] = self.targets[:, [self.criteria.index(n) for n in both]]
        return replace(self, criteria=criteria, targets=targets)

    def permuted(self, rng: np.random.Generator) -> Lessons:
        """The same clips with each other's targets, so that nothing is left to be learnt."""
        order = rng.permutation(len(self))
        alone = np.full(len(self), -1)
        return replace(self, targets=self.targets[order], onset=alone, twin=alone)


def joined(parts: Sequence[Lessons]) -> Lessons:
    """All clips of several sources; a criterion that a source does not know is NaN in its rows.

    Raises:
        InvalidArgument: Clips of another length, size or rate.
    """
    first = parts[0]
    for one in parts[1:]:
        if one.frames.shape[1:] != first.frames.shape[1:] or one.fps != first.fps:
            raise InvalidArgument(
                f"all clips of a training must have one length and rate: {one.frames.shape[1]} frames at {one.fps} fps "
                f"stand beside {first.frames.shape[1]} at {first.fps}"
            )
    names = tuple(dict.fromkeys(name for one in parts for name in one.criteria))
    before = np.cumsum([0, *map(len, parts)])
    twins = [np.where(one.twin < 0, -1, one.twin + start) for one, start in zip(parts, before, strict=False)]
    return Lessons(
        names,
        first.fps,
        np.concatenate([one.frames for one in parts]),
        np.concatenate([one.under(names).targets for one in parts]),
        np.concatenate([one.onset for one in parts]),
        np.concatenate(twins),
        *(
            tuple(x for one in parts for x in getattr(one, name))
            for name in ("cases", "generators", "domains", "kinds")
        ),
    )

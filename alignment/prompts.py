"""Which cases an update sees: one split, or several by weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wmenv.alignment.settings import shares_of
from wmenv.core.case import Case
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Suite


@dataclass(frozen=True, slots=True)
class Mixture:
    """Splits with their shares.

    Narrow prompts teach a shortcut: a generator aligned on fast balls alone learns to move everything fast. Mix the
    splits in which it must stay right with those in which it shall become right.

    Attributes:
        shares: (split, share) with shares that sum to 1.
    """

    shares: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, text: str, suite: Suite) -> Mixture:
        """Read `id:2,ood_high_v:1`, or a single split; empty is the split of the environment.

        Raises:
            InvalidArgument: No such split, one that comes twice, or a share that is not positive.
        """
        shares = shares_of(text or suite.default_split)
        for split, share in shares.items():
            if split not in suite.splits():
                raise InvalidArgument(f"no split {split!r}; this suite has {', '.join(suite.splits())}")
            if not 0.0 < share < float("inf"):
                raise InvalidArgument(f"the share of a split must be positive, got {share} for {split}")
        total = sum(shares.values())
        return cls(tuple((split, share / total) for split, share in shares.items()))

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits."""
        return tuple(split for split, _ in self.shares)

    def draw(self, suite: Suite, n: int, rng: np.random.Generator) -> list[Case]:
        """Draw n cases, the split of each by the shares; a function of the state of `rng` alone."""
        chosen = rng.choice(len(self.shares), size=n, p=[share for _, share in self.shares])
        ids: list[str] = [""] * n
        for k, split in enumerate(self.splits):
            members = np.flatnonzero(chosen == k)
            for place, case_id in zip(members, suite.case_ids(len(members), rng, split), strict=True):
                ids[place] = case_id
        return suite.cases(ids)


def splits_beside(mixture: Mixture, extra: Sequence[str], suite: Suite) -> tuple[str, ...]:
    """The splits of a mixture and further ones to look at, each once.

    Raises:
        InvalidArgument: No such split.
    """
    for split in extra:
        if split not in suite.splits():
            raise InvalidArgument(f"no split {split!r}; this suite has {', '.join(suite.splits())}")
    return tuple(dict.fromkeys((*mixture.splits, *extra)))

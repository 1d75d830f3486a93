"""Which clips of a run are kept: the worst of each agent and split, and some at random."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Policy = Literal["all", "worst", "none"]
Key = tuple[str, str, int]
Group = tuple[str, str]


@dataclass
class Keeper:
    """Decides on the fly, so that only clips to be kept are written.

    The final choice depends on the set of rollouts alone, not on their order: the lowest rewards (ties by key),
    and the planned rollouts whose keys hash lowest.

    Attributes:
        policy: `all`, `worst` (worst and random) or `none`.
        worst: How many of the worst of each agent and split.
        random: How many at random of each agent and split.
    """

    policy: Policy = "worst"
    worst: int = 12
    random: int = 12
    _chosen: set[Key] = field(default_factory=set)
    _lowest: dict[Group, list[tuple[float, Key]]] = field(default_factory=lambda: defaultdict(list))

    def plan(self, group: Group, keys: Sequence[Key]) -> None:
        """Choose the random ones among a group's planned rollouts."""
        self._chosen.update(sorted(keys, key=_hash)[: self.random])

    def offer(self, group: Group, key: Key, reward: float | None) -> tuple[bool, Key | None]:
        """Offer a judged rollout.

        Returns:
            Whether to keep its clip, and the rollout whose clip has to go for it, if any.
        """
        if self.policy != "worst":
            return self.policy == "all", None
        lowest = self._lowest[group]
        entry = (-1.0 if reward is None else reward, key)
        lowest.append(entry)
        lowest.sort()
        dropped = lowest.pop()[1] if len(lowest) > self.worst else None
        keep = dropped != key or key in self._chosen
        return keep, dropped if dropped not in (None, key) and dropped not in self._chosen else None

    def state(self, group: Group) -> list[tuple[float, Key]]:
        """What has been offered so far, for `reset`."""
        return list(self._lowest[group])

    def reset(self, group: Group, state: list[tuple[float, Key]]) -> None:
        """Forget what was offered since `state`."""
        self._lowest[group] = list(state)

    def recall(self, group: Group, rollouts: Iterable[tuple[Key, float | None]]) -> None:
        """Take up the rollouts of an interrupted run."""
        for key, reward in rollouts:
            self.offer(group, key, reward)


def _hash(key: Key) -> str:
    return hashlib.sha256("\n".join(map(str, key)).encode()).hexdigest()

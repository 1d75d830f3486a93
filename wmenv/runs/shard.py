"""A share of a run, for one of several machines: every n-th batch of the plan.

Whole batches, so that an agent is handed the same requests together as in a run of one process; dealt out one by one,
so that shards take about as long as each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.runs.keep import Keeper, Key
from wmenv.runs.plan import Planned, batches, planned_rollouts


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several shares.

    Attributes:
        index: Which, from 1.
        of: Of how many.
    """

    index: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `i/n`, such as `2/4`.

        Raises:
            InvalidArgument: It is no such pair, or the shard is not one of 1/n to n/n.
        """
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise InvalidArgument(f"a shard reads i/n with i from 1 to n, such as 1/4 to 4/4; got {text!r}")
        return cls(int(match[1]), int(match[2]))

    def share(self, whole: Sequence[list[Planned]]) -> list[list[Planned]]:
        """This shard's batches of a run's."""
        return list(whole[self.index - 1 :: self.of])

    def block(self, cases: Mapping[str, Sequence[str]], keeper: Keeper) -> dict[str, Any]:
        """What a shard's identity says beyond that of its run: enough to merge it without the environment."""
        keep = {"policy": keeper.policy, "worst": keeper.worst, "random": keeper.random}
        return {**asdict(self), "cases": {split: list(ids) for split, ids in cases.items()}, "keep": keep}

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"


def shard_of(identity: Mapping[str, Any]) -> Shard | None:
    """Which shard an identity is of; None of a whole run."""
    block = identity.get("shard")
    return None if block is None else Shard(block["index"], block["of"])


def whole_plan(identity: Mapping[str, Any]) -> list[list[Planned]]:
    """All batches of the run that a shard belongs to, from the shard's identity."""
    names = [agent["name"] for agent in identity["agents"]]
    return batches(planned_rollouts(names, identity["shard"]["cases"], identity["samples"]), identity["batch"])


def planned_count(identity: Mapping[str, Any]) -> int:
    """Number of rollouts that a run, or a shard of one, is to have."""
    shard = shard_of(identity)
    if shard is None:
        return int(sum(identity["splits"].values()) * identity["samples"] * len(identity["agents"]))
    return sum(map(len, shard.share(whole_plan(identity))))


def missing_keys(identity: Mapping[str, Any], there: Mapping[Key, str]) -> list[Planned]:
    """Planned rollouts of a shard without a row."""
    shard = shard_of(identity)
    assert shard is not None
    return [p for members in shard.share(whole_plan(identity)) for p in members if p.key not in there]

"""The pair file of WorldRewardBench: which of two models' clips of one task people scored higher.

A row has `task_id`, `model_1`, `model_2`, `score_1`, `score_2` (people's quality, 1 to 5), `pair_type` (`gap` or `tie`)
and `is_order_swapped`. A tie is what its `pair_type` calls one: scores at most 0.1 apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from wmenv.core.errors import InvalidCase
from wmenv.core.preferences import Preference
from wmenv.official import rows
from wmenv.official.files import typed

GOLD_TIE = 0.1
"""Difference of scores up to which people's preference is a tie."""
VERDICTS: Mapping[str, Preference] = {
    "A>B": "first",
    "B>A": "second",
    "A<B": "second",
    "A=B": "tie",
    "A=B=Good": "tie",
    "A=B=Bad": "tie",
    "tie": "tie",
}
"""Words of a pairwise judge; either tie matches a tie."""


class ClipName(NamedTuple):
    """A clip: the answer of a model to a task."""

    task: str
    model: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One comparison.

    Attributes:
        first: The clip that is shown first.
        second: The other clip of the task.
        scores: People's scores of the two.
        gold: People's preference.
        swapped: Whether the file says that the order was swapped.
        paths: Where the file says that the clips are; empty where it does not.
    """

    first: ClipName
    second: ClipName
    scores: tuple[float, float]
    gold: Preference
    swapped: bool = False
    paths: tuple[str, str] = ("", "")


def load(path: Path) -> list[Pair]:
    """Pairs of a file, in file order.

    Args:
        path: The pair file as published (.json), or one of the same columns (.csv, .jsonl).

    Raises:
        InvalidCase: It is damaged: a field is missing or of another type, a clip has two scores, two clips of a gap
            have the same score, a pair comes twice.
    """
    found = [_pair(row, where) for where, row in rows.load(path)]
    seen: set[frozenset[ClipName]] = set()
    for one in found:
        if (key := frozenset((one.first, one.second))) in seen:
            raise InvalidCase(f"{path} compares {_told(one.first)} with {_told(one.second)} twice")
        seen.add(key)
    human_scores(found)
    return found


def human_scores(pairs: Sequence[Pair]) -> dict[ClipName, float]:
    """People's score of every clip.

    Raises:
        InvalidCase: A clip has another score in another pair.
    """
    found: dict[ClipName, float] = {}
    for pair in pairs:
        for clip, score in zip((pair.first, pair.second), pair.scores, strict=True):
            if found.setdefault(clip, score) != score:
                raise InvalidCase(f"{_told(clip)} has the score {found[clip]:g} in one pair and {score:g} in another")
    return found


def _pair(row: Mapping[str, Any], where: str) -> Pair:
    task, kind = rows.text(row, "task_id", where), rows.text(row, "pair_type", where)
    first, second = (ClipName(task, rows.text(row, f"model_{k}", where)) for k in (1, 2))
    one, other = (rows.number(row, f"score_{k}", where) for k in (1, 2))
    if first == second:
        raise InvalidCase(f"{where} compares {_told(first)} with itself")
    if kind not in ("gap", "tie") or (kind == "gap" and one == other):
        raise InvalidCase(f"'pair_type' of {where} should be 'gap' (of unequal scores) or 'tie', got {kind!r}")
    gold: Preference = "tie" if kind == "tie" else "first" if one > other else "second"
    swapped = row.get("is_order_swapped", False)
    if isinstance(swapped, str):
        swapped = {"true": True, "false": False}.get(swapped.lower(), swapped)
    typed(swapped, bool, f"'is_order_swapped' of {where}")
    left, right = (str(row.get(f"model_{k}_video_path", "")) for k in (1, 2))
    return Pair(first, second, (one, other), gold, swapped, (left, right))


def _told(clip: ClipName) -> str:
    return f"{clip.model} on {clip.task}"

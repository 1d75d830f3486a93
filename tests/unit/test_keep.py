"""Which clips are kept: a function of the set of rollouts, whatever the order they came in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.runs.keep import Keeper

GROUP = ("agent", "split")
REWARDS = st.lists(st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1)), max_size=25)


def keys(count: int) -> list[tuple[str, str, int]]:
    return [("agent", f"case-{k // 2}", k % 2) for k in range(count)]


def play(keeper: Keeper, rollouts: list[tuple[Any, float | None]]) -> set[Any]:
    """Follow the keeper's advice, as `evaluate` does."""
    kept = set()
    for key, reward in rollouts:
        keep, gone = keeper.offer(GROUP, key, reward)
        if keep:
            kept.add(key)
        if gone is not None:
            assert gone in kept, "only what was kept can go"
            kept.discard(gone)
    return kept


@given(REWARDS, st.integers(0, 4), st.integers(0, 4), st.randoms(use_true_random=False))
def test_order_plays_no_part(rewards: list[float | None], worst: int, random_: int, random: Any) -> None:
    rollouts = list(zip(keys(len(rewards)), rewards, strict=True))
    first = Keeper("worst", worst=worst, random=random_)
    first.plan(GROUP, [key for key, _ in rollouts])
    kept = play(first, rollouts)
    random.shuffle(rollouts)
    second = Keeper("worst", worst=worst, random=random_)
    second.plan(GROUP, [key for key, _ in rollouts])
    assert play(second, rollouts) == kept
    ranked = sorted(rollouts, key=lambda one: (-1.0 if one[1] is None else one[1], one[0]))
    assert {key for key, _ in ranked[:worst]} <= kept
    assert len(kept) <= worst + random_ and len(kept) >= min(len(rollouts), max(worst, random_))


@given(REWARDS, st.integers(0, 25))
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(rewards: list[float | None], cut: int) -> None:
    rollouts = list(zip(keys(len(rewards)), rewards, strict=True))
    planned = [key for key, _ in rollouts]
    whole = Keeper("worst", worst=3, random=2)
    whole.plan(GROUP, planned)
    wanted = play(whole, rollouts)
    before, after = rollouts[:cut], rollouts[cut:]
    first = Keeper("worst", worst=3, random=2)
    first.plan(GROUP, planned)
    kept = play(first, before)
    second = Keeper("worst", worst=3, random=2)
    second.plan(GROUP, planned)
    second.recall(GROUP, before)
    for key, reward in after:
        keep, gone = second.offer(GROUP, key, reward)
        kept |= {key} if keep else set()
        kept -= {gone}
    assert kept == wanted


@pytest.mark.parametrize(("policy", "kept"), [("all", 5), ("none", 0)])
def test_all_and_none(policy: Any, kept: int) -> None:
    keeper = Keeper(policy, worst=2, random=2)
    keeper.plan(GROUP, keys(5))
    assert len(play(keeper, [(key, 0.5) for key in keys(5)])) == kept


def test_groups_do_not_compete() -> None:
    keeper = Keeper("worst", worst=1, random=0)
    assert keeper.offer(("a", "id"), ("a", "x", 0), 0.9) == (True, None)
    assert keeper.offer(("b", "id"), ("b", "x", 0), 0.1) == (True, None)
    assert keeper.offer(("a", "id"), ("a", "y", 0), 0.5) == (True, ("a", "x", 0))

"""The critic that ships: on a law and a codec it was never taught."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from wmenv.core.registries import JUDGERS, make_env
from wmenv.judgers.critics.exam import Exam, examine
from wmenv.judgers.critics.judger import SHIPPED
from wmenv.judgers.critics.teaching import said_of
from wmenv.studies.teaching.items import disguised, lessons_of
from wmenv.studies.teaching.planted import of_discs

LARGEST = 4_000_000
"""Bytes that a shipped critic may have."""


@cache
def exam(disguise: str) -> Exam:
    """On 400 clips of the law that it was not taught, other ones than those of its card."""
    judger: Any = JUDGERS.create("critic")
    items = disguised(of_discs("PhyWorld-parabola", clips=400, seed=1), [disguise] if disguise else [])
    lessons = lessons_of(items, judger.form.size)
    lessons = lessons.part(np.array([one == (disguise or "simulator") for one in lessons.generators]))
    assert lessons.criteria == judger.criteria
    return examine(lessons, said_of(judger.network, lessons))


@pytest.mark.parametrize("disguise", ["", "re-encoded"])
def test_it_sees_what_vanishes_and_jumps_where_it_was_taught_neither_law_nor_codec(disguise: str) -> None:
    found = exam(disguise)
    for kind in ("count/vanish", "continuity/teleport"):
        assert found.kinds[kind] >= 0.9, found.kinds
    balanced = [one.balanced for one in found.criteria.values()]
    assert None not in balanced and float(np.mean([one or 0.0 for one in balanced])) > 0.8, found.criteria


def test_it_is_small_and_its_card_says_what_was_held_out() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < LARGEST
    card = JUDGERS.create("critic").card["model"]
    assert card["held"]["domains"] == ["parabola"] and card["held"]["generators"] == ["re-encoded", "nearest-neighbour"]
    assert not card["permuted"] and {"domains", "generators", "both"} <= set(card["exam"])


def test_it_judges_an_environment_by_its_name() -> None:
    env: Any = make_env("PhyWorld-parabola", size=32, frames=16, judger="critic")
    env.reset(seed=0)
    case = env.unwrapped.case
    true = env.unwrapped.true_clip(case)
    (good, bad) = JUDGERS.create("critic").judge([case] * 2, [true, still(true)])
    assert good.reward > bad.reward


def still(clip: Any) -> Any:
    """The first frame throughout."""
    return type(clip)(np.repeat(clip.frames[:1], len(clip.frames), axis=0), clip.fps)

"""A reader of the questions alone, who sees neither clip nor case, is right by chance.

The reader is naive Bayes over words, or words and pairs of words, taught on all scenes but one and asked of that one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pytest

import wmenv
from wmenv.envs.worldreasonbench.criteria import PHASES
from wmenv.worlds.scenes.planning import plans

SIGMAS = 1.96


class Row(NamedTuple):
    scene: str
    phase: str
    text: str
    yes: bool


def rows(wording: str = "asked") -> list[Row]:
    """Questions as they are asked, in their opposite wording, or in both."""
    env = wmenv.make("WorldReasonBench", size=32).unwrapped
    asked = [
        (case.tags["scene"], question)
        for case in env.cases(list(plans()))
        for criterion in case.criteria
        for question in criterion.questions
    ]
    put = list(asked) if wording != "opposite" else []
    put += [(scene, question.opposite()) for scene, question in asked] if wording != "asked" else []
    return [Row(scene, question.topic, question.text, question.polarity > 0) for scene, question in put]


def words(text: str, longest: int) -> set[str]:
    found = re.findall(r"[a-z'-]+", text.lower())
    return {" ".join(found[k : k + n]) for n in range(1, longest + 1) for k in range(len(found) - n + 1)}


def read_blindly(asked: list[Row], longest: int, absent: bool = False) -> np.ndarray:
    """(N,) 1 where the reader is right, 0 where wrong, half where undecided; it may count what is absent, too."""
    found = [words(row.text, longest) for row in asked]
    known = sorted(set().union(*found))
    there = np.array([[word in one for word in known] for one in found])
    yes, scenes = np.array([row.yes for row in asked]), np.array([row.scene for row in asked])
    right = np.zeros(len(asked))
    for scene in np.unique(scenes):
        odds = np.zeros((scenes == scene).sum())
        for answer, sign in ((True, 1), (False, -1)):
            taught = there[(scenes != scene) & (yes == answer)]
            share = (taught.sum(axis=0) + 1) / (len(taught) + 2)
            log = np.where(there[scenes == scene], np.log(share), np.log(1 - share) if absent else 0.0).sum(axis=1)
            odds += sign * (log + np.log(len(taught) + 1))
        right[scenes == scene] = np.where(np.abs(odds) < 1e-9, 0.5, (odds > 0) == yes[scenes == scene])
    return right


def margin(count: int) -> float:
    """Half width of the interval in which 95 % of guessers of that many questions are."""
    return SIGMAS * 0.5 / float(np.sqrt(count))


@pytest.mark.parametrize("longest", [1, 2])
def test_a_blind_reader_is_right_by_chance(longest: int) -> None:
    asked = rows()
    right = read_blindly(asked, longest)
    print(f"blind, {longest} words: {right.mean():.3f} of {len(right)}, chance within {margin(len(right)):.3f}")
    assert abs(right.mean() - 0.5) <= margin(len(right))
    for phase in PHASES:
        of = right[[row.phase == phase for row in asked]]
        print(f"blind, {longest} words, {phase}: {of.mean():.3f} of {len(of)}, chance within {margin(len(of)):.3f}")
        assert len(of) >= 40 and abs(of.mean() - 0.5) <= margin(len(of)), phase


@pytest.mark.parametrize("wording", ["opposite", "both"])
@pytest.mark.parametrize("longest", [1, 2])
def test_opposite_wordings_tell_nothing_more(longest: int, wording: str) -> None:
    """No reader is better than chance; balance makes readers of pairs worse, most of all where twins stand together."""
    asked = rows(wording)
    right = read_blindly(asked, longest)
    print(f"blind, {longest} words, {wording}: {right.mean():.3f} of {len(right)}")
    assert right.mean() <= 0.5 + margin(len(right))
    for phase in PHASES:
        of = right[[row.phase == phase for row in asked]]
        print(f"blind, {longest} words, {wording}, {phase}: {of.mean():.3f} of {len(of)}")
        assert of.mean() <= 0.5 + margin(len(of)), phase


@pytest.mark.parametrize("wording", ["asked", "opposite", "both"])
@pytest.mark.parametrize("longest", [1, 2])
def test_a_reader_of_what_is_absent_wins_nothing_either(longest: int, wording: str) -> None:
    """Balance makes it worse than chance: where a form is short of yes elsewhere, this scene has it."""
    asked = rows(wording)
    right = read_blindly(asked, longest, absent=True)
    print(f"blind to what is absent, {longest} words: {right.mean():.3f} of {len(right)}")
    assert right.mean() <= 0.5 + margin(len(right))
    for phase in PHASES:
        of = right[[row.phase == phase for row in asked]]
        assert of.mean() <= 0.5 + margin(len(of)), phase


@pytest.mark.parametrize("every", [1, 2])
def test_a_blind_reader_finds_wording_that_tells(every: int) -> None:
    """Two words more where no is right, as negations had, are found, even if only every second of those has them."""
    noes = iter(range(1000))
    told = [
        row._replace(text=f"{row.text} At all?") if not row.yes and next(noes) % every == 0 else row for row in rows()
    ]
    assert read_blindly(told, 1).mean() > 0.5 + margin(len(told))

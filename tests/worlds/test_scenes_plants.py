"""Planted violations and lawful alternatives: one law broken by what was asked, or none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from wmenv.core.errors import InvalidArgument, UnknownName
from wmenv.worlds.scenes.alternatives import alternatives
from wmenv.worlds.scenes.answers import CRITERIA, LAWS
from wmenv.worlds.scenes.catalogue import EXAM_KEYS, KEYS, scene, shipped
from wmenv.worlds.scenes.effects import VISIBLE, effects
from wmenv.worlds.scenes.plants import MULTIPLES, PLANTS, Planted, plant
from wmenv.worlds.scenes.render import render
from wmenv.worlds.scenes.scene import SceneCase
from wmenv.worlds.scenes.victims import FIRST

EXACT = {"teleport", "push", "grow", "squash", "lose", "float", "blur", "noise", "flicker", "recolour"}
"""Plants whose size is what was asked; shrinking, overlaps cut by what is there, and frames of absence are others."""


@cache
def planted(key: str, seed: int) -> tuple[Planted, ...]:
    case = scene(key).case(seed)
    made = (plant(case, name, multiple) for name in PLANTS for multiple in MULTIPLES)
    return tuple(one for one in made if one is not None)


def some() -> list[Planted]:
    keys = ("robotics/pick", "gaming/billiards", "human/throwing", "natural/rolling", "natural/water")
    return [one for k, key in enumerate(keys) for one in planted(key, k % 2)]


def test_lawful_clips_break_nothing() -> None:
    for key in (*KEYS[1::2], *EXAM_KEYS):
        case = scene(key).case(2)
        assert not any(effects(case.rollout, case.rollout).values()), key


def test_plants_break_their_law_by_what_was_asked() -> None:
    for one in some():
        size = one.effects[one.label]
        assert size >= min(VISIBLE, 0.6 * one.multiple), (one.case.id, one.plant.name, one.multiple, size)
        if one.plant.name == "teleport":  # what it seems to strike from afar is pushed by more than it has jumped
            jumps = np.linalg.norm(np.diff(one.rollout.look.shift, axis=0), axis=-1)
            size = float(jumps.max()) * one.case.world.camera.scale(128)
        if one.plant.name in EXACT:
            assert 0.55 * one.multiple < size < 1.2 * one.multiple + 0.5, (one.case.id, one.plant.name, size)
        assert one.label not in one.side_effects


def test_what_is_thrown_by_something_drawn_elsewhere_has_nothing_beneath_it() -> None:
    """A wheel lands on a block that seems to be 16 pixels away: that is told as a breach of gravity, too."""
    made = plant(scene("animation/tumble").case(20), "teleport", 16)
    assert made is not None and "gravity" in made.side_effects, made and made.effects


def test_every_law_and_sense_is_broken_at_three_sizes_and_mostly_alone() -> None:
    made = some()
    for criterion in CRITERIA[1:]:
        assert {one.multiple for one in made if one.label == criterion} == set(MULTIPLES), criterion
    small = [one for one in made if one.multiple == MULTIPLES[0]]
    pure = [one for one in small if not set(one.side_effects) - set(one.plant.inherent)]
    assert len(pure) >= 0.85 * len(small), (len(pure), len(small))


def test_plants_start_after_the_first_frames_and_grow_with_their_size() -> None:
    names = ("teleport", "grow", "penetrate", "float", "noise", "recolour", "lose")
    for key, seed in (("natural/rolling", 1), ("natural/water", 0), ("human/throwing", 0)):
        true = render(scene(key).case(seed).rollout, 64).clip.frames.astype(float)
        for name in names:
            change = []
            for one in planted(key, seed):
                if one.plant.name == name:
                    frames = render(one.rollout, 64).clip.frames
                    np.testing.assert_array_equal(frames[:FIRST], true[:FIRST], f"{key} {name}")
                    change.append(np.abs(frames - true).mean())
            assert change == sorted(change) and all(c > 0.01 for c in change), (key, name, change)


def test_render_edits_leave_physics_alone_and_forced_ones_do_not() -> None:
    for one in planted("gaming/billiards", 1):
        same = np.array_equal(one.rollout.pose, one.case.rollout.pose)
        assert same == (one.plant.name not in ("push", "penetrate")), one.plant.name


def test_the_same_plant_is_the_same_clip_and_variants_differ() -> None:
    case = scene("robotics/pick").case(3)
    first, again, other = (plant(SceneCase(case.scene, 3), "recolour", 8, v) for v in (0, 0, 1))
    assert first is not None and again is not None and other is not None
    assert first.rendering.clip.digest == again.rendering.clip.digest != other.rendering.clip.digest


def test_what_cannot_be_planted_is_none_and_what_is_unknown_is_told() -> None:
    case = scene("gaming/billiards").case(0)
    assert plant(case, "float", 8) is None and plant(case, "lose", 8) is None
    with pytest.raises(UnknownName, match="there are teleport, push"):
        plant(case, "telport", 8)
    with pytest.raises(InvalidArgument, match="positive multiple"):
        plant(case, "grow", 0)


def lawful_alternatives(case: SceneCase) -> list[int]:
    """Five alternatives with the same first frame and no law broken; returns their levels."""
    made = alternatives(case)
    assert len(made) == 5
    for one in made:
        assert one.changed and set(one.changed) <= set(case.scene.hidden)
        first = render(one.rollout, case.size, slice(0, 1)).clip.frames[0]
        np.testing.assert_array_equal(first, case.first_frame, case.id)
        assert all(one.answers[law] in (1, None) for law in LAWS)
        assert not one.rollout.unlawful.any()
        deepest = max((contact.depth.max() for contact in one.rollout.contacts), default=0.0)
        assert deepest * case.world.camera.scale(128) < 1.5, (case.id, deepest)
    return [one.answers["instruction"] or 0 for one in made]


def test_alternatives_are_lawful_and_some_miss_the_goal() -> None:
    levels = [level for k, key in enumerate(KEYS[::2]) for level in lawful_alternatives(scene(key).case(k % 8))]
    assert 0.1 < np.mean(np.array(levels) < 3) < 0.7
    assert {1, 2, 3} <= set(levels)


@pytest.mark.parametrize("key", EXAM_KEYS)
def test_scenes_of_the_exam_have_alternatives_and_room(key: str) -> None:
    case = scene(key).case(1)
    lawful_alternatives(case)
    beneath = () if key == "exam/kitchen" else ("penetrate",)  # there a hand lays down what meets the counter
    for name in ("teleport", "push", "grow", *beneath, *(("float",) if case.world.view == "side" else ())):
        made = plant(case, name, 8)
        assert made is not None and made.effects[made.label] >= VISIBLE, (key, name)


@pytest.mark.slow
@pytest.mark.long
def test_every_shipped_case_has_five_alternatives() -> None:
    for case in shipped():
        lawful_alternatives(case)


def test_too_many_alternatives_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="asked for 500"):
        alternatives(scene("gaming/billiards").case(0), 500)

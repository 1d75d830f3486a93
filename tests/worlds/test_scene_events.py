"""Events of scenes: one definition for simulation and silhouettes, clear moments, an order that others have not."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from wmenv.worlds.scenes.alternatives import alternatives
from wmenv.worlds.scenes.catalogue import case
from wmenv.worlds.scenes.claims import coloured, holds, open_question, question, recoloured, reversible, turned
from wmenv.worlds.scenes.events import Event, narrated, order, when
from wmenv.worlds.scenes.planning import FEWEST, MARGIN, MOST, made, plan, plans
from wmenv.worlds.scenes.scene import SceneCase
from wmenv.worlds.scenes.seen import LOST, Seen
from wmenv.worlds.scenes.world import COLOURS, Camera, Part, World, grey

FIRST = {one.rsplit("-", 1)[0]: one for one in reversed(plans())}
"""One case of each scene."""
FPS = Fraction(16)
BALL, OTHER, WALL = (
    Part("red ball", "ball", (0.1,), (-0.6, 0.0), COLOURS["red"], "mover"),
    Part("blue ball", "ball", (0.1,), (0.0, 0.5), COLOURS["blue"], "mover"),
    Part("wall", "box", (0.1, 0.5), (0.5, 0.0), grey(90)),
)
FRAMES = np.arange(32)


def shown(
    x: np.ndarray, z: np.ndarray | float = 0.0, other: tuple[float, float] = (0.0, 0.5), lost: slice = slice(0)
) -> Seen:
    """What is measured of a ball on a path and of another one that lies still."""
    path = np.column_stack([x, z + 0 * x, 0 * x])
    still = np.tile([*other, 0.0], (len(x), 1))
    found = np.ones(len(x), bool)
    found[lost] = False
    world = World((BALL, OTHER, WALL), view="top", camera=Camera((0.0, 0.0), 1.0))
    own = {name: np.ones(len(x), bool) for name in ("red ball", "blue ball")}
    return Seen.measured(world, FPS, {"red ball": path, "blue ball": still}, {**own, "red ball": found}, own)


def silhouettes(truth: Seen) -> Seen:
    """The same tracks as if they had been measured: contacts are to be told by shapes."""
    whole = {name: np.ones(truth.length, bool) for name in truth.tracks}
    return Seen.measured(truth.world, truth.fps, truth.tracks, whole, whole)


@pytest.mark.parametrize("speed", [0.03, 0.11, 0.19])
def test_a_rebound_between_frames_is_a_touch(speed: float) -> None:
    way = -0.6 + speed * FRAMES
    hit = (0.3 + 0.6) / speed
    seen = shown(np.where(way > 0.3, 0.6 - way, way))
    found = when(Event("reaches", "red ball", "wall"), seen)
    if hit > 31:
        assert found is None
    else:
        assert found == pytest.approx(hit, abs=1.0)


@pytest.mark.parametrize("miss", [0.24, 0.3])
def test_passing_by_is_no_touch(miss: float) -> None:
    seen = shown(-0.6 + 0.05 * FRAMES, other=(0.0, miss))
    assert when(Event("reaches", "red ball", "blue ball"), seen) is None
    assert when(Event("passes", "red ball", "blue ball"), seen) == 12.0
    assert when(Event("passes", "blue ball", "red ball"), seen) is None, "it is the other one that moves"


def test_starts_and_stops_have_their_moments() -> None:
    seen = shown(-0.6 + 0.04 * np.clip(FRAMES - 8, 0, 10))
    assert when(Event("starts", "red ball"), seen) == 9.0
    assert when(Event("stops", "red ball"), seen) == 18.0
    for event in (Event("starts", "blue ball"), Event("stops", "blue ball")):
        assert when(event, seen) is None
    assert when(Event("starts", "red ball"), shown(-0.6 + 0.04 * FRAMES)) is None, "it moves from the first frame on"


def test_nothing_is_told_of_what_is_lost() -> None:
    path = -0.6 + 0.04 * np.clip(FRAMES - 8, 0, 10)
    short, long, gone = (shown(path, lost=slice(12, stop)) for stop in (12 + LOST, 20, 32))
    assert when(Event("stops", "red ball"), short) == 18.0
    assert np.isnan(long.tracks["red ball"][12:20]).all()
    assert when(Event("stops", "red ball"), gone) is None
    nothing = shown(path, lost=slice(0, 32))
    assert [when(Event(kind, "red ball"), nothing) for kind in ("starts", "stops")] == [None, None]


@pytest.fixture(scope="module", params=FIRST.values())
def one(request: pytest.FixtureRequest) -> SceneCase:
    return case(request.param)


def test_plans_are_what_simulation_makes_of_a_case(one: SceneCase) -> None:
    assert plan(one) == plans()[one.id]


def test_events_are_clear_and_in_order(one: SceneCase) -> None:
    stored, seen = plans()[one.id], Seen.simulated(one.rollout)
    moments = [when(event, seen) for event in stored.events]
    assert FEWEST <= len(moments) <= MOST
    assert min(np.diff(moments)) >= MARGIN and moments[0] >= MARGIN - 1 and moments[-1] <= 32 - MARGIN
    assert all(holds(claim, seen) for claim in stored.claims)


def test_silhouettes_tell_the_order_of_the_engine(one: SceneCase) -> None:
    stored, truth = plans()[one.id], Seen.simulated(one.rollout)
    assert order(stored.events, silhouettes(truth)) == tuple(range(len(stored.events)))


def test_other_clips_do_not_have_the_order(one: SceneCase) -> None:
    events, truth = plans()[one.id].events, Seen.simulated(one.rollout)
    backwards = replace(silhouettes(truth), tracks={name: path[::-1] for name, path in truth.tracks.items()})
    assert order(events, backwards) != tuple(range(len(events)))
    frozen = {name: np.repeat(path[:1], len(path), axis=0) for name, path in truth.tracks.items()}
    assert order(events, replace(silhouettes(truth), tracks=frozen)) == ()


def test_what_is_asked_can_be_read(one: SceneCase) -> None:
    stored = plans()[one.id]
    words = [event.words for event in stored.events]
    assert len(set(words)) == len(words)
    texts = [narrated(stored.events)]
    for claim in stored.claims:
        about = replace(claim, names=(*claim.names, stored.events[0].names[-1])) if claim.kind == "law" else claim
        yes = question(claim)
        no = (
            question(turned(claim))
            if reversible(claim)
            else question(recoloured(claim, "teal"))
            if coloured(claim)
            else ""
        )
        assert yes != no and yes.endswith("?") and (no.endswith("?") or claim.kind == "law")
        texts += [yes, question(about), no or yes, *open_question(claim)]
    assert all(text[0].isupper() and not set("{}[]'_") & set(text.replace("'s ", "s ")) for text in texts), texts


@pytest.mark.parametrize("name", ["gaming-billiards", "human-pushing", "animation-hop"])
def test_alternatives_have_the_order_of_their_own_rollout(name: str) -> None:
    one = case(FIRST[name])
    events = plans()[one.id].events
    for other in alternatives(one, 3):
        truth = Seen.simulated(other.rollout)
        assert order(events, silhouettes(truth)) == order(events, truth)


def test_longer_clips_are_asked_about_the_same_seconds() -> None:
    one = replace(case(FIRST["gaming-billiards"]), frames=64)
    events = plans()[one.id].events
    seen = Seen.simulated(one.rollout)
    assert seen.length == 32 and order(events, seen) == tuple(range(len(events)))


@pytest.mark.slow
def test_the_file_of_plans_is_made_by_its_module() -> None:
    assert list(made()) == list(plans().values())

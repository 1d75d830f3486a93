"""What `attribute-conflict` reads off clips in which it is known which attribute has won, at 32 pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import wmenv  # noqa: F401 - registers the ids
from wmenv.core.clip import Clip
from wmenv.core.registries import AGENTS, JUDGERS
from wmenv.worlds.discs.attributes import CONFLICTS, HALVES, Attribute, Conflict, call
from wmenv.worlds.discs.criteria import KEPT
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.world import COLOURS, DISC, FPS, frame_times

FRAMES = 16
CASES = 60


def suite_of(conflict: Conflict, size: int = 32, part: str = "test", **options: Any) -> Any:
    return gym.make(
        "wmenv:PhyWorld-uniform_motion-v0", split=f"conflict_{conflict.name}_{part}", scheme="attributes",
        judger="attribute-conflict", size=size, frames=FRAMES, **options,
    ).unwrapped  # fmt: skip


def drawn(suite: Any, count: int = CASES) -> list[Any]:
    return list(suite.draw(count, np.random.default_rng(7)))


def planted(case: Any, conflict: Conflict, given_up: tuple[Attribute, ...], size: int, share: float = 1.0) -> Clip:
    """The clip of a generator that turns attributes, by a share of the way, into what training has beside the other."""
    truth, times = case.truth, frame_times(FRAMES)
    path, radii = truth.positions(times), truth.radii.copy()
    colours, shapes = truth.colours.copy(), truth.shapes.copy()
    for attribute, value in conflict.values(case.tags["level"]).items():
        if attribute not in given_up:
            continue
        other = 1 - value
        if attribute == "colour":
            colours = np.rint((1 - share) * COLOURS[[value]] + share * COLOURS[[other]]).astype(np.uint8)
        elif attribute == "size":
            radii += share * (call("size", other, radii[0]) - radii)
        elif attribute == "shape":
            shapes = np.array([(DISC, conflict.other_shape)[other]], dtype=np.uint8)
        else:
            speed = np.linalg.norm(truth.starts.velocity[0, 0])
            fast = 1 + share * (call("velocity", other, speed) / speed - 1)
            path[3:] = path[2] + fast * (path[3:] - path[2])
    future = draw(Discs.of(path[3:], radii, colours, shapes), size)
    return Clip(np.concatenate([case.request.frames, future]), FPS)


def winners(conflict: Conflict, given_up: tuple[Attribute, ...], size: int = 32) -> list[str]:
    suite = suite_of(conflict, size)
    cases = drawn(suite)
    judged = suite.score(cases, [planted(case, conflict, given_up, size) for case in cases])
    return [j[f"{conflict.first}_kept"].evidence.get("conflict", {}).get("winner", "unread") for j in judged]


@pytest.mark.parametrize("conflict", CONFLICTS, ids=lambda c: c.name)
def test_a_planted_winner_is_found_in_19_of_20_cases(conflict: Conflict) -> None:
    first, second = conflict.pair
    for given_up, expected in (((second,), first), ((first,), second), ((first, second), "neither"), ((), "both")):
        found = winners(conflict, given_up)
        assert found.count(expected) >= 0.95 * CASES, (given_up, {w: found.count(w) for w in set(found)})


@pytest.mark.parametrize("conflict", CONFLICTS, ids=lambda c: c.name)
def test_the_oracle_keeps_all(conflict: Conflict) -> None:
    suite = suite_of(conflict)
    cases = drawn(suite, 40)
    judged = suite.score(cases, AGENTS.create("oracle").act(cases, [0] * 40))
    for judgement in judged:
        assert {v.criterion for v in judgement.verdicts if v.state == "answered"} == {
            f"{a}_kept" for a in conflict.pair
        }
        assert {v.state for v in judgement.verdicts} == {"answered", "not_applicable"}
    assert np.mean([j.reward for j in judged]) > 0.96
    assert np.quantile([j.reward for j in judged], 0.05) > 0.9


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, -0.5])
def test_a_shift_is_the_share_of_the_way(share: float) -> None:
    for conflict, attribute in ((CONFLICTS[0], "colour"), (CONFLICTS[0], "size"), (CONFLICTS[2], "velocity")):
        if attribute == "colour" and share < 0:
            continue
        suite = suite_of(conflict, size=64)
        cases = drawn(suite, 20)
        judged = suite.score(cases, [planted(case, conflict, (attribute,), 64, share) for case in cases])
        shifts = [j[f"{attribute}_kept"].native for j in judged]
        assert np.mean(shifts) == pytest.approx(share, abs=0.03), attribute
        assert [j[f"{attribute}_kept"].score for j in judged] == [1 - min(abs(s), 1) for s in shifts]
        (other,) = set(conflict.pair) - {attribute}
        assert np.mean([abs(j[f"{other}_kept"].native) for j in judged]) < 0.05


def test_the_called_value_is_well_inside_the_other_half_and_never_near_the_shown_one() -> None:
    for attribute, halves in HALVES.items():
        for value, half in enumerate(halves):
            other = halves[1 - value]
            for shown in np.linspace(half.low, half.high, 50):
                called = call(attribute, 1 - value, shown)  # type: ignore[arg-type]
                quarter = (other.high - other.low) / 4
                assert other.low + quarter <= called <= other.high - quarter
                assert abs(called - shown) >= quarter - 1e-9


def test_a_ball_that_stands_still_did_not_keep_its_velocity() -> None:
    for judged in _judged("copy-last", CONFLICTS[1]):
        assert judged["velocity_kept"].score < 0.5 and judged["colour_kept"].score > 0.99
        assert judged["velocity_kept"].evidence["conflict"]["winner"] == "colour"


def _judged(agent: Any, conflict: Conflict, size: int = 32, count: int = CASES) -> list[Any]:
    suite = suite_of(conflict, size)
    cases = drawn(suite, count)
    made = AGENTS.create(agent) if isinstance(agent, str) else agent
    return list(suite.score(cases, made.act(suite.observe(cases), [0] * count)))


@pytest.mark.parametrize(
    ("name", "options", "winner"),
    [
        ("colour_size", "", "colour"),  # a difference of colour costs 4, of size at most 0.05, of speed at most 1
        ("colour_velocity", "", "colour"),
        ("size_velocity", "", "velocity"),
        ("velocity_shape", "", "velocity"),
        ("colour_shape", "", "colour"),
        ("size_shape", "", "size"),
        ("colour_size", ",colour=0.001,size=10", "size"),
        ("colour_velocity", ",colour=0.001,velocity=10", "velocity"),
        ("size_velocity", ",size=10,velocity=0.01", "size"),
        ("velocity_shape", ",shape=10,velocity=0.01", "shape"),
        ("colour_ring", ",shape=10", "shape"),
        ("size_ring", ",shape=10", "shape"),
    ],
)
def test_the_nearest_neighbour_keeps_what_its_weights_prescribe(name: str, options: str, winner: str) -> None:
    (conflict,) = (c for c in CONFLICTS if c.name == name)
    judged = _judged(f"nearest-neighbour,split=conflict_{name}_train{options}", conflict)
    (loser,) = set(conflict.pair) - {winner}
    won = [j[f"{winner}_kept"].evidence["conflict"]["winner"] for j in judged]
    # Balls shown near where the halves meet have a neighbour that differs little: both are kept, or nearly.
    assert won.count(winner) >= 0.6 * CASES and won.count(loser) <= 0.05 * CASES, {w: won.count(w) for w in set(won)}
    better = [j[f"{winner}_kept"].score - j[f"{loser}_kept"].score for j in judged]
    assert np.mean(better) > 0.5
    sign = 1 if conflict.pair[0] == winner else -1
    assert [sign * j[f"{winner}_kept"].evidence["conflict"]["margin"] for j in judged] == pytest.approx(better)


@pytest.mark.parametrize("conflict", CONFLICTS, ids=lambda c: c.name)
@pytest.mark.parametrize("agent", ["law", "constant-velocity", "steered"])
def test_agents_of_the_law_keep_all(agent: str, conflict: Conflict) -> None:
    judged = _judged(agent, conflict, count=20)
    assert min(j.reward for j in judged) > 0.7 and np.mean([j.reward for j in judged]) > 0.95


def test_training_combinations_have_no_winner() -> None:
    suite = suite_of(CONFLICTS[0], part="all")
    cases = drawn(suite, 40)
    judged = suite.score(cases, AGENTS.create("oracle").act(cases, [0] * 40))
    for case, judgement in zip(cases, judged, strict=True):
        expected = "both" if CONFLICTS[0].conflicts(case.tags["level"]) else None
        assert judgement["colour_kept"].evidence["conflict"]["winner"] == expected
        assert judgement["size_kept"].state == "answered"


def test_a_ball_that_is_gone_forfeits_its_pair_alone() -> None:
    suite = suite_of(CONFLICTS[0])
    (case,) = drawn(suite, 1)
    frames = np.full((FRAMES, 32, 32, 3), 255, dtype=np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, frames.shape, dtype=np.uint8)
    for clip in (Clip(frames, FPS), Clip(noise, FPS), Clip(frames[:8], FPS)):
        judgement = suite.score([case], [clip])[0]
        assert {v.criterion: v.state for v in judgement.verdicts} == {
            "colour_kept": "forfeited", "size_kept": "forfeited",
            "velocity_kept": "not_applicable", "shape_kept": "not_applicable",
        }  # fmt: skip
        assert judgement.reward == 0.0


def test_a_few_wild_frames_do_not_decide() -> None:
    suite = suite_of(CONFLICTS[0])
    for case in drawn(suite, 10):
        frames = planted(case, CONFLICTS[0], (), 32).frames.copy()
        moved = planted(case, CONFLICTS[0], ("colour", "size"), 32).frames
        frames[[4, 9, 12]] = moved[[4, 9, 12]]
        judgement = suite.score([case], [Clip(frames, FPS)])[0]
        assert judgement["colour_kept"].evidence["conflict"]["winner"] == "both"
        assert judgement.reward > 0.9


def test_the_gym_loop_and_the_other_schemes() -> None:
    env = gym.make(
        "wmenv:PhyWorld-uniform_motion-v0", split="conflict_colour_size_test", scheme="attributes",
        judger="attribute-conflict", size=32, frames=FRAMES,
    )  # fmt: skip
    env.reset(seed=0)
    suite: Any = env.unwrapped
    action = AGENTS.create("oracle").act([suite.case], [0])[0].frames
    _, reward, terminated, _, info = env.step(action)
    assert reward > 0.9 and terminated
    assert {name for name in info if name.startswith("score/")} == {"score/colour_kept", "score/size_kept"}
    assert [c.id for c in suite.criteria] == list(KEPT)
    # On other criteria it says what `physics` says; `physics` itself declines these.
    plain: Any = gym.make("PhyWorld-collision-v0", size=64).unwrapped
    cases = plain.draw(3, np.random.default_rng(0))
    clips = [plain.true_clip(case) for case in cases]
    mine, theirs = (JUDGERS.create(name).judge(cases, clips) for name in ("attribute-conflict", "physics"))
    assert [j.verdicts for j in map(_bare, mine)] == [j.verdicts for j in map(_bare, theirs)]
    (declined,) = JUDGERS.create("physics").judge([suite.case], [Clip(action, FPS)])
    assert {v.state for v in declined.verdicts} == {"failed"} and "attribute-conflict" in declined.verdicts[0].reason


def _bare(judgement: Any) -> Any:
    return replace(judgement, verdicts=tuple(replace(v, evidence={}) for v in judgement.verdicts))


def test_squares_and_rings_are_counted_as_themselves() -> None:
    """`count` expects the case's own shape; a ball of another shape is still followed."""
    for conflict, size in ((CONFLICTS[4], 32), (CONFLICTS[7], 32), (CONFLICTS[7], 64)):
        suite = gym.make("PhyWorld-uniform_motion-v0", split=f"conflict_{conflict.name}_all", size=size).unwrapped
        for case in suite.draw(12, np.random.default_rng(3)):
            right, wrong = suite.true_clip(case).frames, None
            truth = case.truth
            other = np.array([conflict.other_shape if truth.shapes[0] == DISC else DISC], dtype=np.uint8)
            discs = Discs.of(truth.positions(frame_times(32)), truth.radii, truth.colours, other)
            wrong = np.concatenate([right[:3], draw(discs, size)[3:]])
            good, bad = suite.score([case, case], [Clip(right, FPS), Clip(wrong, FPS)])
            assert good["count"].native == 0.0 and good["radius"].score > 0.5
            assert bad["count"].native > 3 and bad["count"].score < 0.2
            assert bad["velocity"].state == "answered" and bad["velocity"].native < 0.3

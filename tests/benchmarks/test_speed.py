"""Speed as ratios against named baselines, both measured in one run on one core; never an absolute time."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import wmenv  # noqa: F401 - registers the ids
from wmenv.core.clip import Clip
from wmenv.core.registries import JUDGERS
from wmenv.judgers.scenes.overlap import agreement
from wmenv.judgers.scenes.silhouette import Window
from wmenv.testing.ratios import ratio
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.draw import draw, draw_reference
from wmenv.worlds.discs.laws import positions, rollout_reference
from wmenv.worlds.discs.official_parser import mask_and_mean
from wmenv.worlds.discs.splits import draw_starts
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import FPS, FRAMES, frame_times
from wmenv.worlds.scenes.catalogue import scene
from wmenv.worlds.scenes.render import _Artist
from wmenv.worlds.scenes.shapes import distance
from wmenv.worlds.scenes.simulate import start
from wmenv.worlds.scenes.stage import none
from wmenv.worlds.scenes.world import Camera, Part

pytestmark = pytest.mark.slow

CLIPS = 24


@pytest.fixture(scope="module")
def clips() -> list[Discs]:
    starts, _ = draw_starts("collision", "id", np.arange(CLIPS))
    paths = positions(starts, frame_times(FRAMES))
    return [Discs.of(path, radii) for path, radii in zip(paths, starts.radii, strict=True)]


@pytest.fixture(scope="module")
def buffer() -> np.ndarray:
    return np.empty((FRAMES, 256, 256, 3), dtype=np.uint8)


def test_rendering_against_the_vectorised_float_pass(clips: list[Discs], buffer: np.ndarray, record_property) -> None:  # type: ignore[no-untyped-def]
    found = ratio(
        lambda: [draw_reference(d) for d in clips[:2]], lambda: [draw(d, out=buffer) for d in clips], 2, CLIPS, rounds=5
    )
    record_property("ratio", found)
    print(f"rendering: {found:.0f} times one float64 pass a ball")
    assert found >= 40


def test_rendering_against_fill(clips: list[Discs], buffer: np.ndarray, record_property) -> None:  # type: ignore[no-untyped-def]
    """Share of the rate at which `ndarray.fill` writes the same buffer."""

    def fill() -> None:
        for _ in range(200):
            buffer.fill(255)

    found = 1 / ratio(lambda: [draw(d, out=buffer) for d in clips], fill, CLIPS, 200)
    record_property("share", found)
    print(f"rendering: {100 * found:.0f} % of the rate of ndarray.fill")
    assert found >= 0.04


def test_full_judger_against_mask_and_mean(record_property) -> None:  # type: ignore[no-untyped-def]
    suite: Any = gym.make("PhyWorld-collision-v0").unwrapped
    cases = suite.cases([f"id-{seed:012x}" for seed in range(CLIPS)])
    responses = [suite.true_clip(case) for case in cases]
    found = ratio(
        lambda: [mask_and_mean(clip.frames, 2) for clip in responses[:6]],
        lambda: suite.judger.judge(cases, responses),
        6,
        CLIPS,
    )
    record_property("ratio", found)
    print(f"full judger: {found:.1f} times mask-and-mean")
    assert found >= 6


def test_rollouts_against_the_stepped_loop(record_property) -> None:  # type: ignore[no-untyped-def]
    """State-only rollouts, sampling included, against a Python loop of the official 0.01 s steps."""
    seeds, times = np.arange(2000), frame_times(FRAMES)
    few, _ = draw_starts("collision", "id", seeds[:20], mode="box2d")

    def fast() -> None:
        starts, _ = draw_starts("collision", "id", seeds, mode="box2d")
        positions(starts, times, "box2d")

    found = ratio(lambda: rollout_reference(few, FRAMES), fast, len(few), len(seeds))
    record_property("ratio", found)
    print(f"rollouts: {found:.0f} times the stepped loop")
    assert found >= 40


def test_native_vector_env_against_direct_calls(record_property) -> None:  # type: ignore[no-untyped-def]
    """64 environments: drawing cases, showing the given frames and judging, against the same by direct calls."""
    count = 64
    envs = gym.make_vec("PhyWorld-collision-v0", num_envs=count, vectorization_mode="vector_entry_point")
    envs.reset(seed=0)
    suite: Any = envs.unwrapped.suite
    judger = JUDGERS.create("physics")
    times = frame_times(FRAMES)
    seeds = np.arange(count)
    buffer = np.empty((count, FRAMES, 256, 256, 3), dtype=np.uint8)

    def picture(truths: list[DiscTruth]) -> None:
        for row, truth in zip(buffer, truths, strict=True):
            draw(truth.discs(times), out=row)

    def with_envs() -> None:
        picture([case.truth for case in envs.unwrapped.cases])
        envs.step(buffer)

    def directly() -> None:
        """Simulate, draw the given frames, draw the whole clips, judge: no environment."""
        starts, _ = draw_starts("collision", "id", seeds)
        truths = [
            DiscTruth(starts[k : k + 1], "exact", "area", 3, FRAMES, cases[k].truth.mean_speed) for k in range(count)
        ]
        given[:] = [draw(truth.discs(times[:3])) for truth in truths]  # what an agent would be shown
        picture(truths)
        judger.judge(cases, [Clip(row, FPS) for row in buffer])

    given: list[np.ndarray] = []
    cases = suite.cases([f"id-{seed:012x}" for seed in range(count)])
    found = ratio(directly, with_envs, count, count)
    record_property("share", found)
    print(f"native vector env: {100 * found:.0f} % of direct calls")
    assert found >= 0.9


def test_rays_in_bundles_against_all_things_at_once(record_property) -> None:  # type: ignore[no-untyped-def]
    """First hits of a picture's rays in a scene of many things: each bundle among what it can meet, or among all."""
    world = scene("human/pushing").case(1).world
    first, artist = start(world), _Artist(world, 128, 1.0, sparing=False)
    artist.set(first.drawn[0], first.look.scale[0], first.look.visible[0], first.look.colour[0])
    rays, everything = artist.rays[artist.tiled], np.ones(len(artist.stage.part_of), bool)
    found = ratio(
        lambda: artist.stage.cast(artist.eye, rays, everything, none(len(rays))),
        lambda: artist._shoot(artist.eye, rays),
        1,
        1,
        rounds=31,
    )
    record_property("ratio", found)
    print(f"rays in bundles: {found:.1f} x all things at once")
    assert found >= 1.2


def test_agreement_of_silhouettes_against_the_plain_form(record_property) -> None:  # type: ignore[no-untyped-def]
    """What a search for poses asks: one compiled pass against numpy over the same window."""
    part = Part("it", "box", (0.12, 0.08, 0.05), (0.1, 0.2), "red")
    pose = np.array([0.1, 0.2, 0.3])
    window = Window(Camera(), 128, pose[:2], 0.3)
    mask = window.coverage(part, pose + np.array([0.01, 0.0, 0.0]))
    told = np.ones_like(mask)

    def plain() -> float:
        shown = window.coverage(part, pose)
        around = distance(part, pose, window.points) * window.scale < 3.0
        return float((told * np.minimum(shown, mask)).sum() / (told * np.maximum(shown, mask * around)).sum())

    def fast() -> float:
        return agreement(window, part, pose, mask, told, 3.0)

    assert fast() == pytest.approx(plain(), abs=1e-12)
    found = ratio(lambda: [plain() for _ in range(200)], lambda: [fast() for _ in range(1000)], 200, 1000)
    record_property("ratio", found)
    print(f"agreement of a silhouette: {found:.1f} x the plain form")
    assert found >= 3

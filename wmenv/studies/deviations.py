"""Where the paper, the official code and wmenv differ, and what each difference does, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from wmenv.core.clip import Clip
from wmenv.studies.blocks import markdown
from wmenv.studies.parser import CLIPS, usual_cases
from wmenv.worlds.discs.draw import draw, pixel_centres
from wmenv.worlds.discs.laws import positions, sticks, velocity_after
from wmenv.worlds.discs.measure import measure
from wmenv.worlds.discs.official_parser import mask_and_mean, official_track
from wmenv.worlds.discs.splits import CROWDED_LEVELS, draw_starts, scorable
from wmenv.worlds.discs.world import COLOURS, FRAMES, Law, frame_times

CASES = 2000


def deviations_table() -> str:
    """One row a difference: what paper, code and wmenv do, and the effect."""
    rows = [
        ["velocity error", "mean of |v - v'|", "|mean v - mean v'|, x only",
         "the paper's; the code's as `velocity_official`", _formula()],
        ["pixel grid", "not said", "drawn at i/(W-1), parsed at i/W", "drawn and parsed on one grid", _grid()],
        ["edge of the parser's mask", "not said", "hard mask at 127", "soft alpha centroid", _mask()],
        ["pictures under 256 px", "128 px used, how made not said",
         "formula at that size", "area average of 256 px", _edge()],
        ["parabola", "y = -g t^2 / 2", "semi-implicit Euler, dt 0.01", "`exact`; the code's as `box2d`", _euler()],
        ["time of contact", "exact", "first 0.01 s step that starts overlapped",
         "`exact`; the code's as `box2d`", _contact()],
        ["slow collisions", "elastic", "closing speed <= 1 sticks",
         "`exact` elastic; the code's as `box2d`", _sticking()],
        ["bodies slower than 0.01", "move", "put to sleep after 0.5 s", "move in both modes", _sleep()],
        ["an absent ball", "not said", "x = 10 (collision: red 0, blue 10)",
         "forfeited: score 0, max(|v|, 1) a frame", _absent()],
        ["radii of collision, `id`", "0.7 to 1.5", "0.5 to 1.5", "`ranges=code` (default) or `paper`", _ranges()],
        ["crowded levels", "in the OOD set", "drawn, then discarded",
         f"left out: {', '.join(CROWDED_LEVELS)}", _crowded()],
        ["collisions without 2 scored pairs", "not said", "scored as NaN or not at all", "drawn again", _unscorable()],
        ["random numbers", "not said", "every shard of 1,000 reseeds alike",
         "each case has its own seed", _reseeding()],
    ]  # fmt: skip
    return markdown(["what", "paper", "official code", "wmenv", "effect"], rows, words=5)


def _env(law: str, **options: Any) -> Any:
    return gym.make(f"PhyWorld-{law}-v0", **options).unwrapped


def _mean_native(env: Any, ids: Sequence[str], criterion: str) -> float:
    cases = env.cases(ids)
    judged = env.score(cases, [env.true_clip(case) for case in cases])
    return float(np.mean([j[criterion].native for j in judged if j[criterion].native is not None]))


def _formula() -> str:
    env, ids = _env("collision"), usual_cases("collision", CLIPS)
    cases = env.cases(ids)
    seen = [official_track(env.true_clip(case).frames, case.truth) for case in cases]
    mean_of_absolute = float(np.mean([s for s in seen if s is not None]))
    return (
        f"true collision clips, official parser: {mean_of_absolute:.4f} by the paper's formula, "
        f"{_mean_native(env, ids, 'velocity_official'):.4f} by the code's (published 0.0117)"
    )


def _grid() -> str:
    env = _env("uniform_motion")
    bias = []
    for case in env.cases(usual_cases("uniform_motion", CLIPS)):
        seen = mask_and_mean(env.true_clip(case).frames[:18], 1)[:, 0, 0]
        true = case.truth.positions(frame_times(18))[:, 0, 0]
        speed = np.polyfit(frame_times(18), true, 1)[0]
        bias.append(np.polyfit(frame_times(18), seen, 1)[0] / speed - 1)
    return f"speeds read {100 * float(np.mean(bias)):+.2f} % (255/256 is {100 * (255 / 256 - 1):+.2f} %)"


def _mask() -> str:
    env = _env("uniform_motion")
    residual: dict[str, list[float]] = {"hard": [], "soft": []}
    step = pixel_centres(256)[1]
    for case in env.cases(usual_cases("uniform_motion", CLIPS)):
        frames, true = env.true_clip(case).frames[:18], case.truth.positions(frame_times(18))[:, 0]
        hard = mask_and_mean(frames, 1)[:, 0, :2] / 10.0 * 256 * step
        soft = measure(frames, COLOURS[:1], case.truth.radii[0]).position[:, 0]
        for name, seen in (("hard", hard), ("soft", soft)):
            residual[name].append(float(np.linalg.norm(np.diff(seen - true, axis=0), axis=-1).mean() / 0.1))
    hard_error, soft_error = np.mean(residual["hard"]), np.mean(residual["soft"])
    return f"velocity error on one grid {hard_error:.4f} with the hard mask, {soft_error:.4f} soft"


def _edge() -> str:
    ids = usual_cases("uniform_motion", CLIPS)
    area, official = (
        _mean_native(_env("uniform_motion", size=32, edge=edge), ids, "velocity") for edge in ("area", "official")
    )
    return f"judger on true clips at 32 px: {area:.4f} area, {official:.4f} official"


def _apart(law: Law, split: str) -> NDArray[np.float64]:
    starts, _ = draw_starts(law, split, np.arange(CASES, dtype=np.uint64))
    times = frame_times(FRAMES)
    distance = np.abs(positions(starts, times, "exact") - positions(starts, times, "box2d"))
    farthest: NDArray[np.float64] = distance.max(axis=(1, 2, 3))
    return farthest


def _euler() -> str:
    return f"positions differ by up to {_apart('parabola', 'id').max():.3f} units over the clip"


def _contact() -> str:
    apart = _apart("collision", "id")
    return f"positions differ by {np.median(apart):.3f} units (median of clips), up to {apart.max():.3f}"


def _sticking() -> str:
    starts, _ = draw_starts("collision", "ood_low_v1_v2", np.arange(CASES, dtype=np.uint64))
    change = np.abs(velocity_after(starts, "exact") - velocity_after(starts, "box2d")).max(axis=(1, 2))
    sticking = sticks(starts)
    return (
        f"{100 * sticking.mean():.0f} % of `ood_low_v1_v2` sticks; a correct elastic answer is then off by "
        f"{change[sticking].mean():.2f} units/s a ball at its worst (mean), up to {change.max():.2f}"
    )


def _sleep() -> str:
    slow = []
    for split in ("id", "ood_low"):
        starts, _ = draw_starts("collision", split, np.arange(CASES, dtype=np.uint64), mode="box2d")
        speeds = np.concatenate(
            [np.abs(starts.velocity[..., 0]), np.abs(velocity_after(starts, "box2d")[..., 0])], axis=1
        )
        slow.append(f"{100 * (speeds < 0.01).any(axis=1).mean():.1f} % of `{split}`")
    return f"concerns {' and '.join(slow)}; such a ball drifts at most 0.03 units in a clip"


def _absent() -> str:
    env = _env("uniform_motion")
    cases = env.cases(usual_cases("uniform_motion", CLIPS))
    errors: dict[str, list[float]] = {"velocity": [], "velocity_official": []}
    for case in cases:
        discs = case.truth.discs(frame_times(FRAMES))
        discs.present[3:] = False
        (judgement,) = env.score([case], [Clip(draw(discs), env.clip_spec.fps)])
        for name, found in errors.items():
            found.append(judgement[name].native or 0.0)
    return (
        f"a ball that vanishes for good: {np.mean(errors['velocity']):.2f} units/s charged (official "
        f"{np.mean(errors['velocity_official']):.2f}), reward 0"
    )


def _ranges() -> str:
    small = draw_starts("collision", "id", np.arange(CASES, dtype=np.uint64))[0].radii < 0.7
    return f"{100 * small.any(axis=1).mean():.0f} % of `id` cases have a ball under 0.7"


def _crowded() -> str:
    return "8 free frames before contact do not fit the view at these sizes and speeds"


def _unscorable() -> str:
    starts, _ = draw_starts("collision", "id", np.arange(CASES, dtype=np.uint64), only_scorable=False)
    return f"{100 * (~scorable(starts, 'exact')).mean():.1f} % of `id` draws"


def _reseeding() -> str:
    distinct = len(np.unique(draw_starts("collision", "id", np.arange(CASES, dtype=np.uint64))[0].position[:, 0, 1]))
    return f"{distinct} distinct start heights in {CASES} cases; the official 3 M set has about 1,000"

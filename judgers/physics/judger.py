"""`physics`: reads the discs off the pixels and compares them with the law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidCase
from wmenv.core.verdict import Judgement, Verdict, forfeit_all, judgement
from wmenv.judgers.physics.motion import RATE_TOLERANCE, MotionErrors, Timeline, motion_errors
from wmenv.judgers.physics.official import official_frames, official_velocity_error
from wmenv.worlds.discs.criteria import FORFEITED_BY_LOSS, MEASURES
from wmenv.worlds.discs.measure import Measured, measure
from wmenv.worlds.discs.shapes import read_shapes
from wmenv.worlds.discs.track import Track, track
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import FPS

SMALLEST_SIZE = 16
IDENTITY = "physics-v0"


class PhysicsJudger:
    """Exact verdicts on clips of the disc world (`wmenv.worlds.discs.criteria` states the questions).

    It reads positions, radii, colours and the number of discs from the pixels of the predicted frames in which
    every true ball is wholly inside the view; frames after a ball has left are not scored. A ball that should be
    in view and is not forfeits velocity, continuity, momentum and energy (score 0); the native velocity error
    then charges max(|v|, 1) for each frame pair it is missing from. Where a split has squares or rings `count` expects
    the case's own shape, and a ball of another shape is still followed.
    """

    name = "physics"
    accepts = ("clip",)
    reads_truth = True
    exact = True

    def __init__(self) -> None:
        halves = {name: m.half for name, m in MEASURES.items()}
        self.card: dict[str, Any] = {"identity": IDENTITY, "half_score_errors": halves}

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge clips of any square size from 16 pixels and any rate from 10 fps that last as long as their case."""
        return [self._judge(case, response) for case, response in zip(cases, responses, strict=True)]

    def _judge(self, case: Case, response: Response) -> Judgement:
        truth = case.truth
        if not isinstance(truth, DiscTruth):
            raise InvalidCase(f"judger 'physics' needs cases of the disc world, got truth {type(truth).__name__}")
        assert isinstance(response, Clip)
        reason = refusal(response, truth)
        if reason:
            return forfeit_all(case, reason, IDENTITY)
        timeline = Timeline.of(truth, response.fps)
        measured, found = read_discs(response, truth, timeline)
        result = motion_errors(truth, timeline, found)
        official = _official(response, truth, timeline, measured)
        verdicts = [self._verdict(c.id, result, official, timeline, found, measured) for c in case.criteria]
        return judgement(case, verdicts, IDENTITY)

    def _verdict(
        self,
        name: str,
        result: MotionErrors,
        official: float | None,
        timeline: Timeline,
        found: Track,
        measured: Measured,
    ) -> Verdict:
        if name not in MEASURES:
            return Verdict.failed(name, "judger 'physics' does not answer it; use judger='attribute-conflict'")
        error = official if name == "velocity_official" else result.errors[name]
        evidence: dict[str, Any] = {}
        if name == "velocity":
            evidence = {
                "pairs": {"speed": (result.true_speed, result.generated_speed)},
                "along": result.along,
                "baselines": result.baselines,
                "times": timeline.times[timeline.first : timeline.last + 1],
                "track": found.position,
            }
        if result.lost.any() and name in FORFEITED_BY_LOSS:
            return Verdict.forfeited(name, _loss(result, timeline, measured), error, **evidence)
        if error is None:
            if result.lost.any():
                return Verdict.forfeited(name, _loss(result, timeline, measured), None, **evidence)
            return Verdict.not_applicable(name, "no frame pair of this case can be scored")
        return Verdict.answered(name, MEASURES[name].score(error), error, **evidence)


def refusal(clip: Clip, truth: DiscTruth) -> str:
    """Why a clip cannot be read at all; empty if it can."""
    frames, height, width, _ = clip.frames.shape
    if height != width or height < SMALLEST_SIZE:
        return f"frames of {width} x {height} pixels; this suite admits squares of at least {SMALLEST_SIZE}"
    if clip.fps < FPS * (1 - RATE_TOLERANCE):
        return f"too coarse: {clip.fps} fps; velocities are read over 0.1 s, which needs {FPS} fps"
    needed = float((truth.frames - 1) / FPS)
    if float(Fraction(frames - 1) / clip.fps) < needed - 1e-6:
        return f"too short: {frames} frames at {clip.fps} fps; the case lasts {needed:g} s from first to last frame"
    return ""


def read_discs(clip: Clip, truth: DiscTruth, timeline: Timeline) -> tuple[Measured, Track]:
    """Measure and track the frames from the first predicted one to the last scored one."""
    frames = clip.frames[:: timeline.stride][timeline.first : timeline.last + 1]
    measured = measure(frames, truth.colours, float(truth.radii.min()), truth.edge)
    last = timeline.path[timeline.first - 1]
    step = last - timeline.path[timeline.first - 2] if timeline.first > 1 else np.zeros_like(last)
    if truth.starts.shape is None:
        return measured, track(measured, last, step)
    shapes = read_shapes(frames, measured, truth.edge)
    measured = replace(measured, radius=shapes.radius)
    return measured, track(measured, last, step, shapes.kind >= 0, np.isin(shapes.kind, truth.shapes))


def _official(clip: Clip, truth: DiscTruth, timeline: Timeline, measured: Measured) -> float | None:
    """The official variant; it exists where the nominal rate is read only."""
    if timeline.rate != FPS:
        return None
    frames = official_frames(truth, timeline.path)
    frames = frames[(frames >= timeline.first) & (frames <= timeline.last)]
    masks = measured.official[frames - timeline.first]
    return official_velocity_error(masks, frames, clip.frames.shape[1], truth, timeline.path)


def _loss(result: MotionErrors, timeline: Timeline, measured: Measured) -> str:
    scored = timeline.scored[timeline.first : timeline.last + 1]
    if (measured.count[scored] < 0).any():
        return "unreadable: the picture falls into thousands of regions (noise)"
    gone = [f"ball {k + 1} in {n}" for k, n in enumerate(result.lost) if n]
    return f"gone while it should be in view: {' and '.join(gone)} of {int(scored.sum())} scored frames"

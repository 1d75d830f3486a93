"""Clips of a ball that may vanish for three frames, with what is asked about them: enough to teach a judger by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.criterion import Criterion
from wmenv.core.question import Question
from wmenv.judgers.critics.lessons import Lessons
from wmenv.studies.teaching.items import Item, lessons_of

FPS = Fraction(8)
QUESTIONS = {
    "gone": Question("Does the ball vanish?", polarity=-1, complement="Is the ball there throughout?"),
    "left": Question("Does the ball move to the left?"),
    "up": Question("Does the ball move up?"),
}
PLACES = ("hall", "yard")


def ball(seed: int, frames: int = 12, size: int = 32, gone: bool = False) -> tuple[np.ndarray[Any, Any], int, Any]:
    """A ball on its way, the frame at which it vanishes for three, and its velocity, pixels a frame."""
    rng = np.random.default_rng(seed)
    speed = rng.uniform(0.5, 0.9, 2) * rng.choice([-1, 1], 2)
    place = rng.uniform(12, size - 12, 2) - speed * frames / 2
    colour, onset = rng.integers(0, 160, 3), int(rng.integers(3, frames - 4))
    y, x = np.mgrid[:size, :size]
    clip = np.full((frames, size, size, 3), 230, np.uint8)
    for t in range(frames):
        inside = (x - place[0] - speed[0] * t) ** 2 + (y - place[1] - speed[1] * t) ** 2 < 16
        if not (gone and onset <= t < onset + 3):
            clip[t][inside] = colour
    return clip, onset, speed


def items(seeds: Iterable[int], names: tuple[str, ...] = ("gone", "up"), **form: int) -> list[Item]:
    """Each ball as it is and with the fault, in one of two places."""
    found = []
    for seed in seeds:
        for gone in (False, True):
            frames, onset, speed = ball(seed, gone=gone, **form)
            met = {"gone": float(not gone), "left": float(speed[0] < 0), "up": float(speed[1] < 0)}
            criteria = tuple(
                Criterion(name, "toy", QUESTIONS[name].text, "binary", 1, questions=(QUESTIONS[name],))
                for name in names
            )
            request = Request(f"ball-{seed:04d}", "a ball", frames[:1], ClipSpec(*frames.shape[:3], FPS))
            case = Case(request, criteria, "weighted-sum-v0")
            kind, since = ("gone/vanish", onset) if gone else ("", -1)
            clip, targets = Clip(frames, FPS), {name: met[name] for name in names}
            found.append(Item(clip, case, targets, "toy", PLACES[seed % 2], kind, since))
    return found


def toys(seeds: Iterable[int], names: tuple[str, ...]) -> Lessons:
    """Lessons of such clips, eight frames each; each by itself, without a twin."""
    lessons = lessons_of(items(seeds, names, frames=8), 32)
    alone = np.full(len(lessons), -1)
    return replace(lessons, twin=alone, onset=alone)

"""Labelled clips as they come from a source, and the lessons that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch

from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, UnknownName
from wmenv.judgers.critics.lessons import Lessons
from wmenv.judgers.critics.network import brought
from wmenv.studies.degraded import blurred, coded

SHARP, LEAST = 128, 0.5
"""Width at which a disguise blurs by one pixel, a broader clip by more; and pixels by which it blurs a small one: less
than half a pixel changes no level."""


@dataclass(frozen=True, slots=True)
class Item:
    """A labelled clip.

    Attributes:
        clip: The clip.
        case: What it answers.
        targets: In [0, 1] by criterion, 1 where it is met; what is not in it is not known.
        generator: What made it.
        domain: What the case is about; empty where that is not known.
        kind: Criterion and what was planted against it, such as `mass/vanish`; empty where nothing was.
        onset: First frame that the violation changes; -1 where that is not known.
        source: Where it comes from, for rows; a path where it is a file.
    """

    clip: Clip
    case: Case
    targets: Mapping[str, float]
    generator: str
    domain: str = ""
    kind: str = ""
    onset: int = -1
    source: str = field(default="")


Disguise = Callable[[Clip], Clip]


def _soft(clip: Clip) -> Clip:
    return blurred(clip, max(LEAST, clip.frames.shape[2] / SHARP))


DISGUISES: Mapping[str, Disguise] = {"blurred": _soft, "re-encoded": partial(coded, crf=26)}
"""How the same clip looks from elsewhere: by a pixel less sharp, or sent through H.264. No label changes."""


def disguised(items: Iterable[Item], names: Iterable[str]) -> Iterable[Item]:
    """The items, and every one again in each disguise; the generator of those is the disguise.

    Raises:
        UnknownName: No such disguise.
    """
    wanted = list(names)
    unknown = [name for name in wanted if name not in DISGUISES]
    if unknown:
        raise UnknownName(f"no disguise {unknown[0]!r}; there are {', '.join(DISGUISES)}")
    for item in items:
        yield item
        for name in wanted:
            yield replace(item, clip=DISGUISES[name](item.clip), generator=name)


def lessons_of(items: Iterable[Item], size: int) -> Lessons:
    """Lessons of items, each picture brought to a size.

    The twin of a planted clip is the one of the same case and generator in which nothing is planted.

    Raises:
        InvalidArgument: No clip, or clips of other lengths, rates or shapes.
    """
    kept: list[Item] = []
    frames, form = [], None
    for item in items:
        length, height, width, _ = item.clip.frames.shape
        if height != width:
            raise InvalidArgument(f"a critic looks at square pictures; a clip of {item.case.id} has {width} x {height}")
        if form not in (None, (length, item.clip.fps)):
            raise InvalidArgument(
                f"all clips of a training must have one length and rate: {length} frames at {item.clip.fps} fps "
                f"({item.case.id}) stand beside {form[0]} at {form[1]}"
            )
        form = (length, item.clip.fps)
        frames.append(_brought(item.clip, size))
        kept.append(replace(item, clip=Clip(item.clip.frames[:1, :1, :1], item.clip.fps)))
    if form is None:
        raise InvalidArgument("there is no labelled clip to learn from")
    names = tuple(dict.fromkeys(name for item in kept for name in item.targets))
    targets = [[item.targets.get(name, np.nan) for name in names] for item in kept]
    true = {(item.case.id, item.generator): k for k, item in enumerate(kept) if not item.kind}
    twin = [true.get((item.case.id, item.generator), -1) if item.kind else -1 for item in kept]
    return Lessons(
        names,
        form[1],
        np.stack(frames),
        np.array(targets, np.float32),
        np.array([item.onset for item in kept]),
        np.array(twin),
        tuple(item.case for item in kept),
        tuple(item.generator for item in kept),
        tuple(item.domain for item in kept),
        tuple(item.kind for item in kept),
    )


def _brought(clip: Clip, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    if clip.frames.shape[1] == size:
        return clip.frames
    whole = torch.from_numpy(np.ascontiguousarray(np.moveaxis(clip.frames, -1, 1))).float()[None]
    return np.moveaxis(brought(whole, size)[0].round().byte().numpy(), 1, -1)

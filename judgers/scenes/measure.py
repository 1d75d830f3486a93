"""Everything that is measured in a clip, in one place: statistics by criterion, before any threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.core.clip import Clip
from wmenv.judgers.scenes.contacts import Gaps
from wmenv.judgers.scenes.likeness import unlike
from wmenv.judgers.scenes.look import look
from wmenv.judgers.scenes.matter import Flow, flow, matter
from wmenv.judgers.scenes.motion import motion
from wmenv.judgers.scenes.steady import steadied
from wmenv.judgers.scenes.track import Track
from wmenv.judgers.scenes.tracking import Tracker
from wmenv.worlds.scenes.facts import Facts
from wmenv.worlds.scenes.seen import Seen

FloatArray = NDArray[np.float64]

WITNESSED = 0.25
"""Share of the frames in which something must be seen to bear witness."""
WEIGHED = 0.125
"""Share of them that must tell how much of it there is, so that it can have kept its amount."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What a clip shows.

    Attributes:
        start: Pixels, at a width of 128, in which the first frame is not the case's.
        level: Level of the instruction.
        softness: Standard deviation of the blur in which it was measured, pixels at a width of 128.
        statistics: Largest value over all movers, by name.
        witnesses: Movers that were seen in at least `WITNESSED` of the frames, by name; a liquid counts as one.
        weighed: Movers whose amount at least `WEIGHED` of the frames tell, by name.
        tracks: Tracks by name.
        shows: Where everything was and when it was seen, to ask for events.
    """

    start: float
    level: int
    softness: float
    statistics: Mapping[str, float]
    witnesses: tuple[str, ...]
    weighed: tuple[str, ...]
    tracks: Mapping[str, Track]
    shows: Seen


def measure(facts: Facts, clip: Clip, given: NDArray[np.uint8] | None = None) -> Measured:
    """Measure a clip of square pictures.

    Args:
        facts: Public facts of its case.
        clip: The clip.
        given: (H, W, 3) the case's first frame, where the clip was asked to begin with it; drawn otherwise.
    """
    size = clip.frames.shape[2]
    plate = facts.plate(size)
    behind = plate.clip.frames[0].astype(float)
    steady = steadied(clip.frames.astype(float), behind)
    tracker = Tracker(facts, steady, plate.depth[0].astype(float), float(clip.fps))
    tracks = tracker.run()
    found: dict[str, float] = {}
    seen, weighed = [], []
    for name, track in tracks.items():
        if track.part.role != "mover":
            continue
        if track.seen.mean() >= WITNESSED:
            seen.append(name)
        gaps = Gaps(name, tracks, tracker)
        one = motion(track, gaps, facts.world, float(clip.fps))
        body = matter(track, gaps, tracker)
        if body.told >= WEIGHED:
            weighed.append(name)
        for source, names in (
            (one, ("spike", "spikes", "shove", "gain", "aside", "fall", "lift", "overlap")),
            (body, ("growth", "loss", "aspect", "narrow", "gone", "blink")),
        ):
            for key in names:
                found[key] = max(found.get(key, 0.0), float(getattr(source, key)))
    seen_look = look(steady, tracks)
    found |= {name: getattr(seen_look, name) for name in ("noise", "soft", "flicker", "turn")}
    poses = {name: _joined(track) for name, track in tracks.items()}
    liquid = facts.world.liquid
    if liquid is not None:
        running: Flow = flow(liquid, tracker)
        found |= {"less": running.less, "more": running.more, "stop": running.stop}
        poses[liquid.name] = running.track
        if np.isfinite(running.track[:, 0]).mean() >= WITNESSED:
            seen.append(liquid.name)
    first = facts.first_frame(size) if given is None else given
    return Measured(
        start=float(unlike(clip.frames[0], first)),
        level=facts.grade(poses),
        softness=steady.softness * 128 / size,
        statistics=found,
        witnesses=tuple(seen),
        weighed=tuple(weighed),
        tracks=tracks,
        shows=Seen.measured(
            facts.world,
            clip.fps,
            {name: track.pose for name, track in tracks.items()},
            {name: track.seen for name, track in tracks.items()},
            {name: track.own for name, track in tracks.items()},
        ),
    )


def _joined(track: Track) -> FloatArray:
    """(T, 3) poses: straight lines while it was lost, the last one once it left, NaN before it is found."""
    frames = np.arange(len(track.pose))
    seen = np.flatnonzero(track.seen)
    if not len(seen):
        return np.full_like(track.pose, np.nan)
    joined = np.stack([np.interp(frames, seen, track.pose[seen, axis]) for axis in range(3)], axis=-1)
    joined[: seen[0]] = np.nan
    return joined

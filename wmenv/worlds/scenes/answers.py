"""Answers to the eight criteria, from the simulation.

A question whose law has no witness in the clip concerns nothing that can be seen: its answer is None (not applicable).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.rollout import Rollout
from wmenv.worlds.scenes.scene import SceneCase, Tracks

FloatArray = NDArray[np.float64]

LAWS = ("newton", "mass", "fluid", "impenetrability", "gravity")
SENSES = ("quality", "temporal")
CRITERIA = ("instruction", *LAWS, *SENSES)

COMPLETE, PARTIAL = 0.9, 0.4
"""Progress of levels 3 and 2."""
MOVED, STRAY = 3.0, 6.0
"""Displacement of level 1, and how far from its place a mover may start; pixels at a width of 128."""
FREE_FRAMES = 5
"""A witness of motion is in view and out of the hands of actors for as many frames."""


def level(case: SceneCase, tracks: Tracks) -> int:
    """How well the instruction is followed, as the published scale has it.

    Args:
        case: The case; its words are what is asked for.
        tracks: Measured, in metres and radians; NaN where unknown, which counts as no progress.

    Returns:
        3 complete and kept to the end, 2 partly there at the end, 1 the right object moved, 0 otherwise, also where
        a mover or a liquid does not start where the case has it (a reversed clip, another case's). What is reached
        must be kept: the last tenth of the frames counts, at least three.
    """
    pixel = 1.0 / case.world.camera.scale(128)
    for part in case.world.parts:
        if part.role == "mover" and not _near(tracks[part.name][0, :2], part.at, STRAY * pixel):
            return 0
    liquid = case.world.liquid
    if liquid is not None and not _near(tracks[liquid.name][0, :2], liquid.centre, STRAY * pixel):
        return 0
    progress = np.nan_to_num(case.scene.progress(case.parameters, tracks))
    end = float(progress[-max(3, len(progress) // 10) :].min())
    if end >= COMPLETE:
        return 3
    if end - progress[0] >= PARTIAL:
        return 2
    moved = max(
        float(np.nan_to_num(np.linalg.norm(tracks[name][:, :2] - tracks[name][0, :2], axis=1)).max())
        for name in case.scene.tasked(case.parameters)
    )
    return 1 if moved > MOVED * pixel else 0


def _near(point: FloatArray, place: tuple[float, float], limit: float) -> bool:
    return bool(np.linalg.norm(point - np.asarray(place)) <= limit)


def in_view(rollout: Rollout) -> NDArray[np.bool_]:
    """(T, N) whether the drawn centre of each part lies in the picture."""
    camera = rollout.world.camera
    offset = np.abs(rollout.drawn[..., :2] - np.asarray(camera.centre))
    return np.asarray((offset < camera.half_width).all(axis=-1) & rollout.look.visible)


def held(rollout: Rollout) -> NDArray[np.bool_]:
    """(T, N) whether an actor touches or holds a part."""
    world = rollout.world
    out = np.zeros(rollout.pose.shape[:2], bool)
    for contact in rollout.contacts:
        for one, other in ((contact.first, contact.second), (contact.second, contact.first)):
            if world.part(other).role == "actor":
                out[:, world.index(one)] |= contact.touched
    for grip in world.grips:
        out[:, world.index(grip.mover)] |= (rollout.times >= grip.start) & (rollout.times < grip.stop)
    return out


def witnesses(rollout: Rollout) -> Mapping[str, tuple[str, ...]]:
    """Names of what shows whether each law holds, by criterion; empty where nothing does.

    Newton: a mover left alone by actors for five frames in view. Mass: any mover in view. Gravity: such a mover in a
    view from the side, or a liquid. Impenetrability: a mover that touches something after the first frame.
    """
    world, seen = rollout.world, in_view(rollout)
    alone = (seen & ~held(rollout)).sum(axis=0) >= FREE_FRAMES
    names = [part.name for part in world.parts]
    free = tuple(names[k] for k in world.movers if alone[k])
    liquid = () if world.liquid is None else (world.liquid.name,)
    touching: dict[str, None] = {}
    for contact in rollout.contacts:
        for name in (contact.first, contact.second):
            k = world.index(name)
            if k in world.movers and (contact.touched[1:] & seen[1:, k]).any():
                touching[name] = None
    return {
        "newton": free,
        "mass": tuple(names[k] for k in world.movers if seen[:, k].sum() >= FREE_FRAMES),
        "fluid": liquid,
        "impenetrability": tuple(touching),
        "gravity": (*free, *liquid) if world.view == "side" else (),
    }


def answers(case: SceneCase, rollout: Rollout | None = None) -> Mapping[str, int | None]:
    """Right answers for a lawful rollout of a case: its own, or an alternative.

    Returns:
        By criterion: `instruction` 0 to 3; the others 1 where the law holds (nothing lawful breaks one), None where
        the question is not applicable.
    """
    rollout = case.rollout if rollout is None else rollout
    found: dict[str, int | None] = {"instruction": level(case, rollout.tracks())}
    seen = witnesses(rollout)
    found |= {law: 1 if seen[law] else None for law in LAWS}
    return found | {sense: 1 for sense in SENSES}

"""Whom and when a violation can be planted on: somebody in view, for long enough, with nobody else to blame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.answers import held, in_view
from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.rollout import Rollout

FIRST = 2
"""Earliest frame of a violation: the first frame is given, another one shows how things were."""


def touched_by_others(rollout: Rollout) -> NDArray[np.bool_]:
    """(T, N) whether a part touches a mover or an actor."""
    world = rollout.world
    out = held(rollout)
    for contact in rollout.contacts:
        if world.part(contact.first).role == world.part(contact.second).role == "mover":
            for name in (contact.first, contact.second):
                out[:, world.index(name)] |= contact.touched
    return out


def victim(rollout: Rollout, dice: Dice, frames: int, *, free: bool, alone: bool = False) -> tuple[int, int] | None:
    """A mover and the first frame of a stretch in which it can suffer.

    Args:
        rollout: The lawful rollout.
        dice: Chooses.
        frames: Length of the stretch.
        free: Only movers that no pivot ties and no actor touches meanwhile.
        alone: Also no other mover.

    Returns:
        Index and frame, or None.
    """
    world = rollout.world
    room = in_view(rollout)
    busy = touched_by_others(rollout) if alone else held(rollout)
    found = []
    for k in world.movers:
        if free and world.parts[k].pivot is not None:
            continue
        fit = room[:, k] & ~(busy[:, k] if free else False)
        found += [(k, t) for t in range(FIRST, len(rollout) - frames + 1) if fit[t - 1 : t + frames].all()]
    if not found:
        return None
    chosen = dice.pick(sorted({k for k, _ in found}))
    return chosen, dice.pick([t for k, t in found if k == chosen])


def airborne(rollout: Rollout) -> NDArray[np.bool_]:
    """(T, N) whether a part has touched nothing since the frame before."""
    out = np.ones(rollout.pose.shape[:2], bool)
    for contact in rollout.contacts:
        for name in (contact.first, contact.second):
            out[:, rollout.world.index(name)] &= ~contact.touched
    return out & ~held(rollout)

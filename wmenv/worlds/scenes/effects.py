"""What breaks which law in a rollout, measured from its truth, in multiples of the just-visible change.

One just-visible change is a pixel at a width of 128, or 8 of 255 grey levels. Planted clips are labelled by this
measurement and not by what was intended: what a plant breaks besides its own law is a side effect.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.answers import CRITERIA, in_view
from wmenv.worlds.scenes.mjcf import touching
from wmenv.worlds.scenes.rollout import Look, Rollout
from wmenv.worlds.scenes.stage import Stage

FloatArray = NDArray[np.float64]

LEVELS = 8.0
"""Grey levels of one just-visible change."""
EDGE, RANGE = 2.56, 2.58
"""A Gaussian blur spreads an edge, from 10 to 90 %, over as many standard deviations; 99 % of a noise's values lie
within as many."""
VISIBLE = 2.0
"""Multiples from which on an effect is a label."""
HOVER_FRAMES = 3


def effects(rollout: Rollout, clean: Rollout) -> Mapping[str, float]:
    """How far each criterion but the instruction is broken, in just-visible changes.

    Args:
        rollout: A clip with planted violations.
        clean: The lawful rollout that it was made from; gives the overlaps that are not planted.
    """
    seen = in_view(rollout)
    lawful = Look.neutral(rollout.world, rollout.times)
    found = dict.fromkeys(CRITERIA[1:], 0.0)
    scale = rollout.world.camera.scale(128)
    jump = _jump(rollout, seen) * scale
    pushed, lifted = _pushed(rollout, clean)
    knocked, borne = _knocked(rollout, seen)
    found["newton"], found["gravity"] = max(jump, pushed * scale, knocked * scale), max(lifted, borne) * scale
    found["mass"], gone = _misshapen(rollout, lawful, seen)
    overlap, hover = _apart(rollout)
    usual, lawful_hover = _apart(clean)
    found["impenetrability"] = max(0.0, overlap - usual) * scale
    found["gravity"] = max(found["gravity"], (hover - lawful_hover) * scale)
    found["fluid"], hung = _liquid(rollout, clean)
    found["gravity"] = max(found["gravity"], hung)
    look = rollout.look
    found["quality"] = max(float(look.blur.max()) * EDGE, float(look.noise.max()) * RANGE / LEVELS)
    recoloured = np.abs(look.colour - lawful.colour).max(axis=-1) / LEVELS
    flicker = float(np.abs(np.diff(look.gain)).max(initial=0.0)) * 200.0 / LEVELS
    found["temporal"] = max(float((recoloured * seen).max()), flicker, jump, gone)
    return found


def _jump(rollout: Rollout, seen: NDArray[np.bool_]) -> float:
    """Largest sudden displacement of what is drawn, metres; slow ones belong to parts that change size."""
    steps = np.linalg.norm(np.diff(rollout.look.shift, axis=0), axis=-1) * (seen[1:] | seen[:-1])
    return float(np.where(steps * rollout.world.camera.scale(128) > VISIBLE, steps, 0.0).max(initial=0.0))


def _knocked(rollout: Rollout, seen: NDArray[np.bool_]) -> tuple[float, float]:
    """Largest impulse by the touch of something that is drawn otherwise than it is, level and upright, metres a frame.

    Upright ones, in a view from the side, carry something with nothing beneath it.
    """
    parts, look = rollout.world.parts, rollout.look
    lawful = Look.neutral(rollout.world, rollout.times)
    size = np.array([part.extent for part in parts]) * rollout.world.camera.scale(128)
    moved = np.linalg.norm(look.shift, axis=-1) * rollout.world.camera.scale(128) > VISIBLE
    astray = moved | (np.abs(look.scale - lawful.scale).max(axis=-1) * size > VISIBLE) | ~look.visible
    impulse = np.abs(rollout.impulse) / float(rollout.fps)
    upright = (impulse[..., 1] > impulse[..., 0]) & (rollout.world.view == "side")
    knocked, borne = 0.0, 0.0
    for contact in rollout.contacts:
        pair = [rollout.world.index(name) for name in (contact.first, contact.second)]
        for one, other in (pair, pair[::-1]):
            struck = contact.touched & astray[:, one] & ~astray[:, other] & seen[:, other]
            if parts[other].role == "mover":
                strength = np.linalg.norm(impulse[:, other], axis=-1) * struck
                knocked = max(knocked, float((strength * ~upright[:, other]).max()))
                borne = max(borne, float((strength * upright[:, other]).max()))
    return knocked, borne


def _pushed(rollout: Rollout, clean: Rollout) -> tuple[float, float]:
    """How far forces from nowhere have moved somebody by the end of their action: pushed, and lifted, metres.

    A force that is mostly vertical in a view from the side is a breach of gravity, any other one of Newton's laws.
    """
    pushed, lifted = 0.0, 0.0
    for k in range(rollout.unlawful.shape[1]):
        acting = np.flatnonzero(rollout.unlawful[:, k].any(axis=-1))
        if not len(acting):
            continue
        total = rollout.unlawful[:, k].sum(axis=0)
        way = rollout.pose[acting[-1], k, :2] - clean.pose[acting[-1], k, :2]
        along = abs(float(way @ total)) / float(np.linalg.norm(total))
        if rollout.world.view == "side" and abs(total[1]) > abs(total[0]):
            lifted = max(lifted, along)
        else:
            pushed = max(pushed, along)
    return pushed, lifted


def _misshapen(rollout: Rollout, lawful: Look, seen: NDArray[np.bool_]) -> tuple[float, float]:
    """Change of width or height, and width of what is gone, pixels."""
    look, scale = rollout.look, rollout.world.camera.scale(128)
    extent = np.array([part.extent for part in rollout.world.parts]) * scale
    changed = (np.abs(look.scale / lawful.scale - 1).max(axis=-1) * extent * seen).max(initial=0.0)
    camera = rollout.world.camera
    there = (np.abs(rollout.drawn[..., :2] - np.asarray(camera.centre)) < camera.half_width).all(axis=-1)
    gone = (~look.visible & there) * extent
    return float(max(changed, gone.max(initial=0.0))), float(gone.max(initial=0.0))


def _apart(rollout: Rollout) -> tuple[float, float]:
    """Deepest overlap of what is drawn, and how far something hovers over what carries it, metres."""
    world = rollout.world
    stage = Stage(world, float(rollout.look.scale.max()))
    pairs = touching(world)
    names = [part.name for part in world.parts]
    carried = {(names.index(c.first), names.index(c.second)): c.touched for c in rollout.contacts}
    distance = np.full((len(rollout), len(pairs)), 1.0)
    drawn, shown, seen = rollout.drawn, rollout.look.visible, in_view(rollout)
    for t in range(len(rollout)):
        stage.set(drawn[t], rollout.look.scale[t], shown[t])
        for j, (a, b) in enumerate(pairs):
            if shown[t, a] and shown[t, b] and (seen[t, a] or not world.parts[a].moves):
                distance[t, j] = stage.distance(a, b)
    overlap = max(0.0, -float(distance.min(initial=0.0)))
    hover = _out_of_reach(rollout, stage, seen)
    if world.view == "side":
        for k in world.movers:
            mine = [j for j, pair in enumerate(pairs) if k in pair]
            claims = np.array(
                [carried.get(pairs[j], carried.get(pairs[j][::-1], np.zeros(len(rollout), bool))) for j in mine]
            )
            moved = np.linalg.norm(rollout.look.shift[:, k], axis=-1) > 0
            gap = distance[:, mine].min(axis=1, initial=1.0)
            floating = np.where(claims.any(axis=0) & moved & seen[:, k], np.maximum(gap, 0.0), 0.0)
            hover = max(hover, _lasting(floating))
    return overlap, hover


def _out_of_reach(rollout: Rollout, stage: Stage, seen: NDArray[np.bool_]) -> float:
    """How far something is held from where the hand is drawn, metres."""
    world, far = rollout.world, 0.0
    for grip in world.grips if world.view == "side" else ():
        hand, k = world.index(grip.actor), world.index(grip.mover)
        gap = np.zeros(len(rollout))
        for t in np.flatnonzero((rollout.times >= grip.start) & (rollout.times < grip.stop) & seen[:, k]):
            stage.set(rollout.drawn[t], rollout.look.scale[t], rollout.look.visible[t])
            gap[t] = max(0.0, stage.distance(hand, k))
        far = max(far, _lasting(gap))
    return far


def _lasting(values: FloatArray) -> float:
    """The largest value that is kept for some frames."""
    runs = np.lib.stride_tricks.sliding_window_view(values, HOVER_FRAMES).min(axis=-1)
    return float(runs.max(initial=0.0))


def _liquid(rollout: Rollout, clean: Rollout) -> tuple[float, float]:
    """Loss of volume as a change of the diameter of an equal disc, and how far a front hangs behind, pixels."""
    if rollout.world.liquid is None:
        return 0.0, 0.0
    scale = rollout.world.camera.scale(128)
    alive = (~np.isnan(rollout.particles[..., 0])).mean(axis=1)
    area = len(rollout.particles[0]) * rollout.world.liquid.spacing**2 * np.sqrt(0.75) * scale**2
    lost = 2 * np.sqrt(area / np.pi) * (1 - np.sqrt(alive.min()))
    still = (np.nan_to_num(np.abs(np.diff(rollout.particles, axis=0))).max(axis=(1, 2)) == 0).sum()
    behind = np.linalg.norm(np.nan_to_num(rollout.particles - clean.particles), axis=-1) * scale
    hung = float(np.quantile(behind, 0.9, axis=1).max()) if still else 0.0
    return max(float(lost), hung), hung

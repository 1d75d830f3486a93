"""Violations that are only drawn: the physics behind them stays lawful."""

from __future__ import annotations

import colorsys
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.effects import EDGE, LEVELS, RANGE
from wmenv.worlds.scenes.mjcf import touching
from wmenv.worlds.scenes.rollout import Look, Rollout
from wmenv.worlds.scenes.scene import SceneCase
from wmenv.worlds.scenes.stage import Stage
from wmenv.worlds.scenes.victims import FIRST, airborne, victim

FloatArray = NDArray[np.float64]

RAMP = 5
"""Frames within which sizes change to the end."""
BACK = 4
"""Frames within which they change where they change back again, so that nobody else is met meanwhile."""
HOP = 4
"""Frames before which a teleported part meets nobody."""
SHOWN = 6
"""Least frames for which a change is seen."""


def _copy(rollout: Rollout) -> Look:
    look = rollout.look
    return replace(
        look,
        shift=look.shift.copy(),
        scale=look.scale.copy(),
        colour=look.colour.copy(),
        visible=look.visible.copy(),
        gain=look.gain.copy(),
        blur=look.blur.copy(),
        noise=look.noise.copy(),
    )


def teleported(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """Somebody jumps aside by as many pixels, where nothing is in the way, and moves on from there."""
    rollout = case.rollout
    chosen = victim(rollout, dice, HOP, free=True, alone=True)
    if chosen is None:
        return None
    k, onset = chosen
    distance = multiple / case.world.camera.scale(128)
    stage = Stage(rollout.world)
    pairs = [(a, b) for a, b in touching(rollout.world) if k in (a, b)]
    level = (0.0, np.pi) if case.world.view == "side" else np.linspace(0, 2 * np.pi, 16, endpoint=False).tolist()
    for angle in dice.some(level, len(level)):
        look = _copy(rollout)
        look.shift[onset:, k] += distance * np.array([np.cos(angle), np.sin(angle)])
        moved = replace(rollout, look=look)
        drawn = moved.drawn[onset]
        inside = np.abs(drawn[k, :2] - np.asarray(case.world.camera.centre)) < case.world.camera.half_width * 0.9
        stage.set(drawn, look.scale[onset], look.visible[onset])
        if inside.all() and all(stage.distance(a, b) > -0.5 / case.world.camera.scale(128) for a, b in pairs):
            return moved
    return None


def _resized(case: SceneCase, dice: Dice, factors: tuple[float, float] | None, multiple: float) -> Rollout | None:
    rollout = case.rollout
    lasting = dice.pick((True, False))
    frames = RAMP + SHOWN if lasting else 2 * BACK + 1
    chosen = victim(rollout, dice, frames, free=True, alone=True) or victim(rollout, dice, frames, free=False)
    if chosen is None:
        return None
    k, onset = chosen
    part = case.world.parts[k]
    across = part.extent * case.world.camera.scale(128)
    grow = (across + multiple) / across
    x, z = (grow, grow) if factors is None else (grow ** factors[0], grow ** factors[1])
    look = _copy(rollout)
    since = np.arange(len(rollout)) - onset + 1
    ramp = np.clip(since / RAMP if lasting else 1 - np.abs(since / BACK - 1), 0.0, 1.0)
    look.scale[:, k] *= 1 + ramp[:, None] * (np.array([x, z]) - 1)
    if case.world.view == "side" and part.pivot is None and not airborne(rollout)[onset, k]:
        look.shift[:, k, 1] += _lift(rollout, k, look.scale[:, k] / rollout.look.scale[:, k])
    return replace(rollout, look=look)


def _lift(rollout: Rollout, k: int, scale: FloatArray) -> FloatArray:
    """(T,) how far a part must rise so that its lowest point stays where it is, metres."""
    part, angle = rollout.world.parts[k], rollout.pose[:, k, 2]

    def below(x: FloatArray, z: FloatArray) -> FloatArray:
        if part.shape == "box":
            return np.asarray(np.abs(np.sin(angle)) * part.size[0] * x + np.abs(np.cos(angle)) * part.size[1] * z)
        if part.shape == "capsule":
            return np.asarray(part.size[0] * x + np.abs(np.cos(angle)) * part.size[1] * z)
        return np.asarray(part.size[0] * np.sqrt((np.sin(angle) * x) ** 2 + (np.cos(angle) * z) ** 2))

    one = np.ones(len(rollout))
    return below(scale[:, 0], scale[:, 1]) - below(one, one)


def grown(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """Somebody grows."""
    return _resized(case, dice, None, multiple)


def shrunk(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """Somebody shrinks, by the factor by which `grown` grows."""
    return _resized(case, dice, (-1.0, -1.0), multiple)


def squashed(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """Somebody gets wider and flatter."""
    return _resized(case, dice, (1.0, -1.0), multiple)


def vanished(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """Somebody is gone for as many frames, to the end if there are no more."""
    rollout = case.rollout
    chosen = victim(rollout, dice, min(round(multiple), len(rollout) - FIRST - 2), free=False)
    if chosen is None:
        return None
    k, onset = chosen
    look = _copy(rollout)
    look.visible[onset : onset + round(multiple), k] = False
    return replace(rollout, look=look)


def recoloured(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """Somebody's hue turns until one channel has changed by as many steps of 8 levels."""
    rollout = case.rollout
    chosen = victim(rollout, dice, SHOWN, free=False)
    if chosen is None:
        return None
    k, onset = chosen
    colour = np.array(case.world.parts[k].colour, float)
    hue, light, saturation = colorsys.rgb_to_hls(*(colour / 255))
    way = dice.pick((-1.0, 1.0))
    turned = colour
    for degree in range(1, 181):
        turned = 255 * np.array(colorsys.hls_to_rgb((hue + way * degree / 360) % 1.0, light, saturation))
        if np.abs(turned - colour).max() >= LEVELS * multiple:
            break
    look = _copy(rollout)
    look.colour[onset:, k] = turned
    return replace(rollout, look=look)


def flickering(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """The picture's brightness goes up and down for six frames, by as many steps of 8 levels in light grey (200)."""
    rollout = case.rollout
    onset = dice.pick(range(FIRST, len(rollout) - SHOWN + 1)) if len(rollout) >= FIRST + SHOWN else None
    if onset is None:
        return None
    look = _copy(rollout)
    look.gain[onset : onset + SHOWN : 2] = 1 - LEVELS * multiple / 200.0
    return replace(rollout, look=look)


def blurred(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """The picture gets blurred, all but the first frames."""
    look = _copy(case.rollout)
    look.blur[FIRST:] = multiple / EDGE
    return replace(case.rollout, look=look)


def noisy(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """The picture gets noisy, all but the first frames."""
    look = _copy(case.rollout)
    look.noise[FIRST:] = LEVELS * multiple / RANGE
    return replace(case.rollout, look=replace(look, noise_seed=int(dice.between(0, 2**31))))

"""Violations forced on the simulation: everything else reacts to them lawfully."""

from __future__ import annotations

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.edits import Edit, LiquidEdit, Push, Soften
from wmenv.worlds.scenes.mjcf import touching
from wmenv.worlds.scenes.rollout import Rollout
from wmenv.worlds.scenes.scene import SceneCase
from wmenv.worlds.scenes.simulate import simulate
from wmenv.worlds.scenes.stage import Stage
from wmenv.worlds.scenes.victims import FIRST, airborne, victim
from wmenv.worlds.scenes.world import GRAVITY

PUSH_FRAMES, FLOAT_FRAMES = 4, 6
LOSS_FRAMES = 6
TRIES, STEP = 10, 2.0
"""Trials of a push, and m/s^2 between them while something holds the victim where it is."""
REACHED = 0.6
"""Share of the wanted size that must show at some frame."""


def _again(case: SceneCase, edit: Edit) -> Rollout:
    return simulate(case.world, case.frames, case.fps, [edit])


def _displaced(
    case: SceneCase, name: str, start: int, stop: int, along: tuple[float, float], wanted: float, base: float = 0.0
) -> Rollout:
    """A rollout in which somebody is displaced by a wanted way, metres, at the end of a push along a direction.

    What friction and contacts take is made up for: the push is scaled by what it achieved, a few times.
    """
    fps = float(case.fps)
    seconds = (stop - start) / fps
    unit = np.asarray(along)
    size = base + 2 * wanted / seconds**2
    clean = case.rollout.path(name)[stop, :2]
    for _ in range(TRIES):
        push = Push(name, start / fps, stop / fps, (float(size * unit[0]), float(size * unit[1])))
        rollout = _again(case, push)
        reached = float((rollout.path(name)[stop, :2] - clean) @ unit)
        if abs(reached - wanted) < 0.05 * wanted:
            break
        size += max(2 * (wanted - reached) / seconds**2, STEP if reached < 0.1 * wanted else -np.inf)
    return rollout


def pushed(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """Somebody is pushed by nobody, sideways in a view from the side, anywhere from above."""
    chosen = victim(case.rollout, dice, PUSH_FRAMES + 1, free=True, alone=True)
    if chosen is None:
        return None
    k, onset = chosen
    angle = dice.pick((0.0, np.pi)) if case.world.view == "side" else dice.between(0.0, 2 * np.pi)
    wanted = multiple / case.world.camera.scale(128)
    name = case.world.parts[k].name
    for turn in (0.0, np.pi):
        along = (float(np.cos(angle + turn)), float(np.sin(angle + turn)) if case.world.view == "top" else 0.0)
        rollout = _displaced(case, name, onset - 1, onset - 1 + PUSH_FRAMES, along, wanted)
        reached = np.linalg.norm((rollout.path(name) - case.rollout.path(name))[onset - 1 + PUSH_FRAMES, :2])
        if reached >= REACHED * wanted:
            return rollout
    return None


def floating(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """Somebody rises, or falls too slowly, with nothing that lifts."""
    if case.world.view != "side":
        return None
    chosen = victim(case.rollout, dice, FLOAT_FRAMES + 1, free=True, alone=True)
    if chosen is None:
        return None
    k, onset = chosen
    wanted = multiple / case.world.camera.scale(128)
    name = case.world.parts[k].name
    base = 0.0 if airborne(case.rollout)[onset, k] else GRAVITY
    rollout = _displaced(case, name, onset - 1, onset - 1 + FLOAT_FRAMES, (0.0, 1.0), wanted, base)
    reached = (rollout.path(name) - case.rollout.path(name))[onset - 1 + FLOAT_FRAMES, 1]
    return rollout if reached >= REACHED * wanted else None


def penetrating(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """Two that meet overlap first; where nobody meets, somebody sinks into what carries it."""
    scale = case.world.camera.scale(128)
    options = []
    for contact in case.rollout.contacts:
        parts = [case.world.part(name) for name in (contact.first, contact.second)]
        mover = next(part for part in parts if part.role == "mover")
        depth = min(multiple / scale, 0.9 * min(part.extent for part in parts))
        if contact.touched[:FIRST].any():
            if case.world.view != "side" or mover.pivot is not None:
                continue
            start = dice.pick(range(FIRST, len(case.rollout) // 2)) / float(case.fps)
        else:
            start = 0.0
        options.append(Soften(contact.first, contact.second, start, depth))
    clean = _overlap(case, case.rollout, None)
    for edit in sorted(dice.some(options, len(options)), key=lambda e: e.start > 0):
        rollout = _again(case, edit)
        if _overlap(case, rollout, edit) - clean >= REACHED * edit.depth:
            return rollout
    return None


def _overlap(case: SceneCase, rollout: Rollout, edit: Soften | None) -> float:
    """Deepest overlap at a frame in the middle of the view, of the softened pair or of any, metres."""
    world = rollout.world
    stage = Stage(world)
    pairs = touching(world)
    if edit is not None:
        a, b = sorted((world.index(edit.first), world.index(edit.second)))
        pairs = [(a, b)]
    deepest = 0.0
    camera = world.camera
    for t in range(1, len(rollout)):
        stage.set(rollout.pose[t], rollout.look.scale[t], rollout.look.visible[t])
        for a, b in pairs:
            k = a if world.parts[a].role == "mover" else b
            if (np.abs(rollout.pose[t, k, :2] - np.asarray(camera.centre)) < 0.9 * camera.half_width).all():
                deepest = max(deepest, -stage.distance(a, b))
    return deepest


def losing(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """A liquid loses volume within a few frames, wherever it is."""
    liquid = case.world.liquid
    if liquid is None:
        return None
    scale = case.world.camera.scale(128)
    area = sum((right - left) * (top - bottom) for left, bottom, right, top in liquid.boxes) * scale**2
    across = 2 * np.sqrt(area / np.pi)
    share = 1 - max(0.05, 1 - multiple / across) ** 2
    start = dice.pick(range(FIRST + 4, len(case.rollout) // 2 + 1)) / float(case.fps)
    return _again(case, LiquidEdit("lose", start, start + LOSS_FRAMES / float(case.fps), float(share)))


def hanging(case: SceneCase, dice: Dice, multiple: float) -> Rollout | None:
    """A liquid stands still for as many frames in the middle of its flow."""
    if case.world.liquid is None:
        return None
    speed = np.nan_to_num(np.linalg.norm(np.diff(case.rollout.particles, axis=0), axis=-1)).mean(axis=1)
    moving = [t for t in range(FIRST, len(case.rollout) - 3) if speed[t] * case.world.camera.scale(128) >= 1.0]
    if not moving:
        return None
    start = dice.pick(moving[: max(1, len(moving) // 2)])
    return _again(case, LiquidEdit("hang", start / float(case.fps), (start + multiple) / float(case.fps)))

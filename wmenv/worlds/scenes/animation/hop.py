"""A cartoon blob hops along, squashing as it lands, and bumps a box off a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.animation.toon import outlined, stage
from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, GRAVITY, Camera, Part, World, grey

HALF = 0.14
STEP = 0.42
EDGE = 0.42


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, where they stand, and how the blob hops."""
    blob, box = dice.some(("red", "yellow", "green", "blue", "purple"), 2)
    return {
        "blob": blob,
        "box": box,
        "start": dice.between(-0.85, -0.75),
        "place": dice.between(0.2, 0.26),
        "hop": dice.between(0.5, 0.56),
        "hops": 2,
        "squash": dice.between(0.28, 0.36),
        "reach": 0.1,
        "friction": dice.between(0.25, 0.35),
        "mass": dice.between(0.3, 0.6),
    }


def _times(p: Parameters, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Which hop, and where in it from 0 to 1; the last fifth of each is spent on the ground."""
    count = np.clip((times - 0.1) / (p["hop"] + 0.12), 0.0, p["hops"] - 1e-9)
    return np.floor(count), np.clip((count % 1.0) * (p["hop"] + 0.12) / p["hop"], 0.0, 1.0)


def _path(p: Parameters, times: FloatArray) -> FloatArray:
    """Parabolas under gravity; the last one ends just beyond the box's near side."""
    which, s = _times(p, times)
    stop = p["place"] - 2 * HALF + p["reach"]
    length = (stop - p["start"]) / 2
    x = p["start"] + (which + s) * length
    z = STEP + HALF + 0.5 * GRAVITY * p["hop"] ** 2 * s * (1 - s)
    flat = _squash(p, times)[:, 1]
    return np.column_stack([x, z - HALF * (1 - flat) * (s >= 1), np.zeros_like(x)])


def _squash(p: Parameters, times: FloatArray) -> FloatArray:
    """Wide and low just after landing, of constant area."""
    local = np.mod(np.maximum(times - 0.1, 0.0), p["hop"] + 0.12) - p["hop"]
    landed = (times - 0.1 < p["hops"] * (p["hop"] + 0.12)) & (times > 0.1)
    depth = p["squash"] * np.sin(np.pi * np.clip(local / 0.12, 0.0, 1.0)) * landed
    return np.column_stack([1 / (1 - depth), 1 - depth])


def build(p: Parameters) -> World:
    """The blob is an actor with a path and a shape; the box obeys the laws."""
    blob = Part(
        f"{p['blob']} blob",
        "ball",
        (HALF,),
        (0, 0),
        COLOURS[p["blob"]],
        "actor",
        friction=0.2,
        path=lambda times: _path(p, times),
        stretch=lambda times: _squash(p, times),
    )
    box = Part(
        f"{p['box']} box",
        "box",
        (HALF, HALF),
        (p["place"], STEP + HALF),
        COLOURS[p["box"]],
        "mover",
        mass=p["mass"],
        friction=p["friction"],
    )
    return World(
        (
            *stage(),
            Part("ground", "box", (2.0, 0.3), (0.0, -0.3), grey(120), depth=0.2),
            Part("step", "box", (1.0, STEP / 2), (EDGE - 1.0, STEP / 2), grey(96), depth=0.2),
            Part("post", "box", (0.06, 0.3), (1.0, 0.3), grey(96), depth=0.2),
            outlined(blob),
            outlined(box, face=False),
        ),
        camera=Camera((0.0, 0.62)),
        style="flat",
        backdrop=(222, 238),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A flat cartoon: a round {p['blob']} blob with big eyes stands at the left end of a high step; a "
        f"{p['box']} box stands at the step's right edge."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The {p['blob']} blob hops to the right, squashing like rubber each time it lands, and bumps the "
        f"{p['box']} box off the step."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for moving the box over the edge, half for its fall; the farthest so far."""
    path = tracks[f"{p['box']} box"]
    over = share((path[:, 0] - p["place"]) / (EDGE + 0.05 - p["place"]))
    down = share((STEP + HALF - path[:, 1]) / (STEP - 0.05))
    return np.maximum.accumulate(0.5 * over + 0.5 * down)


SCENE = Scene(
    "animation",
    "hop",
    "Comedy",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['box']} box",),
    hidden={"reach": (-0.2, 0.2), "hop": (0.5, 0.6), "friction": (0.1, 0.9), "mass": (0.2, 2.0)},
)

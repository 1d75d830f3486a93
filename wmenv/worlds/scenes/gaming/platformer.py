"""A platform game: a hero jumps over a gap and shoves a crate."""

from __future__ import annotations

from typing import Any

import numpy as np

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.scene import FloatArray, Parameters, Scene, Tracks, share
from wmenv.worlds.scenes.world import COLOURS, GRAVITY, Camera, Detail, Part, Path, World, grey

HALF = 0.13
TOP = 0.4


def draw(dice: Dice) -> dict[str, Any]:
    """Colours, the gap, and how the hero runs and jumps."""
    hero, crate = dice.some(("red", "yellow", "green", "blue", "purple"), 2)
    return {
        "hero": hero,
        "crate": crate,
        "gap": dice.between(0.42, 0.5),
        "place": dice.between(0.5, 0.56),
        "run": dice.between(0.95, 1.05),
        "air": dice.between(0.62, 0.68),
        "shove": dice.between(0.24, 0.3),
        "friction": dice.between(0.4, 0.6),
        "mass": dice.between(0.3, 0.8),
    }


def _path(p: Parameters) -> Path:
    """A run at constant speed, a jump under gravity, and on until the crate has been shoved."""
    leave = -0.42

    def path(times: FloatArray) -> FloatArray:
        stop = p["place"] - 2 * HALF + p["shove"]
        x = np.minimum(-0.85 + p["run"] * np.maximum(times - 0.1, 0.0), stop)
        start = 0.1 + (leave + 0.85) / p["run"]
        s = np.clip((times - start) / p["air"], 0.0, 1.0)
        z = TOP + HALF + 0.5 * GRAVITY * p["air"] ** 2 * s * (1 - s)
        return np.column_stack([x, z, np.zeros_like(x)])

    return path


def build(p: Parameters) -> World:
    """Two platforms of bricks with a pit between them, and a crate on the right one."""
    left = -0.3
    right = left + p["gap"]
    bricks = [
        Part(
            f"{name} brick {k} {row}",
            "box",
            (0.095, 0.045),
            (x + 0.2 * k + 0.1 * (row % 2), 0.33 - 0.1 * row),
            grey(88),
            "decor",
            y=-0.19,
            depth=0.02,
        )
        for name, x, count in (("left", -1.05, 4), ("right", right + 0.1, 5))
        for row in range(3)
        for k in range(count - (row % 2))
    ]
    clouds = [
        Part(f"cloud {k}", "ball", (r,), (x, z), grey(250), "decor", y=1.6)
        for k, (x, z, r) in enumerate(((-0.6, 1.3, 0.14), (-0.45, 1.33, 0.18), (0.5, 1.45, 0.16), (0.68, 1.42, 0.13)))
    ]
    eye = tuple(
        Detail("box", half, (0.05, 0.04), grey(level), y=-HALF - y, depth=0.005)
        for half, level, y in (((0.04, 0.05), 250, 0.01), ((0.02, 0.025), 15, 0.02))
    )
    slats = tuple(Detail("box", (0.12, 0.014), (0.0, z), grey(50), y=-HALF - 0.01, depth=0.005) for z in (-0.06, 0.06))
    return World(
        (
            *clouds,
            Part("left platform", "box", (0.6, TOP / 2), (left - 0.6, TOP / 2), grey(130), depth=0.18),
            Part("right platform", "box", (0.8, TOP / 2), (right + 0.8, TOP / 2), grey(130), depth=0.18),
            Part("flag pole", "box", (0.02, 0.3), (1.0, TOP + 0.3), grey(70), "decor", y=0.2, depth=0.02),
            Part("flag", "box", (0.09, 0.06), (0.91, TOP + 0.54), grey(30), "decor", y=0.2, depth=0.02),
            *bricks,
            Part(
                f"{p['hero']} hero",
                "box",
                (HALF, HALF),
                (0, 0),
                COLOURS[p["hero"]],
                "actor",
                path=_path(p),
                depth=HALF,
                friction=0.1,
                details=eye,
            ),
            Part(
                f"{p['crate']} crate",
                "box",
                (HALF, HALF),
                (p["place"], TOP + HALF + 0.001),
                COLOURS[p["crate"]],
                "mover",
                depth=HALF,
                mass=p["mass"],
                friction=p["friction"],
                details=slats,
            ),
        ),
        camera=Camera((0.0, 0.72)),
        style="flat",
        backdrop=(206, 226),
    )


def describe(p: Parameters) -> str:
    """The first frame in words."""
    return (
        f"A platform game: a square {p['hero']} hero stands on the left platform of bricks; behind a pit, on the right "
        f"platform, is a {p['crate']} crate, and a flag further on."
    )


def instruct(p: Parameters) -> str:
    """What shall happen."""
    return (
        f"The {p['hero']} hero runs to the right, jumps over the pit and shoves the {p['crate']} crate towards the "
        "flag."
    )


def progress(p: Parameters, tracks: Tracks) -> FloatArray:
    """Half for the hero's way over the pit, half for the crate's way."""
    hero, crate = tracks[f"{p['hero']} hero"], tracks[f"{p['crate']} crate"]
    over = share((hero[:, 0] + 0.85) / (p["gap"] - 0.3 + HALF + 0.85))
    return 0.5 * over + 0.5 * share((crate[:, 0] - p["place"]) / 0.2)


SCENE = Scene(
    "gaming",
    "platformer",
    "Action.",
    draw,
    build,
    describe,
    instruct,
    progress,
    lambda p: (f"{p['hero']} hero", f"{p['crate']} crate"),
    hidden={"run": (0.85, 1.2), "air": (0.56, 0.72), "shove": (-0.1, 0.34), "friction": (0.2, 1.0), "mass": (0.1, 3.0)},
)

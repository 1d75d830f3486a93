"""`wmenv doctor`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

_EXTRAS = {"gen": ("torch", "diffusers", "transformers"), "rl": ("stable_baselines3", "torch")}


def doctor(*, warm: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Check the installation: versions, extras, plugins, compiled kernels, video codecs.

    Args:
        warm: Only compile the kernels into numba's cache, so that the first command does not have to.
    """
    import importlib
    import platform
    import sys
    import time
    import warnings
    from importlib.metadata import PackageNotFoundError, version

    from rich.markup import escape

    from wmenv.cli.console import out
    from wmenv.core.registries import AGENTS, JUDGERS, METHODS, SUITES

    console, problems = out(), 0

    def line(ok: bool, what: str, told: str) -> None:
        nonlocal problems
        problems += not ok
        console.print(f"{'[green]ok  [/green]' if ok else '[red]bad [/red]'} {what:<14} {escape(told)}", soft_wrap=True)

    started = time.process_time()
    try:
        _round_trip()
        line(True, "kernels", f"drawn and measured in {time.process_time() - started:.1f} s of CPU time")
    except Exception as error:
        line(False, "kernels", f"{type(error).__name__}: {error}; try another numba: pip install -U numba llvmlite")
    kernels_fail = problems > 0
    try:
        _scene_round_trip()
        line(True, "scenes", "simulated and drawn")
    except Exception as error:
        line(False, "scenes", f"{type(error).__name__}: {error}")
    if warm:  # a MUJOCO_GL that names nothing installed stops scenes only
        return 1 if kernels_fail else 0
    line(sys.version_info >= (3, 11), "python", f"{platform.python_version()} on {platform.platform()}")
    for package in ("wmenv", "numpy", "gymnasium", "numba", "mujoco", "av", "pydantic"):
        line(True, package, version(package))
    for extra, packages in _EXTRAS.items():
        try:
            told = ", ".join(f"{p} {version(p.replace('_', '-'))}" for p in packages)
        except PackageNotFoundError as error:
            told = f"not installed ({error.name}); only needed for it: pip install 'wmenv[{extra}]'"
        line(True, f"extra {extra}", told)
    try:
        _video_round_trip()
        line(True, "video", "H.264 written and read")
    except Exception as error:
        line(False, "video", f"{type(error).__name__}: {error}; try pip install -U av")
    of_extras = {package for packages in _EXTRAS.values() for package in packages}
    for registry in (SUITES, AGENTS, JUDGERS, METHODS):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            entries = registry.entries()
        for entry in entries:
            try:
                registry.load(entry.name)
            except Exception as error:
                if getattr(error, "name", None) not in of_extras:  # those are told above
                    line(False, registry.kind, f"{entry.name}: {error}")
        for warning in caught:
            line(False, registry.kind, str(warning.message))
        line(True, f"{registry.kind}s", ", ".join(e.name for e in entries) or "none registered")
    importlib.import_module("wmenv.runs.evaluate")
    return 1 if problems else 0


def _round_trip() -> None:
    """Draw a disc at both kinds of size, measure it, and find it where it was."""
    import numpy as np

    from wmenv.worlds.discs.discs import Discs
    from wmenv.worlds.discs.draw import draw
    from wmenv.worlds.discs.measure import measure
    from wmenv.worlds.discs.world import COLOURS

    discs = Discs.of(np.array([[[4.0, 6.0], [7.0, 6.0]]]), np.array([1.0, 1.2]))
    for size in (256, 64):
        found = measure(draw(discs, size), COLOURS, 1.0)
        seen = found.position[0, np.argsort(found.hue_class[0])]
        if not np.allclose(seen, discs.position[0], atol=0.02):
            raise ValueError(f"discs drawn at {size} pixels are measured elsewhere: {seen.tolist()}")


def _scene_round_trip() -> None:
    """Let water run for a moment, and find as many of its pixels afterwards; compile what looks for things."""
    from dataclasses import replace

    import numpy as np

    from wmenv.judgers.scenes.overlap import agreement
    from wmenv.judgers.scenes.silhouette import Window
    from wmenv.worlds.scenes.catalogue import case

    rendering = replace(case("natural-water-0000"), frames=3, size=64).rendering
    first, last = rendering.mask(-2).sum(axis=(1, 2))[[0, -1]].tolist()
    if not 0.8 * first < last < 1.25 * first:
        raise ValueError(f"{first} pixels of water became {last}")
    world = case("gaming-marble-0000").world
    part = world.parts[world.labelled[0]]
    pose = np.array([*part.at, part.angle])
    window = Window(world.camera, 64, pose[:2], 0.2)
    shown = window.coverage(part, pose)
    found = agreement(window, part, pose, shown, np.ones_like(shown), 3.0)
    if not np.isclose(found, 1.0):
        raise ValueError(f"a thing agrees with its own silhouette by {found} instead of 1")


def _video_round_trip() -> None:
    import tempfile
    from fractions import Fraction
    from pathlib import Path

    import numpy as np

    from wmenv.core.clip import Clip
    from wmenv.core.video import read_clip, write_clip

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.mp4"
        write_clip(path, Clip(np.full((3, 64, 64, 3), 200, dtype=np.uint8), Fraction(10)))
        if len(read_clip(path)) != 3:
            raise ValueError("a clip of three frames came back with another number")

"""Flat shapes with dark outlines and simple faces."""

from __future__ import annotations

from dataclasses import replace

from wmenv.worlds.scenes.world import Detail, Part, grey

LINE = 0.022
"""Width of an outline, metres."""


def outlined(part: Part, face: bool = True) -> Part:
    """A part with an outline behind it and, if asked, two eyes that look to the right."""
    size = tuple(s + LINE for s in part.size) if part.shape != "capsule" else (part.size[0] + LINE, part.size[1])
    line = Detail(part.shape, size, (0.0, 0.0), grey(20), y=part.depth + 0.1, depth=0.02)
    eyes: tuple[Detail, ...] = ()
    if face:
        r = 0.32 * min(part.size)
        eyes = tuple(
            Detail("disc", (radius,), (x, 0.25 * min(part.size)), colour, y=-part.depth - y, depth=0.01)
            for x in (-0.1 * r, 1.7 * r)
            for radius, colour, y in ((r, grey(250), 0.02), (0.5 * r, grey(15), 0.05))
        )
    return replace(part, details=(line, *eyes, *part.details))


def stage() -> tuple[Part, ...]:
    """Flat hills and a sun, all grey."""
    return (
        Part("sun", "disc", (0.22,), (0.75, 1.25), grey(250), "decor", y=1.2, depth=0.02),
        Part("hill", "disc", (1.1,), (-0.7, -0.75), grey(196), "decor", y=1.0, depth=0.02),
        Part("other hill", "disc", (0.9,), (0.8, -0.62), grey(182), "decor", y=0.9, depth=0.02),
    )

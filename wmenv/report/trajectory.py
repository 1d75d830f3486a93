"""The world seen from above: where things really went, and where the pictures put them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from wmenv.core.verdict import Verdict
from wmenv.report.svg import SERIES, element, polyline
from wmenv.worlds.discs.world import VIEW

FloatArray = NDArray[np.float64]
SIDE = 200.0
"""Side of the drawing in its own pixels."""

BALLS = (1, 0, *range(2, SERIES))
"""Series of each ball: the first is the red one and the second the blue one, as in the pictures."""

MOST_DOTS = 80
"""Longer tracks are thinned, so that a report stays small."""


def find_track(verdicts: Iterable[Verdict]) -> tuple[FloatArray, FloatArray] | None:
    """The first track among the evidence of verdicts: times (T,) and positions (T, B, 2), NaN where missing.

    The keys `times` and `track` decide, whatever the suite; evidence of another form is passed over.
    """
    for verdict in verdicts:
        evidence: Mapping[str, Any] = verdict.evidence
        if "track" in evidence and "times" in evidence:
            try:
                times = np.array(evidence["times"], dtype=np.float64)
                track = np.array(evidence["track"], dtype=np.float64)
            except (TypeError, ValueError):
                continue
            if times.ndim == 1 and track.ndim == 3 and track.shape[2] == 2 and len(times) == len(track) > 0:
                return times, track
    return None


def true_path(truth: Any, times: FloatArray) -> FloatArray | None:
    """True positions (T, B, 2) from the start to the last of the times; None of a truth without positions."""
    if not callable(getattr(truth, "positions", None)):
        return None
    asked = np.union1d(np.linspace(min(0.0, float(times[0])), times[-1], 61), times)
    contact = getattr(truth, "contact", None)
    if contact is not None and np.isfinite(contact) and contact < times[-1]:
        # Without it the corner of a collision would be cut.
        asked = np.union1d(asked, [float(contact)])
    path = np.asarray(truth.positions(asked), dtype=np.float64)
    return path if path.ndim == 3 and path.shape[2] == 2 else None


def trajectory(track: FloatArray, path: FloatArray | None, radii: Sequence[float] = (), name: str = "") -> Markup:
    """Draw the view: true paths as lines, predicted positions as dots, y up.

    Args:
        track: (T, B, 2) predicted positions, world units, NaN where nothing was found.
        path: (T', B, 2) true positions, or None.
        radii: True radii; the discs at the start of the true path are hinted at.
        name: What a screen reader says.
    """
    parts = [element("title", name or "true path and predicted positions"), _paper()]
    for ball in range(track.shape[1]):
        series = f"series-{BALLS[ball % SERIES]}"
        if path is not None and ball < path.shape[1] and np.isfinite(path[:, ball]).all():
            points = _place(path[:, ball])
            if ball < len(radii):
                x, y = points[0]
                parts.append(element("circle", class_=f"start {series}", cx=x, cy=y, r=radii[ball] * SIDE / VIEW))
            parts.append(polyline(_bends(points), class_=f"path {series}"))
        found = track[np.isfinite(track[:, ball]).all(axis=1), ball]
        found = found[:: max(1, -(-len(found) // MOST_DOTS))]
        dots = [element("circle", cx=x, cy=y, r=2.2) for x, y in _place(found)]
        parts.append(element("g", dots, class_=f"dots {series}"))
    return element("svg", parts, class_="world", viewBox=f"0 0 {SIDE:.0f} {SIDE:.0f}", role="img")


def _paper() -> Markup:
    lines = []
    for k in range(1, 5):
        at = k * SIDE / 5
        lines.append(element("line", x1=at, x2=at, y1=0, y2=SIDE))
        lines.append(element("line", x1=0, x2=SIDE, y1=at, y2=at))
    return element("g", lines, class_="grid")


def _place(points: FloatArray) -> list[tuple[float, float]]:
    """World units to pixels, clipped to a little outside the view."""
    kept = np.clip(points, -VIEW, 2 * VIEW) / VIEW * SIDE
    return [(float(x), float(SIDE - y)) for x, y in kept]


def _bends(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points without those that lie on the straight line between their kept neighbours."""
    kept = points[:1]
    for k in range(1, len(points) - 1):
        (x0, y0), (x, y), (x1, y1) = kept[-1], points[k], points[k + 1]
        if abs((x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)) > 0.05 * max(np.hypot(x1 - x0, y1 - y0), 1e-9):
            kept.append(points[k])
    return [*kept, *points[-1:]]

"""Drawings as text: elements, axes and ticks as pure functions. Attributes and text are always escaped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from wmenv.report.numbers import number

LOG_FROM = 30.0
"""Values that span a larger ratio are drawn on a logarithmic axis."""

SERIES = 8
"""Number of colours in the stylesheet (classes `series-0` to `series-7`)."""


def element(tag: str, content: Iterable[Markup | str] | Markup | str = "", **attributes: object) -> Markup:
    """One element.

    Args:
        tag: Name of the element.
        content: Text (escaped), markup (kept), or several of them.
        **attributes: `class_` and `text_anchor` become `class` and `text-anchor`; floats keep two decimals,
            attributes of value None are left out.
    """
    inner = content if isinstance(content, str) else Markup("").join(content)
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{named}>{escape(inner)}</{tag}>")


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


def polyline(points: Iterable[tuple[float, float]], class_: str) -> Markup:
    """An open line through points; none of them may be NaN."""
    text = " ".join(f"{_plain(float(x))},{_plain(float(y))}" for x, y in points)
    return element("polyline", points=text, class_=class_)


def mark(x: float, y: float, series: int, size: float = 4.5) -> Markup:
    """The mark of a series: its shape tells series apart where colours cannot.

    Args:
        x: Centre.
        y: Centre.
        series: Index of the series; shapes and colours go round with different periods.
        size: Half the width.
    """
    name = f"mark series-{series % SERIES}"
    s = size
    match series % 5:
        case 0:
            return element("circle", class_=name, cx=x, cy=y, r=s)
        case 1:
            return element("rect", class_=name, x=x - 0.9 * s, y=y - 0.9 * s, width=1.8 * s, height=1.8 * s)
        case 2:
            corners = [(0.0, -1.25), (1.15, 0.85), (-1.15, 0.85)]
        case 3:
            corners = [(0.0, -1.35), (1.35, 0.0), (0.0, 1.35), (-1.35, 0.0)]
        case _:
            corners = [(0.0, 1.25), (1.15, -0.85), (-1.15, -0.85)]
    text = " ".join(f"{_plain(x + a * s)},{_plain(y + b * s)}" for a, b in corners)
    return element("polygon", class_=name, points=text)


def swatch(inner: Markup) -> Markup:
    """The mark of a series as it stands in a legend; drawn around (9, 9)."""
    return element("svg", inner, class_="swatch", viewBox="0 0 18 18", aria_hidden="true")


def drawing(title: str, parts: Iterable[Markup], width: float, height: float) -> Markup:
    """A whole drawing of so many pixels, with what a screen reader says."""
    view = f"0 0 {width:.0f} {height:.0f}"
    return element("svg", [element("title", title), *parts], class_="chart", viewBox=view, role="img")


@dataclass(frozen=True, slots=True)
class Axis:
    """A vertical axis.

    Attributes:
        place: Maps a value to a height in pixels, from the top; values beyond the ends are put at the ends.
        ticks: Values with their labels.
        log: Whether it is logarithmic.
    """

    place: Callable[[float], float]
    ticks: tuple[tuple[float, str], ...]
    log: bool


def axis(values: Sequence[float], top: float, bottom: float) -> Axis:
    """An axis that holds all values: from 0 if linear; logarithmic where they span over `LOG_FROM`.

    Args:
        values: What will be drawn, at least one. On a logarithmic axis 0 sits at the foot.
        top: Pixel height of the largest value.
        bottom: Pixel height of the smallest.
    """
    positive = [value for value in values if value > 0]
    if positive and max(positive) / min(positive) > LOG_FROM and min(values) >= 0:
        low, high = _log_ends(min(positive), max(positive))
        span = math.log10(high / low)

        def place(value: float) -> float:
            share = math.log10(max(value, low) / low) / span
            return bottom - min(share, 1.0) * (bottom - top)

        return Axis(place, tuple((tick, _label(tick)) for tick in _log_ticks(low, high)), True)
    first, last = min(0.0, min(values)), max(0.0, max(values))
    last = last if last > first else first + 1.0
    step = _nice((last - first) / 5)
    low, high = math.floor(first / step) * step, math.ceil(round(last / step, 9)) * step

    def place_linear(value: float) -> float:
        return bottom - (min(max(value, low), high) - low) / (high - low) * (bottom - top)

    ticks = [low + k * step for k in range(round((high - low) / step) + 1)]
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return Axis(place_linear, tuple((tick, number(tick, places)) for tick in ticks), False)


def grid(scale: Axis, left: float, right: float) -> Markup:
    """Lines and labels of an axis's ticks, from left to right in pixels."""
    parts = []
    for value, label in scale.ticks:
        y = scale.place(value)
        parts.append(element("line", class_="grid", x1=left, x2=right, y1=y, y2=y))
        parts.append(element("text", label, class_="tick", x=left - 8, y=y + 4, text_anchor="end"))
    return element("g", parts)


def whisker(x: float, low: float, high: float, scale: Axis, series: int) -> Markup:
    """An interval of a series, upright at x."""
    top, foot = scale.place(high), scale.place(low)
    lines = [
        element("line", x1=x, x2=x, y1=foot, y2=top),
        element("line", x1=x - 4, x2=x + 4, y1=foot, y2=foot),
        element("line", x1=x - 4, x2=x + 4, y1=top, y2=top),
    ]
    return element("g", lines, class_=f"whisker series-{series % SERIES}")


def _nice(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten that is no smaller."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= step * (1 - 1e-9))


def _log_ends(low: float, high: float) -> tuple[float, float]:
    """The next of 1, 2, 5 times a power of ten below and above."""
    return 1 / _nice(1 / (low * 0.95)), _nice(high * 1.05)


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if math.log10(high / low) < 2.2 else (1, 3) if math.log10(high / low) < 3.5 else (1,)
    ticks = [k * 10.0**decade for decade in decades for k in factors]
    return [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]


def _label(value: float) -> str:
    return f"{value:.0e}" if value < 1e-4 or value >= 1e5 else f"{value:.4f}".rstrip("0").rstrip(".")

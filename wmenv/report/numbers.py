"""Numbers as text: one rule for tables, charts and captions."""

from __future__ import annotations

import math

from wmenv.runs.interval import Interval

ABSENT = "–"
"""Printed where there is no value; never 0, which would be one."""


def decimals_of(value: float, digits: int = 3) -> int:
    """Decimals that show a value with this many significant digits, 0 to 6."""
    if value == 0 or not math.isfinite(value):
        return 0 if value else digits - 1
    return min(6, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def number(value: float | None, decimals: int | None = None) -> str:
    """A value with three significant digits, or with a fixed number of decimals.

    Args:
        value: The value; None prints as a dash.
        decimals: Digits after the point.
    """
    if value is None or math.isnan(value):
        return ABSENT
    text = f"{value:.{decimals_of(value) if decimals is None else decimals}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def spread(interval: Interval | None, decimals: int | None = None) -> str:
    """The 95 % interval as `[low, high]` with the decimals of its mean; empty where one case gives none."""
    if interval is None or interval.cases < 2:
        return ""
    if decimals is None:
        decimals = decimals_of(interval.mean)
    return f"[{number(interval.low, decimals)}, {number(interval.high, decimals)}]"


def words(name: str) -> str:
    """An identifier as words: `copy_last` becomes `copy last`."""
    return name.replace("_", " ")

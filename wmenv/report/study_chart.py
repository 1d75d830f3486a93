"""Drawings of a training study: dots are training seeds, bars are intervals over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from wmenv.report.svg import axis, element, grid, mark, polyline, swatch, whisker
from wmenv.report.svg import drawing as draw
from wmenv.studies.training.declare import Experiment, Plot
from wmenv.studies.training.outcome import Outcome
from wmenv.studies.training.readout import Intervals, trained_speeds

LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 14.0, 40.0
HEIGHT = 320.0
NARROWEST = 560.0
STEP = 26.0
"""Pixels from one run to the next."""


@dataclass(frozen=True, slots=True)
class StudyChart:
    """A drawing with the keys to read it.

    Attributes:
        title: What is drawn.
        drawing: The SVG.
        legend: (mark, name) of each series.
        note: What a reader must know.
        width: Pixels at which its text is legible.
    """

    title: str
    drawing: Markup
    legend: tuple[tuple[Markup, str], ...]
    note: str
    width: int


def readout_chart(outcome: Outcome, plot: Plot) -> StudyChart | None:
    """A read-out by split, runs side by side: a dot a seed, a bar the interval; None where no row has it."""
    rows = [row for row in outcome.rows if row.run in plot.runs and row.split in plot.splits]
    shown = {(row.run, row.split): row.readouts[plot.readout] for row in rows if plot.readout in row.readouts}
    if not shown:
        return None
    dots = {key: _seed_values(outcome, *key, plot.readout) for key in shown}
    splits = [split for split in plot.splits if any(s == split for _, s in shown)]
    runs = [run for run in plot.runs if any(r == run for r, _ in shown)]
    values = [v for one in dots.values() for v in one] + [v for one in shown.values() for v in (one.low, one.high)]
    scale = axis(_without_far_ends(values, [v for one in dots.values() for v in one]), TOP, HEIGHT - BOTTOM)
    room = max(STEP * (len(runs) + 1), (NARROWEST - LEFT - RIGHT) / len(splits))
    width = LEFT + room * len(splits) + RIGHT
    parts = [grid(scale, LEFT, width - RIGHT)]
    for k, split in enumerate(splits):
        left = LEFT + k * room
        foot = HEIGHT - BOTTOM
        parts.append(element("text", split, class_="split", x=left + room / 2, y=foot + 22, text_anchor="middle"))
        parts.append(element("line", class_="axis", x1=left + 6, x2=left + room - 6, y1=foot, y2=foot))
        step = min(2 * STEP, room / (len(runs) + 1))
        for index, run in enumerate(runs):
            if (run, split) in shown:
                x = left + room / 2 + (index - (len(runs) - 1) / 2) * step
                one = shown[run, split]
                told = f"{run}, {split}: mean {one.mean:.3f}, {one.low:.3f} to {one.high:.3f}, {one.seeds} seeds"
                bar = whisker(x, one.low, one.high, scale, index) if one.seeds > 1 else Markup("")
                marks = [mark(x, scale.place(value), index, 3.2) for value in dots[run, split]]
                parts.append(element("g", [element("title", told), bar, *marks]))
    return StudyChart(
        title=plot.title,
        drawing=draw(plot.title, parts, width, HEIGHT),
        legend=tuple((swatch(mark(9, 9, k, 5)), run) for k, run in enumerate(runs)),
        note=f"{plot.unit + '; ' if plot.unit else ''}dots are training seeds, bars 95 % intervals over them"
        + ("; logarithmic axis" if scale.log else ""),
        width=round(width),
    )


def speed_chart(outcome: Outcome, run: str) -> StudyChart | None:
    """Generated against true speed of a run, all seeds, one series a split; None where no speed was read."""
    cells = [cell for cell in outcome.cells if cell["run"] == run]
    declared = Experiment.of(outcome.experiment).run(run)
    pairs = {
        split: [(float(t), float(g)) for cell in cells for t, g in cell["splits"][split].get("pairs", [])]
        for split in declared.tests
    }
    pairs = {split: found for split, found in pairs.items() if found}
    if not pairs:
        return None
    top = max(1.0, max(t for found in pairs.values() for t, _ in found) * 1.3)
    width, height = 440.0, 380.0
    # Its ends alone, so that the axis is linear, as the one across is.
    lowest = min(g for found in pairs.values() for _, g in found)
    scale = axis([max(-top, min(0.0, lowest)), top], TOP, height - BOTTOM)
    across = _across(0.0, top, LEFT, width - RIGHT)
    parts = [grid(scale, LEFT, width - RIGHT), _trained(trained_speeds(declared.law, declared.train), across, height)]
    if declared.law != "uniform_motion":
        parts[1] = Markup("")  # of the other laws the speed is no parameter of training
    ends = [(across(value), scale.place(value)) for value in (0.0, top)]
    parts.append(polyline(ends, "baseline dash-1"))
    for k, (split, found) in enumerate(pairs.items()):
        dots = [mark(across(t), scale.place(min(max(g, -top), top)), k, 2.6) for t, g in found]
        parts.append(element("g", [element("title", split), *dots]))
    parts += [
        element("text", f"{value:g}", class_="tick", x=across(value), y=height - BOTTOM + 16, text_anchor="middle")
        for value in range(int(top) + 1)
    ]
    label = element("text", "true speed, units/s", class_="split", x=(LEFT + width) / 2, y=height - 6,
                    text_anchor="middle")  # fmt: skip
    title = f"Generated against true speed: {run}"
    shaded = "; shaded: speeds of training" if declared.law == "uniform_motion" else ""
    against = "; below 0 the disc moves the wrong way" if any(g < 0 for f in pairs.values() for _, g in f) else ""
    return StudyChart(
        title=title,
        drawing=draw(title, [*parts, label], width, height),
        legend=tuple((swatch(mark(9, 9, k, 4)), split) for k, split in enumerate(pairs)),
        note=f"units/s; some clips of every seed; the line is the law{shaded}{against}",
        width=round(width),
    )


def curve_chart(outcome: Outcome) -> StudyChart | None:
    """Velocity error on the training split while training, one line a seed; None without points."""
    runs = list(dict.fromkeys(cell["run"] for cell in outcome.cells))
    lines: list[tuple[int, list[tuple[float, float]]]] = []
    for cell in outcome.cells:
        points = [(float(p["step"]), float(next(iter(p["error"].values())))) for p in cell["curve"] if p["error"]]
        if points:
            lines.append((runs.index(cell["run"]), points))
    if not lines:
        return None
    width = 640.0
    scale = axis([error for _, points in lines for _, error in points], TOP, HEIGHT - BOTTOM)
    last = max(step for _, points in lines for step, _ in points)
    across = _across(0.0, last, LEFT, width - RIGHT)
    parts = [grid(scale, LEFT, width - RIGHT)]
    for index, points in lines:
        at = [(across(step), scale.place(error)) for step, error in points]
        parts.append(polyline(at, f"curve series-{index % 8}"))
        parts += [mark(x, y, index, 2.6) for x, y in at]
    parts += [
        element("text", f"{round(last * k / 4):,}", class_="tick", x=across(last * k / 4), y=HEIGHT - BOTTOM + 16,
                text_anchor="end" if k == 4 else "middle")
        for k in range(5)
    ]  # fmt: skip
    aligned = Experiment.of(outcome.experiment).runs[0].scheme == "alignment"
    where, unit = ("prompts", "updates") if aligned else ("the training split", "optimiser steps")
    parts.append(element("text", unit, class_="split", x=width / 2, y=HEIGHT - 6, text_anchor="middle"))
    title = f"Learning curves: velocity error on {where}"
    return StudyChart(
        title=title,
        drawing=draw(title, parts, width, HEIGHT),
        legend=tuple((swatch(mark(9, 9, k, 4)), run) for k, run in enumerate(runs)),
        note="units/s; one line a training seed, few clips a point" + ("; logarithmic axis" if scale.log else ""),
        width=round(width),
    )


def _seed_values(outcome: Outcome, run: str, split: str, readout: str) -> list[float]:
    found = [cell["splits"][split].get(readout) for cell in outcome.cells if cell["run"] == run]
    return [float(value) for value in found if value is not None]


def _without_far_ends(values: Sequence[float], dots: Sequence[float]) -> list[float]:
    """Ends of intervals cut to one span of the dots beyond them: a wide interval must not squeeze everything else."""
    low, high = min(dots), max(dots)
    span = max(high - low, abs(high), 1e-3)
    return [min(max(value, low - span if low < 0 else max(0.0, low - span)), high + span) for value in values]


def _across(low: float, high: float, left: float, right: float):  # type: ignore[no-untyped-def]
    """Maps [low, high] to pixels."""
    return lambda value: left + (value - low) / (high - low) * (right - left)


def _trained(trained: Intervals, across, height: float) -> Markup:  # type: ignore[no-untyped-def]
    """Bands where training speeds lie."""
    return element(
        "g",
        [
            element("rect", class_="band", x=across(low), y=TOP, width=across(high) - across(low),
                    height=height - BOTTOM - TOP)
            for low, high in trained
        ],
    )  # fmt: skip

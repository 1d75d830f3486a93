"""The headline value by split, agents side by side, with their intervals."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from wmenv.report.numbers import number, spread
from wmenv.report.rows import Line, SplitTable, headline, split_tables
from wmenv.report.svg import Axis, axis, element, grid, mark, swatch, whisker
from wmenv.report.svg import drawing as draw
from wmenv.runs.results import Results

LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 14.0, 34.0
HEIGHT = 320.0
NARROWEST = 640.0
STEP = 30.0
"""Pixels from one agent to the next."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with the keys to read it.

    Attributes:
        drawing: The SVG.
        title: What is drawn.
        agents: (mark, name) of each agent.
        baselines: (line, name) of each computed baseline.
        log: Whether the axis is logarithmic.
        width: Pixels at which its text is legible.
    """

    drawing: Markup
    title: str
    agents: tuple[tuple[Markup, str], ...]
    baselines: tuple[tuple[Markup, str], ...]
    log: bool
    width: int


def error_chart(results: Results) -> Chart | None:
    """Draw the headline value of every agent on every split; None where no row has one.

    Agents keep their colour, mark and place in all splits; baselines are thin lines across their split.
    """
    first = headline(results)
    groups = split_tables(results)
    shown = [line for group in groups for line in (*group.lines, *group.baselines) if line.error is not None]
    if first is None or not any(not line.baseline for line in shown):
        return None
    names = [agent.name for agent in results.agents if not agent.sanity]
    baselines = list(dict.fromkeys(line.name for line in shown if line.baseline))
    values = [value for line in shown if line.error for value in (line.error.mean, line.error.low, line.error.high)]
    room = max(STEP * (len(names) + 1), (NARROWEST - LEFT - RIGHT) / len(groups))
    width = LEFT + room * len(groups) + RIGHT
    scale = axis(values, TOP, HEIGHT - BOTTOM)
    parts = [grid(scale, LEFT, width - RIGHT)]
    for k, group in enumerate(groups):
        parts.append(_group(group, names, baselines, scale, LEFT + k * room, room))
    label = f"{first.label} by split, mean and 95 % interval"
    return Chart(
        drawing=draw(label, parts, width, HEIGHT),
        title=label,
        agents=tuple((swatch(mark(9, 9, k, 5)), name) for k, name in enumerate(names)),
        baselines=tuple((swatch(_rule(1, 17, 9, k)), name) for k, name in enumerate(baselines)),
        log=scale.log,
        width=round(width),
    )


def _rule(left: float, right: float, y: float, index: int) -> Markup:
    return element("line", class_=f"baseline dash-{index % 4}", x1=left, x2=right, y1=y, y2=y)


def _group(group: SplitTable, names: list[str], baselines: list[str], scale: Axis, left: float, room: float) -> Markup:
    foot = HEIGHT - BOTTOM
    parts = [element("text", group.split, class_="split", x=left + room / 2, y=foot + 22, text_anchor="middle")]
    parts.append(element("line", class_="axis", x1=left + 6, x2=left + room - 6, y1=foot, y2=foot))
    for line in group.baselines:
        if line.error is not None:
            rule = _rule(left + 6, left + room - 6, scale.place(line.error.mean), baselines.index(line.name))
            parts.append(element("g", [_told(line, group.split), rule]))
    step = min(2 * STEP, room / (len(names) + 1))
    for line in group.lines:
        if line.error is not None:
            index = names.index(line.name)
            x = left + room / 2 + (index - (len(names) - 1) / 2) * step
            parts.append(_point(line, group.split, x, index, scale))
    return element("g", parts)


def _point(line: Line, split: str, x: float, index: int, scale: Axis) -> Markup:
    assert line.error is not None
    inner = [_told(line, split)]
    if line.error.cases > 1:
        inner.append(whisker(x, line.error.low, line.error.high, scale, index))
    return element("g", [*inner, mark(x, scale.place(line.error.mean), index)])


def _told(line: Line, split: str) -> Markup:
    assert line.error is not None
    return element("title", f"{line.name}, {split}: {number(line.error.mean)} {spread(line.error)}".strip())

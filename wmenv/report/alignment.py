"""An alignment as one HTML file: what each look saw, and the curves of every update."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wmenv.core.errors import RunFolderError
from wmenv.core.files import write_whole
from wmenv.report.svg import axis, drawing, element, grid, mark, polyline, swatch

HERE = Path(__file__).parent
LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 14.0, 40.0
WIDTH, HEIGHT = 420.0, 240.0

UPDATE_CURVES = {
    "reward": "Reward of the update's own clips",
    "loss": "Loss",
    "gradient_norm": "Norm of the gradient",
    "ratio_joint": "Largest |log ratio| after the first optimiser step, nats, joint",
    "masked": "Share of clips that could not be judged",
    "flat_groups": "Groups without spread",
}
"""Figures of updates that are drawn where a run has them."""

LOOK_CURVES = {
    "reward": "Reward that is trained on, held-out cases",
    "held_out": "Reward of the held-out judger",
    "motion": "Motion: mean difference of neighbouring frames",
    "diversity": "Diversity: difference of two clips of a case",
    "mass": "Mass: what stands out, relative to the truth",
    "forfeited": "Share of clips that forfeit",
}
"""What looks saw of every split."""


FOLLOWS = 0.5
"""Slope of generated on true values under which they do not follow."""

LESS = 0.9
"""Share of the first error below which an error has fallen."""

MORE = 1.5
"""Multiple of the first error above which something has been forgotten."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawing with the keys to read it.

    Attributes:
        title: What is drawn.
        drawing: The SVG.
        legend: (mark, name) of each series; empty for one alone.
    """

    title: str
    drawing: Markup
    legend: tuple[tuple[Markup, str], ...]


def write_alignment_report(results: Mapping[str, Any], path: Path) -> Path:
    """Write the report of an alignment; it needs no network and no other file.

    Args:
        results: What `wmenv.alignment.folder.align` returned, or alignment.json.
        path: The file.

    Raises:
        RunFolderError: The file cannot be written.
    """
    try:
        write_whole(path, render_alignment(results).encode())
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}; choose another --out") from error
    return path


def render_alignment(results: Mapping[str, Any]) -> str:
    """The page as text; a function of its argument alone."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    history = results["history"]
    looks = [record for record in history if record["look"] is not None]
    reasons = list(dict.fromkeys(reason for record in history for reason in record["reasons"]))
    return environment.get_template("alignment.html.j2").render(
        results=results,
        protocol=results["protocol"],
        looks=looks,
        reasons=reasons,
        guard=results.get("guard"),
        shortcuts=shortcuts([record["look"] for record in looks]),
        forgotten=forgotten([record["look"] for record in looks]),
        curves=alignment_curves(history),
        number=_number,
        style=Markup((HERE / "report.css").read_text("utf-8") + (HERE / "study.css").read_text("utf-8")),
    )


def shortcuts(looks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Splits on which the last look shows the mean instead of the law, in words.

    An error falls also for a generator that learns to answer the mean of a split whatever it is shown; the slope of
    generated on true values tells the two apart, and the error of that constant is what it can win.
    """
    told = []
    for split, now in looks[-1]["splits"].items() if len(looks) > 1 else ():
        then = looks[0]["splits"][split]
        for name, slope in now["slope"].items():
            error, before = (one.get("errors", {}).get(name) for one in (now, then))
            if slope is None or error is None or before is None or slope >= FOLLOWS or error >= LESS * before:
                continue
            told.append(
                f"{split}: the error of {name} fell from {before:.3g} to {error:.3g}, but what is generated hardly "
                f"follows what is true (slope {slope:.2f}, 1 for a law). Always the mean {name} of the split has an "
                f"error of {now['constant'][name]:.3g} and slope 0: what has been learnt so far is nearer to that than "
                "to the law."
            )
    return told


def forgotten(looks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Splits whose error has grown, in words: what prompts do not ask for, nothing keeps."""
    told = []
    for split, now in looks[-1]["splits"].items() if len(looks) > 1 else ():
        before = looks[0]["splits"][split].get("errors", {})
        for name, error in now.get("errors", {}).items():
            if name in before and error > MORE * before[name]:
                told.append(f"{split}: the error of {name} grew from {before[name]:.3g} to {error:.3g}.")
    return told


def alignment_curves(history: Sequence[Mapping[str, Any]]) -> list[Curve]:
    """Every curve for which there are values."""
    looks = [(record["update"], record["look"]) for record in history if record["look"] is not None]
    curves = []
    for name, title in LOOK_CURVES.items():
        series = {
            split: [(update, look["splits"][split][name]) for update, look in looks]
            for split in (looks[0][1]["splits"] if looks else ())
        }
        curves.append(_curve(title, series))
    for name in _natives(looks):
        series = {
            split: [(update, look["splits"][split]["native"].get(name)) for update, look in looks]
            for split in looks[0][1]["splits"]
        }
        curves.append(_curve(f"{name}, native value", series))
    curves.append(_curve("Divergence from the start, nats, joint", {"": [(u, look["kl"]) for u, look in looks]}))
    for name, title in UPDATE_CURVES.items():
        curves.append(_curve(title, {"": [(one["update"], one["figures"].get(name)) for one in history]}))
    return [one for one in curves if one is not None]


def _natives(looks: Sequence[tuple[int, Mapping[str, Any]]]) -> list[str]:
    return list(dict.fromkeys(name for _, look in looks for one in look["splits"].values() for name in one["native"]))


def _curve(title: str, series: Mapping[str, Sequence[tuple[int, float | None]]]) -> Curve | None:
    """One drawing; None where there is nothing to draw."""
    points = {name: [(x, y) for x, y in one if y is not None and math.isfinite(y)] for name, one in series.items()}
    points = {name: one for name, one in points.items() if one}
    if not points:
        return None
    values = [y for one in points.values() for _, y in one]
    last = max(max(x for one in points.values() for x, _ in one), 1)
    scale, foot = axis(values, TOP, HEIGHT - BOTTOM), HEIGHT - BOTTOM

    def place(x: float) -> float:
        return LEFT + x / last * (WIDTH - LEFT - RIGHT)

    parts = [grid(scale, LEFT, WIDTH - RIGHT)]
    for x in (0, last):
        parts.append(element("text", str(x), class_="tick", x=place(x), y=foot + 18, text_anchor="middle"))
    for k, one in enumerate(points.values()):
        places = [(place(x), scale.place(y)) for x, y in one]
        parts.append(polyline(places, f"curve series-{k % 8}"))
        if len(places) <= 30:
            parts += [mark(x, y, k, 3.0) for x, y in places]
    legend = tuple((swatch(mark(9, 9, k, 5)), name) for k, name in enumerate(points)) if len(points) > 1 else ()
    return Curve(title, drawing(title, parts, WIDTH, HEIGHT), legend)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"

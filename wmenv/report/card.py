"""Cards of examined judgers as one HTML file: one card, or several of the same exam side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wmenv.core.errors import InvalidArgument, ProtocolMismatch, RunFolderError
from wmenv.core.files import write_whole
from wmenv.report.numbers import ABSENT, number, spread, words
from wmenv.report.svg import axis, drawing, element, grid, mark, polyline, swatch, whisker
from wmenv.runs.card import Card, CriterionCard
from wmenv.runs.folder import differing
from wmenv.runs.interval import Interval

HTML = "card.html"
HERE = Path(__file__).parent
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 12.0, 44.0
WIDTH, HEIGHT = 380.0, 220.0
TRUE = "true clip"
"""Leftmost place of a curve: false alarms, which a fault of size 0 would be."""


@dataclass(frozen=True, slots=True)
class Curve:
    """How often a plant is found, by its size.

    Attributes:
        title: The plant and its criterion.
        unit: Of its sizes.
        drawing: The SVG.
    """

    title: str
    unit: str
    drawing: Markup


def comparable(cards: Mapping[str, Card]) -> None:
    """Refuse to put cards of different exams side by side.

    Args:
        cards: By label, at least two.

    Raises:
        InvalidArgument: There are fewer.
        ProtocolMismatch: Two were examined on different things.
    """
    if len(cards) < 2:
        raise InvalidArgument("cards are compared two or more at a time, each of its own: wmenv judge compare A B")
    (first, one), *others = cards.items()
    for label, card in others:
        if card.exam_digest != one.exam_digest:
            told = differing(_flat(one), _flat(card), f"of {first} is", f"of {label} is")
            raise ProtocolMismatch(
                f"{first} and {label} were examined on different things: {told}. Take one exam with both: the "
                "same --env, --set and --cases"
            )


def _flat(card: Card) -> dict[str, Any]:
    """What decided an exam, the entries of its protocol one by one."""
    return {**card.exam, **card.exam["protocol"], "protocol": None}


def write_cards(cards: Mapping[str, Card], path: Path) -> Path:
    """Write the page of one card or several; it needs no network and no other file.

    Args:
        cards: By label, all of one exam.
        path: The file.

    Raises:
        RunFolderError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, render_cards(cards).encode())
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}; choose another --out") from error
    return path


def render_cards(cards: Mapping[str, Card]) -> str:
    """The page as text; a function of its argument alone."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, spread=spread, words=words)
    style = (HERE / "report.css").read_text("utf-8") + (HERE / "study.css").read_text("utf-8")
    first = next(iter(cards.values()))
    return environment.get_template("card.html.j2").render(
        cards=cards,
        first=first,
        title=first.title,
        names=list(dict.fromkeys(one.criterion for card in cards.values() for one in card.criteria)),
        by_name={label: {one.criterion: one for one in card.criteria} for label, card in cards.items()},
        curves=curves(list(cards.values())),
        legend=[(swatch(mark(9, 9, k, 5)), label) for k, label in enumerate(cards)] if len(cards) > 1 else [],
        absent=ABSENT,
        style=Markup(style),
    )


def curves(cards: Sequence[Card]) -> list[Curve]:
    """One psychometric curve a plant; a series a card."""
    drawn = []
    for plant, facts in cards[0].exam["plants"].items():
        criteria = [_criterion(card, facts["criterion"]) for card in cards]
        shown = [_points(one, plant) for one in criteria]
        if any(len(points) > 1 for points in shown):
            title = f"{words(plant)} ({words(facts['criterion'])})"
            sizes = [TRUE, *(f"{size:g}" for size in facts["sizes"])]
            drawn.append(Curve(title, facts["unit"], _curve(title, sizes, shown)))
    return drawn


def _criterion(card: Card, name: str) -> CriterionCard | None:
    return next((one for one in card.criteria if one.criterion == name), None)


def _points(one: CriterionCard | None, plant: str) -> dict[str, Interval]:
    """Shares of flagged clips by size, the true clips first."""
    if one is None:
        return {}
    found = {TRUE: one.whole.false_alarms}
    found |= {f"{point.size:g}": point.figures.found for point in one.points if point.plant == plant}
    return {size: share for size, share in found.items() if share is not None}


def _curve(title: str, sizes: Sequence[str], series: Sequence[Mapping[str, Interval]]) -> Markup:
    scale, foot = axis([0.0, 1.0], TOP, HEIGHT - BOTTOM), HEIGHT - BOTTOM
    step = (WIDTH - LEFT - RIGHT) / len(sizes)
    at = {size: LEFT + (k + 0.5) * step for k, size in enumerate(sizes)}
    parts = [grid(scale, LEFT, WIDTH - RIGHT)]
    parts += [element("text", size, class_="tick", x=x, y=foot + 18, text_anchor="middle") for size, x in at.items()]
    for k, points in enumerate(series):
        aside = 7.0 * (k - (len(series) - 1) / 2)  # so that intervals of several cards do not cover each other
        places = {size: (at[size] + aside, scale.place(share.mean)) for size, share in points.items()}
        parts.append(polyline(places.values(), f"curve series-{k % 8}"))
        for size, (x, y) in places.items():
            share = points[size]
            told = f"{title}, {size}: flagged {number(share.mean, 3)} {spread(share, 2)} of {share.n}"
            inner = [element("title", told), whisker(x, share.low, share.high, scale, k), mark(x, y, k, 3.6)]
            parts.append(element("g", inner))
    return drawing(f"Share of clips flagged by size: {title}", parts, WIDTH, HEIGHT)

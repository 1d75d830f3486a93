"""What `wmenv judge exam` and `wmenv judge compare` do and print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from wmenv.cli.console import escape, out, progress
from wmenv.core.registries import JUDGERS
from wmenv.report.card import HTML, comparable, write_cards
from wmenv.report.numbers import ABSENT, number, spread
from wmenv.runs.card import FILE, Card, read_card
from wmenv.runs.interval import Interval
from wmenv.runs.progress import Tick
from wmenv.studies.exam.choose import world_for
from wmenv.studies.exam.take import Sitting, take_exam


def examine(
    judger: str,
    folder: Path,
    *,
    env: str | None,
    quick: bool,
    cases: int | None,
    second: str | None,
    options: Mapping[str, Any],
    retry_failed: bool,
) -> int:
    """Take an exam, print the card, and write it; returns 1 where a verdict of either judger failed.

    Args:
        judger: Specification of the judger.
        folder: Where the card goes.
        env: Environment; None for the one of the judger's world.
        quick: A short exam.
        cases: Number of cases; None for the usual.
        second: Specification of a second judger.
        options: Of the environment.
        retry_failed: Judge again the cases in which a verdict failed.
    """
    made = JUDGERS.create(judger)
    world = world_for(made, env, quick=quick, cases=cases, options=options)
    sitting = Sitting(world, made, judger, None if second is None else JUDGERS.create(second))
    env_id = str(world.identity()["env"])
    with progress("cases") as show:
        card = take_exam(
            sitting,
            folder,
            retry_failed=retry_failed,
            tell=lambda case, done, total, failed: show(Tick(judger, env_id, done, total, None, failed)),
        )
    print_card(card)
    page = write_cards({judger: card}, folder / HTML)
    for name, path in (("card", folder / FILE), ("report", page)):
        out().print(escape(f"{name:<8} {path}"), soft_wrap=True)
    return 1 if card.failed or any(one.missing for one in card.agreement) else 0


def print_card(card: Card) -> None:
    """Print a card as tables."""
    screen = out()
    screen.print(escape(f"{card.name}, examined on {card.title}"), style="bold", soft_wrap=True)
    screen.print(_criteria(card))
    screen.print(_curves(card))
    screen.print(_controls(card))
    screen.print(_flips(card))
    if card.agreement:
        screen.print(_agreement(card))
    if card.failed:
        told = f"{card.failed} of {card.verdicts} verdicts failed, coverage {card.coverage:.3f}:"
        screen.print(f"[red]failed[/red] {told}", soft_wrap=True)
        for reason, count in list(card.reasons.items())[:5]:
            screen.print(escape(f"  {count} x {reason}"), soft_wrap=True)


def compare(paths: Sequence[Path], page: Path | None) -> None:
    """Print cards side by side, and write them as a page where one is asked for.

    Args:
        paths: Of the cards.
        page: The page, or None.

    Raises:
        InvalidArgument: There are fewer than two, or a file is no card.
        ProtocolMismatch: They are of different exams.
    """
    read = [read_card(path) for path in paths]
    names = [card.name for card in read]
    cards = {
        name if names.count(name) == 1 else str(path): card for name, path, card in zip(names, paths, read, strict=True)
    }
    comparable(cards)
    screen, first = out(), read[0]
    screen.print(escape(f"{len(cards)} judgers examined on {first.title}"), style="bold", soft_wrap=True)
    criteria = list(dict.fromkeys(one.criterion for card in read for one in card.criteria))
    for title, pick in (("balanced accuracy", "balanced"), ("AUROC", "auroc"), ("calibration error", "calibration")):
        rows = {name: [_whole(card, name, pick) for card in read] for name in criteria}
        screen.print(_beside(title, cards, rows))
    caught = {one.name: [card.controls[k].caught for card in read] for k, one in enumerate(first.controls)}
    flips = {one.name: [card.flips[k].rate for card in read] for k, one in enumerate(first.flips)}
    flips["attack"] = [None if card.attack is None else card.attack.flipped for card in read]
    screen.print(_beside("caught", cards, caught))
    screen.print(_beside("flipped", cards, flips))
    if page is not None:
        screen.print(escape(f"report   {write_cards(cards, page)}"), soft_wrap=True)


def _whole(card: Card, criterion: str, figure: str) -> Interval | None:
    """A figure of a criterion over all sizes."""
    return next((getattr(one.whole, figure) for one in card.criteria if one.criterion == criterion), None)


def _beside(title: str, cards: Mapping[str, Card], rows: Mapping[str, Sequence[Interval | None]]) -> Table:
    """One figure, a row a criterion or form, a column a card."""
    table = _table(title, *map(escape, cards))
    for name, found in rows.items():
        told = [_cell(one) + ("" if one is None else f" of {one.n}") for one in found]
        table.add_row(escape(name), *told)
    return table


def _criteria(card: Card) -> Table:
    table = _table("criterion", "clips", "failed", "balanced", "AUROC", "false alarms", "ECE")
    for one in card.criteria:
        figures = one.whole
        cells = [figures.balanced, figures.auroc, figures.false_alarms, figures.calibration]
        counts = [f"{figures.broken} + {figures.lawful}", str(figures.failed)]
        table.add_row(escape(one.criterion), *counts, *map(_cell, cells))
    return table


def _curves(card: Card) -> Table:
    table = _table("plant", "size", "clips", "balanced", "AUROC", "ECE")
    for one in card.criteria:
        for point in one.points:
            figures = point.figures
            size = escape(f"{point.size:g} {point.unit}")
            cells = [_cell(value) for value in (figures.balanced, figures.auroc, figures.calibration)]
            table.add_row(escape(f"{point.plant} ({one.criterion})"), size, str(figures.broken), *cells)
    return table


def _controls(card: Card) -> Table:
    table = _table("control", "clips", "failed", "caught", "reward below the true clip's")
    for one in card.controls:
        table.add_row(one.name, str(one.clips), str(one.failed), _cell(one.caught), _cell(one.below))
    return table


def _flips(card: Card) -> Table:
    table = _table("flips", "answers", "failed", "flipped", "")
    for one in card.flips:
        n = "0" if one.rate is None else str(one.rate.n)
        table.add_row(one.name, n, str(one.failed), _cell(one.rate), escape(one.reason))
    attack = card.attack
    if attack is None:
        table.add_row("attack", "0", "0", ABSENT, escape(card.attack_reason))
    else:
        table.add_row("attack", str(attack.clips), "", _cell(attack.flipped), "4 of 255 levels, along its gradient")
        table.add_row("  random changes", "", "", _cell(attack.noise), "of the same size")
        moved = f"{attack.oracle}: score moved by {number(attack.oracle_moved, 3)} at most"
        table.add_row("  exact judger", "", "", _cell(attack.oracle_flipped), escape(moved))
    return table


def _agreement(card: Card) -> Table:
    table = _table(f"with {card.second}", "clips", "missing", "same", "kappa", "alpha", "Spearman")
    for one in card.agreement:
        n = 0 if one.same is None else one.same.n
        cells = [one.same, one.kappa, one.alpha, one.spearman]
        table.add_row(escape(one.criterion), str(n), str(one.missing), *map(_cell, cells))
    return table


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(escape(first), no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right" if column else "left", no_wrap=bool(column))
    return table


def _cell(found: Interval | None) -> str:
    return ABSENT if found is None else escape(f"{number(found.mean, 3)} {spread(found, 2)}".strip())

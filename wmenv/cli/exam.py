"""What `wmenv judge exam` and `wmenv judge compare` do and print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from wmenv.cli.console import escape, out, progress
from wmenv.core.registries import JUDGERS
from wmenv.report.numbers import ABSENT, number, spread
from wmenv.runs.card import FILE, Card
from wmenv.runs.progress import Tick
from wmenv.runs.results import Interval
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
    """Take an exam, print the card, and write it; returns 1 where a verdict failed.

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
    with progress("cases") as show:
        card = take_exam(
            sitting,
            folder,
            retry_failed=retry_failed,
            tell=lambda case, done, total, failed: show(Tick(judger, case, done, total, None, failed)),
        )
    print_card(card)
    out().print(escape(f"card     {folder / FILE}"), soft_wrap=True)
    return 1 if card.failed else 0


def print_card(card: Card) -> None:
    """Print a card as tables."""
    screen = out()
    screen.print(escape(f"{card.name}, examined on {exam_title(card)}"), style="bold", soft_wrap=True)
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


def exam_title(card: Card) -> str:
    """What a card was examined on, in words."""
    return f"{card.exam['env']}, {len(card.exam['cases'])} cases, exam {card.exam_digest}"


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

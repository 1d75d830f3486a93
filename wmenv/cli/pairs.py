"""What `wmenv judge pairs` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from wmenv.cli.console import escape, out
from wmenv.core.errors import InvalidArgument
from wmenv.core.statistics import Estimate
from wmenv.official.worldreasonbench.pairs import Pair, load
from wmenv.studies import pair_predictions
from wmenv.studies.pair_predictions import Predictions, always, gold
from wmenv.studies.pairs import Tie, against_itself, against_pairs, against_scores


def print_pairs(file: Path, sources: Sequence[str], ties: Sequence[str]) -> None:
    """Print the tables.

    Args:
        file: The pair file.
        sources: What judges say, see `wmenv.studies.pair_predictions.load`.
        ties: Thresholds, numbers from 0 on or `fitted`.

    Raises:
        InvalidArgument: A threshold is neither, or a source is nothing that can be read.
        InvalidCase: A file is damaged.
    """
    thresholds = [_tie(one) for one in ties]
    pairs = load(file)
    judges = pair_predictions.joined([pair_predictions.load(one, pairs) for one in sources])
    crowd = sum(pair.gold == "tie" for pair in pairs)
    clips = {clip for pair in pairs for clip in (pair.first, pair.second)}
    counts = f"{len(pairs)} pairs ({crowd} ties), {len(clips)} clips, {len({clip.task for clip in clips})} tasks, "
    counts += f"{len({clip.model for clip in clips})} models"
    out().print(escape(f"{file.name}: {counts}"), style="bold", soft_wrap=True)
    baselines = [gold(pairs), always("tie")(pairs), always("first")(pairs)]
    out().print(_preferences([*baselines, *judges], pairs, thresholds))
    pointwise = [one for one in judges if one.pointwise]
    if pointwise:
        out().print(_points(pointwise, pairs))
    if any(not one.pointwise for one in judges):
        out().print(_swaps([one for one in judges if not one.pointwise]))


def _tie(text: str) -> Tie:
    if text == "fitted":
        return "fitted"
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < float("inf"):
        raise InvalidArgument(f"--tie takes a number from 0 on or fitted, got {text!r}")
    return value


def _preferences(judges: Sequence[Predictions], pairs: Sequence[Pair], thresholds: Sequence[Tie]) -> Table:
    table = _table("judge", "tie", "with ties", "n", "without ties", "n", "says tie", "says A")
    for judge in judges:
        for threshold in thresholds if judge.pointwise else thresholds[:1]:
            found = against_pairs(judge, pairs, threshold)
            used = "-" if found.tie is None else " to ".join(dict.fromkeys(f"{one:.4g}" for one in found.tie))
            cells = [*_share(found.ties), *_share(found.no_ties), _plain(found.says_tie), _plain(found.says_first)]
            table.add_row(escape(judge.name), used + " fitted" * (threshold == "fitted" and judge.pointwise), *cells)
    return table


def _points(judges: Sequence[Predictions], pairs: Sequence[Pair]) -> Table:
    table = _table("scores of clips", "clips", "Spearman", "Pearson", "halo")
    for judge in judges:
        found = against_scores(judge, pairs)
        n = f"{found.scored} of {found.clips}"
        halo = ", ".join(f"{a}-{b} {_number(value)}" for (a, b), value in found.halo.items()) or "-"
        table.add_row(escape(judge.name), n, _number(found.spearman), _number(found.pearson), escape(halo))
    return table


def _swaps(judges: Sequence[Predictions]) -> Table:
    table = _table("in both orders", "another winner", "pairs", "prefers the first", "preferences")
    for judge in judges:
        found = against_itself(judge)
        if found is None:
            table.add_row(escape(judge.name), "-", "0", "-", "0")
        else:
            table.add_row(escape(judge.name), *_share(found.swapped), *_share(found.first))
    return table


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _share(found: Estimate | None) -> tuple[str, str]:
    if found is None:
        return "-", "0"
    return f"{found.mean:.1%} [{100 * found.low:.1f}, {100 * found.high:.1f}]", str(found.n)


def _plain(found: Estimate | None) -> str:
    return "-" if found is None else f"{found.mean:.1%}"


def _number(found: Estimate | None) -> str:
    return "-" if found is None else f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"

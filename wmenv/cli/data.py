"""`wmenv data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

data = App(name="data", help="Make data sets; check copies of published ones.")


@data.command
def phyworld(
    *,
    law: Literal["uniform_motion", "parabola", "collision"],
    count: int,
    out: Path,
    split: str = "id",
    size: int = 128,
    frames: int = 32,
    seed: int = 0,
    mode: Literal["exact", "box2d"] = "exact",
    ranges: Literal["code", "paper"] = "code",
    edge: Literal["area", "official"] = "area",
    format_: Annotated[Literal["npz", "mp4"], Parameter(name="--format")] = "npz",
    shard: int | None = None,
) -> None:
    """Draw PhyWorld clips for training, in shards; a stopped command goes on where it was when run again.

    Every clip has a seed of its own: clip k is case SPLIT-(SEED * 2^32 + k) whatever the shard size, and is the case
    that `options={"case_id": ...}` replays. An npz shard holds frames, positions, radii, fps and case_id; an mp4
    shard is a folder of clips (H.264, lossy) with a states.npz beside them.

    Args:
        law: Law of motion.
        count: Number of clips.
        out: Folder; made if missing.
        split: Split to draw from.
        size: Side of the picture in pixels.
        frames: Frames of a clip, 0.1 s of world time each.
        seed: First half of every clip's seed, 0 to 65535.
        mode: True laws, or the official stepping.
        ranges: Parameter ranges of the official code or of the paper.
        edge: How pictures under 256 pixels are made.
        format_: npz (lossless arrays) or mp4.
        shard: Clips a shard; by default as many as fit 64 MB of raw frames, at most 1,000.
    """
    from wmenv.cli.console import progress, say_path
    from wmenv.runs.progress import Tick
    from wmenv.worlds.discs.dataset import DataSet

    wanted = DataSet(law, count, split, size, frames, seed, mode, ranges, edge, format_, shard)
    with progress() as show:
        for done in wanted.write(out):
            show(Tick(law, split, done, count, None, 0))
    say_path(out / "manifest.json")


@data.command
def violations(
    *,
    out: Path,
    domain: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    scene: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    seeds: str = "0-7",
    kinds: str = "all",
    sizes: str = "4,8,16",
    alternatives: int = 1,
    pixels: int = 128,
    format_: Annotated[Literal["npz", "mp4"], Parameter(name="--format")] = "npz",
) -> None:
    """Plant violations in scenes, one label a clip: an exam of judgers, a training set of critics.

    For example: wmenv data violations --out marble --scene gaming/marble --seeds 1000-1001 --kinds newton,mass

    Of each case there are the true clip, lawful alternatives (both with label none) and every planted violation that it
    has room for; all lie in OUT/cases/CASE. OUT/clips.jsonl has a line a clip: file, words, kind, label (the criterion
    that is broken), size asked for and measured, side effects with their sizes, onset (first frame that differs from
    the true clip, counted from 0) and right answers to the eight criteria. OUT/no_room.jsonl has what was asked for and
    a case had no room for. A stopped command goes on where it was when run again. What is planted: docs/scenes.md.

    Cases of the benchmark are seeds 0 to 7 of every scene: teach with others.

    Args:
        out: Folder; made if missing.
        domain: Domain whose scenes to take, repeatable; by default all.
        scene: Scene to take, such as gaming/marble, repeatable, besides those of --domain.
        seeds: A-B, both included, or a number N for 0 to N-1; at most 9999.
        kinds: Plants, or criteria to be broken, joined by commas; all by default.
        sizes: Multiples of the just-visible change, rising, joined by commas.
        alternatives: Lawful alternatives a case.
        pixels: Side of the picture, 32 to 1024.
        format_: npz (lossless arrays) or mp4 (H.264, lossy).
    """
    from wmenv.cli.console import progress, say_path
    from wmenv.runs.progress import Tick
    from wmenv.worlds.scenes.catalogue import KEYS, scenes
    from wmenv.worlds.scenes.plants import PLANTS
    from wmenv.worlds.scenes.violations import TABLE, ViolationSet, chosen_kinds

    named = {one.key for name in domain or () for one in scenes(name)} | set(scene or ())
    wanted = ViolationSet(
        (*(key for key in KEYS if key in named), *sorted(named.difference(KEYS))) or KEYS,
        _seeds(seeds),
        tuple(PLANTS) if kinds == "all" else chosen_kinds(kinds.split(",")),
        _sizes(sizes),
        alternatives,
        pixels,
        format_,
    )
    with progress("cases") as show:
        for done, key in wanted.write(out):
            show(Tick("planting", key, done, wanted.cases, None, 0))
    _tell_planted(out)
    say_path(out / TABLE)


def _seeds(text: str) -> tuple[int, int]:
    """First and last seed of `A-B` or `N`."""
    from wmenv.core.errors import InvalidArgument

    first, dash, last = text.partition("-")
    try:
        return (int(first), int(last)) if dash else (0, int(first) - 1)
    except ValueError:
        raise InvalidArgument(f"--seeds takes A-B, such as 0-7, or a number of seeds, got {text!r}") from None


def _sizes(text: str) -> tuple[float, ...]:
    """Numbers joined by commas; whole ones as int."""
    from wmenv.core.errors import InvalidArgument
    from wmenv.core.registry import literal

    found = [literal(part) for part in text.split(",")]
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in found):
        raise InvalidArgument(f"--sizes takes numbers joined by commas, such as 4,8,16, got {text!r}")
    return tuple(found)


def _tell_planted(folder: Path) -> None:
    """Print how many clips there are, by kind and size, and for how many there was no room."""
    from collections import Counter

    from rich.table import Table

    from wmenv.cli.console import escape, out
    from wmenv.worlds.scenes.violations import NO_ROOM, read_table

    rows, missing = read_table(folder), read_table(folder, NO_ROOM)
    sizes = sorted({row["size"] for row in rows if row["size"] is not None})
    count = Counter((row["kind"], row["size"]) for row in rows)
    lacking: Counter[str] = Counter()
    for one in missing:
        lacking[one["kind"]] += one.get("number", 1)
    label = {row["kind"]: row["label"] for row in rows}
    shown = Table(title=f"{len(rows)} clips", title_justify="left", box=None, pad_edge=False)
    for column in ("kind", "breaks", "clips", *(f"size {size:g}" for size in sizes), "no room"):
        shown.add_column(column, justify="left" if column in ("kind", "breaks") else "right")
    for kind in dict.fromkeys([*label, *lacking]):
        by_size = [str(count[kind, size]) if (kind, None) not in count else "-" for size in sizes]
        total = sum(number for (name, _), number in count.items() if name == kind)
        shown.add_row(kind, label.get(kind, "-"), str(total), *by_size, str(lacking[kind]))
    out().print(shown)
    if missing:
        out().print(f"no room for {lacking.total()} clips: {escape(str(folder / NO_ROOM))}", soft_wrap=True)


@data.command
def check(benchmark: Literal["worldmodelbench", "videoverse", "worldreasonbench"], /, *, path: Path) -> int:
    """Check a copy of a published benchmark: files and hashes, counts, first frames, question templates.

    Nothing of the copy is run: the templates are read from the syntax tree of its script. The exit status is 1 where
    something is missing, changed or wrong.

    Args:
        benchmark: The benchmark.
        path: Folder of the copy, as cloned from GitHub.
    """
    from rich.table import Table

    from wmenv.cli.console import escape, out
    from wmenv.official.benchmarks import BENCHMARKS
    from wmenv.official.copies import check as look

    known = BENCHMARKS[benchmark]
    findings = look(benchmark, path)
    table = Table(title=f"{known.title} at {known.commit[:7]}", title_justify="left", box=None, pad_edge=False)
    for column in ("state", "what", "detail"):
        table.add_column(column)
    for one in findings:
        table.add_row(f"[{'red' if one.bad else 'green'}]{one.state}[/]", escape(one.what), escape(one.detail))
    out().print(table)
    return 1 if any(one.bad for one in findings) else 0

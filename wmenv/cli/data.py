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
    from wmenv.cli.console import progress
    from wmenv.runs.progress import Tick
    from wmenv.worlds.discs.dataset import DataSet

    wanted = DataSet(law, count, split, size, frames, seed, mode, ranges, edge, format_, shard)
    with progress() as show:
        for done in wanted.write(out):
            show(Tick(law, split, done, count, None, 0))
    print(out / "manifest.json")


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

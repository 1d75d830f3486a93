"""`wmenv requests`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def requests(
    env: str,
    /,
    *,
    out: Path,
    split: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    episodes: int = 100,
    seed: int = 0,
    size: int | None = None,
    frames: int | None = None,
    cases: Literal["wmenv", "official", "copy"] | None = None,
    data: Path | None = None,
    condition: Literal["text", "image"] | None = None,
    subset: str | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="", consume_multiple=False)] = None,
) -> None:
    """Write the prompts and given frames of a run's cases, for a generator that runs elsewhere.

    Answer each line of OUT/requests.jsonl with a clip named after its case id, then judge the folder by the same
    arguments: wmenv evaluate ENV --agent videos:FOLDER.

    Args:
        env: Environment, with or without its version.
        out: Folder for requests.jsonl and the given frames (one lossless .npz a case).
        split: Split to draw cases from, repeatable.
        episodes: Cases a split.
        seed: Decides the cases; evaluate with the same one.
        size: Side of the picture in pixels.
        frames: Frames of a clip.
        cases: Cases of a prompted suite: wmenv's own, the official ones, or those of a copy of any state.
        data: Your copy of the benchmark, for --cases official and copy.
        condition: Whether a prompted suite gives the first frame.
        subset: Only some cases of a prompted suite: hard:FILE, those of lowest mean in official result files.
        set_: Further option of the environment as KEY=VALUE, repeatable.
    """
    from wmenv.cli.console import env_options, say_path
    from wmenv.core.registries import make_env
    from wmenv.runs.requests import write_requests

    cast = {"cases": cases, "data": None if data is None else str(data), "condition": condition, "subset": subset}
    made = make_env(env, **env_options(set_ or [], size=size, frames=frames, **cast))
    say_path(write_requests(made, out, split, episodes, seed))

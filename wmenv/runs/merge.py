"""Merge the shards of a run into the run folder that one process would have written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from wmenv.core.canonical import canonical_json
from wmenv.core.errors import InvalidArgument, ProtocolMismatch, RunFolderError
from wmenv.runs.fill import clip_folder
from wmenv.runs.folder import differing, on_disk, open_run
from wmenv.runs.keep import Keeper, Key
from wmenv.runs.plan import Planned, grouped
from wmenv.runs.remove import remove_run
from wmenv.runs.results import FILE as RESULTS
from wmenv.runs.results import Results, environment_block
from wmenv.runs.shard import Shard, missing_keys, shard_of, whole_plan
from wmenv.runs.store import RolloutRow, RunStore
from wmenv.runs.summary import summarise

CHUNK = 64
"""Rows copied at once."""
TOLD = 5
"""Missing rollouts of a shard that a message names."""


def merge(shards: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str], *, partial: bool = False) -> Results:
    """Put shards together: rows, kept clips and `results.json` are those of a run of one process.

    The environment is not needed, nor the agents. The new folder appears whole or not at all; it is a run like any
    other, and what is missing of a partial one can be made with `resume`.

    Args:
        shards: Run folders of all shards of one run, in any order.
        out: The new run folder; must not exist, or be empty.
        partial: Merge what is there, though shards or rollouts are missing; the results then say `complete: false`.

    Returns:
        The results, also written to `<out>/results.json`.

    Raises:
        RunFolderError: A folder holds no run, or is damaged; rollouts are missing (without `partial`); `out` is taken.
        InvalidArgument: A folder holds no shard, or two hold the same one; a shard is missing (without `partial`).
        ProtocolMismatch: The shards are of different runs.
    """
    if not shards:
        raise InvalidArgument("merge needs the run folders of all shards, got none")
    target = Path(out)
    _check_free(target)
    with ExitStack() as stack:
        parts = [_Part.open(Path(folder), stack) for folder in shards]
        parts.sort(key=lambda part: part.shard.index)
        _check_one_run(parts)
        _check_missing(parts, partial)
        beside = target.resolve().with_name(f".{target.resolve().name}.merging")
        remove_run(beside)  # what an earlier merge left when it was killed
        try:
            results = _write(parts, beside)
            with on_disk(target):
                if target.exists():
                    target.rmdir()
                os.replace(beside, target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    return results


@dataclass(frozen=True, slots=True)
class _Part:
    """One shard on disk."""

    folder: Path
    store: RunStore
    identity: dict[str, Any]
    shard: Shard
    rows: tuple[RolloutRow, ...]
    missing: tuple[Planned, ...]

    @classmethod
    def open(cls, folder: Path, stack: ExitStack) -> _Part:
        store = RunStore(folder)
        stack.callback(store.close)
        identity = store.identity()
        if identity is None:
            raise RunFolderError(f"{folder} holds no run yet: it was stopped before its first row")
        shard = shard_of(identity)
        if shard is None:
            raise InvalidArgument(f"{folder} holds a whole run, no shard; shards are made with evaluate --shard i/n")
        rows = tuple(store.rollouts())
        planned = {p.key for members in shard.share(whole_plan(identity)) for p in members}
        if strange := [row.key for row in rows if row.key not in planned]:
            raise RunFolderError(f"{folder} is damaged: {_name(strange[0])} is none of the rollouts of shard {shard}")
        missing = tuple(missing_keys(identity, store.done()))
        return cls(folder, store, identity, shard, rows, missing)

    def whole_identity(self) -> dict[str, Any]:
        """Identity of the run that this is a share of."""
        return {key: value for key, value in self.identity.items() if key != "shard"}

    def settings(self) -> dict[str, Any]:
        """What all shards of one run have in common."""
        block = {f"shard {key}": value for key, value in self.identity["shard"].items() if key != "index"}
        return {**self.whole_identity(), **block}


def _check_free(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunFolderError(f"{out} exists already; merge writes a new run folder: choose another --out")


def _check_one_run(parts: Sequence[_Part]) -> None:
    """All are of one run, and no two are the same."""
    first = parts[0]
    for part in parts[1:]:
        if canonical_json(part.settings()) != canonical_json(first.settings()):
            told = differing(first.settings(), part.settings(), str(first.folder), str(part.folder))
            raise ProtocolMismatch(f"{first.folder} and {part.folder} are no shards of one run: {told}")
    for one, other in pairwise(parts):
        if one.shard == other.shard:
            raise InvalidArgument(f"{one.folder} and {other.folder} are both shard {one.shard}; give each shard once")


def _check_missing(parts: Sequence[_Part], partial: bool) -> None:
    """Nothing is missing, or it is said what is and how much there is."""
    of = parts[0].shard.of
    absent = [k for k in range(1, of + 1) if k not in {part.shard.index for part in parts}]
    told = [
        f"{part.folder} (shard {part.shard}) is not finished: {_names(part.missing)}" for part in parts if part.missing
    ]
    if partial or not (absent or told):
        return
    whole = sum(map(len, whole_plan(parts[0].identity)))
    there = sum(len(part.rows) for part in parts)
    if absent:
        told.append(f"missing: shard {', '.join(f'{k}/{of}' for k in absent)}")
    way = "finish them with evaluate --shard i/n --resume, or merge what is there with --partial"
    error = RunFolderError if any(part.missing for part in parts) else InvalidArgument
    raise error(f"{there} of {whole} rollouts are there ({there / whole:.1%}). {'; '.join(told)}; {way}")


def _names(missing: Sequence[Planned]) -> str:
    more = f" and {len(missing) - TOLD} more" if len(missing) > TOLD else ""
    return f"{len(missing)} rollouts missing, {', '.join(_name(p.key) for p in missing[:TOLD])}{more}"


def _name(key: Key) -> str:
    return f"{key[0]} {key[1]} #{key[2]}"


def _write(parts: Sequence[_Part], out: Path) -> Results:
    kept = _kept(parts)
    with open_run(out, parts[0].whole_identity(), resume=False) as store:
        for part in parts:
            for start in range(0, len(part.rows), CHUNK):
                rows = part.rows[start : start + CHUNK]
                store.add([_copied(part, row, kept, out) for row in rows])
        results = summarise(store, environment_block(shards=_environments(parts)))
        with on_disk(out):
            results.write(out)
    return results


def _kept(parts: Sequence[_Part]) -> set[Key]:
    """Whose clips the whole run keeps: each shard has the worst and the random ones of its share."""
    first = parts[0].identity
    keeper = Keeper(**first["shard"]["keep"])
    for group, members in grouped([p for batch in whole_plan(first) for p in batch]):
        keeper.plan(group, [p.key for p in members])
    kept: set[Key] = set()
    for part in parts:
        for row in part.rows:
            if row.final is not None:
                keep, gone = keeper.offer((row.agent, row.split), row.key, row.final.reward)
                kept |= {row.key} if keep else set()
                kept -= {gone} if gone is not None else set()
    return kept


def _copied(part: _Part, row: RolloutRow, kept: set[Key], out: Path) -> RolloutRow:
    """A row with its steps; its clips are copied where the whole run keeps them."""
    steps = tuple(part.store.steps(*row.key))
    if row.clip is None or row.key not in kept:
        return replace(row, steps=steps, clip=None)
    folder = clip_folder(row.key)
    try:
        shutil.copytree(part.folder / row.clip, out / folder)
    except FileNotFoundError as error:
        raise RunFolderError(
            f"{part.folder} lacks the kept clip {row.clip} of {_name(row.key)}: was its folder copied whole?"
        ) from error
    except (OSError, shutil.Error) as error:
        raise RunFolderError(f"cannot copy {part.folder / row.clip} to {out / folder}: {error}") from error
    return replace(row, steps=steps, clip=folder)


def _environments(parts: Sequence[_Part]) -> list[Mapping[str, Any]]:
    """Where and when each shard was made; a shard that was never finished has no results that say so."""
    found: list[Mapping[str, Any]] = []
    for part in parts:
        block = Results.read(part.folder).environment if (part.folder / RESULTS).is_file() else {}
        found.append({"shard": str(part.shard), **block})
    return found

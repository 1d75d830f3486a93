"""Filling a run folder: what is left to do, and the rows and clips of a batch put on disk."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wmenv.core.clip import Clip
from wmenv.core.rollout import Rollout
from wmenv.core.video import write_clip
from wmenv.runs.folder import on_disk
from wmenv.runs.keep import Group, Keeper, Key
from wmenv.runs.plan import Planned, grouped
from wmenv.runs.progress import Progress, Tick
from wmenv.runs.store import RolloutRow, RunStore

Write = Callable[[Sequence[RolloutRow]], Mapping[Key, str | None]]
"""Writes the clips of rollouts; returns their folders below the run folder, None without clips."""


class Filling:
    """A run folder while it is filled; the only one that writes rows, whoever plays the episodes."""

    def __init__(
        self,
        store: RunStore,
        keeper: Keeper,
        whole: Sequence[Sequence[Planned]],
        share: Sequence[Sequence[Planned]],
        *,
        retry_failed: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Take up what is there.

        Args:
            store: Where rows go.
            keeper: Decides which clips are kept.
            whole: All batches of the run: clips kept at random are chosen among them.
            share: The batches to be made here.
            retry_failed: Whether failed rollouts are made again.
            progress: Called after every batch.
        """
        self.store, self.keeper, self.share, self.progress = store, keeper, share, progress
        self.total = sum(map(len, share))
        self.done, self.failed = 0, 0
        self.rewards: dict[Group, list[float]] = {}
        states = store.done()
        self.finished = {key for key, state in states.items() if not (retry_failed and state == "agent_failed")}
        if retry_failed:
            self.finished -= {r.key for r in store.each() if r.final is not None and r.final.coverage < 1}
        for group, members in grouped([p for batch in whole for p in batch]):
            keeper.plan(group, [p.key for p in members])
        for row in store.each():
            if row.key in self.finished:
                self._count(row)
                if row.final is not None:  # where the agent failed there was no clip to offer
                    keeper.recall((row.agent, row.split), [(row.key, row.final.reward)])

    def todo(self) -> list[list[Planned]]:
        """What is left of each batch, finished batches left out."""
        left = [[p for p in batch if p.key not in self.finished] for batch in self.share]
        return [batch for batch in left if batch]

    def commit(self, rows: Sequence[RolloutRow], write: Write) -> None:
        """Write the clips to be kept, then rows and evictions at once, then remove the clips that had to go.

        A process killed in between leaves at most clips that no row names; `sweep` removes them.

        Args:
            rows: The rows of one batch, all of one agent and split.
            write: Writes clips; where it raises, nothing has happened and the rows may be committed later.
        """
        group = (rows[0].agent, rows[0].split)
        before = self.keeper.state(group)
        kept: set[Key] = set()
        dropped: set[Key] = set()
        for row in rows:
            if row.final is not None:
                keep, gone = self.keeper.offer(group, row.key, row.final.reward)
                kept |= {row.key} if keep else set()
                dropped |= {gone} if gone is not None else set()
        try:  # a clip that the same batch drops again is never written
            folders = write([row for row in rows if row.key in kept - dropped])
        except BaseException:
            self.keeper.reset(group, before)
            raise
        dropped -= kept
        self.store.add([replace(row, clip=folders.get(row.key)) for row in rows], sorted(dropped))
        for row in rows:
            self._count(row)
        for key in sorted(dropped):
            shutil.rmtree(self.store.folder / clip_folder(key), ignore_errors=True)
        self._tell(group)

    def sweep(self) -> None:
        """Remove clips that no row names: what a process wrote or was about to remove when it was killed."""
        kept = {self.store.folder / clip for clip in self.store.clips()}
        for folder in self.store.folder.glob("clips/*/*"):
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)
        for folder in self.store.folder.glob("clips/*"):
            if not any(folder.iterdir()):
                folder.rmdir()

    def _count(self, row: RolloutRow) -> None:
        self.done += 1
        self.failed += row.final is None or row.final.coverage < 1
        if row.final is not None and row.final.reward is not None:
            self.rewards.setdefault((row.agent, row.split), []).append(row.final.reward)

    def _tell(self, group: Group) -> None:
        if self.progress is not None:
            so_far = self.rewards.get(group, [])
            mean = sum(so_far) / len(so_far) if so_far else None
            self.progress(Tick(*group, self.done, self.total, mean, self.failed))


def write_clips(run: Path, row: RolloutRow, rollout: Rollout) -> str | None:
    """Write a rollout's clips without loss; returns their folder below the run folder, or None without clips."""
    folder = clip_folder(row.key)
    clips = [(k, s.response) for k, s in enumerate(rollout.steps) if isinstance(s.response, Clip)]
    with on_disk(run):
        for k, clip in clips:
            (run / folder).mkdir(parents=True, exist_ok=True)
            write_clip(run / folder / f"step_{k}.npz", clip)
    return folder if clips else None


def clip_folder(key: Key) -> str:
    """Folder of a rollout's kept clips, relative to the run folder."""
    agent, case_id, sample = key
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in agent)[:48].lstrip(".")
    return f"clips/{safe}-{zlib.crc32(agent.encode()):08x}/{case_id}_{sample}"

"""Data sets of disc clips in shards that appear whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument
from wmenv.core.files import write_whole
from wmenv.core.video import encode_mp4
from wmenv.worlds.discs.discs import discs_of
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.laws import positions
from wmenv.worlds.discs.splits import SEED_BITS, draw_starts, split_names
from wmenv.worlds.discs.world import FPS, Edge, Law, Mode, Ranges, frame_times
from wmenv.worlds.folders import data_folder, whole_folder

SHARD_BYTES = 64 << 20
SEED_STRIDE = 1 << 32


@dataclass(frozen=True, slots=True)
class DataSet:
    """What a data set holds; see `wmenv data phyworld --help` for the fields."""

    law: Law
    count: int
    split: str = "id"
    size: int = 128
    frames: int = 32
    seed: int = 0
    mode: Mode = "exact"
    ranges: Ranges = "code"
    edge: Edge = "area"
    format: str = "npz"
    shard: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.count <= SEED_STRIDE:
            raise InvalidArgument(f"count must lie in 1 to 2^32, got {self.count}")
        if not 0 <= self.seed < 1 << (SEED_BITS - 32):
            raise InvalidArgument(f"seed must lie in 0 to {(1 << (SEED_BITS - 32)) - 1}, got {self.seed}")
        if self.split not in split_names(self.law):
            raise InvalidArgument(f"no split {self.split!r}; {self.law} has {', '.join(split_names(self.law))}")
        if not 16 <= self.size <= 1024 or not 1 <= self.frames <= 320:
            raise InvalidArgument(f"expected size 16 to 1024 and frames 1 to 320, got {self.size} and {self.frames}")
        if self.shard is not None and self.shard < 1:
            raise InvalidArgument(f"shard must be at least 1, got {self.shard}")

    @property
    def per_shard(self) -> int:
        """Clips a shard."""
        return self.shard or max(1, min(1000, SHARD_BYTES // (self.frames * self.size * self.size * 3)))

    def case_id(self, index: int) -> str:
        """Id of a clip as a case of the environment."""
        return f"{self.split}-{self.seed * SEED_STRIDE + index:0{SEED_BITS // 4}x}"

    def write(self, folder: Path) -> Iterator[int]:
        """Write all shards that are missing; yields the number of clips done after each.

        Raises:
            ProtocolMismatch: The folder holds another data set.
            RunFolderError: It cannot be written; whole shards stay, and the same call goes on.
        """
        with data_folder(folder, {**asdict(self), "shard": self.per_shard}):
            for start in range(0, self.count, self.per_shard):
                stop = min(start + self.per_shard, self.count)
                path = folder / f"shard-{start // self.per_shard:05d}{'.npz' if self.format == 'npz' else ''}"
                if not path.exists():
                    self._shard(path, start, stop)
                yield stop

    def _shard(self, path: Path, start: int, stop: int) -> None:
        seeds = self.seed * SEED_STRIDE + np.arange(start, stop, dtype=np.uint64)
        starts, _ = draw_starts(self.law, self.split, seeds, ranges=self.ranges, mode=self.mode)
        paths = positions(starts, frame_times(self.frames), self.mode)
        ids = [self.case_id(k) for k in range(start, stop)]
        state: dict[str, Any] = {
            "positions": paths,
            "radii": starts.radii,
            "case_id": np.array(ids),
            "fps": np.array([10, 1]),
        }
        if starts.colour is not None:
            state["colours"] = starts.colour
        if starts.shape is not None:
            state["shapes"] = starts.shape
        clips = (draw(discs, self.size, self.edge) for discs in discs_of(starts, frame_times(self.frames), self.mode))
        if self.format == "npz":
            write_whole(path, _npz(frames=np.stack(list(clips)), **state))
            return
        with whole_folder(path) as partial:
            (partial / "states.npz").write_bytes(_npz(**state))
            for case_id, frames in zip(ids, clips, strict=True):
                (partial / f"{case_id}.mp4").write_bytes(encode_mp4(Clip(frames, FPS)))


def _npz(**arrays: Any) -> bytes:
    """An npz archive in memory: numpy 1.26 leaves a file open where the disk is full."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()

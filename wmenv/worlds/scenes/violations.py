"""Data sets of planted violations: the exam of every judger, and what critics are taught with.

A folder holds, besides its manifest, one folder a case below `cases/` and two tables that appear when all cases are
there: `clips.jsonl`, a line a clip with its labels, and `no_room.jsonl`, what was asked for and a case had no room for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, RunFolderError, UnknownName
from wmenv.core.files import write_whole
from wmenv.core.video import write_clip
from wmenv.worlds.folders import data_folder, whole_folder
from wmenv.worlds.scenes.alternatives import some_alternatives
from wmenv.worlds.scenes.catalogue import CASES, KEYS, scene
from wmenv.worlds.scenes.labels import Truth, labels
from wmenv.worlds.scenes.plants import MULTIPLES, PLANTS, Planted, plant
from wmenv.worlds.scenes.render import SIZES
from wmenv.worlds.scenes.scene import SceneCase

TABLE, NO_ROOM = "clips.jsonl", "no_room.jsonl"
NO_LABEL = "none"
"""Label of true clips and lawful alternatives."""
TRUE, ALTERNATIVE = "true", "alternative"
LAST_SEED = 9999

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ViolationSet:
    """What a data set of planted violations holds; see `wmenv data violations --help`.

    Attributes:
        scenes: Keys of scenes.
        seeds: First and last seed.
        kinds: Names of `PLANTS`, in its order.
        sizes: In multiples of the just-visible change, rising.
        alternatives: Lawful alternatives a case.
        pixels: Side of the picture.
        format: `npz` (lossless) or `mp4`.
    """

    scenes: tuple[str, ...] = KEYS
    seeds: tuple[int, int] = (0, CASES - 1)
    kinds: tuple[str, ...] = tuple(PLANTS)
    sizes: tuple[float, ...] = MULTIPLES
    alternatives: int = 1
    pixels: int = 128
    format: Literal["npz", "mp4"] = "npz"

    def __post_init__(self) -> None:
        first, last = self.seeds
        if not 0 <= first <= last <= LAST_SEED:
            raise InvalidArgument(f"seeds must rise within 0 to {LAST_SEED}, got {first} to {last}")
        if not self.scenes or not self.sizes or not all(size > 0 for size in self.sizes):
            raise InvalidArgument(f"expected scenes and positive sizes, got {self.scenes} and {self.sizes}")
        if list(self.sizes) != sorted(set(self.sizes)):
            raise InvalidArgument(f"sizes must rise, got {', '.join(f'{size:g}' for size in self.sizes)}")
        if self.alternatives < 0:
            raise InvalidArgument(f"alternatives must be at least 0, got {self.alternatives}")
        if not SIZES[0] <= self.pixels <= SIZES[1]:
            raise InvalidArgument(f"pixels must lie in {SIZES[0]} to {SIZES[1]}, got {self.pixels}")
        for key in self.scenes:
            scene(key)
        unknown = [kind for kind in self.kinds if kind not in PLANTS]
        if unknown:
            raise UnknownName(f"no plant {unknown[0]!r}; there are {', '.join(PLANTS)}")

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that decides the data, versions included: other ones may draw other pixels."""
        from wmenv import __version__

        versions = {"wmenv": __version__, **{name: version(name) for name in ("numpy", "mujoco")}}
        return {"data": "planted violations", **asdict(self), "versions": versions}

    @property
    def cases(self) -> int:
        """Number of cases."""
        return len(self.scenes) * (self.seeds[1] - self.seeds[0] + 1)

    def write(self, folder: Path) -> Iterator[tuple[int, str]]:
        """Make all cases that are missing, then the tables; yields (cases done, key of the scene) after each.

        The folder's content is a function of the settings, however often the call was stopped and made again.

        Raises:
            ProtocolMismatch: The folder holds another data set.
            RunFolderError: It cannot be written, or a case there is damaged; whole cases stay.
        """
        with data_folder(folder, self.settings, parts="cases"):
            (folder / "cases").mkdir(exist_ok=True)
            done = 0
            names = []
            for key in self.scenes:
                for seed in range(self.seeds[0], self.seeds[1] + 1):
                    case = SceneCase(scene(key), seed, size=self.pixels)
                    names.append(case.id)
                    if not (folder / "cases" / case.id).exists():
                        with whole_folder(folder / "cases" / case.id) as place:
                            self._case(case, place)
                    done += 1
                    yield done, key
            for table in (TABLE, NO_ROOM):
                write_whole(folder / table, b"".join(_part(folder / "cases" / name, table) for name in names))

    def _case(self, case: SceneCase, place: Path) -> None:
        """Write the clips of one case and its part of the tables."""
        true = case.rendering.clip
        rows, missing = [self._clip(place, case, case, TRUE)], []
        lawful = some_alternatives(case, self.alternatives) if self.alternatives else ()
        for k, other in enumerate(lawful):
            rows.append(self._clip(place, case, other, ALTERNATIVE, number=k + 1))
        if len(lawful) < self.alternatives:
            missing.append({"case": case.id, "kind": ALTERNATIVE, "number": self.alternatives - len(lawful)})
        for kind in self.kinds:
            for size in self.sizes:
                made = plant(case, kind, size)
                if made is None:
                    missing.append({"case": case.id, "kind": kind, "size": size})
                else:
                    rows.append(self._clip(place, case, made, kind, size=size, true=true.frames))
        for table, lines in ((TABLE, rows), (NO_ROOM, missing)):
            (place / table).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def _clip(
        self,
        place: Path,
        case: SceneCase,
        shown: Truth,
        kind: str,
        *,
        number: int | None = None,
        size: float | None = None,
        true: NDArray[np.uint8] | None = None,
    ) -> Row:
        """Write one clip; returns its row."""
        clip: Clip = shown.rendering.clip
        words = [kind, *([str(number)] if number else []), *([f"{size:g}"] if size else [])]
        name = f"{'-'.join(words)}.{self.format}"
        write_clip(place / name, clip)
        row: Row = {
            "file": f"cases/{case.id}/{name}",
            "case": case.id,
            "scene": case.scene.key,
            "description": case.description,
            "prompt": case.instruction,
            "kind": kind,
            "label": NO_LABEL,
            "size": size,
            "measured": None,
            "side_effects": {},
            "onset": None,
            "answers": dict(labels(shown)),
        }
        if isinstance(shown, Planted) and true is not None:
            effects = {name: round(float(effect), 3) for name, effect in shown.effects.items()}
            besides = {name: effects[name] for name in shown.side_effects}
            row |= {"label": shown.label, "measured": effects[shown.label], "side_effects": besides}
            row["onset"] = first_change(clip.frames, true)
        return row


def _part(case: Path, table: str) -> bytes:
    try:
        return (case / table).read_bytes()
    except FileNotFoundError:
        raise RunFolderError(f"{case} has no {table} any more; remove it and run the same command again") from None


def first_change(frames: NDArray[np.uint8], true: NDArray[np.uint8]) -> int | None:
    """Index of the first frame (T, H, W, 3) that differs from the true clip's; None where none does."""
    changed = np.flatnonzero((frames != true).any(axis=(1, 2, 3)))
    return int(changed[0]) if len(changed) else None


def read_table(folder: Path, table: str = TABLE) -> list[Row]:
    """Rows of a table of a data set, `TABLE` or `NO_ROOM`.

    Raises:
        RunFolderError: It is not there, for instance because the set is not complete, or it is damaged.
    """
    path = folder / table
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be read: {error.strerror}; run wmenv data violations to its end, which writes it"
        ) from error
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: {error}; remove it and run the same command again") from error


def chosen_kinds(names: Sequence[str]) -> tuple[str, ...]:
    """Plants of a list of names of plants and of criteria, which stand for all plants that break them.

    Raises:
        UnknownName: No such plant or criterion.
    """
    known = {*PLANTS, *(one.criterion for one in PLANTS.values())}
    for name in names:
        if name not in known:
            criteria = dict.fromkeys(one.criterion for one in PLANTS.values())
            raise UnknownName(f"no plant {name!r}; there are {', '.join(PLANTS)}, or all of {', '.join(criteria)}")
    return tuple(name for name, one in PLANTS.items() if name in names or one.criterion in names)

"""Items of planted violations: of scenes, as `wmenv data violations` writes them, and of discs, drawn here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, RunFolderError
from wmenv.core.registries import make_env
from wmenv.core.video import read_clip
from wmenv.envs.worldmodelbench.criteria import INSTRUCTION, SCHEME, criteria
from wmenv.studies.teaching.items import Item
from wmenv.worlds.discs.planted import CRITERIA, planted_clips
from wmenv.worlds.discs.splits import SEED_BITS, split_names
from wmenv.worlds.discs.world import FPS, LAWS
from wmenv.worlds.scenes.violations import NO_LABEL, read_table

SIMULATOR = "simulator"
SUITE = "PhyWorld-"
CLIPS = 3000
FOLDS = 1 << 20
"""Seeds of drawn clips come from another stream than those of `wmenv.judgers.critics.training`."""


def of_scenes(folder: Path) -> Iterator[Item]:
    """The clips of a data set of planted violations of scenes, with right answers to all criteria but the level.

    Raises:
        RunFolderError: It is not complete, or damaged.
    """
    for row in read_table(folder):
        try:
            clip = read_clip(folder / str(row["file"]))
            answers: Mapping[str, Any] = row["answers"]
            planted = row["label"] != NO_LABEL
            yield Item(
                clip,
                _case(row, clip),
                {name: float(right) for name, right in answers.items() if right is not None and name != INSTRUCTION},
                SIMULATOR,
                str(row["scene"]).partition("/")[0],
                f"{row['label']}/{row['kind']}" if planted else "",
                -1 if row["onset"] is None else int(row["onset"]),
                str(folder / str(row["file"])),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise RunFolderError(f"a row of {folder} lacks {error}; make it anew with wmenv data violations") from error


def _case(row: Mapping[str, Any], clip: Clip) -> Case:
    length, height, width, _ = clip.frames.shape
    spec = ClipSpec(length, height, width, clip.fps)
    request = Request(str(row["case"]), str(row["prompt"]), clip.frames[:1], spec)
    domain, _, scene = str(row["scene"]).partition("/")
    return Case(request, criteria(str(row["prompt"])), SCHEME, {"domain": domain, "scene": scene})


def of_discs(
    suite: str, *, clips: int = CLIPS, split: str = "", size: int = 32, frames: int = 16, given: int = 3, seed: int = 0
) -> Iterator[Item]:
    """Clips of PhyWorld, a third true, a third with one fault, a third with two; see `wmenv.worlds.discs.planted`.

    Args:
        suite: Such as `PhyWorld-uniform_motion`.
        clips: How many.
        split: Split that cases come from; `wide_v` of uniform motion and `id` of others by default.
        size: Side of the picture, pixels.
        frames: Length.
        given: Frames at the start that stay true.
        seed: Decides cases and faults.

    Raises:
        InvalidArgument: No such law, split or form.
    """
    law = next((one for one in LAWS if suite in (f"{SUITE}{one}", f"{SUITE}{one}-v0")), None)
    if law is None:
        raise InvalidArgument(f"discs can be planted in {', '.join(SUITE + one for one in LAWS)}, not in {suite!r}")
    split = split or ("wide_v" if law == "uniform_motion" else "id")
    if split not in split_names(law):
        raise InvalidArgument(f"no split {split!r}; {law} has {', '.join(split_names(law))}")
    if clips < 1:
        raise InvalidArgument(f"clips must be at least 1, got {clips}")
    env: Any = make_env(f"{SUITE}{law}", size=size, frames=frames, given=given).unwrapped
    rng = np.random.default_rng([FOLDS, seed])
    seeds = rng.integers(1 << SEED_BITS, size=clips, dtype=np.uint64)
    found = planted_clips(law, split, seeds, rng, size=size, frames=frames, given=given)
    for case, shown, broken, faults in zip(
        env.cases([f"{split}-{one:012x}" for one in seeds.tolist()]),
        found.frames,
        found.broken,
        found.faults,
        strict=True,
    ):
        targets = dict(zip(CRITERIA, (~broken).astype(float).tolist(), strict=True))
        first = [name for name, one in zip(CRITERIA, broken, strict=True) if one]
        kind = f"{first[0]}/{faults[0]}" if len(faults) == 1 and first else "/several" if any(first) else ""
        yield Item(Clip(shown, FPS), case, targets, SIMULATOR, law, kind, source=case.id)

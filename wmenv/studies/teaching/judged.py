"""Items of a stored run: what its judger said of the kept clips, or what people did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from wmenv.core.clip import Clip
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Suite
from wmenv.core.registries import make_env
from wmenv.core.video import read_clip
from wmenv.official.labels import WORLDMODELBENCH
from wmenv.runs.store import RolloutRow, stored_run
from wmenv.studies.labelled import ClipKey, judged, labelled
from wmenv.studies.teaching.items import Item


def of_run(run: Path, labels: Path | None = None) -> Iterator[Item]:
    """The kept clips of a run; the generator of each is its agent.

    Args:
        run: Run folder, evaluated with `--keep-clips all`.
        labels: What people said about its clips, see `wmenv.studies.labelled.WANTED`; without it what the run's judger
            said: probabilities where it gives them, scores elsewhere.

    Raises:
        RunFolderError: It is no run.
        InvalidArgument: It kept no clips; or its episodes have several steps.
    """
    identity, rollouts = stored_run(run)
    kept = [row for row in rollouts if row.clip and row.final is not None]
    if not kept:
        raise InvalidArgument(f"{run} kept no judged clips to learn from; evaluate with --keep-clips all")
    suite: Suite = make_env(identity["env_id"], **identity["env_options"]).unwrapped
    told = None if labels is None else _labels(run, labels)
    for row, case in zip(kept, suite.cases([row.case_id for row in kept]), strict=True):
        targets = _said(row) if told is None else told.get(ClipKey(*row.key), {})
        if targets:
            clip = _clip(run / str(row.clip))
            asked = {criterion.id: criterion for criterion in case.criteria}
            scaled = {name: _scaled(asked[name], value, told is not None) for name, value in targets.items()}
            yield Item(clip, case, scaled, row.agent, case.tags.get("domain", ""), source=str(run / str(row.clip)))


def _said(row: RolloutRow) -> dict[str, float]:
    assert row.final is not None
    found = {}
    for verdict in row.final.verdicts:
        value = verdict.score if verdict.probability is None else verdict.probability
        if value is not None:
            found[verdict.criterion] = value
    return found


def _labels(run: Path, labels: Path) -> Mapping[ClipKey, dict[str, float]]:
    found: dict[ClipKey, dict[str, float]] = defaultdict(dict)
    for criterion in labelled(judged(run), labels):
        for row in criterion.rows:
            found[row.clip][criterion.name] = row.label
    return found


def _scaled(criterion: Criterion, value: float, is_label: bool) -> float:
    """A label in [0, 1]: grades are divided by the best one."""
    best = criterion.maximum or WORLDMODELBENCH.get(criterion.id, (0.0, 1.0))[1]
    scaled = value / best if is_label else value
    if not 0.0 <= scaled <= 1.0:
        raise InvalidArgument(f"a label of {criterion.id} should lie in [0, {best:g}], got {value:g}")
    return scaled


def _clip(folder: Path) -> Clip:
    steps = sorted(folder.glob("step_*.npz"))
    if len(steps) != 1:
        raise InvalidArgument(f"{folder} holds {len(steps)} clips; a judger is taught by episodes of one step")
    return read_clip(steps[0])

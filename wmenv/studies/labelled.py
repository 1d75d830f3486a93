"""Judged clips and their labels, side by side: what agreement and calibration are computed from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from wmenv.core.errors import InvalidArgument
from wmenv.core.verdict import Verdict
from wmenv.official import answers, rows, targets
from wmenv.official.files import read_json
from wmenv.official.labels import WORLDMODELBENCH
from wmenv.runs.store import FILE as RUN_FILE
from wmenv.runs.store import stored_run

WANTED = (
    "a run folder (its judger's scores are the labels), a .csv of labels (clip, criterion, annotator, value), lines of "
    "values (.jsonl: case_id, criterion, value), or rows (video_path, dimension, question, target)"
)


class ClipKey(NamedTuple):
    """A clip of a run. Files of labels know case ids alone: their agent is empty and their sample 0."""

    agent: str
    case_id: str
    sample: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge said.

    Attributes:
        name: For tables.
        identity: Of the judger.
        verdicts: By clip and criterion.
        digests: Hash of each clip.
    """

    name: str
    identity: str
    verdicts: Mapping[ClipKey, Mapping[str, Verdict]]
    digests: Mapping[ClipKey, str]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One clip under one criterion.

    Attributes:
        clip: The clip.
        label: What it should get: a score in [0, 1], or a grade where `graded`.
        said: What the judge says in the unit of the label; None where its verdict is missing.
        probability: Of the good answer, where the judge gives one, or a score between 0 and 1 that is no grade: one of
            0 or 1 is a decision, which has none.
        flipped: Whether two polarities of the question got different answers; None where they were not both asked.
    """

    clip: ClipKey
    label: float
    said: float | None
    probability: float | None
    flipped: bool | None = None


@dataclass(frozen=True, slots=True)
class LabelledCriterion:
    """The labelled clips of a criterion.

    Attributes:
        name: Its id.
        graded: Whether labels are grades rather than scores in [0, 1].
        rows: The clips.
    """

    name: str
    graded: bool
    rows: tuple[Labelled, ...]


def judged(run: Path, agent: str | None = None) -> Judged:
    """What a run's judger said about its clips.

    Args:
        run: The run folder.
        agent: Only this agent's clips.

    Raises:
        RunFolderError: It is no run.
        InvalidArgument: It has no such agent.
    """
    identity, rollouts = stored_run(run, steps=True)
    names = sorted({row.agent for row in rollouts})
    if agent is not None and agent not in names:
        raise InvalidArgument(f"{run} has no agent {agent!r}; it has {', '.join(names)}")
    verdicts, digests = {}, {}
    for row in rollouts:
        if row.final is not None and agent in (None, row.agent):
            key = ClipKey(*row.key)
            told = row.steps[0].judgement if len(row.steps) == 1 else row.final  # of one step, with its evidence
            verdicts[key] = {verdict.criterion: verdict for verdict in told.verdicts}
            digests[key] = " ".join(step.digest for step in row.steps)
    return Judged(run.name, str(identity["protocol"].get("judger", "unknown")), verdicts, digests)


def labelled(found: Judged, labels: Path) -> list[LabelledCriterion]:
    """Put labels beside what a judge said.

    Args:
        found: What it said.
        labels: See `WANTED`.

    Returns:
        The criteria that have labels of judged clips, in order of name.

    Raises:
        InvalidArgument: The labels are of no judged clip, or know cases alone where several agents or samples answered.
        InvalidCase: A file is damaged.
    """
    by_name: dict[str, list[Labelled]] = defaultdict(list)
    if (labels / RUN_FILE).is_file():
        values, graded = _of_run(found, labels), set[str]()
    else:
        values = _of_file(found, labels)
        graded = {name for by in values.values() for name, value in by.items() if value > 1 or _highest(name) > 1}
    for clip in sorted(values):
        for name, value in values[clip].items():
            verdict = found.verdicts[clip].get(name)
            if verdict is not None and verdict.state != "not_applicable":
                by_name[name].append(_labelled(clip, value, verdict, name in graded))
    if not by_name:
        told = sorted({name for by in found.verdicts.values() for name in by})
        raise InvalidArgument(f"{labels} labels no clip of {found.name} under a criterion of it ({', '.join(told)})")
    return [LabelledCriterion(name, name in graded, tuple(by_name[name])) for name in sorted(by_name)]


def unread(labels: Path) -> int:
    """Rows of a file of targets that say nothing; see `wmenv.official.targets`. 0 of labels of another form."""
    return targets.load(labels).unread if _has_targets(labels) else 0


def _labelled(clip: ClipKey, label: float, verdict: Verdict, graded: bool) -> Labelled:
    polarity = verdict.evidence.get("polarity")
    flipped = bool(polarity["flipped"]) if isinstance(polarity, Mapping) and "flipped" in polarity else None
    if graded:
        return Labelled(clip, label, verdict.native if verdict.score is not None else None, None, flipped)
    decided = verdict.score is None or verdict.score in (0.0, 1.0)
    sure = verdict.score if verdict.probability is None and not decided else verdict.probability
    return Labelled(clip, label, verdict.score, sure if verdict.state == "answered" else None, flipped)


def _of_run(found: Judged, labels: Path) -> dict[ClipKey, dict[str, float]]:
    other = judged(labels)
    same = [clip for clip, digest in found.digests.items() if other.digests.get(clip) == digest]
    return {clip: {name: v.score for name, v in other.verdicts[clip].items() if v.score is not None} for clip in same}


def _of_file(found: Judged, labels: Path) -> dict[ClipKey, dict[str, float]]:
    by_case: dict[str, list[ClipKey]] = defaultdict(list)
    for clip in found.verdicts:
        by_case[clip.case_id].append(clip)
    values = _values(labels)
    double = next((case_id for case_id in values if len(by_case[case_id]) > 1), None)
    if double is not None:
        several = by_case[double]
        agents = sorted({clip.agent for clip in several})
        way = "name one with --agent" if len(agents) > 1 else "label a run of one sample a case"
        raise InvalidArgument(f"{labels} labels case {double}, of which {found.name} has {len(several)} clips; {way}")
    return {by_case[case_id][0]: by for case_id, by in values.items() if by_case[case_id]}


def _values(path: Path) -> dict[str, dict[str, float]]:
    """Labels of a file by case id and criterion."""
    if not path.is_file() or path.suffix not in rows.SUFFIXES:
        raise InvalidArgument(f"labels should be {WANTED}; got {path}")
    if _has_targets(path):
        found = targets.load(path).values
        return {clip: {name: _mean(list(asked.values())) for name, asked in by.items()} for clip, by in found.items()}
    replies = answers.load(path).replies
    return {
        case_id: {name: given[0].label for name, given in by.items() if len(given) == 1 and given[0].label is not None}
        for case_id, by in replies.items()
    }


def _has_targets(path: Path) -> bool:
    """Whether a path is a file of rows with targets, as its first row tells."""
    if not path.is_file() or path.suffix not in rows.SUFFIXES:
        return False
    if path.suffix == ".json" and not isinstance(read_json(path), list):
        return False
    return targets.is_targets(rows.load(path)[0][1])


def _highest(criterion: str) -> float:
    """Largest label of a criterion."""
    return WORLDMODELBENCH.get(criterion, (0.0, 1.0))[1]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

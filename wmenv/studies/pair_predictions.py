"""What a judge says about the clips of a pair file: scores of single clips, or preferences between two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.core.preferences import SWAPPED, Preference
from wmenv.official import rows
from wmenv.official.files import read_json
from wmenv.official.worldreasonbench import results as worldreasonbench
from wmenv.official.worldreasonbench.pairs import VERDICTS, ClipName, Pair
from wmenv.official.worldreasonbench.process import QUALITY_WEIGHTS, quality
from wmenv.runs.store import FILE as RUN_FILE
from wmenv.runs.store import stored_run

EXPECTED = (
    "a run folder, MODEL=RUN, MODEL=full_results.json, or a .csv, .jsonl or .json of rows with task_id, model and "
    "score (or video_path and score), or task_id, model_1, model_2 and verdict"
)


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a judge says.

    Attributes:
        name: For tables.
        scores: Score by clip, in the judge's own unit, larger is better; of a pointwise judge.
        verdicts: Preference by (first, second); of a pairwise judge.
        dimensions: Dimension -> score by clip, where the judge has several.
    """

    name: str
    scores: Mapping[ClipName, float] = field(default_factory=dict)
    verdicts: Mapping[tuple[ClipName, ClipName], Preference] = field(default_factory=dict)
    dimensions: Mapping[str, Mapping[ClipName, float]] = field(default_factory=dict)

    @property
    def pointwise(self) -> bool:
        """Whether it scores single clips."""
        return bool(self.scores)

    def difference(self, pair: Pair) -> float | None:
        """Score of the first less score of the second; None where one is missing."""
        if pair.first not in self.scores or pair.second not in self.scores:
            return None
        return self.scores[pair.first] - self.scores[pair.second]

    def verdict(self, pair: Pair) -> Preference | None:
        """Preference of a pairwise judge, asked in this order or else in the other."""
        direct = self.verdicts.get((pair.first, pair.second))
        other = self.verdicts.get((pair.second, pair.first))
        return direct if direct is not None or other is None else SWAPPED[other]


def load(source: str, pairs: Sequence[Pair]) -> Predictions:
    """Predictions of a source.

    Args:
        source: A run folder, whose agents are the models, its case ids the tasks and its rewards the scores (the mean
            over samples); `MODEL=RUN` for a run of one agent; `MODEL=FILE` for a result file of WorldReasonBench,
            whose scores are the accuracies of its videos; or a file of rows, see `EXPECTED`.
        pairs: The pairs; they know which clip lies at a path.

    Raises:
        InvalidArgument: It is none of these, or says nothing about any pair.
        InvalidCase: It is damaged.
    """
    model, equals, place = source.partition("=")
    path = Path(place if equals else source).expanduser()
    if equals and path.suffix == ".json":
        found = Predictions(source, _of_results(path, model))
    elif (path / RUN_FILE).is_file():
        found = Predictions(source if equals else path.name, _of_run(path, model if equals else None))
    elif not equals and path.is_file() and path.suffix in rows.SUFFIXES:
        found = _of_rows(path, pairs)
    else:
        raise InvalidArgument(f"--scores takes {EXPECTED}; got {source!r}")
    clips = {clip for pair in pairs for clip in (pair.first, pair.second)}
    known = {clip for key in found.verdicts for clip in key} | set(found.scores)
    if not known & clips:
        told = " and ".join(sorted(known)[0]) if known else "nothing"
        raise InvalidArgument(
            f"{source} says nothing about a clip of the pair file: it has {told}, the pairs {' and '.join(min(clips))}"
        )
    return found


def joined(predictions: Sequence[Predictions]) -> list[Predictions]:
    """Sources of one model each, `MODEL=...`, are one judge's: a pair needs both of its models scored."""
    single = [one for one in predictions if "=" in one.name]
    if len(single) < 2:
        return list(predictions)
    scores = {clip: score for one in single for clip, score in one.scores.items()}
    if len(scores) != sum(len(one.scores) for one in single):
        raise InvalidArgument(f"two of {', '.join(one.name for one in single)} score the same clip")
    name = " + ".join(one.name.partition("=")[0] for one in single)
    return [*(one for one in predictions if "=" not in one.name), Predictions(name, scores)]


def _of_results(path: Path, model: str) -> dict[ClipName, float]:
    content = read_json(path)
    if not isinstance(content, dict) or "per_video" not in content:
        raise InvalidCase(f"{path} is no result file of WorldReasonBench (full_results.json)")
    shares = worldreasonbench.case_shares(worldreasonbench.load(path))
    return {ClipName(task, model): share for task, share in shares.items()}


def _of_run(path: Path, model: str | None) -> dict[ClipName, float]:
    _, rollouts = stored_run(path)
    agents = sorted({row.agent for row in rollouts})
    if model is not None and len(agents) != 1:
        raise InvalidArgument(f"{model}={path} wants a run of one agent; it has {', '.join(agents) or 'none'}")
    found: dict[ClipName, list[float]] = defaultdict(list)
    for row in rollouts:
        if row.final is not None and row.final.reward is not None:
            found[ClipName(row.case_id, model or row.agent)].append(row.final.reward)
    return {clip: sum(scores) / len(scores) for clip, scores in found.items()}


def _of_rows(path: Path, pairs: Sequence[Pair]) -> Predictions:
    loaded = rows.load(path)
    if any("verdict" in row for _, row in loaded):
        verdicts: dict[tuple[ClipName, ClipName], Preference] = {}
        for where, row in loaded:
            key, verdict = _verdict(row, where)
            _once(verdicts, key, verdict, where)
        return Predictions(path.name, verdicts=verdicts)
    named = _by_path(pairs)
    scores: dict[ClipName, float] = {}
    dimensions: dict[str, dict[ClipName, float]] = defaultdict(dict)
    for where, row in loaded:
        clip = _clip(row, named, where)
        parts = {name: rows.number(row, name, where) for name in QUALITY_WEIGHTS if name in row}
        whole = len(parts) == len(QUALITY_WEIGHTS) and "score" not in row
        _once(scores, clip, quality(parts) if whole else rows.number(row, "score", where), where)
        for name, value in parts.items():
            dimensions[name][clip] = value
    return Predictions(path.name, scores, dimensions=dimensions)


def _by_path(pairs: Sequence[Pair]) -> dict[str, ClipName]:
    return {
        path: clip for pair in pairs for path, clip in zip(pair.paths, (pair.first, pair.second), strict=True) if path
    }


def _clip(row: Mapping[str, Any], named: Mapping[str, ClipName], where: str) -> ClipName:
    if "video_path" not in row:
        return ClipName(rows.text(row, "task_id", where), rows.text(row, "model", where))
    path = rows.text(row, "video_path", where)
    return named.get(path, ClipName(path, ""))


def _verdict(row: Mapping[str, Any], where: str) -> tuple[tuple[ClipName, ClipName], Preference]:
    task, said = rows.text(row, "task_id", where), rows.text(row, "verdict", where)
    first, second = (ClipName(task, rows.text(row, f"model_{k}", where)) for k in (1, 2))
    if said not in VERDICTS:
        raise InvalidCase(f"'verdict' of {where} should be one of {', '.join(VERDICTS)}; got {said!r}")
    return (first, second), VERDICTS[said]


def _once(found: dict[Any, Any], key: Any, value: Any, where: str) -> None:
    if key in found:
        raise InvalidCase(f"{where} scores {' and '.join(map(str, key))} a second time")
    found[key] = value


Constant = Callable[[Sequence[Pair]], Predictions]


def gold(pairs: Sequence[Pair]) -> Predictions:
    """People's own scores, as if a judge had given them: what can be reached."""
    scores = {clip: score for pair in pairs for clip, score in zip((pair.first, pair.second), pair.scores, strict=True)}
    return Predictions("people's scores", scores)


def always(said: Preference) -> Constant:
    """A judge that looks at nothing: what must be beaten."""
    name = {"first": "always A", "second": "always B", "tie": "always a tie"}[said]
    return lambda pairs: Predictions(name, verdicts={(pair.first, pair.second): said for pair in pairs})

"""A result file scored twice: as its own script does, and strictly with coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.core.files import taking_apart
from wmenv.core.question import Question
from wmenv.core.verdict import Judgement
from wmenv.envs.videoverse import criteria as videoverse_criteria
from wmenv.envs.worldmodelbench import criteria as worldmodelbench_criteria
from wmenv.envs.worldreasonbench import criteria as worldreasonbench_criteria
from wmenv.judgers.answers import AnswersJudger
from wmenv.official.benchmarks import Benchmark, benchmark
from wmenv.official.videoverse import results as videoverse
from wmenv.official.videoverse.cases import CHECKS, EVENTS
from wmenv.official.worldmodelbench import results as worldmodelbench
from wmenv.official.worldreasonbench import results as worldreasonbench


@dataclass(frozen=True, slots=True)
class Line:
    """One number of a result file.

    Attributes:
        name: What it is: a criterion, a group, a total.
        official: As the benchmark's script computes it; None where it computes none.
        strict: Of the answers that could be read; None where there is none.
        unread: Answers that could not be read.
    """

    name: str
    official: float | None
    strict: float | None
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Scored:
    """A scored result file.

    Attributes:
        benchmark: Whose it is.
        clips: Clips in the file.
        published: Clips that the published cases ask for.
        coverage: Share of answers that could be read strictly.
        lines: The numbers; the total comes last.
    """

    benchmark: Benchmark
    clips: int
    published: int
    coverage: float
    lines: tuple[Line, ...]


def score_file(path: Path) -> Scored:
    """Score a result file of an official script in both ways; no copy of the benchmark is needed.

    Raises:
        InvalidArgument: It is no result file of an official script, or empty; or its script could not total it.
        InvalidCase: It is damaged.
    """
    judger = AnswersJudger(str(path))
    name = judger.answers.benchmark
    if not name:
        raise InvalidArgument(f"{path} is no result file of an official script; wmenv answers agree is for labels")
    known = benchmark(name)
    results = known.module("results").load(path)
    with taking_apart(path, InvalidCase):
        cases = _CASES[name](results)
    if not cases:
        raise InvalidArgument(f"{path} holds no clip")
    blank = Clip(np.zeros((1, 1, 1, 3), dtype=np.uint8), Fraction(1))
    judged = judger.judge(cases, [blank] * len(cases))
    with taking_apart(path, InvalidCase):
        lines = _LINES[name](results, judged)
    coverage = sum(one.coverage for one in judged) / len(judged)
    published = known.counts["prompts" if name == "videoverse" else "cases"]
    return Scored(known, len(cases), published, coverage, tuple(lines))


def _case(case_id: str, criteria: Sequence[Criterion], scheme: str) -> Case:
    return Case(Request(case_id, "", np.zeros((0, 1, 1, 3), dtype=np.uint8), ClipSpec()), tuple(criteria), scheme)


def _worldmodelbench_cases(results: Mapping[str, Any]) -> list[Case]:
    criteria = worldmodelbench_criteria.criteria("the case's")
    return [_case(stem, criteria, worldmodelbench_criteria.SCHEME) for stem in results["preds"]]


def _videoverse_cases(results: Mapping[str, Any]) -> list[Case]:
    cases = []
    for key, row in results.items():
        events = [one["event_description"] for one in row["t2v_eval_event_info"].get("verification_plan", [])]
        asked = [one for one in row["verification_checks"] if one.get("check") is not False]
        checks = [(CHECKS.get(one.get("check_type"), ""), str(one.get("question", ""))) for one in asked]
        criteria = videoverse_criteria.by_points(videoverse_criteria.criteria(events, checks))
        cases.append(_case(key, criteria, videoverse_criteria.SCHEMES["points"]))
    return cases


def _worldreasonbench_cases(results: Mapping[str, Any]) -> list[Case]:
    binary = worldreasonbench.kind_of(dict(results)) == "binary"
    return [
        _case(
            video["id"],
            worldreasonbench_criteria.phases([_question(one, binary) for one in video["questions"]]),
            worldreasonbench_criteria.SCHEMES["process"],
        )
        for video in results["per_video"]
    ]


def _question(one: Mapping[str, Any], binary: bool) -> Question:
    topic = worldreasonbench.phase_of(one["question_type"])
    if not binary:
        return Question(one["question"], "text", topic=topic)
    return Question(one["question"], polarity=1 if one["ground_truth"].strip().lower() == "yes" else -1, topic=topic)


def _worldmodelbench_lines(results: dict[str, Any], judged: Sequence[Judgement]) -> list[Line]:
    official = worldmodelbench.totals(results)
    lines = [_mean_line(name, official.criteria.get(name), judged) for name in _names(judged)]
    rewards = [one.reward for one in judged if one.reward is not None]
    strict = 10 * sum(rewards) / len(rewards) if rewards else None
    share = official.videos / benchmark("worldmodelbench").counts["cases"]
    missing = Line("total, missing clips as 0", official.total * share, None if strict is None else strict * share)
    return [*lines, missing, Line("total of 10", official.total, strict, sum(one.unread for one in lines))]


def _videoverse_lines(results: dict[str, Any], judged: Sequence[Judgement]) -> list[Line]:
    summary = videoverse.report(results)["overall_summary"]
    points: dict[str, float] = {EVENTS: summary["total_event_adherence"]}
    for kind, won in summary.get("verification_checks_score_by_category", {}).items():
        points[CHECKS.get(kind, kind)] = won
    lines = [_sum_line(name, points.get(name, 0), judged) for name in _names(judged)]
    totals = [one.total for one in judged if one.total is not None]
    unread = sum(one.unread for one in lines)
    return [*lines, Line("total of points", summary["total_score"], sum(totals) if totals else None, unread)]


def _worldreasonbench_lines(results: dict[str, Any], judged: Sequence[Judgement]) -> list[Line]:
    summary = worldreasonbench.summary(results["per_video"], results.get("skipped", []))
    lines = [
        _mean_line(phase, summary["process_aware"][name], judged, score=True)
        for phase, name in worldreasonbench.PHASE_SCORES.items()
    ]
    aware = summary["process_aware"]
    for name in ("weighted_score", "chain_score", "bottleneck_score", "outcome_hacking_rate"):
        lines.append(Line(name, aware[name], None))
    rewards = [one.reward for one in judged if one.reward is not None]
    unread = sum(one.unread for one in lines)
    return [
        *lines,
        Line("accuracy", summary["overall_average_score"], None),
        Line("Score_PR of the means, our s_dyn", worldreasonbench.score_pr(results["per_video"]), None),
        Line("Score_PR, mean over clips", None, sum(rewards) / len(rewards) if rewards else None, unread),
    ]


def _names(judged: Sequence[Judgement]) -> list[str]:
    return [verdict.criterion for verdict in judged[0].verdicts]


def _mean_line(name: str, official: float | None, judged: Sequence[Judgement], score: bool = False) -> Line:
    verdicts = [one[name] for one in judged]
    found = [(v.score if score else v.native) for v in verdicts if v.score is not None]
    values = [one for one in found if one is not None]
    mean = sum(values) / len(values) if values else None
    return Line(name, official, mean, sum(v.state == "failed" for v in verdicts))


def _sum_line(name: str, official: float, judged: Sequence[Judgement]) -> Line:
    verdicts = [one[name] for one in judged]
    won = [v.native for v in verdicts if v.native is not None]
    return Line(name, official, sum(won) if won else None, sum(v.state == "failed" for v in verdicts))


_CASES = {
    "worldmodelbench": _worldmodelbench_cases,
    "videoverse": _videoverse_cases,
    "worldreasonbench": _worldreasonbench_cases,
}
_LINES = {
    "worldmodelbench": _worldmodelbench_lines,
    "videoverse": _videoverse_lines,
    "worldreasonbench": _worldreasonbench_lines,
}

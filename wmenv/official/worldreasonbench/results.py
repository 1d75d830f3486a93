"""Result files and summaries of WorldReasonBench, exactly as its eval_qa.py has them.

Denominators are the videos that were answered; a missing video is listed under `skipped`. Scores of a video are rounded
to four digits before they are averaged, as there.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.core.reading import read_yes_no as read_strictly
from wmenv.official.files import entry, read_json, typed
from wmenv.official.reply import Replies, Reply
from wmenv.official.worldreasonbench import process
from wmenv.official.worldreasonbench.cases import PHASES, Kind

ResultFile = dict[str, Any]
DIFFICULTIES = ("easy", "medium", "hard")
AVERAGED = (
    "weighted_score",
    "state_score",
    "process_satisfaction",
    "fidelity_score",
    "mechanism_score",
    "chain_score",
    "bottleneck_score",
    "reasoning_radar_area",
)
PHASE_SCORES = {
    "state": "state_score",
    "process": "process_satisfaction",
    "fidelity": "fidelity_score",
    "mechanism": "mechanism_score",
}


def read_yes_no(answer: str) -> bool | None:
    """The script's reading of a yes/no answer: its first letters ("nothing" is a no), else its first word that is one.

    Returns:
        None without any, which scores 0.
    """
    low = answer.strip().lower()
    for word in ("yes", "no"):
        if low.startswith(word):
            return word == "yes"
    found = re.search(r"\b(yes|no)\b", low)
    return None if found is None else found[1] == "yes"


def phase_of(question_type: str) -> str:
    """Phase of a question type; what the script does not know counts as factual."""
    return PHASES.get(question_type.strip().lower(), "state")


def difficulty_of(text: str) -> str:
    """Difficulty as the script has it: `unknown` for what it does not know."""
    low = text.strip().lower()
    return low if low in DIFFICULTIES else "unknown"


def video_result(item: Mapping[str, Any], video_path: str, questions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entry of one video.

    Args:
        item: The published case.
        video_path: Path of the clip.
        questions: One a question in file order: `question`, `question_type`, `difficulty`, `predicted_answer`,
            `ground_truth`, `evaluation_criteria`, `score` (1 or 0), and whatever else belongs in the file.
    """
    rows = [
        {
            "question_index": k,
            **one,
            "question_type": {phase: name for name, phase in PHASES.items()}[phase_of(str(one["question_type"]))],
            "difficulty": difficulty_of(str(one["difficulty"])),
            "score": int(one["score"] == 1),
            "verdict": "correct" if one["score"] == 1 else "incorrect",
        }
        for k, one in enumerate(questions, start=1)
    ]
    return {
        "id": str(item.get("id", "")),
        "video_path": video_path,
        "category": str(item.get("category", "")),
        "sub_category": str(item.get("sub_category", "")),
        "overall_evaluation_focus": item.get("overall_evaluation_focus", []),
        "num_questions": len(rows),
        **scores(rows),
        "questions": rows,
    }


def scores(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The scores of one video from its questions, each rounded to four digits."""
    answers = [
        process.Answered(phase_of(str(one["question_type"])), str(one["difficulty"]), float(one["score"]))
        for one in rows
    ]
    phases = process.phase_scores(answers)
    gap = process.outcome_gap(phases)
    return {
        "sample_score": _round(process.accuracy(answers)),
        "type_scores": _by([(str(one["question_type"]), float(one["score"])) for one in rows]),
        "difficulty_scores": _by([(str(one["difficulty"]), float(one["score"])) for one in rows]),
        "weighted_score": _round(process.weighted_score(answers)),
        **{name: _round(phases[phase]) if phase in phases else None for phase, name in PHASE_SCORES.items()},
        "poc_gap": None if gap is None else _round(gap),
        "poc_flag": process.gap_flag(gap),
        "chain_score": _round(process.chain_score(answers)),
        "bottleneck_score": _round(process.bottleneck(phases)),
        "reasoning_coverage": _round(len(phases) / len(PHASES)),
        "reasoning_radar_area": _round(process.radar_area(phases)),
        "diagnosis": process.diagnosis(phases),
    }


def summary(videos: Sequence[Mapping[str, Any]], skipped: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The summary that the script computes from the entries of videos, keys and order as there."""
    flags = [str(one.get("poc_flag", "insufficient_data")) for one in videos]
    diagnoses: dict[str, int] = {}
    for one in videos:
        label = str(one.get("diagnosis", "no_data"))
        diagnoses[label] = diagnoses.get(label, 0) + 1
    easy, hard = (
        [one["difficulty_scores"][d] for one in videos if d in one["difficulty_scores"]] for d in ("easy", "hard")
    )
    whole = [(one, float(one["sample_score"])) for one in videos]
    return {
        "num_videos_evaluated": len(videos),
        "num_videos_skipped": len(skipped),
        "num_questions_evaluated": sum(int(one["num_questions"]) for one in videos),
        "overall_average_score": _round(_mean([score for _, score in whole])),
        "category_average_scores": _by([(one["category"], score) for one, score in whole]),
        "sub_category_average_scores": _by([(f"{o['category']}::{o['sub_category']}", score) for o, score in whole]),
        "question_type_average_scores": _by([pair for one in videos for pair in one["type_scores"].items()]),
        "difficulty_average_scores": _by([pair for one in videos for pair in one["difficulty_scores"].items()]),
        "process_aware": {
            **{name: _mean_of(videos, name) for name in AVERAGED},
            **{
                f"{flag}_rate": _rate(flags, flag)
                for flag in ("outcome_hacking", "incomplete_transition", "consistent")
            },
            "difficulty_discrimination": _round(_mean(hard) - _mean(easy)) if hard and easy else None,
            "diagnosis_distribution": diagnoses,
            "per_category": _per_category(videos),
        },
    }


def _per_category(videos: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in videos:
        if one["category"]:
            groups[one["category"]].append(one)
    names = ("weighted_score", "process_satisfaction", "mechanism_score", "chain_score", "bottleneck_score",
             "state_score", "fidelity_score")  # fmt: skip
    return {
        category: {name: _mean_of(members, name) for name in names}
        | {"outcome_hacking_rate": _rate([str(one["poc_flag"]) for one in members], "outcome_hacking")}
        for category, members in sorted(groups.items())
    }


def score_pr(videos: Sequence[Mapping[str, Any]], dynamic: process.Dynamic = process.dynamic_accuracy) -> float | None:
    """Score_PR of a model: means over videos of the accuracy and of s_dyn, put together.

    Args:
        videos: Entries of videos.
        dynamic: What s_dyn of a video is; the published figures do not say. The default is our reading.

    Returns:
        Score_PR in [0, 1]; None without a video that has one.
    """
    found = []
    for one in videos:
        rows = [
            process.Answered(phase_of(q["question_type"]), q["difficulty"], float(q["score"])) for q in one["questions"]
        ]
        moved = dynamic(rows)
        if moved is not None:
            found.append((process.accuracy(rows), moved))
    if not found:
        return None
    return process.score_pr(_mean([a for a, _ in found]), _mean([d for _, d in found]))


def load(path: Path) -> ResultFile:
    """A `full_results.json`.

    Raises:
        InvalidCase: It is none of this benchmark.
        InvalidArgument: A score is neither 0 nor 1.
    """
    results: ResultFile = typed(read_json(path), dict, path.name)
    for k, video in enumerate(entry(results, "per_video", list, path.name)):
        where = f"video {k} of {path.name}"
        entry(typed(video, dict, where), "id", str, where)
        for one in entry(video, "questions", list, where):
            for key in ("question", "question_type", "predicted_answer"):
                entry(typed(one, dict, where), key, str, where)
            if one.get("score") not in (0, 1):
                raise InvalidArgument(f"a score in {where} is {one.get('score')!r}; expected 0 or 1")
    return results


def dumps(results: ResultFile) -> str:
    """A result file as the script writes it."""
    return json.dumps(results, ensure_ascii=False, indent=2)


def case_shares(results: ResultFile) -> dict[str, float]:
    """Each video's accuracy."""
    return {one["id"]: _mean([float(q["score"]) for q in one["questions"]]) for one in results["per_video"]}


def kind_of(results: ResultFile) -> Kind:
    """Whether a file holds yes/no questions, which the script compares itself, or open ones, which a grader judged."""
    truths = {str(q.get("ground_truth", "")).lower() for one in results["per_video"] for q in one["questions"]}
    return "binary" if truths <= {"yes", "no"} else "open"


def replies(results: ResultFile) -> Replies:
    """Replies of a result file by id and phase.

    Open answers count as their grader judged them; where its verdict could not be parsed the script scores 0 and the
    strict reading has no answer.
    """
    binary = kind_of(results) == "binary"
    found: dict[str, dict[str, tuple[Reply, ...]]] = {}
    for video in results["per_video"]:
        by: dict[str, tuple[Reply, ...]] = {}
        for one in video["questions"]:
            phase, answer = phase_of(one["question_type"]), one["predicted_answer"]
            graded = one.get("judge_parse_ok", True)
            if binary:
                reply = Reply(answer, official=read_yes_no(answer), strict=read_strictly(answer))
            else:
                right = bool(one["score"])
                reason = "" if graded else "the grader's verdict could not be parsed"
                reply = Reply(answer, official=right, strict=right if graded else None, reason=reason)
            by[phase] = (*by.get(phase, ()), reply)
        found[video["id"]] = by
    return found


def _by(pairs: Sequence[tuple[str, float]]) -> dict[str, float]:
    groups: dict[str, list[float]] = defaultdict(list)
    for name, score in pairs:
        groups[name].append(float(score))
    return {name: _round(_mean(found)) for name, found in sorted(groups.items())}


def _mean_of(videos: Sequence[Mapping[str, Any]], name: str) -> float | None:
    found = [float(one[name]) for one in videos if one.get(name) is not None]
    return _round(_mean(found)) if found else None


def _rate(flags: Sequence[str], flag: str) -> float:
    return _round(flags.count(flag) / (len(flags) or 1))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _round(value: float) -> float:
    return round(float(value), 4)

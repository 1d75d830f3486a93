"""Runs as result files of official scripts: what wmenv recorded, in a form that they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.core.verdict import Judgement, Verdict
from wmenv.official.benchmarks import BENCHMARKS, Benchmark
from wmenv.official.files import find, read_json
from wmenv.official.reply import Replies, Reply
from wmenv.official.videoverse import cases as videoverse_cases
from wmenv.official.videoverse import results as videoverse
from wmenv.official.worldmodelbench import cases as worldmodelbench_cases
from wmenv.official.worldmodelbench import results as worldmodelbench
from wmenv.official.worldreasonbench import cases as worldreasonbench_cases
from wmenv.official.worldreasonbench import results as worldreasonbench
from wmenv.runs.store import stored_run

VIOLATIONS = (*worldmodelbench.GROUPS["physical_laws"], *worldmodelbench.GROUPS["common_sense"])


def export(run: Path, data: Path, agent: str | None = None) -> tuple[str, int, int]:
    """The result file of an agent of a run.

    A clip goes into the file where the judge's words on every criterion were recorded, or where its score says which
    words they would be; others are left out, as videos that are missing. The first sample of each case counts.

    Args:
        run: The run folder, of a prompted suite on published cases.
        data: The copy of the benchmark, for the order of cases and what the script copies from them.
        agent: The agent, where the run has several.

    Returns:
        The text of the file, the number of clips in it, and the number of clips in the run.

    Raises:
        InvalidArgument: The run is of another suite, or has no or several agents of that name.
        RunFolderError: The folder is no run.
    """
    identity, rows = stored_run(run, steps=True)
    known = _benchmark(identity["protocol"])
    names = [one["name"] for one in identity["agents"]]
    if agent is None and len(names) > 1:
        raise InvalidArgument(f"which agent? {run} has {', '.join(names)}; name one with --agent")
    chosen = agent if agent is not None else names[0]
    if chosen not in names:
        raise InvalidArgument(f"{run} has no agent {chosen!r}; it has {', '.join(names)}")
    mine = [row for row in rows if row.agent == chosen and row.sample == 0 and row.steps]
    judged = {row.case_id: row.steps[-1].judgement for row in mine}
    found = {case_id: _said(judgement) for case_id, judgement in judged.items()}
    whole = {case_id: replies for case_id, replies in found.items() if replies is not None}
    text, written = _WRITERS[known.name](whole, data, chosen, identity["protocol"])
    return text, written, len(judged)


def _benchmark(protocol: Mapping[str, Any]) -> Benchmark:
    for known in BENCHMARKS.values():
        if str(protocol.get("suite", "")).split("-")[0] == known.title:
            return known
    raise InvalidArgument(f"runs of {protocol.get('suite')} have no official result file")


def _said(judgement: Judgement) -> dict[str, tuple[Reply, ...]] | None:
    """The words behind each verdict, or None where they cannot be told for one."""
    found = {}
    for verdict in judgement.verdicts:
        if verdict.state == "not_applicable":
            continue
        words = _words(verdict)
        if not words:
            return None
        found[verdict.criterion] = tuple(Reply(one) for one in words)
    return found


def _words(verdict: Verdict) -> list[str]:
    recorded = verdict.evidence.get("answers")
    if recorded:
        return [str(one) for one in recorded]
    if verdict.criterion == "instruction" and verdict.native in (0, 1, 2, 3):
        return [f"Score: {verdict.native:.0f}"]
    if verdict.criterion in VIOLATIONS and verdict.score in (0, 1):
        return ["No" if verdict.score else "Yes"]
    return []


def _worldmodelbench(found: Replies, data: Path, agent: str, _: Mapping[str, Any]) -> tuple[str, int]:
    ordered = {one.stem: found[one.stem] for one in worldmodelbench_cases.load(data) if one.stem in found}
    results = worldmodelbench.from_replies(ordered, agent)
    return worldmodelbench.dumps(results), len(results["preds"])


def _videoverse(found: Replies, data: Path, _: str, __: Mapping[str, Any]) -> tuple[str, int]:
    videoverse_cases.load(data)  # refuses a damaged copy
    path = find(data, videoverse_cases.CASE_FILE)
    assert path is not None
    results = videoverse.from_replies(found, read_json(path))
    return videoverse.dumps(results), len(results)


def _worldreasonbench(found: Replies, data: Path, _: str, protocol: Mapping[str, Any]) -> tuple[str, int]:
    if protocol["questions"] != "binary":
        raise InvalidArgument("open questions are scored by a grader, whose verdicts a run does not hold one by one")
    worldreasonbench_cases.load(data)  # refuses a damaged copy
    paths = [find(data, names) for names in worldreasonbench_cases.CASE_FILES.values()]
    items = {item["id"]: item for path in paths if path is not None for item in read_json(path)}
    videos = [
        worldreasonbench.video_result(item, f"{case_id}.mp4", _answered(item["binary_qa"], found[case_id]))
        for case_id, item in items.items()
        if case_id in found
    ]
    content = {"summary": worldreasonbench.summary(videos), "per_video": videos, "skipped": []}
    return worldreasonbench.dumps(content), len(videos)


def _answered(asked: Sequence[Mapping[str, Any]], replies: Mapping[str, tuple[Reply, ...]]) -> list[dict[str, Any]]:
    waiting = {phase: list(given) for phase, given in replies.items()}
    rows = []
    for one in asked:
        raw = waiting[worldreasonbench.phase_of(one["question_type"])].pop(0).raw
        read, right = worldreasonbench.read_yes_no(raw), one["ground_truth"].strip().lower() == "yes"
        facts = {"predicted_answer": raw, "score": int(read is right), "judge_parse_ok": read is not None}
        rows.append({**one, **facts})
    return rows


_WRITERS = {"worldmodelbench": _worldmodelbench, "videoverse": _videoverse, "worldreasonbench": _worldreasonbench}

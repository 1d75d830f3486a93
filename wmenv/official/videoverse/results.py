"""Result files and reports of VideoVerse, exactly as its scripts have them.

Totals are absolute sums: a video that is missing from the file counts 0 points, unlike in WorldModelBench. The reading
of checks takes the first letters y-e-s or n-o anywhere: "I cannot tell" is a no, "Yesterday" a yes.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.core.question import common_order
from wmenv.official.files import entry, read_json, typed
from wmenv.official.reply import Replies, Reply
from wmenv.official.videoverse.cases import CHECKS, EVENTS

ATTEMPTS = 3
LETTERS = "ABCDEFGH"
"""Letters that the script has for events; a prompt with more raises, and its video is dropped."""

ResultFile = dict[str, Any]
AskEvents = Callable[[str, str], str]
"""(key, lines `\\nA: <event>...`) -> the judge's reply."""
AskCheck = Callable[[str, str], str]
"""(key, question) -> the judge's reply."""


def read_letters(text: str) -> str:
    """The script's reading of an order: every capital letter from A to Z, in order."""
    return "".join(one for one in text if "A" <= one <= "Z")


def read_yes_no(text: str) -> str:
    """The script's reading of a check: the first "yes" or "no" anywhere, in words too, else "wrong"."""
    found = re.search("yes|no", text, re.IGNORECASE)
    return found[0].lower() if found else "wrong"


def event_points(events: int, letters: str) -> int:
    """Points of an order: the longest common subsequence with ABC..."""
    return common_order([chr(ord("A") + k) for k in range(events)], letters)


def event_lines(events: list[str]) -> str:
    """How the script lists events to its judge: in their true order.

    Raises:
        IndexError: More events than it has letters.
    """
    return "".join(f"\n{LETTERS[k]}: {event}" for k, event in enumerate(events))


def collect(
    prompts: Mapping[str, Any], ask_events: AskEvents, ask_check: AskCheck, existing: ResultFile | None = None
) -> ResultFile:
    """The result file of a run of the script.

    Args:
        prompts: The prompt file.
        ask_events: Gives the judge's replies on the order of events; asked up to three times until tags are there.
        ask_check: Gives the judge's replies on a check; asked up to three times until there is a yes or a no.
        existing: A result file to go on with; keys in it are skipped, whatever they hold.

    Returns:
        The file. A video that raises anything is missing from it, as there.
    """
    results = dict(existing or {})
    for key, row in prompts.items():
        if key not in results and "t2v_eval_event_info" in row:
            with suppress(Exception):
                results[key] = _judged(key, copy.deepcopy(row), ask_events, ask_check)
    return results


def _judged(key: str, row: dict[str, Any], ask_events: AskEvents, ask_check: AskCheck) -> dict[str, Any]:
    info = row["t2v_eval_event_info"]
    lines = event_lines([one["event_description"] for one in info["verification_plan"]])
    for _ in range(ATTEMPTS):
        reply = ask_events(key, lines)
        if "<output>" in reply and "</output>" in reply:
            # Tags in the wrong order raise here, as there, and cost the video.
            inside = re.search("<output>(.*?)</output>", reply, re.DOTALL)[1]  # type: ignore[index]
            info["overall_event_res"], info["overall_event_processed_res"] = inside, read_letters(inside)
            break
    for check in row["verification_checks"]:
        if check.get("check") is False:
            continue
        for _ in range(ATTEMPTS):
            check["res"] = read_yes_no(ask_check(key, check["question"]))
            if check["res"] != "wrong":
                break
    return row


def report(results: ResultFile) -> dict[str, Any]:
    """The report that the script computes from a result file, keys and order as there.

    Raises:
        InvalidArgument: A check has something else than a text for a result; the script raises there too.
    """
    videos = {key: _video_report(key, row) for key, row in results.items()}
    summary: dict[str, Any] = {}
    if results:
        analysed = [one["verification_checks_analysis"] for one in videos.values()]
        checked = [one for one in analysed if one is not None]
        summary["total_event_adherence"] = sum(one["event_lcs_length"] or 0 for one in videos.values())
        if checked:
            summary["verification_checks_score"] = sum(one["overall_score"] for one in checked)
            by_category: dict[str, int] = {}
            for one in checked:
                for category, points in one["scores_by_category"].items():
                    by_category[category] = by_category.get(category, 0) + points
            summary["verification_checks_score_by_category"] = by_category
        summary["total_score"] = summary["total_event_adherence"] + summary.get("verification_checks_score", 0)
        summary["total_videos_processed"] = len(results)
    return {"overall_summary": summary, "per_video_analysis": videos}


def _video_report(key: str, row: Mapping[str, Any]) -> dict[str, Any]:
    info = row.get("t2v_eval_event_info", {})
    plan, letters = info.get("verification_plan", []), info.get("overall_event_processed_res", "")
    points: dict[str, int] = {}
    checks = row.get("verification_checks", [])
    for check in checks:
        result, category = check.get("res", ""), check.get("check_type", "uncategorized")
        if not isinstance(result, str):
            raise InvalidArgument(f"a check of {key!r} has the result {result!r}; expected 'yes', 'no' or 'wrong'")
        points[category] = points.get(category, 0) + (result.lower() == "yes")
    analysis = {"overall_score": sum(points.values()), "scores_by_category": points, "total_checks": len(checks)}
    return {
        "event_lcs_length": event_points(len(plan), letters) if plan else None,
        "verification_checks_analysis": analysis if checks else None,
    }


def load(path: Path) -> ResultFile:
    """A result file.

    Raises:
        InvalidCase: It is none of this benchmark.
    """
    results: ResultFile = typed(read_json(path), dict, path.name)
    for key, row in results.items():
        where = f"{key!r} of {path.name}"
        for name, kind in (("verification_checks", list), ("t2v_eval_event_info", dict)):
            entry(typed(row, dict, where), name, kind, where)
    return results


def dumps(results: ResultFile) -> str:
    """A result file as the script writes it."""
    return json.dumps(results)


def replies(results: ResultFile) -> Replies:
    """Replies of a result file by key and criterion."""
    found: dict[str, dict[str, tuple[Reply, ...]]] = {}
    for key, row in results.items():
        info = row["t2v_eval_event_info"]
        events = len(info.get("verification_plan", []))
        processed = info.get("overall_event_processed_res")
        inside = info.get("overall_event_res", None if processed is None else ",".join(processed))
        letters = [ord(one) - ord("A") for one in processed or ""]
        within = tuple(k for k in letters if k < events)  # letters beyond the plan cost nothing
        reason = "" if inside is not None else "the judge gave no <output> tags three times"
        by: dict[str, tuple[Reply, ...]] = {
            EVENTS: (Reply("" if inside is None else f"<output>{inside}</output>", within, reason=reason),)
        }
        for check in row["verification_checks"]:
            if check.get("check") is not False:
                criterion, result = CHECKS.get(check.get("check_type"), ""), check.get("res", "")
                reply = Reply(result, official=result.lower() == "yes")
                by[criterion] = (*by.get(criterion, ()), reply)
        found[key] = by
    return found


def case_shares(results: ResultFile) -> dict[str, float]:
    """Each video's points, divided by what its prompt has."""
    shares = {}
    for key, one in report(results)["per_video_analysis"].items():
        analysis = one["verification_checks_analysis"] or {"overall_score": 0, "total_checks": 0}
        events = len(results[key]["t2v_eval_event_info"].get("verification_plan", []))
        points = (one["event_lcs_length"] or 0) + analysis["overall_score"]
        shares[key] = points / max(1, events + analysis["total_checks"])
    return shares


def from_replies(found: Replies, prompts: Mapping[str, Any]) -> ResultFile:
    """The result file that holds replies.

    Args:
        found: Replies by key and criterion, one an event plan and one a check.
        prompts: The prompt file, whose entries the script copies into its results.
    """
    results: ResultFile = {}
    for key, row in prompts.items():
        if key in found:
            results[key] = copy.deepcopy(row)
            waiting = {criterion: list(given) for criterion, given in found[key].items()}
            for inside in re.findall("<output>(.*?)</output>", waiting[EVENTS][0].raw, re.DOTALL)[:1]:
                info = results[key]["t2v_eval_event_info"]
                info["overall_event_res"], info["overall_event_processed_res"] = inside, read_letters(inside)
            for check in results[key]["verification_checks"]:
                if check.get("check") is not False:
                    check["res"] = read_yes_no(waiting[CHECKS[check["check_type"]]].pop(0).raw)
    return results

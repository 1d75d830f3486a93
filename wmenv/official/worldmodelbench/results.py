"""Result files and totals of WorldModelBench, exactly as its evaluation.py has them.

The denominators are the videos that are present: a missing video raises or lowers nothing. The two readings below are
the script's, faults included: "noticeable" passes for a "no", a grade that is not understood is 0, none is clamped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.errors import InvalidArgument
from wmenv.official.files import entry, read_json, typed
from wmenv.official.reply import Replies, Reply

GROUPS: dict[str, tuple[str, ...]] = {
    "instruction": ("instruction",),
    "physical_laws": ("newton", "mass", "fluid", "impenetrability", "gravity"),
    "common_sense": ("quality", "temporal"),
}
"""The script's groups of questions, in its order, with the criteria in them."""
PRINTED = {"penetration": "impenetrability", "framewise": "quality"}
"""What the script prints for two of them, in lower case -> criterion."""

ResultFile = dict[str, Any]
Ask = Callable[[str, str], str]
"""(stem, criterion) -> the judge's reply."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What the script prints.

    Attributes:
        total: The score, 0 to 10 unless grades are out of range; NaN where one is.
        groups: Sum of the means of each group, by its name.
        criteria: Mean of each criterion: 0 to 3 for the instruction, else a pass rate.
        videos: Number of videos behind it.
    """

    total: float
    groups: Mapping[str, float]
    criteria: Mapping[str, float]
    videos: int


def read_grade(reply: str) -> float:
    """The script's grade: what follows the last colon, as Python's `float` takes it, else 0."""
    try:
        return float(reply.split(":")[-1].strip(" ."))
    except ValueError:
        return 0.0


def read_pass(reply: str) -> bool:
    """The script's pass: the letters n-o anywhere."""
    return "no" in reply.lower()


def file_name(save_name: str = "worldmodelbench_results", reasoned: bool = False) -> str:
    """Name of the result file; `reasoned` for answers after step-by-step reasoning (`--cot`)."""
    return f"{save_name}_cot.json" if reasoned else f"{save_name}.json"


def collect(stems: Sequence[str], ask: Ask, model_name: str) -> ResultFile:
    """The result file of a run of the script.

    Args:
        stems: Stems of the videos present, in the order of the case file; a stem that comes twice is asked twice
            and keeps its last replies, as there.
        ask: Gives the judge's replies.
        model_name: What the file calls the model.
    """
    preds: dict[str, dict[str, list[str]]] = {}
    accs: dict[str, list[Any]] = {}
    for stem in stems:
        for group, criteria in GROUPS.items():
            replies = [ask(stem, criterion) for criterion in criteria]
            preds.setdefault(stem, {})[group] = replies
            accs.setdefault(group, []).extend(read_as(group, reply) for reply in replies)
    return {"model_name": model_name, "preds": preds, "accs": accs}


def read_as(group: str, reply: str) -> float | bool:
    """The script's reading of a reply in a group of questions."""
    return read_grade(reply) if group == "instruction" else read_pass(reply)


def totals(results: ResultFile) -> Totals:
    """Totals of a result file.

    Only `accs` and the number of entries in `preds` enter, as in the script: also where the two do not belong
    together.

    Raises:
        InvalidCase: The file has no `preds` and `accs`.
        InvalidArgument: A group has no whole number of answers that the script knows.
    """
    preds = entry(results, "preds", dict, "the result file")
    accs = entry(results, "accs", dict, "the result file")
    groups: dict[str, float] = {}
    criteria: dict[str, float] = {}
    known = {len(names): names for names in (GROUPS["common_sense"], GROUPS["physical_laws"])}
    total = 0.0
    for group, scores in accs.items():
        width = len(scores) // len(preds) if preds else 0
        if width != 1 and width not in known:
            raise InvalidArgument(
                f"{group} has {len(scores)} answers for {len(preds)} videos: {width} a video, expected 1, 2 or 5; "
                "two records with one stem, or a file put together by hand"
            )
        means = {name: float(np.mean(scores[k::width])) for k, name in enumerate(known.get(width, (group,)))}
        groups[group] = float(np.sum(list(means.values())))
        criteria |= means
        total += groups[group]
    return Totals(total, groups, criteria, len(preds))


def load(path: Path) -> ResultFile:
    """A result file.

    Raises:
        InvalidCase: It is none of this benchmark.
    """
    results: ResultFile = typed(read_json(path), dict, path.name)
    preds = entry(results, "preds", dict, path.name)
    entry(results, "accs", dict, path.name)
    for stem, groups in preds.items():
        for group, criteria in GROUPS.items():
            if group not in typed(groups, dict, f"{stem!r} in {path.name}"):
                continue  # the script totals such files too
            answers = typed(groups[group], list, f"{group} of {stem!r} in {path.name}")
            if len(answers) != len(criteria) or not all(isinstance(one, str) for one in answers):
                told = f"{group} of {stem!r} in {path.name} should be {len(criteria)} texts, got {answers!r}"
                raise InvalidArgument(told[:300])
    return results


def dumps(results: ResultFile) -> str:
    """A result file as the script writes it (four spaces, ASCII)."""
    return json.dumps(results, indent=4)


def replies(results: ResultFile) -> Replies:
    """Replies of a result file by stem and criterion; a pass says no to the question for a violation."""
    return {
        stem: {
            criterion: (Reply(raw, official=read_grade(raw) if group == "instruction" else not read_pass(raw)),)
            for group, criteria in GROUPS.items()
            for criterion, raw in zip(criteria, groups.get(group, ()), strict=False)
        }
        for stem, groups in results["preds"].items()
    }


def case_shares(results: ResultFile) -> dict[str, float]:
    """Each video's own total, divided by 10, in the script's reading."""
    return {
        stem: sum(float(read_as(group, raw)) for group in GROUPS for raw in groups.get(group, ())) / 10
        for stem, groups in results["preds"].items()
    }


def from_replies(found: Replies, model_name: str) -> ResultFile:
    """The result file that holds replies; a clip without a reply to each criterion is left out, as a missing video."""
    whole = [stem for stem, by in found.items() if all(by.get(c) for names in GROUPS.values() for c in names)]
    return collect(whole, lambda stem, criterion: found[stem][criterion][0].raw, model_name)

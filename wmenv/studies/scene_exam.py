"""The exam of `scene-pixels`: planted clips must be flagged by their criterion, lawful ones must not.

`python -m wmenv.studies.scene_exam docs/studies/scene-exam.json` takes it anew, some eight minutes on one core, and
writes the answers to the file that the table is rendered from.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.agents.sanity import KINDS, TRUE, spoiled
from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.registries import JUDGERS
from wmenv.core.verdict import Judgement
from wmenv.envs.worldmodelbench.criteria import SCHEME, criteria
from wmenv.studies.blocks import markdown
from wmenv.worlds.scenes.alternatives import alternatives
from wmenv.worlds.scenes.answers import CRITERIA
from wmenv.worlds.scenes.catalogue import KEYS, scene
from wmenv.worlds.scenes.facts import facts
from wmenv.worlds.scenes.plants import MULTIPLES, PLANTS, plant
from wmenv.worlds.scenes.scene import SceneCase

JUDGER = "scene-pixels"
HELD = ("robotics/place", "human/throwing", "industrial/crane", "animation/tumble")
"""Before the thresholds were set no planted clip of these was looked at; of their true clips, seeds 1 and 4 were."""
KNOWN = ("gaming/marble", "driving/turning", "natural/water", "natural/fruit")
SEEDS = (100, 101)
"""Thresholds were set on seeds 0 to 4."""
SANITY = ("gaming/marble", "driving/turning", "natural/fruit", *HELD)
FLAG = 0.5
LAWS = CRITERIA[1:6]

Answer = dict[str, Any]


def asked(one: SceneCase) -> Case:
    """A case in condition `image`, its truth withheld."""
    known = facts(one)
    spec = ClipSpec(one.frames, one.size, one.size, one.fps)
    request = Request(one.id, one.instruction, one.first_frame[None], spec)
    case = Case(request, criteria(one.instruction), SCHEME, load_facts=lambda: known)
    return case.without_truth("the exam")


def take(seeds: Sequence[int] = SEEDS) -> Iterator[Answer]:
    """Judge clips and tell how; a dictionary a clip."""
    judger = JUDGERS.create(JUDGER)

    def answer(case: Case, clip: Clip, **facts_of_clip: Any) -> Answer:
        (judged,) = judger.judge([case], [clip])
        told = {"case": case.id, **facts_of_clip, "scores": _scores(judged)}
        if facts_of_clip["kind"] != "planted":
            told |= {"level": judged["instruction"].native, "reward": judged.reward}
        return told

    for key in KEYS:
        one = scene(key).case(seeds[0])
        case = asked(one)
        yield answer(case, one.rendering.clip, kind="true")
        for other in alternatives(one, 1):
            right = other.answers["instruction"]
            yield answer(case, other.rendering.clip, kind="alternative", level_is=right)
    for key in SANITY:
        one, other_case = scene(key).case(seeds[0]), scene(key).case(seeds[1])
        frames, fps = one.rendering.clip.frames, one.fps
        for kind, name in KINDS.items():
            if kind != TRUE:
                shown = spoiled(kind, frames, other_case.rendering.clip.frames)
                yield answer(asked(one), Clip(shown, fps), kind=f"sanity {name}")
    for held, keys in ((True, HELD), (False, KNOWN)):
        for seed in seeds if held else seeds[:1]:
            for key in keys:
                one = scene(key).case(seed)
                case = asked(one)
                for name in PLANTS:
                    for multiple in MULTIPLES if held else MULTIPLES[-1:]:
                        made = plant(one, name, multiple)
                        if made is not None:
                            told = {"label": made.label, "besides": list(made.side_effects)}
                            clip = made.rendering.clip
                            yield answer(case, clip, kind="planted", plant=name, multiple=multiple, held=held, **told)


def _scores(judged: Judgement) -> dict[str, float | None]:
    return {v.criterion: None if v.score is None else round(v.score, 4) for v in judged.verdicts[1:]}


def exam_table(kept: Path) -> str:
    """Tables of the exam in a file: planted clips, lawful clips, sanity panel."""
    if not kept.exists():
        return "not yet taken"
    answers: list[Answer] = json.loads(kept.read_text(encoding="utf-8"))
    return "\n\n".join((_planted(answers), _lawful(answers), _matrix(answers), _panel(answers)))


def _flagged(answer: Answer, criterion: str) -> bool | None:
    score = answer["scores"][criterion]
    return None if score is None else score < FLAG


def _accuracy(planted: Sequence[Answer], clean: Sequence[Answer], criterion: str) -> str:
    """Balanced accuracy: half the share of planted clips flagged, half that of clean clips not flagged."""
    hits = [_flagged(one, criterion) for one in planted if one["label"] == criterion]
    lawful = [_flagged(one, criterion) for one in clean]
    found, false = ([x for x in one if x is not None] for one in (hits, lawful))
    if not found or not false:
        return "-"
    return f"{(np.mean(found) + 1 - np.mean(false)) / 2:.2f} ({len(found)})"


def _planted(answers: Sequence[Answer]) -> str:
    clean = [one for one in answers if one["kind"] == "true"]
    made = [one for one in answers if one["kind"] == "planted"]
    rows = []
    for criterion in CRITERIA[1:]:
        row = [criterion]
        for multiple in MULTIPLES:
            row.append(_accuracy([p for p in made if p["held"] and p["multiple"] == multiple], clean, criterion))
        row.append(_accuracy([p for p in made if not p["held"]], clean, criterion))
        rows.append(row)
    return markdown(["balanced accuracy (clips)", "held, small", "held, medium", "held, large", "known, large"], rows)


def _lawful(answers: Sequence[Answer]) -> str:
    rows = []
    for kind in ("true", "alternative"):
        clips = [one for one in answers if one["kind"] == kind]
        physics = sum(any(_flagged(one, law) for law in LAWS) for one in clips)
        anything = sum(any(_flagged(one, name) for name in CRITERIA[1:]) for one in clips)
        right = [one["level"] == one.get("level_is", 3) for one in clips]
        rows.append([kind, str(len(clips)), str(physics), str(anything), f"{sum(right)} of {len(right)}"])
    return markdown(["lawful clips", "clips", "flagged on a law", "flagged at all", "level is right"], rows)


def _matrix(answers: Sequence[Answer]) -> str:
    """Share of large planted clips flagged, side effects left out, by plant."""
    rows = []
    for name, kind in PLANTS.items():
        clips = [one for one in answers if one.get("plant") == name and one["multiple"] == MULTIPLES[-1]]
        row = [name, kind.criterion, str(len(clips))]
        for criterion in CRITERIA[1:]:
            told = [_flagged(one, criterion) for one in clips if criterion not in one["besides"]]
            known = [one for one in told if one is not None]
            row.append(f"{np.mean(known):.2f}" if known else "-")
        rows.append(row)
    return markdown(["large plants flagged", "breaks", "clips", *CRITERIA[1:]], rows, words=2)


def _panel(answers: Sequence[Answer]) -> str:
    cases = {one["case"] for one in answers if one["kind"].startswith("sanity")}
    kinds = dict.fromkeys(one["kind"] for one in answers if one["kind"].startswith("sanity"))
    rows = []
    for kind in ("true", *kinds):
        points = [10 * one["reward"] for one in answers if one["kind"] == kind and one["case"] in cases]
        if not points:
            continue
        rows.append(
            [
                kind.removeprefix("sanity "),
                str(len(points)),
                f"{np.mean(points):.2f}",
                f"{min(points):.2f}",
                f"{max(points):.2f}",
            ]
        )
    return markdown(["sanity panel, of 10", "cases", "mean", "least", "most"], rows)


def main(path: str) -> None:
    """Take the exam and write it down after every clip."""
    answers: list[Answer] = []
    for one in take():
        answers.append(one)
        Path(path).write_text("[\n" + ",\n".join(map(json.dumps, answers)) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

"""The exam of `scene-pixels`: planted clips must be flagged by their criterion, lawful ones must not.

`python -m wmenv.studies.scene_exam docs/studies/scene-exam.json` takes it anew, an hour and a half of CPU time, a
process a core, and writes the answers to the file that the tables are rendered from. An exam that was stopped goes on.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.agents.sanity import KINDS, TRUE, spoiled
from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.registries import JUDGERS
from wmenv.core.statistics import bootstrap_mean, wilson
from wmenv.core.verdict import Judgement
from wmenv.envs.worldmodelbench.criteria import SCHEME, criteria
from wmenv.studies.blocks import markdown
from wmenv.studies.degraded import DEGRADATIONS
from wmenv.worlds.scenes.alternatives import some_alternatives
from wmenv.worlds.scenes.answers import CRITERIA
from wmenv.worlds.scenes.catalogue import EXAM_KEYS, KEYS, scene
from wmenv.worlds.scenes.facts import facts
from wmenv.worlds.scenes.plants import MULTIPLES, PLANTS, plant
from wmenv.worlds.scenes.scene import SceneCase

JUDGER = "scene-pixels"
WORKED_ON = ("robotics/place", "human/throwing", "industrial/crane", "animation/tumble", "exam/barrier", "exam/glade")
"""Scenes that were held in earlier exams. The first four were so until `scene-pixels-v1`. On `exam/barrier`, new then,
the first form of `scene-pixels-v2` flagged nearly every true clip, for it followed the arm where it had lost it; on
`exam/glade` `scene-pixels-v4` flagged most, for it took the corners of slim boxes for rounder than they are."""
HELD = tuple(key for key in EXAM_KEYS if key not in WORKED_ON)
"""Scenes that no threshold was chosen on, and that nobody who worked on the judger has seen. The figures of earlier
exams had been seen, of `exam/toss`, `ledge` and `ice` four times, of `exam/bumper`, `cannon`, `stairs` and `kitchen`
three times, of `exam/yard` and `golf` twice; `exam/canteen` was written when `scene-pixels-v5` had been frozen, and
has been read since its exam."""
KNOWN = (
    "gaming/marble",
    "driving/turning",
    "natural/water",
    "natural/fruit",
    "robotics/slide",
    "human/lifting",
    *WORKED_ON,
)
SEEDS, MORE = (400, 401), (402, 403)
"""Cases with plants of all sizes, and with large ones alone; earlier exams and all that was set had seeds up to 342."""
CLEAN = range(400, 443)
"""Seeds of true clips of held scenes."""
SANITY = ("gaming/marble", "driving/turning", "natural/fruit", *HELD)
ALTERNATIVES = 5
FLAG = 0.5
LAWS = CRITERIA[1:6]

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the exam: what is made of one case and judged, by one process.

    Attributes:
        kind: `true`, `alternative`, `degraded`, `sanity` or `planted`.
        key: The scene.
        seed: Of its case.
    """

    kind: str
    key: str
    seed: int


def parts() -> Iterator[Part]:
    """The whole exam."""
    first = SEEDS[0]
    yield from (Part("planted", key, seed) for key in HELD for seed in (*SEEDS, *MORE))
    yield from (Part("planted", key, first) for key in KNOWN)
    yield from (Part("true", key, seed) for key in HELD for seed in CLEAN)
    yield from (Part("true", key, first) for key in (*KEYS, *EXAM_KEYS) if key not in HELD)
    yield from (Part("alternative", key, seed) for key in HELD for seed in (*SEEDS, *MORE))
    yield from (Part("alternative", key, first) for key in (*KEYS, *EXAM_KEYS) if key not in HELD)
    yield from (Part("degraded", key, first) for key in (*KEYS, *EXAM_KEYS))
    yield from (Part("sanity", key, first) for key in SANITY)


def asked(one: SceneCase) -> Case:
    """A case in condition `image`, its truth withheld."""
    known = facts(one)
    spec = ClipSpec(one.frames, one.size, one.size, one.fps)
    request = Request(one.id, one.instruction, one.first_frame[None], spec)
    case = Case(request, criteria(one.instruction), SCHEME, load_facts=lambda: known)
    return case.without_truth("the exam")


def take(part: Part) -> list[Answer]:
    """Judge the clips of a part and tell how; a dictionary a clip."""
    judger, one = JUDGERS.create(JUDGER), scene(part.key).case(part.seed)
    case = asked(one)
    answers = []
    for told, clip in _clips(part, one):
        (judged,) = judger.judge([case], [clip])
        answer = {"kind": part.kind, "case": case.id, "held": part.key in HELD, **told, "scores": _scores(judged)}
        answer["forfeited"] = [v.criterion for v in judged.verdicts[1:] if v.state == "forfeited"]
        if part.kind != "planted":
            answer |= {"level": judged["instruction"].native, "reward": judged.reward}
        answers.append(answer)
    return answers


def _clips(part: Part, one: SceneCase) -> Iterator[tuple[Answer, Clip]]:
    """What is known of the clips of a part, and the clips."""
    true = one.rendering.clip
    if part.kind == "true":
        yield {"level_is": 3}, true
    elif part.kind == "alternative":
        for other in some_alternatives(one, ALTERNATIVES):
            yield {"level_is": other.answers["instruction"]}, other.rendering.clip
    elif part.kind == "degraded":
        for name, degrade in DEGRADATIONS.items():
            yield {"how": name}, degrade(true)
    elif part.kind == "sanity":
        another = scene(part.key).case(SEEDS[1]).rendering.clip.frames
        for kind, name in KINDS.items():
            shown = true.frames if kind == TRUE else spoiled(kind, true.frames, another)
            yield {"how": name}, Clip(shown, one.fps)
    else:
        for name in PLANTS:
            for multiple in MULTIPLES if part.key in HELD and part.seed in SEEDS else MULTIPLES[-1:]:
                made = plant(one, name, multiple)
                if made is not None:
                    told = {
                        "plant": name,
                        "multiple": multiple,
                        "label": made.label,
                        "besides": list(made.side_effects),
                    }
                    yield told, made.rendering.clip


def _scores(judged: Judgement) -> dict[str, float | None]:
    return {v.criterion: None if v.score is None else round(v.score, 4) for v in judged.verdicts[1:]}


def exam_table(kept: Path) -> str:
    """Tables of the exam in a file: planted, lawful (by scene, too) and poor clips, the matrix, the sanity panel."""
    if not kept.exists():
        return "not yet taken"
    answers: list[Answer] = json.loads(kept.read_text(encoding="utf-8"))
    tables = (
        _planted(answers),
        _lawful(answers),
        _scenes(answers),
        _degraded(answers),
        _matrix(answers),
        _panel(answers),
    )
    return "\n\n".join(tables)


def _flagged(answer: Answer, criterion: str) -> bool | None:
    score = answer["scores"][criterion]
    return None if score is None else score < FLAG


def _flagged_on(answer: Answer, names: Iterable[str]) -> bool:
    return any(_flagged(answer, name) for name in names)


def _accuracy(planted: Sequence[Answer], clean: Sequence[Answer], criterion: str) -> tuple[float, int] | None:
    """Balanced accuracy, half the share of planted clips flagged plus half that of clean ones not; number planted."""
    hits = [_flagged(one, criterion) for one in planted if one["label"] == criterion]
    lawful = [_flagged(one, criterion) for one in clean]
    found, false = ([x for x in one if x is not None] for one in (hits, lawful))
    if not found or not false:
        return None
    return float((np.mean(found) + 1 - np.mean(false)) / 2), len(found)


def _planted(answers: Sequence[Answer]) -> str:
    made = [one for one in answers if one["kind"] == "planted"]
    columns = []
    for held, multiple in (*((True, m) for m in MULTIPLES), (False, MULTIPLES[-1])):
        clips = [one for one in made if one["held"] == held and one["multiple"] == multiple]
        clean = [one for one in answers if one["kind"] == "true" and one["held"] == held]
        columns.append([_accuracy(clips, clean, criterion) for criterion in CRITERIA[1:]])
    rows = [
        [criterion, *("-" if one is None else f"{one[0]:.2f} ({one[1]})" for one in row)]
        for criterion, row in zip(CRITERIA[1:], zip(*columns, strict=True), strict=True)
    ]
    means = [np.mean([one[0] for one in column if one is not None]) for column in columns]
    rows.append(["mean over criteria", *(f"{mean:.3f}" for mean in means)])
    return markdown(["balanced accuracy (clips)", "held, small", "held, medium", "held, large", "known, large"], rows)


def _rate(hits: Sequence[bool]) -> str:
    """A count and the 95 % interval of its share in per cent (Wilson)."""
    low, high = wilson(sum(hits), len(hits))
    return f"{sum(hits)} ({100 * low:.1f} to {100 * high:.1f} %)"


def _lawful(answers: Sequence[Answer]) -> str:
    rows = []
    for kind, held, name in (
        ("true", True, "true, held scenes"),
        ("true", False, "true, known scenes"),
        ("alternative", True, "alternative, held scenes"),
        ("alternative", False, "alternative, known scenes"),
    ):
        clips = [one for one in answers if one["kind"] == kind and one["held"] == held]
        right = sum(one["level"] == one["level_is"] for one in clips)
        physics = _rate([_flagged_on(one, LAWS) for one in clips])
        anything = _rate([_flagged_on(one, CRITERIA[1:]) for one in clips])
        rows.append([name, str(len(clips)), physics, anything, f"{right} of {len(clips)}"])
    return markdown(["lawful clips", "clips", "flagged on a law", "flagged at all", "level is right"], rows)


def _scenes(answers: Sequence[Answer]) -> str:
    """True clips and alternatives of each held scene, and how many are flagged."""
    rows = []
    for key in HELD:
        row = [key]
        for kind in ("true", "alternative"):
            clips = [one for one in answers if one["kind"] == kind and one["case"].startswith(key.replace("/", "-"))]
            row += [str(len(clips)), str(sum(_flagged_on(one, CRITERIA[1:]) for one in clips))]
        rows.append(row)
    return markdown(["held scene", "true clips", "flagged", "alternatives", "flagged"], rows)


def _degraded(answers: Sequence[Answer]) -> str:
    rows = []
    for name in DEGRADATIONS:
        clips = [one for one in answers if one.get("how") == name]
        rows.append(
            [name, str(len(clips))]
            + [_rate([_flagged_on(one, names) for one in clips]) for names in (LAWS, CRITERIA[6:], CRITERIA[1:])]
        )
    return markdown(["true clips, made poor", "clips", "flagged on a law", "on quality or temporal", "at all"], rows)


def _matrix(answers: Sequence[Answer]) -> str:
    """Share of large planted clips flagged, side effects left out, by plant; how often that was a forfeit is last."""
    rows = []
    for name, kind in PLANTS.items():
        clips = [one for one in answers if one.get("plant") == name and one["multiple"] == MULTIPLES[-1]]
        row = [name, kind.criterion, str(len(clips))]
        for criterion in CRITERIA[1:]:
            told = [_flagged(one, criterion) for one in clips if criterion not in one["besides"]]
            known = [one for one in told if one is not None]
            row.append(f"{np.mean(known):.2f}" if known else "-")
        rows.append(row)
    clips = [one for one in answers if one.get("plant") and one["multiple"] == MULTIPLES[-1]]
    row = ["all others", "-", str(len(clips))]
    for criterion in CRITERIA[1:]:
        told = [_flagged(p, criterion) for p in clips if criterion not in (p["label"], *p["besides"])]
        known = [one for one in told if one is not None]
        row.append(f"{np.mean(known):.3f}" if known else "-")
    rows.append(row)
    forfeits = [criterion for one in clips for criterion in one["forfeited"]]
    row = ["clips forfeited", "-", str(len(clips)), *(str(forfeits.count(criterion)) for criterion in CRITERIA[1:])]
    return markdown(["large plants flagged", "breaks", "clips", *CRITERIA[1:]], [*rows, row], words=2)


def _panel(answers: Sequence[Answer]) -> str:
    rows = []
    for name in KINDS.values():
        shown = [one for one in answers if one["kind"] == "sanity" and one["how"] == name]
        points = [10 * one["reward"] for one in shown]
        around = bootstrap_mean(points, [one["case"] for one in shown])
        if around is None:
            continue
        rows.append(
            [
                name,
                str(len(points)),
                f"{around.mean:.2f} [{around.low:.2f}, {around.high:.2f}]",
                f"{min(points):.2f}",
                f"{max(points):.2f}",
            ]
        )
    return markdown(["sanity panel, of 10", "cases", "mean [95 % interval]", "least", "most"], rows)


def main(path: str) -> None:
    """Take the exam, a process a core, and write it down after every part; parts in the file are kept."""
    kept = Path(path).with_suffix(".parts.jsonl")
    done: dict[str, list[Answer]] = {}
    if kept.exists():
        done = dict(json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines())
    todo = [part for part in parts() if str(part) not in done]
    with ProcessPoolExecutor(os.cpu_count()) as pool, kept.open("a", encoding="utf-8") as file:
        for k, (part, answers) in enumerate(zip(todo, pool.map(take, todo), strict=True)):
            done[str(part)] = answers
            file.write(json.dumps([str(part), answers]) + "\n")
            file.flush()
            print(f"{k + 1} of {len(todo)} parts", file=sys.stderr)
    rows = [answer for part in parts() for answer in done[str(part)]]
    Path(path).write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")
    kept.unlink()


if __name__ == "__main__":
    main(sys.argv[1])

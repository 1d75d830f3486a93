"""What `wmenv judge train` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from rich.table import Table

from wmenv.cli.console import escape, out
from wmenv.core.errors import InvalidArgument, MissingExtra
from wmenv.judgers.critics.form import Kind, Precision

if TYPE_CHECKING:
    from wmenv.judgers.critics.course import Course
    from wmenv.judgers.critics.held import Held
    from wmenv.judgers.critics.learning import Pace
    from wmenv.judgers.critics.lessons import Lessons

LONG = 1.5
"""Clips of as many windows' lengths are looked at through windows by default."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for; see `wmenv judge train --help`."""

    on: tuple[str, ...]
    out: Path
    exams: tuple[str, ...]
    criteria: tuple[str, ...]
    base: str | None
    hold_generators: tuple[str, ...]
    hold_domains: tuple[str, ...]
    hold_cases: float
    disguises: tuple[str, ...]
    kind: Literal["auto"] | Kind
    size: int
    window: int
    width: int
    steps: int
    batch: int
    learning_rate: float | None
    rank: int
    every: int
    patience: int
    alter: str
    precision: Precision
    seed: int
    minutes: float | None
    permute: bool
    resume: bool


def teach(asked: Asked) -> None:
    """Train, tell how it goes, and print the exam.

    Raises:
        MissingExtra: torch is not installed.
        InvalidArgument: A source, or an option; nothing was trained.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra(f"wmenv judge train needs {error.name}: pip install 'wmenv[gen]'") from error
    del torch
    from wmenv.judgers.critics.held import Held
    from wmenv.judgers.critics.lessons import joined
    from wmenv.studies.teaching.items import DISGUISES, disguised, lessons_of
    from wmenv.studies.teaching.sources import items_of

    if asked.out.is_dir() and any(asked.out.iterdir()) and not asked.resume:
        raise InvalidArgument(f"{asked.out} is not empty; go on with what is there (--resume) or choose another --out")
    sources, others = ([items_of(source) for source in names] for names in (asked.on, asked.exams))
    found: list[Lessons] = []
    for name, source in zip(asked.on, sources, strict=True):
        found.append(lessons_of(disguised(source, asked.disguises), asked.size))
        _say(f"{len(found[-1])} clips of {name}")
    lessons = joined(found)
    strange = [name for name in DISGUISES if name not in asked.disguises]
    exams: dict[str, Lessons] = {}
    for name, source in zip(asked.exams, others, strict=True):
        shown = lessons_of(disguised(source, strange), asked.size)
        for generator in dict.fromkeys(shown.generators):
            exams[f"{name}, {generator}"] = shown.part(np.array(shown.generators) == generator)
    lessons = lessons.under(_criteria(asked, lessons))
    if asked.permute:
        lessons = lessons.permuted(np.random.default_rng(asked.seed))
    held = Held(asked.hold_generators, asked.hold_domains, asked.hold_cases)
    facts = {"sources": list(asked.on), "command": command(asked), "permuted": asked.permute}
    card = (_lora if asked.base else _network)(asked, lessons, held, facts, exams)
    screen = out()
    for name, exam in card["exam"].items():
        screen.print(_table(name, exam))
    if card["steps_done"] < asked.steps and asked.minutes is not None:
        screen.print(f"stopped at step {card['steps_done']} of {asked.steps}; --resume goes on")
    judger = "vlm" if asked.base else "critic"
    screen.print(escape(f"judger   {asked.out}  (--judger {judger}:{asked.out})"), soft_wrap=True)


def _criteria(asked: Asked, lessons: Lessons) -> tuple[str, ...]:
    """Those to teach: all, or the ones that were asked for."""
    unknown = [name for name in asked.criteria if name not in lessons.criteria]
    if unknown:
        raise InvalidArgument(f"no clip is labelled by {unknown[0]!r}; there are {', '.join(lessons.criteria)}")
    return asked.criteria or lessons.criteria


def _network(
    asked: Asked, lessons: Lessons, held: Held, facts: dict[str, Any], exams: dict[str, Lessons]
) -> Mapping[str, Any]:
    from wmenv.judgers.critics.form import Form
    from wmenv.judgers.critics.teaching import teach

    length = lessons.frames.shape[1]
    kind: Kind = asked.kind if asked.kind != "auto" else "windows" if length >= LONG * asked.window else "flat"
    frames = asked.window if kind == "windows" else length
    form = Form(kind, asked.size, frames, asked.width, str(lessons.fps), asked.precision)
    return teach(lessons, held, form, _course(asked, 2e-3, None), asked.out, facts, _pace(asked), exams)


def _lora(
    asked: Asked, lessons: Lessons, held: Held, facts: dict[str, Any], exams: dict[str, Lessons]
) -> Mapping[str, Any]:
    from wmenv.judgers.vlm.lora import teach_lora

    return teach_lora(
        str(asked.base), lessons, held, _course(asked, 5e-3, asked.rank), asked.out, facts, _pace(asked), exams
    )


def _course(asked: Asked, usual_rate: float, rank: int | None) -> Course:
    from wmenv.judgers.critics.course import Course

    alter = tuple(one for one in asked.alter.split(",") if one != "none")
    rate = usual_rate if asked.learning_rate is None else asked.learning_rate
    return Course(asked.seed, asked.steps, asked.batch, rate, asked.every, asked.patience, alter, rank)


def _pace(asked: Asked) -> Pace:
    from wmenv.judgers.critics.learning import Look, Pace

    def told(what: Look | int) -> None:
        if not isinstance(what, int):
            best = ", the best so far" if what.best else ""
            _say(
                f"step {what.step}/{asked.steps}  {what.cpu_seconds:.0f} CPU-s  loss {what.taught:.4f}  "
                f"on held clips {what.held:.4f}{best}"
            )

    return Pace(asked.minutes, asked.resume, told)


def command(asked: Asked) -> str:
    """The command that makes the same judger from the same files."""
    words = ["wmenv judge train"]
    plain = asdict(asked)
    names = {
        "hold_generators": "hold-generator",
        "hold_domains": "hold-domain",
        "disguises": "disguise",
        "exams": "exam",
        "criteria": "criterion",
    }
    for name, value in plain.items():
        if name in ("resume", "minutes") or value is None or value is False:
            continue
        option = f"--{names.get(name, name.replace('_', '-'))}"
        if isinstance(value, tuple):
            words += [f"{option} {one}" for one in value]
        else:
            words.append(option if value is True else f"{option} {value}")
    return " ".join(words)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _table(name: str, exam: Mapping[str, Any]) -> Table:
    table = Table(title=f"held {name}: {exam['clips']} clips", title_justify="left", box=None, pad_edge=False)
    table.add_column("criterion")
    for column in ("broken", "met", "found", "passed", "balanced", "AUROC"):
        table.add_column(column, justify="right")
    for criterion, one in exam["criteria"].items():
        shares = [one[key] for key in ("found", "passed", "balanced", "auroc")]
        told = ["-" if share is None else f"{share:.3f}" for share in shares]
        table.add_row(escape(criterion), str(one["broken"]), str(one["met"]), *told)
    return table

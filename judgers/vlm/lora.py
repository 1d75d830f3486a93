"""LoRA on a vision-language model (Hu et al. 2021), by labelled clips; the result is a model of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from wmenv.core.case import Case
from wmenv.core.errors import InvalidArgument, MissingExtra
from wmenv.core.files import write_whole
from wmenv.judgers.critics.batches import Batch, Batches, floats
from wmenv.judgers.critics.course import Course
from wmenv.judgers.critics.descent import Descent, loss_of
from wmenv.judgers.critics.exam import examine
from wmenv.judgers.critics.form import Form
from wmenv.judgers.critics.held import Held, Parts
from wmenv.judgers.critics.learning import Pace, course_facts, learn, over
from wmenv.judgers.critics.lessons import Lessons
from wmenv.judgers.critics.state import CARD, finished
from wmenv.judgers.critics.teaching import NONE, even_weights
from wmenv.judgers.vlm.checkpoint import find_folder
from wmenv.judgers.vlm.judger import VlmJudger
from wmenv.judgers.vlm.loading import held_apart, quiet

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 8
"""Clips a pass where nothing is learnt."""
NO_ROUNDING = "float32"


def teach_lora(
    base: str,
    lessons: Lessons,
    held: Held,
    course: Course,
    folder: Path,
    facts: Mapping[str, Any],
    pace: Pace,
    exams: Mapping[str, Lessons] = NONE,
) -> dict[str, Any]:
    """Train LoRA on every linear layer, merge it, and write the model to a folder.

    The loss is the cross-entropy of the log-odds of yes and no with soft targets; what lies on other words has no part
    in it. Only criteria with yes-no questions are taught.

    Args:
        base: Folder of the model, or its hub id in the local cache.
        lessons: The clips, those included that are held out.
        held: What is held out; see `wmenv.judgers.critics.teaching.teach`.
        course: How it is taught.
        folder: Made if missing; a checkpoint as `save_pretrained` writes it, for `vlm:FOLDER`, with `card.json`.
        facts: More for the card.
        pace: How long for now.
        exams: More clips to be examined on, by name; they take no other part.

    Returns:
        The card.

    Raises:
        MissingExtra: peft is not installed.
        InvalidArgument: No model there; no criterion with a yes-no question; see `Parts.of` and `Batches`.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise MissingExtra(f"LoRA needs {error.name}: pip install 'wmenv[align]'") from error
    lessons = asked_alike(lessons)
    parts = Parts.of(lessons, held)
    with held_apart():
        judger = VlmJudger(base, dtype=NO_ROUNDING, least_mass=0.0, batch=AT_ONCE)
    model = judger.asker.adapter.model
    rank = course.rank or 8
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(course.seed)
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", lora_dropout=0.0)
        wrapped: Any = get_peft_model(model, config)
    length, size = parts.taught.frames.shape[1:3]
    form = Form("flat", size, length, 16, str(lessons.fps))
    descent = Descent(wrapped, course.learning_rate, course.steps, "float32")

    def forward(batch: Batch) -> Tensor:
        values, _ = judger.reward([parts.taught.cases[k] for k in batch.clips], batch.frames)
        return values

    def look() -> tuple[float, dict[str, Tensor]]:
        targets = torch.from_numpy(parts.watched.targets)
        said = torch.from_numpy(said_by(judger, parts.watched))
        return float(loss_of(said, targets, even_weights(targets))), {}

    weights = str(judger.card["weights"])
    identity = {"base": weights, "course": course.plain(), "held": held.plain(), "clips": lessons.digest}
    state = learn(descent, Batches(parts.taught, form, course), forward, look, folder, identity, pace)
    with torch.no_grad():
        for name, weight in descent.weights.items():
            weight.copy_(state.best[name])
    whole = {**parts.examined, **{name: asked_alike(one).under(lessons.criteria) for name, one in exams.items()}}
    exam = {name: asdict(examine(one, said_by(judger, one))) for name, one in whole.items()}
    _write(wrapped.merge_and_unload(), judger, base, folder)
    card = {
        "base": {"name": base, "weights": weights},
        "criteria": list(lessons.criteria),
        "trained": sum(weight.numel() for weight in descent.weights.values()),
        "held": held.plain(),
        "clips": parts.counts,
        "exam": exam,
        **course_facts(course, state),
        **facts,
    }
    write_whole(folder / CARD, (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode())
    if over(course, state):
        finished(folder)
    return card


def asked_alike(lessons: Lessons) -> Lessons:
    """The same clips under the criteria that have yes-no questions, every case with all of them.

    A case that does not ask one of them gets the question of another; its target is not known.

    Raises:
        InvalidArgument: No criterion has such a question.
    """
    asked: dict[str, Any] = {}
    for case in lessons.cases:
        for criterion in case.criteria:
            if criterion.questions and all(question.answer == "binary" for question in criterion.questions):
                asked.setdefault(criterion.id, criterion)
    kept = [k for k, name in enumerate(lessons.criteria) if name in asked]
    if not kept:
        raise InvalidArgument(f"none of {', '.join(lessons.criteria)} has a yes-no question to put to a model")
    names = tuple(lessons.criteria[k] for k in kept)

    def alike(case: Case) -> Case:
        own = {criterion.id: criterion for criterion in case.criteria if criterion.questions}
        return replace(case, criteria=tuple(own.get(name, asked[name]) for name in names))

    cases = tuple(alike(case) for case in lessons.cases)
    return replace(lessons, criteria=names, targets=lessons.targets[:, kept], cases=cases)


def said_by(judger: VlmJudger, lessons: Lessons) -> NDArray[np.float32]:
    """Log-odds (N, C)."""
    said = [np.empty((0, len(lessons.criteria)), np.float32)]
    with torch.no_grad():
        for k in range(0, len(lessons), AT_ONCE):
            part = slice(k, k + AT_ONCE)
            said.append(judger.reward(lessons.cases[part], floats(lessons.frames[part]))[0].numpy())
    return np.concatenate(said)


def _write(model: Any, judger: VlmJudger, base: str, folder: Path) -> None:
    """The merged model with all that its base has beside the weights."""
    source = find_folder(base, online=False, revision=None)
    with quiet():
        model.save_pretrained(folder)
    for path in source.iterdir():
        if path.suffix in (".json", ".txt", ".jinja", ".model") and not (folder / path.name).exists():
            if not path.name.endswith(".index.json"):
                shutil.copyfile(path, folder / path.name)

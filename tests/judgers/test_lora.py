"""LoRA on a tiny vision-language model: what it learns, what it leaves alone, what it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument
from wmenv.core.registries import JUDGERS

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from wmenv.judgers.critics.batches import Batches, floats  # noqa: E402
from wmenv.judgers.critics.course import Course  # noqa: E402
from wmenv.judgers.critics.descent import Descent, loss_of  # noqa: E402
from wmenv.judgers.critics.form import Form  # noqa: E402
from wmenv.judgers.critics.held import Held  # noqa: E402
from wmenv.judgers.critics.learning import Pace  # noqa: E402
from wmenv.judgers.critics.lessons import Lessons  # noqa: E402
from wmenv.judgers.vlm.loading import held_apart  # noqa: E402
from wmenv.judgers.vlm.lora import asked_alike, said_by, teach_lora  # noqa: E402


def share_right(judger: Any, lessons: Lessons, name: str) -> float:
    column = lessons.criteria.index(name)
    said = said_by(judger, lessons)[:, column] > 0
    return float((said == (lessons.targets[:, column] > 0.5)).mean())


def taught(folder: Path, lessons: Lessons, steps: int) -> None:
    """Train all weights of the model in a folder by its own reward, and write them over."""
    with held_apart():
        judger: Any = JUDGERS.create(f"vlm:{folder},least_mass=0,batch=96")
    model = judger.asker.adapter.model.requires_grad_(True)
    descent = Descent(model, 3e-3, steps, "float32")
    course = Course(steps=steps, batch=24)
    batches = Batches(
        lessons, Form("flat", lessons.frames.shape[2], lessons.frames.shape[1], 16, str(lessons.fps)), course
    )
    for step in range(steps):
        batch = batches.batch(step)
        cases = [lessons.cases[k] for k in batch.clips]
        descent.step(
            step,
            lambda cases=cases, batch=batch: judger.reward(cases, batch.frames)[0],
            lambda logits, batch=batch: loss_of(logits, batch.targets, batch.weights),
        )
    model.save_pretrained(folder)


@pytest.mark.slow
def test_an_unseen_criterion_is_learnt(tiny_vlms: ModuleType, tmp_path: Path, toy_balls: ModuleType) -> None:
    """From below 60 % to above 95 % on fresh clips; the base model is as it was."""
    base = tiny_vlms.save("qwen3-vl", tmp_path / "base", width=64, layers=2, depth=2)
    known = toy_balls.toys(range(400), ("gone", "left"))
    taught(base, known, 220)
    fresh = toy_balls.toys(range(5000, 5100), ("gone", "left", "up"))
    judger: Any = JUDGERS.create(f"vlm:{base},least_mass=0,batch=8")
    assert share_right(judger, fresh, "left") > 0.9, "the base knows something"
    before = share_right(judger, fresh, "up")
    course = Course(steps=300, batch=18, learning_rate=3e-3, every=50, rank=8)
    card = teach_lora(
        str(base), toy_balls.toys(range(300), ("up",)), Held(cases=0.2), course, tmp_path / "lora", {}, Pace()
    )
    after = share_right(JUDGERS.create(f"vlm:{tmp_path / 'lora'},least_mass=0,batch=8"), fresh, "up")
    print(f"unseen criterion: {before:.3f} before, {after:.3f} after LoRA of {card['trained']} weights")
    assert before < 0.6 and after > 0.95
    assert share_right(judger, fresh, "up") == before


def test_lora_makes_a_model_of_its_own(tiny_vlm: Callable[..., Path], tmp_path: Path, toy_balls: ModuleType) -> None:
    """Gone on with to the bit; `vlm:` reads it; the base is untouched; what cannot be asked is refused."""
    base, lessons = tiny_vlm("qwen3-vl"), toy_balls.toys(range(12), ("gone", "up"))
    course = Course(steps=4, batch=6, every=2, rank=2, learning_rate=5e-3)
    own: Any = JUDGERS.create(f"vlm:{base},least_mass=0")
    said = said_by(own, lessons)
    card = teach_lora(str(base), lessons, Held(cases=0.4), course, tmp_path / "whole", {"note": 1}, Pace())
    assert np.array_equal(said_by(own, lessons), said), "a judger of the base that was there stays what it was"

    def stopped(what: Any) -> None:
        if what == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach_lora(str(base), lessons, Held(cases=0.4), course, tmp_path / "cut", {}, Pace(told=stopped))
    teach_lora(str(base), lessons, Held(cases=0.4), course, tmp_path / "cut", {}, Pace(resume=True))
    whole, cut = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert whole.read_bytes() == cut.read_bytes() != (base / "model.safetensors").read_bytes()
    assert json.loads((tmp_path / "whole" / "card.json").read_text()) == json.loads(json.dumps(card))
    assert card["note"] == 1 and card["criteria"] == ["gone", "up"] and 0 < card["trained"] < 50_000
    judger: Any = JUDGERS.create(f"vlm:{tmp_path / 'whole'},least_mass=0")
    (judged,) = judger.judge([lessons.cases[0]], [Clip(lessons.frames[0], toy_balls.FPS)])
    assert [v.state for v in judged.verdicts] == ["answered", "answered"]
    assert not np.allclose(said_by(judger, lessons), said)
    silent = replace(lessons, cases=tuple(replace(c, criteria=()) for c in lessons.cases))
    with pytest.raises(InvalidArgument, match="none of gone, up has a yes-no question"):
        asked_alike(silent)


def test_cases_are_asked_alike(toy_balls: ModuleType) -> None:
    lessons = toy_balls.toys(range(3), ("gone", "up"))
    first = replace(lessons.cases[0], criteria=lessons.cases[0].criteria[:1])
    alike = asked_alike(replace(lessons, cases=(first, *lessons.cases[1:])))
    assert [[c.id for c in case.criteria] for case in alike.cases] == [["gone", "up"]] * len(alike)
    assert floats(alike.frames).shape[2] == 3

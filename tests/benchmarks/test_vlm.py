"""What questions about one clip cost a vision-language model, as ratios of one run on one thread.

Against the way of published scripts: preprocessing, prompt and `generate` of four tokens anew for every question, by
the same loaded model in the same process. Models are tiny and random: ratios follow from lengths and layers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.criterion import Criterion
from wmenv.core.question import Question

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.slow

ROUNDS = 5
FPS = Fraction(16)


class Setting(NamedTuple):
    """A model of 4 + 4 layers, a clip, questions, and what a judgement must be faster by."""

    width: int
    frames: int
    size: int
    questions: int
    tokens: int
    least: float


SETTINGS = [Setting(64, 16, 64, 8, 246, 6.0), Setting(128, 24, 96, 20, 582, 10.0)]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def ratio(slow: Callable[[], Any], fast: Callable[[], Any]) -> float:
    """Median over interleaved rounds of (time of `slow`) / (time of `fast`); neither always goes first."""
    slow(), fast()
    found = []
    for k in range(ROUNDS):
        took = {work: seconds(work) for work in ((slow, fast) if k % 2 else (fast, slow))}
        found.append(took[slow] / took[fast])
    return float(np.median(found))


def made(setting: Setting, folder: Path, tiny_vlms: Any) -> tuple[Any, Case, Clip]:
    from wmenv.judgers.vlm import VlmJudger

    tiny_vlms.save("qwen3-vl", folder, width=setting.width, layers=4, depth=4)
    judger = VlmJudger(str(folder), least_mass=0.0)
    asked = [Question(f"Is it {k}?", polarity=-1) for k in range(setting.questions)]
    criteria = tuple(Criterion(f"c{k}", "f", "?", "binary", 1, questions=(one,)) for k, one in enumerate(asked))
    shape = (setting.frames, setting.size, setting.size)
    request = Request("case", "", np.zeros((0, *shape[1:], 3), np.uint8), ClipSpec(*shape, FPS))
    clip = Clip(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8), FPS)
    return judger, Case(request, criteria, "weighted-mean-v0"), clip


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: f"{one.questions} questions")
def test_judging_against_generating(setting: Setting, tmp_path: Path, tiny_vlms: Any, record_property: Any) -> None:
    from wmenv.core.devices import no_deprecations
    from wmenv.judgers.vlm.asker import Put
    from wmenv.judgers.vlm.plain import inputs

    judger, case, clip = made(setting, tmp_path, tiny_vlms)
    asker, lengths, towers = judger.asker, [], []
    model = asker.adapter.model
    model.model.visual.register_forward_hook(lambda *_: towers.append(1))

    def generate() -> list[bool]:
        found = []
        with torch.no_grad(), no_deprecations():
            for criterion in case.criteria:
                frames = torch.from_numpy(np.ascontiguousarray(np.moveaxis(clip.frames, -1, 1)))[None]
                handle = asker.see(frames, FPS, "serial")
                (suffix,) = [asker._asking(Put(question))[1] for question in criterion.questions]
                call = {**inputs(handle, [suffix]), **asker.adapter.public(handle.pixels)}
                made = model.generate(**call, max_new_tokens=4, min_new_tokens=4, do_sample=False)
                found.append(int(made[0, -4]))
                lengths.append(call["input_ids"].shape[1])
        return found

    def judge() -> Any:
        return judger.judge([case], [clip])

    generate()
    assert abs(np.mean(lengths) - setting.tokens) < 0.1 * setting.tokens
    assert len(towers) == setting.questions
    judge()
    assert len(towers) == setting.questions + 1, "one look at the clip for all questions"
    weights = sum(one.numel() for one in model.parameters())
    lead = ratio(generate, judge)
    record_property("ratio", lead)
    print(
        f"{setting.questions} questions, prompts of {np.mean(lengths):.0f} tokens, {weights:,} weights: generating four"
        f" tokens a question takes {lead:.1f} times as long as judging"
    )
    assert lead >= setting.least


def test_all_gradients_against_one_by_one(tmp_path: Path, tiny_vlms: Any, record_property: Any) -> None:
    judger, case, clip = made(SETTINGS[0], tmp_path, tiny_vlms)
    frames = torch.from_numpy(np.moveaxis(clip.frames, -1, 1)[None].astype(np.float32) / 255).requires_grad_()
    singles = [Case(case.request, (criterion,), case.scheme) for criterion in case.criteria]

    def gradient(asked: Case) -> Any:
        return torch.autograd.grad(judger.reward([asked], frames)[0].sum(), frames)[0]

    together, singly = gradient(case), sum(gradient(one) for one in singles)
    apart = float((together - singly).norm() / singly.norm())
    lead = ratio(lambda: [gradient(one) for one in singles], lambda: gradient(case))
    record_property("ratio", lead)
    print(f"gradients of 8 questions one by one take {lead:.1f} times as long as at once; they differ by {apart:.0e}")
    assert lead >= 4.0 and apart < 1e-4


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: f"{one.questions} questions")
def test_forms_against_one_another(setting: Setting, tmp_path: Path, tiny_vlms: Any) -> None:
    """What each step of sharing is worth; printed, and faster in the order in which they share more."""
    judger, case, clip = made(setting, tmp_path, tiny_vlms)
    leads = {}

    def judged(form: str) -> Callable[[], Any]:
        def work() -> Any:
            judger.form = form
            return judger.judge([case], [clip])

        return work

    for form in ("batched", "vision-once", "prefix", "packed"):
        leads[form] = ratio(judged("serial"), judged(form))
    told = ", ".join(f"{form} {lead:.1f}" for form, lead in leads.items())
    print(f"{setting.questions} questions, times as fast as serial calls: {told}")
    assert leads["batched"] < leads["vision-once"] < min(leads["prefix"], leads["packed"])

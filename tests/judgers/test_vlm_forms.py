"""Ways to share a clip between questions: the same logits by all, no leaks between questions or clips, gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.question import Question
from wmenv.core.registries import JUDGERS

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from wmenv.judgers.vlm.asker import Put  # noqa: E402
from wmenv.judgers.vlm.handle import FORMS, Suffix  # noqa: E402

KINDS = ("qwen3-vl", "llava-onevision")
FPS = Fraction(8)
TEXTS = ("Does it fall?", "Do solid things pass through each other?", "Is the ball red, or does it change its colour?")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=KINDS)
def judger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_vlms: Any) -> Any:
    """Two layers each, so that what an attention mask lets through reaches the answer."""
    folder = tmp_path_factory.mktemp("vlm") / request.param
    tiny_vlms.save(request.param, folder, layers=2, depth=2)
    return JUDGERS.create(f"vlm:{folder},least_mass=0")


def clips(n: int, frames: int = 5, height: int = 32, width: int = 48, seed: int = 0) -> list[Clip]:
    rng = np.random.default_rng(seed)
    return [Clip(rng.integers(0, 256, (frames, height, width, 3), dtype=np.uint8), FPS) for _ in range(n)]


def suffixes(judger: Any, texts: tuple[str, ...] = TEXTS) -> list[Suffix]:
    return [judger.asker._asking(Put(Question(text)))[1] for text in texts]


def floats(shown: list[Clip]) -> Any:
    return torch.from_numpy(np.stack([np.moveaxis(clip.frames, -1, 1) for clip in shown])).float() / 255


def rows(judger: Any, shown: list[Clip], asked: list[list[Suffix]], form: str) -> list[Any]:
    frames = torch.from_numpy(np.stack([np.moveaxis(clip.frames, -1, 1) for clip in shown]))
    with torch.no_grad():
        return [torch.cat(one) for one in judger.asker.see(frames, FPS, form).ask(asked)]


def case_of(questions: list[list[Question]], frames: int = 5, height: int = 32, width: int = 48) -> Case:
    criteria = tuple(
        Criterion(f"c{k}", "f", "?", asked[0].answer if asked else "binary", 1, questions=tuple(asked))
        for k, asked in enumerate(questions)
    )
    request = Request(
        "case", "a ball falls", np.zeros((0, height, width, 3), np.uint8), ClipSpec(frames, height, width, FPS)
    )
    return Case(request, criteria, "weighted-mean-v0")


def test_all_forms_give_the_same_logits(judger: Any) -> None:
    """Serial is the model's own call, with its own positions: what the others must equal."""
    shown = clips(2)
    asked = suffixes(judger)
    asked.append(Suffix(asked[0].ids, (0, len(asked[0].ids) - 1)))
    found = {form: rows(judger, shown, [asked, asked[:2]], form) for form in FORMS}
    assert found["serial"][0].shape == (5, judger.asker.adapter.model.config.text_config.vocab_size)
    spread = float(found["serial"][0].std())
    for form in FORMS[:-1]:
        for one, right in zip(found[form], found["serial"], strict=True):
            apart = float((one - right).abs().max())
            assert apart < 1e-4, (form, apart)
    assert spread > 1.0, "logits that could not differ would agree, too"
    apart = (found["serial"][0][:2] - found["serial"][1][:2]).abs().max()
    assert apart > 1e-2, "the clip has a say"


@pytest.mark.parametrize("form", ["prefix", "packed"])
def test_an_answer_depends_on_its_own_question_alone(judger: Any, form: str) -> None:
    shown, asked = clips(1), suffixes(judger)
    together = rows(judger, shown, [asked], form)[0]
    for k, one in enumerate(asked):
        alone = rows(judger, shown, [[one]], form)[0][0]
        assert (alone - together[k]).abs().max() < 1e-4
        other = suffixes(judger, tuple("What else is there?" if n != k else text for n, text in enumerate(TEXTS)))
        assert (rows(judger, shown, [other], form)[0][k] - together[k]).abs().max() < 1e-4
    backwards = rows(judger, shown, [asked[::-1]], form)[0].flip(0)
    assert (backwards - together).abs().max() < 1e-4


@pytest.mark.parametrize("form", ["prefix", "packed"])
def test_clips_of_a_batch_do_not_see_each_other(judger: Any, form: str) -> None:
    """Also with different questions, and with more of them for one clip than for another."""
    shown, asked = clips(3), suffixes(judger)
    each = [asked[:1], asked, asked[1:]]
    batch = rows(judger, shown, each, form)
    for k in range(3):
        assert (rows(judger, shown[k : k + 1], each[k : k + 1], form)[0] - batch[k]).abs().max() < 1e-4


@pytest.mark.parametrize("form", FORMS)
def test_a_handle_answers_for_its_own_clip(judger: Any, form: str) -> None:
    """Whatever the model has seen since, of whatever form; and asking changes nothing in it."""
    (first,), (second,) = clips(1), clips(1, frames=8, height=48, width=32, seed=1)
    questions = [[Question(text) for text in TEXTS]]
    own = type(judger).__new__(type(judger))
    own.__dict__.update({**judger.__dict__, "form": form})
    fresh = [own.ask(own.encode([clip]), questions) for clip in (first, second)]
    one, other = own.encode([first]), own.encode([second])
    assert one.digests == (first.digest,) and other.digests == (second.digest,)
    for handle, right in ((one, fresh[0]), (other, fresh[1]), (one, fresh[0])):
        assert own.ask(handle, questions) == right
    assert fresh[0] != fresh[1]
    stale = judger.asker.adapter.model.model
    if hasattr(stale, "rope_deltas"):  # the model's memory of the clip it saw last
        stale.rope_deltas = torch.tensor([[12345]])
        assert own.ask(one, questions) == fresh[0]


def test_a_handle_of_another_judger_is_refused(judger: Any, tiny_vlm: Callable[[str], Path]) -> None:
    other: Any = JUDGERS.create(f"vlm:{tiny_vlm('qwen3-vl')},least_mass=0")
    with pytest.raises(InvalidArgument, match="another judger's"):
        judger.ask(other.encode(clips(1)), [[Question("?")]])
    with pytest.raises(InvalidArgument, match="one size, length and rate"):
        judger.encode([*clips(1), *clips(1, frames=6)])


def test_the_tower_sees_a_clip_once(judger: Any) -> None:
    model = judger.asker.adapter.model.model
    tower = getattr(model, "visual", None) or model.vision_tower
    calls: list[int] = []
    hook = tower.register_forward_hook(lambda *_: calls.append(1))
    try:
        case = case_of([[Question(text)] for text in TEXTS] + [[Question("?", "order", options=("a", "b", "c"))]])
        judger.judge([case], clips(1))
        assert len(calls) == 1
        judger.reward([case], floats(clips(1)))
        assert len(calls) == 2
    finally:
        hook.remove()


def test_positions_are_the_models_own(judger: Any) -> None:
    adapter = judger.asker.adapter
    if adapter.kind != "qwen3_vl":
        pytest.skip("ordinary positions")
    (clip,) = clips(1)
    handle = judger.asker.see(torch.from_numpy(np.moveaxis(clip.frames, -1, 1))[None], FPS, "serial")
    ids = torch.tensor([handle.prefix.ids])
    grid = adapter.public(handle.pixels)["video_grid_thw"]
    right, delta = adapter.model.model.get_rope_index(ids, 2 * (ids == adapter.placeholder).int(), video_grid_thw=grid)
    assert torch.equal(handle.prefix.positions, right[:, 0])
    assert handle.prefix.next == ids.shape[1] + int(delta)


# Rewards.


def test_rewards_are_what_is_judged(judger: Any) -> None:
    """Without a resize: of bytes, processors round."""
    graded = Question("How far does it fall?", "ordinal", highest=3)
    size = {"height": 32, "width": 32}
    case = case_of(
        [
            [Question(TEXTS[0])],
            [Question(TEXTS[1], polarity=-1)],
            [graded],
            [],
            [Question("?", "choice", options=("a", "b"), reference="b")],
        ],
        **size,
    )
    shown = clips(2, **size)
    values, valid = judger.reward([case, case], floats(shown))
    assert valid.tolist() == [[True, True, True, False, True]] * 2 and not values[:, 3].any()
    for row, judgement in enumerate(judger.judge([case, case], shown)):
        for column in (0, 1, 4):
            verdict = judgement.verdicts[column]
            assert (
                verdict.score
                == verdict.probability
                == pytest.approx(float(torch.sigmoid(values[row, column])), abs=1e-5)
            )
        assert judgement.verdicts[2].native == pytest.approx(float(values[row, 2]), abs=1e-4)
        assert judgement.verdicts[2].score == pytest.approx(float(values[row, 2]) / 3, abs=1e-5)


@pytest.mark.parametrize("form", ["packed", "prefix"])
def test_the_gradient_to_pixels(judger: Any, form: str) -> None:
    """Central differences along unit directions; weights have no gradient; a step along it raises the reward.

    Frames are resized on the way (40 x 56 is no multiple of a token). Parts of the models are float32 whatever the
    weights are, so that single pixels cannot be tested, nor directions at random alone, along which hardly anything
    happens in so many dimensions: half of each is the gradient itself; a wrong one would not foretell its own slope.
    """
    case = case_of([[Question(text)] for text in TEXTS], height=40, width=56)
    own = type(judger).__new__(type(judger))
    own.__dict__.update({**judger.__dict__, "form": form})
    frames = (0.25 + 0.5 * floats(clips(2, height=40, width=56))).requires_grad_()
    total = own.reward([case, case], frames)[0].sum()
    (gradient,) = torch.autograd.grad(total, frames)
    assert float((gradient != 0).float().mean()) > 0.99 and not any(
        w.requires_grad for w in own.asker.adapter.model.parameters()
    )
    with torch.no_grad():
        for seed in range(3):
            random = torch.randn(frames.shape, generator=torch.Generator().manual_seed(seed))
            along = gradient / gradient.norm() + random / random.norm()
            along = along / along.norm()
            up, down = (own.reward([case, case], frames + s * 0.05 * along)[0].sum() for s in (1, -1))
            assert float((up - down) / 0.1) == pytest.approx(float((gradient * along).sum()), rel=1e-3)
        assert own.reward([case, case], frames + 0.1 * gradient / gradient.norm())[0].sum() > total


def test_one_backward_pass_is_the_sum_of_one_a_question(judger: Any) -> None:
    frames = floats(clips(1)).requires_grad_()
    whole = case_of([[Question(text)] for text in TEXTS])
    (together,) = torch.autograd.grad(judger.reward([whole], frames)[0].sum(), frames)
    singly = torch.zeros_like(together)
    for text in TEXTS:
        (part,) = torch.autograd.grad(judger.reward([case_of([[Question(text)]])], frames)[0].sum(), frames)
        singly += part
    assert float((together - singly).norm() / singly.norm()) < 1e-4


def test_checkpoints_and_batches_change_no_gradient(judger: Any) -> None:
    frames = floats(clips(3)).requires_grad_()
    case = case_of([[Question(text)] for text in TEXTS])
    found = []
    for batch, again in ((1, False), (1, True), (2, False), (3, True)):
        own = type(judger).__new__(type(judger))
        own.__dict__.update({**judger.__dict__, "batch": batch, "checkpoint": again})
        values, _ = own.reward([case] * 3, frames)
        found.append((values.detach(), torch.autograd.grad(values.sum(), frames)[0]))
    for values, gradient in found[1:]:
        assert (values - found[0][0]).abs().max() < 1e-4
        assert float((gradient - found[0][1]).norm() / found[0][1].norm()) < 1e-4


def test_several_questions_are_averaged_by_their_points(judger: Any) -> None:
    events = Question("In which order?", "order", options=("it falls", "it lies"))
    frames = floats(clips(1))
    single = judger.reward([case_of([[Question(TEXTS[0])], [events]])], frames)[0][0]
    both = judger.reward([case_of([[Question(TEXTS[0]), events]])], frames)[0][0]
    assert float(both) == pytest.approx(float((single[0] + 2 * single[1]) / 3), abs=1e-4)


def test_batches_of_judgements(judger: Any) -> None:
    """One by one to the bit by default; in batches up to rounding."""
    case = case_of([[Question(text)] for text in TEXTS])
    shown = [*clips(3), *clips(2, frames=6, seed=3)]
    alone = [judger.judge([case], [clip])[0].verdicts for clip in shown]
    assert [one.verdicts for one in judger.judge([case] * 5, shown)] == alone
    own = type(judger).__new__(type(judger))
    own.__dict__.update({**judger.__dict__, "batch": 2})
    for one, right in zip(own.judge([case] * 5, shown), alone, strict=True):
        assert [v.score for v in one.verdicts] == pytest.approx([v.score for v in right], abs=1e-5)


def test_bad_rewards(judger: Any) -> None:
    case = case_of([[Question("?")]])
    for frames, word in (
        (torch.zeros(1, 5, 3, 32, 48, dtype=torch.uint8), "tensor of floats"),
        (torch.zeros(2, 5, 3, 32, 48), r"shape \(1, T, 3, H, W\)"),
        (torch.zeros(1, 5, 4, 32, 48), "must have shape"),
    ):
        with pytest.raises(InvalidArgument, match=word):
            judger.reward([case], frames)
    other = case_of([[Question("?")], [Question("?")]])
    with pytest.raises(InvalidArgument, match="same criteria"):
        judger.reward([case, other], torch.zeros(2, 5, 3, 32, 48))
    open_rate = replace(case, request=replace(case.request, spec=ClipSpec(5, 32, 48)))
    with pytest.raises(InvalidArgument, match="one frame rate"):
        judger.reward([open_rate], torch.zeros(1, 5, 3, 32, 48))

"""`vlm:NAME_OR_PATH`: a local vision-language model, asked for probabilities, with a gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wmenv.core.canonical import digest
from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.criterion import Criterion
from wmenv.core.devices import device_and_dtype, free_memory, ran_out_of_memory
from wmenv.core.errors import InvalidArgument, OutOfMemory, told
from wmenv.core.question import Question
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.core.weights import HASHED
from wmenv.judgers.vlm.asking import VERSION
from wmenv.judgers.vlm.checkpoint import find_folder, look_over
from wmenv.judgers.vlm.loading import held_model, need_libraries
from wmenv.judgers.vlm.memory import check_fits
from wmenv.judgers.vlm.own_questions import own_questions, plain
from wmenv.judgers.vlm.sampling import Sampler
from wmenv.judgers.vlm.verdicts import Answer, verdict

if TYPE_CHECKING:
    from fractions import Fraction

    from torch import Tensor

    from wmenv.judgers.vlm.asker import Put
    from wmenv.judgers.vlm.handle import Form, Handle

IDENTITY = "vlm-v0"
UNITS = {
    "binary": "log-odds",
    "text": "log-odds",
    "choice": "log-odds",
    "order": "log-odds",
    "ordinal": "expected grade",
}
"""Unit of the reward by a criterion's kind of answer."""
SHORT = 12


class VlmJudger:
    """Puts the questions of criteria to a clip and reads the answers off the logits of the next token.

    The clip is seen once, and all questions share it. Nothing is generated, but for the order of events, letter by
    letter. A criterion without questions does not concern it.

    Attributes:
        name: `vlm:` and the last part of the path or id.
        card: Identity; weights, family, numbers, sampler, preprocessing, prompt, versions; bytes that it was reckoned
            to take.
    """

    accepts: tuple[str, ...] = ("clip",)
    reads_truth = False
    exact = False

    def __init__(
        self,
        target: str,
        *,
        sampler: str = "all",
        device: str = "auto",
        dtype: str = "auto",
        batch: int = 1,
        form: str = "auto",
        least_mass: float = 0.5,
        hard: bool = False,
        task: bool = False,
        questions: str | Mapping[str, Any] | None = None,
        checkpoint: bool = False,
        outer: bool = True,
        revision: str | int | None = None,
        online: bool = False,
    ) -> None:
        """Load the model.

        Args:
            target: Folder as `save_pretrained` writes it, or the hub id of one in the local cache.
            sampler: Frames that it sees: `all`, `uniform:N`, `fps:F` or `fps:F:N` (at most N).
            device: `auto`, `cpu`, `cuda`, `cuda:1`, ...
            dtype: `auto`, `float32`, `bfloat16` or `float16`; auto is float32 on a CPU, bfloat16 on a GPU.
            batch: Clips of one form that are seen at once. With 1 a judgement does not depend, not by rounding either,
                on which other clips are judged.
            form: How questions share a clip: `prefix`, `packed`, or, as checks of these two, `vision-once`, `batched`,
                `serial`; `auto` is prefix for judgements and packed for rewards.
            least_mass: Abstain where the answers that are told apart have less probability than this together.
            hard: Count the likeliest answer alone, as benchmarks do, instead of expectations.
            task: Also tell what the clip was asked to show.
            questions: Questions of criteria that bring none, for any suite: JSON file or mapping, see `own_questions`.
            checkpoint: Compute each batch of a reward once more on the way back, so that memory holds one.
            outer: Whether Qwen3-VL's prompt keeps the marks around the whole clip, as its processor in transformers 5
                does; false is without, as in transformers 4.57 and vLLM.
            revision: Branch, tag or commit of a hub id.
            online: Whether files that the cache lacks may be fetched from the hub.

        Raises:
            MissingExtra: torch, transformers or safetensors are not installed.
            InvalidArgument: No model there, an unknown family, pickles, missing files or weights, a wrong option.
            OutOfMemory: It does not fit.
        """
        need_libraries()
        from wmenv.judgers.vlm.asker import Asker
        from wmenv.judgers.vlm.families import adapter_class
        from wmenv.judgers.vlm.template import template_of
        from wmenv.judgers.vlm.tokens import Tokens

        self.batch, self.form = batch, form
        self.task, self.checkpoint, self.questions = bool(task), bool(checkpoint), own_questions(questions)
        _check_options(batch, form, least_mass)
        frames = Sampler.of(str(sampler))
        place, numbers = device_and_dtype(device, dtype)
        found = look_over(
            find_folder(target, online=bool(online), revision=None if revision is None else str(revision)), target
        )
        family, memory = adapter_class(found.kind), check_fits(found, numbers, place)
        self._loaded = held_model(found, numbers, place)
        adapter, tokens = family(self._loaded.model, self._loaded.tokenizer, found), Tokens(self._loaded.tokenizer)
        _ = tokens.yes_no  # a tokenizer that cannot say yes is refused now
        self.asker = Asker(adapter, template_of(adapter, bool(outer)), tokens, frames, float(least_mass), bool(hard))
        facts = self._facts(found.digest, numbers)
        self.name = f"vlm:{Path(target).name}"
        self.card: dict[str, Any] = {
            "identity": f"{IDENTITY} {found.kind} {digest(facts)[:SHORT]}",
            **facts,
            "hashed": HASHED,
            "units": UNITS,
            "device": place.partition(":")[0],
            "memory_estimate_bytes": memory.total,
        }

    def _facts(self, weights: str, dtype: str) -> dict[str, Any]:
        """What decides a judgement, as JSON values."""
        import transformers

        asker = self.asker
        return {
            "weights": weights,
            "family": asker.adapter.kind,
            "dtype": dtype,
            "sampler": asker.sampler.spec,
            "preprocessing": asker.adapter.settings(),
            "template": {"text": asker.template.text, "own": asker.template.own, "words": VERSION},
            "form": self.form,
            "batch": self.batch,
            "least_mass": asker.least_mass,
            "hard": asker.hard,
            "task": self.task,
            "questions": plain(self.questions),
            "transformers": transformers.__version__,
        }

    # Judging.

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge clips, `batch` of one form at a time; see the class.

        Raises:
            OutOfMemory: A single clip with its questions does not fit.
        """
        import torch

        clips = [one for one in responses if isinstance(one, Clip)]
        found: list[Judgement] = []
        with torch.no_grad():
            for part in _alike(clips, self.batch):
                found += self._fitting(cases[part], clips[part])
        return found

    def encode(self, clips: Sequence[Clip]) -> Handle:
        """See clips of one size, length and rate once, to ask about them as often as wanted."""
        import torch

        if len({(clip.frames.shape, clip.fps) for clip in clips}) != 1:
            raise InvalidArgument("clips of one handle must have one size, length and rate")
        form = _form(self.form, "prefix")
        with torch.no_grad():
            return self.asker.see(_tensor(clips), clips[0].fps, form, tuple(clip.digest for clip in clips))

    def ask(self, handle: Handle, questions: Sequence[Sequence[Question]]) -> list[list[Answer]]:
        """Answers by clip of a handle and question.

        Raises:
            InvalidArgument: The handle is another judger's.
        """
        import torch

        from wmenv.judgers.vlm.asker import Put

        if handle.adapter is not self.asker.adapter:
            raise InvalidArgument("this handle is another judger's: what one model has seen, another cannot tell")
        with torch.no_grad():
            return self.asker.answers(handle, [[Put(question) for question in each] for each in questions])

    def _fitting(self, cases: Sequence[Case], clips: Sequence[Clip]) -> list[Judgement]:
        """Judge at once, or in halves where memory runs out."""
        try:
            return self._judged(cases, clips)
        except Exception as error:
            if not ran_out_of_memory(error):
                raise
            failure = told(error)
        free_memory()
        if len(clips) > 1:
            half = len(clips) // 2
            return self._fitting(cases[:half], clips[:half]) + self._fitting(cases[half:], clips[half:])
        t, h, w, _ = clips[0].frames.shape
        raise OutOfMemory(
            f"{self.name} ran out of memory on {t} frames of {w} x {h} pixels ({failure}). Try sampler=uniform:16, "
            "dtype=bfloat16 or a smaller model"
        )

    def _judged(self, cases: Sequence[Case], clips: Sequence[Clip]) -> list[Judgement]:
        puts = [self._puts(case) for case in cases]
        flat = [[one for criterion in each for one in criterion] for each in puts]
        answers: list[list[Answer]] = [[] for _ in cases]
        if any(flat):
            answers = self.asker.answers(self.encode(clips), flat)
        found = []
        for case, each, given in zip(cases, puts, answers, strict=True):
            left = iter(given)
            verdicts = [
                self._verdict(criterion, [next(left) for _ in asked])
                for criterion, asked in zip(case.criteria, each, strict=True)
            ]
            found.append(judgement(case, verdicts, str(self.card["identity"])))
        return found

    def _puts(self, case: Case) -> list[list[Put]]:
        """What is put to the model, by criterion."""
        from wmenv.judgers.vlm.asker import Put

        task = case.request.prompt if self.task else ""
        return [[Put(question, task) for question in self._questions(criterion)] for criterion in case.criteria]

    def _questions(self, criterion: Criterion) -> tuple[Question, ...]:
        return self.questions.get(criterion.id, criterion.questions)

    def _verdict(self, criterion: Criterion, answers: Sequence[Answer]) -> Verdict:
        questions = self._questions(criterion)
        if not questions and criterion.answer == "continuous":
            reason = "asks for a measured number, and a VLM answers questions; give it some with questions=FILE"
            return Verdict.not_applicable(criterion.id, reason)
        return verdict(criterion, questions, answers, hard=self.asker.hard)

    # Reward.

    def reward(self, cases: Sequence[Case], frames: Tensor) -> tuple[Tensor, Tensor]:
        """Judge a batch and keep the graph; see `wmenv.core.protocols.DifferentiableJudger`.

        Args:
            cases: N cases, all with the same criteria; their questions may differ.
            frames: Floats (N, T, 3, H, W) in [0, 1] at the rate of the cases' clip spec. They are resized as the
                checkpoint's processor would, but not rounded to 8 bits afterwards, as they are in `judge`.

        Returns:
            values: (N, C) in the units of `UNITS`; the mean over a criterion's questions, weighted by their points.
            valid: (N, C) booleans; False where a criterion has no question, or the model abstains from one.

        Raises:
            InvalidArgument: Frames of another shape or type, cases whose criteria differ, or without a rate.
        """
        import torch
        from torch.utils.checkpoint import checkpoint

        fps = _checked(cases, frames)
        form = _form(self.form, "packed")
        values, valid = [], []
        for start in range(0, len(cases), self.batch):
            part = slice(start, start + self.batch)
            puts = [self._puts(case) for case in cases[part]]

            def passed(shown: Tensor, puts: list[list[list[Put]]] = puts) -> tuple[Tensor, Tensor]:
                return self.asker.values(self.asker.see(shown, fps, form), puts)

            again = self.checkpoint and torch.is_grad_enabled() and frames.requires_grad
            found = checkpoint(passed, frames[part], use_reentrant=False) if again else passed(frames[part])
            values.append(found[0].to(frames.device, frames.dtype))
            valid.append(found[1].to(frames.device))
        return torch.cat(values), torch.cat(valid)


def _form(chosen: str, usual: Form) -> Form:
    return usual if chosen == "auto" else chosen  # type: ignore[return-value]


def _tensor(clips: Sequence[Clip]) -> Tensor:
    """Frames uint8 (B, T, 3, H, W)."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(np.stack([clip.frames for clip in clips]), -1, 2)))


def _alike(clips: Sequence[Clip], most: int) -> Iterator[slice]:
    """Neighbours of one form, at most so many."""
    start = 0
    for end in range(1, len(clips) + 1):
        same = end < len(clips) and (clips[end].frames.shape, clips[end].fps) == (
            clips[start].frames.shape,
            clips[start].fps,
        )
        if not same or end - start == most:
            yield slice(start, end)
            start = end


def _check_options(batch: object, form: object, least_mass: object) -> None:
    from wmenv.judgers.vlm.handle import FORMS

    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise InvalidArgument(f"batch must be a whole number from 1 on, got {batch!r}")
    if form not in ("auto", *FORMS):
        raise InvalidArgument(f"form must be auto, {', '.join(FORMS)}, got {form!r}")
    if isinstance(least_mass, bool) or not isinstance(least_mass, int | float) or not 0 <= least_mass <= 1:
        raise InvalidArgument(f"least_mass is a probability in [0, 1], got {least_mass!r}")


def _checked(cases: Sequence[Case], frames: Any) -> Fraction:
    """The rate of frames that can be judged."""
    import torch

    if not isinstance(frames, torch.Tensor) or not frames.is_floating_point():
        raise InvalidArgument(f"frames must be a tensor of floats in [0, 1], got {getattr(frames, 'dtype', frames)!r}")
    if frames.ndim != 5 or len(frames) != len(cases) or frames.shape[2] != 3 or 0 in frames.shape:
        raise InvalidArgument(f"frames must have shape ({len(cases)}, T, 3, H, W), got {tuple(frames.shape)}")
    if len({tuple(criterion.id for criterion in case.criteria) for case in cases}) != 1:
        raise InvalidArgument("all cases of a batch must have the same criteria: its columns are theirs")
    rates = {case.request.spec.fps for case in cases}
    fps = rates.pop()
    if rates or fps is None:
        raise InvalidArgument(
            "the cases of a batch must state one frame rate in their clip spec: timestamps follow from it"
        )
    return fps

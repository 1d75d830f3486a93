"""Puts questions to clips that a model has seen, and reads its answers: as plain numbers, or with their gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from wmenv.core.question import Question, score_of
from wmenv.judgers.vlm.adapter import Adapter
from wmenv.judgers.vlm.answers import Said, order_seen, right_letters, said, said_of_order
from wmenv.judgers.vlm.asking import Asked, asked
from wmenv.judgers.vlm.handle import Form, Handle, Suffix, encode
from wmenv.judgers.vlm.sampling import Sampler
from wmenv.judgers.vlm.template import Template
from wmenv.judgers.vlm.tokens import Tokens
from wmenv.judgers.vlm.verdicts import Answer, likeliest


@dataclass(frozen=True, slots=True)
class Put:
    """A question to one clip.

    Attributes:
        question: The question.
        task: What the clip was asked to show, where the model is told.
    """

    question: Question
    task: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Asker:
    """A model with its prompt.

    Attributes:
        adapter: The model's.
        template: Its prompt.
        tokens: Those of its tokenizer that answers start with.
        sampler: Which frames it sees.
        least_mass: It abstains where the answers that are told apart have less probability together.
        hard: Whether a grade is the likeliest one instead of the expected one.
    """

    adapter: Adapter
    template: Template
    tokens: Tokens
    sampler: Sampler
    least_mass: float
    hard: bool

    def see(self, frames: Tensor, fps: Fraction, form: Form, digests: tuple[str, ...] = ()) -> Handle:
        """See clips of one form.

        Args:
            frames: (B, T, 3, H, W), all frames of the clips, uint8 or floats in [0, 1].
            fps: Their rate.
            form: How questions will share them.
            digests: Content hashes of the clips.
        """
        chosen = self.sampler.indices(frames.shape[1], fps)
        pixels = self.adapter.pixels(frames[:, list(chosen)]).to(self.adapter.device)
        times = [float(k / fps) for k in chosen]
        prefix = self.adapter.prefix(self.template.head, times, *pixels.shape[-2:])
        return encode(self.adapter, pixels, prefix, form, digests)

    def answers(self, handle: Handle, puts: Sequence[Sequence[Put]]) -> list[list[Answer]]:
        """Answers by clip and question; the order of events letter by letter, everything else at once."""
        found: list[dict[int, Answer]] = [{} for _ in puts]
        asking: list[dict[int, tuple[Asked, Suffix]]] = [{} for _ in puts]
        for k, each in enumerate(puts):
            for n, put in enumerate(each):
                try:
                    asking[k][n] = self._asking(put)
                except ValueError as error:
                    found[k][n] = Answer("", None, None, reason=str(error))
        at_once = [{n: one for n, one in each.items() if one[0].reply != "letters"} for each in asking]
        rows = handle.ask([[suffix for _, suffix in each.values()] for each in at_once])
        for k, told in enumerate(asking):
            singly = iter(rows[k])
            for n, (one, suffix) in told.items():
                ordered = one.reply == "letters"
                found[k][n] = self._ordered(handle[k], one, suffix) if ordered else self._answer(one, next(singly)[0])
        return [[answers[n] for n in sorted(answers)] for answers in found]

    def values(self, handle: Handle, puts: Sequence[Sequence[Sequence[Put]]]) -> tuple[Tensor, Tensor]:
        """Rewards with their gradient, and where there are any, both (clips, criteria).

        Args:
            handle: The clips.
            puts: Questions by clip and criterion; the value of a criterion is their mean, weighted by their points.
        """
        asking = [[[self._rewarding(put) for put in criterion] for criterion in clip] for clip in puts]
        rows = handle.ask([[one[1] for criterion in clip for one in criterion if one is not None] for clip in asking])
        values, valid = [], []
        for clip, given in zip(asking, rows, strict=True):
            left = iter(given)
            for criterion in clip:
                pairs = [(one[0], self._said(one[0], next(left))) for one in criterion if one is not None]
                value = self._mean(pairs) if pairs and len(pairs) == len(criterion) else None
                values.append(torch.zeros((), device=self.adapter.device) if value is None else value)
                valid.append(value is not None)
        shape = (len(puts), len(puts[0]))
        return torch.stack(values).view(shape), torch.tensor(valid, device=self.adapter.device).view(shape)

    def _asking(self, put: Put) -> tuple[Asked, Suffix]:
        """A question in tokens.

        Raises:
            ValueError: No token answers it.
        """
        one = asked(put.question)
        if one.reply != "yes-no":
            self.tokens.of(one.choices)
        if one.reply == "letters":
            self.tokens.check_lists()
        task = f"The clip should show: {' '.join(put.task.split())}\n" if put.task else ""
        ids = self.adapter.around(self.template.between, task + one.words.strip(), self.template.tail)
        ids += self.adapter.plain_ids(one.lead) if one.lead else []
        return one, Suffix(tuple(ids), (len(ids) - 1,))

    def _rewarding(self, put: Put) -> tuple[Asked, Suffix] | None:
        try:
            one, suffix = self._asking(put)
        except ValueError:
            return None
        return one, right_letters(one, suffix, self.tokens) if one.reply == "letters" else suffix

    def _said(self, one: Asked, rows: Tensor) -> Said:
        return said_of_order(one, rows, self.tokens) if one.reply == "letters" else said(one, rows[0], self.tokens)

    def _mean(self, pairs: Sequence[tuple[Asked, Said]]) -> Tensor | None:
        """Mean over the questions of a criterion, None where the model abstains from one."""
        if any(bool(found.mass.detach() < self.least_mass) for _, found in pairs):
            return None
        points = [one.question.points for one, _ in pairs]
        total = torch.stack([found.value * p for (_, found), p in zip(pairs, points, strict=True)]).sum()
        return total / sum(points)

    def _answer(self, one: Asked, row: Tensor) -> Answer:
        found = said(one, row, self.tokens)
        mass = float(found.mass)
        if reason := self._abstains(mass):
            return Answer("", None, None, mass=_finite(mass), reason=reason)
        probabilities = [float(p) for p in found.probabilities]
        names = ("yes", "no") if one.reply == "yes-no" else one.choices
        best = max(range(len(names)), key=probabilities.__getitem__)
        value, graded = likeliest(one.question, probabilities, one.order), one.reply == "grade"
        if graded and not self.hard:
            value = min(max(float(found.value), one.question.lowest), one.question.highest)
        words = f"{names[best]} ({probabilities[best]:.3f})"
        score = min(max(float(found.score), 0.0), 1.0)
        return Answer(words, value, score, None if graded else float(found.value), mass)

    def _ordered(self, handle: Handle, one: Asked, suffix: Suffix) -> Answer:
        seen, least = order_seen(one, suffix, lambda asking: handle.ask([[asking]])[0][0], self.tokens)
        mass = float(least)
        if reason := self._abstains(mass):
            return Answer("", None, None, mass=_finite(mass), reason=reason)
        letters = ", ".join(one.choices[one.order.index(k)] for k in seen) or "none"
        return Answer(letters, seen, score_of(one.question, seen), mass=mass)

    def _abstains(self, mass: float) -> str:
        """Why an answer of that mass is none."""
        if _finite(mass) is None:
            return "the model's logits are not finite; try dtype=bfloat16 or float32"
        if mass < self.least_mass:
            rest = f"{1 - mass:.3f} of the probability is for something else than an answer"
            return f"the model abstains: {rest} (least_mass={self.least_mass:g})"
        return ""


def _finite(number: float) -> float | None:
    return number if abs(number) < float("inf") else None
